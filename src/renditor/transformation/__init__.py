"""The delivery grammar: what a transformation may say, how it is read, and its one canonical spelling."""

from renditor.transformation.chain import Component, Transformation
from renditor.transformation.faults import TransformationError, UnsupportedTransformation
from renditor.transformation.grammar import parse, parse_supported

__all__ = [
    "Component",
    "Transformation",
    "TransformationError",
    "UnsupportedTransformation",
    "parse",
    "parse_supported",
]
