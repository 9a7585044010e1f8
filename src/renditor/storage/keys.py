"""Names of objects in storage. All made here, from ids that we made: no user's text is ever part of a key.

    originals/<shard>/<object id>                   one for the same bytes of a tenant, however many assets
    renditions/<shard>/<asset id>/<object id>.webp  one picture by transformation
    sets/<shard>/<rendition id>/<name>              an HLS + DASH set, an MP4, a poster, an audio file

The shard is the last two characters of the id (random bits), so that no folder grows without end.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

from renditor.models import new_id

# The prefix of all pictures.
PICTURES = "renditions/"


def original(object_id: str) -> str:
    return f"originals/{object_id[-2:]}/{object_id}"


def asset_folder(asset_id: str) -> str:
    """The prefix of all pictures derived from an asset."""
    return f"{PICTURES}{asset_id[-2:]}/{asset_id}/"


def picture(asset_id: str, object_id: str, extension: str) -> str:
    """``object_id`` is new for each object: a key that is in the trash never comes into use again."""
    return f"{asset_folder(asset_id)}{object_id}.{extension}"


def set_folder(rendition_id: str) -> str:
    return f"sets/{rendition_id[-2:]}/{rendition_id}/"


# What a safe name may end in. Others, such as .php or .html, mean something to a web server that has the folder.
MEDIA_EXTENSIONS: Final = frozenset((
    "jpg", "jpeg", "png", "gif", "webp", "avif", "heic", "tiff", "tif", "bmp", "ico",
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "flv", "wmv", "ts", "mpg", "mpeg", "3gp",
    "mp3", "m4a", "aac", "wav", "ogg", "oga", "ogv", "opus", "flac", "wma", "aiff", "aif", "caf",
    "amr", "ac3", "eac3", "mka",
))  # fmt: skip


def generate_safe_filename(name: str) -> str:
    """A random name in place of a stranger's: 26 letters and digits, and the extension if it is one of media.

    For programs that keep files beside renditor. renditor's own keys (above) have nothing of the name at all.
    """
    extension = PurePosixPath(name.replace("\0", "")).suffix[1:].lower()
    return f"{new_id()}.{extension}" if extension in MEDIA_EXTENSIONS else new_id()
