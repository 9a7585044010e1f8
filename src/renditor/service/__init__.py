"""MediaProcessingService: everything one can do with media, for the API, the command line and programs."""

from renditor.service.identity import Identity
from renditor.service.media import Flows, MediaProcessingService, Page

__all__ = ["Flows", "Identity", "MediaProcessingService", "Page"]
