"""Video: what a video provider must do, the plan, and the providers."""
