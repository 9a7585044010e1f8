"""``renditor extract-audio``: the sound of a video."""

from __future__ import annotations

from functools import wraps
from typing import Any

from renditor.cli import audio

EXAMPLE = """renditor extract-audio interview.mp4 interview.mp3
renditor extract-audio film.mkv film-de.m4a --track de"""


@wraps(audio.command, assigned=("__annotations__",))  # the same arguments and options, and words of its own
def command(**options: Any) -> None:
    """Take the sound out of a video.

    The format is that of OUT's extension. Sound that has its codec already is copied, not encoded. A video without
    sound is an error, never an empty file.
    """
    audio.command(**options)
