"""Access: who asks, and how often they may."""
