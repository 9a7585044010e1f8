"""renditor: one original, many renditions."""

from importlib.metadata import version

__version__ = version("renditor")
