"""FLOW: bytes -> asset.

    declared size -> sniff the first 64 KiB -> spool once while hashing and counting -> probe in the sandbox
    -> store the original -> make the asset known -> picture: completed; video, audio: its recipe is queued

Whatever goes wrong on the way, nothing is left: no spool file, no object, no row. ``captions``: texts that become part
of a video that is there.
"""

from renditor.ingest.captions import CAPTION_TYPES, CaptionOptions, Captions
from renditor.ingest.flow import Ingest
from renditor.ingest.options import UploadOptions, check_tags

__all__ = ["CAPTION_TYPES", "CaptionOptions", "Captions", "Ingest", "UploadOptions", "check_tags"]
