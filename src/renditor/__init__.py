"""renditor: one original, many renditions."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from renditor.library import MediaProcessingService
    from renditor.routing import MediaRouter
    from renditor.storage.keys import generate_safe_filename

__all__ = ["MediaProcessingService", "MediaRouter", "__version__", "generate_safe_filename"]

__version__ = version("renditor")


def __getattr__(name: str) -> Any:
    """Load the faces on first use: a decoder process, or ``renditor --help``, must not pay for the whole house."""
    if name == "MediaProcessingService":
        from renditor.library import MediaProcessingService  # noqa: PLC0415

        return MediaProcessingService
    if name == "MediaRouter":
        from renditor.routing import MediaRouter  # noqa: PLC0415

        return MediaRouter
    if name == "generate_safe_filename":
        from renditor.storage.keys import generate_safe_filename  # noqa: PLC0415

        return generate_safe_filename
    raise AttributeError(name)
