"""Images: what an image provider must do, and the providers."""
