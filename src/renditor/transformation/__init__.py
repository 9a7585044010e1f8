"""The delivery grammar: what a transformation may say, how it is read, and its one canonical spelling."""

from renditor.transformation.grammar import Component, Transformation, TransformationError, parse

__all__ = ["Component", "Transformation", "TransformationError", "parse"]
