"""Tests of captions and chapters."""
