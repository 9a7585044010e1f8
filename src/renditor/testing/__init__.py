"""For authors of providers: suites that every implementation of a seam must pass."""
