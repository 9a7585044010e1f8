"""Jobs: durable background work behind one port."""
