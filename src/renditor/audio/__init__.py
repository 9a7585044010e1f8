"""Audio: what an audio provider must do, and the providers."""
