"""Where providers live: a name in the settings -> the class that does it. One line a provider."""

from __future__ import annotations

import importlib
from typing import Any

from renditor.errors import Unavailable

PROVIDERS: dict[str, dict[str, str]] = {
    "images": {"libvips": "renditor.images.libvips:LibvipsImages"},
    "video": {"ffmpeg": "renditor.video.ffmpeg:FFmpegVideo"},
    "audio": {"ffmpeg": "renditor.audio.ffmpeg:FFmpegAudio"},
    "storage": {"local": "renditor.storage.local:LocalStorage"},
    "jobs": {"dbos": "renditor.jobs.dbos:DbosEngine"},
}


def load(room: str, name: str) -> Any:
    """The class of a provider; imported only now, so that nobody pays for what is not used.

    Raises: Unavailable: no such name in this room.
    """
    try:
        module, _, attribute = PROVIDERS[room][name].partition(":")
    except KeyError:
        raise Unavailable(
            f"There is no {room} provider named {name!r}.", hint=f"Known: {', '.join(sorted(PROVIDERS[room]))}."
        ) from None
    return getattr(importlib.import_module(module), attribute)
