"""The output ``chapters``: one file of WebVTT, for players that show a list of chapters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from renditor.ffmpeg.probe import Chapter
from renditor.models import Output
from renditor.video.subtitles.writing import CONTENT_TYPE, write_chapters

NAME: Final = "chapters.vtt"


def make_chapters(chapters: Sequence[Chapter], folder: Path) -> Output:
    """Write ``chapters.vtt`` into ``folder``.

    Args:
        chapters: of the plan: in order, within the video.
        folder: the job folder.
    """
    content = write_chapters(chapters).encode()
    path = folder / NAME
    path.write_bytes(content)
    return Output("chapters", NAME, path, CONTENT_TYPE, len(content), metadata={"chapters": len(chapters)})
