"""Content: what uploaded bytes really are, and how large they may be."""
