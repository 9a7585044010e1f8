"""renditor: one original, many renditions."""
