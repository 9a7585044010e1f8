"""Pictures of a video: poster, frames at any moment, storyboard, animated preview; made and read back."""
