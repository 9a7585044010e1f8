"""Storage: where originals and renditions lie."""
