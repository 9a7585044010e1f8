"""Video: plans, ladders, packaging, posters and the providers that carry them out."""
