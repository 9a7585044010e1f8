"""Captions and chapters: text of anyone's, read with limits and written anew, so that only text is left."""
