"""One file from another: another container, codec, size or part, or an animation."""
