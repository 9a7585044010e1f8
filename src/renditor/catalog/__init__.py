"""Catalog: all tables and all SQL. Every question is a plain function ``(connection) -> value``."""
