"""MediaProcessingService: everything one can do with media, for the API, the command line and programs."""

from renditor.service.apikeys import Keys
from renditor.service.auditing import Audit, Marking
from renditor.service.granting import Granting
from renditor.service.identity import Identity
from renditor.service.keyrings import Keyrings
from renditor.service.limits import Limited, Limits
from renditor.service.media import Flows, MediaProcessingService, Page, Used
from renditor.service.remote import Remote

__all__ = [
    "Audit",
    "Flows",
    "Granting",
    "Identity",
    "Keyrings",
    "Keys",
    "Limited",
    "Limits",
    "Marking",
    "MediaProcessingService",
    "Page",
    "Remote",
    "Used",
]
