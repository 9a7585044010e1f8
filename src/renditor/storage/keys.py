"""Names of objects in storage. All made here, from ids that we made: no user's text is ever part of a key.

    originals/<shard>/<object id>                   one for the same bytes of a tenant, however many assets
    renditions/<shard>/<asset id>/<object id>.webp  one picture by transformation
    sets/<shard>/<rendition id>/<name>              an HLS + DASH set, an MP4, a poster, an audio file

The shard is the last two characters of the id (random bits), so that no folder grows without end.
"""

from __future__ import annotations

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
