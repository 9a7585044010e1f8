"""Files in, files out: loaders, encoders, and the formats between them."""
