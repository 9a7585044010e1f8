"""What happens to the pixels: from a transformation to plain numbers (pure), and from those to libvips operations."""
