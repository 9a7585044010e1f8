"""Adaptive sets: packaging, playlists and manifests, and what is inside of their segments."""
