"""Writing WebVTT: cues as they have been read, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from renditor.ffmpeg.probe import Chapter
from renditor.video.subtitles import markup
from renditor.video.subtitles.cues import LATEST_MS, LONGEST_CUE, Cue, Track, track
from renditor.video.subtitles.times import stamp

CONTENT_TYPE: Final = "text/vtt"

# Where the cues stand on the time line of the set, which begins at 0 (RFC 8216, 3.5). Players of DASH and browsers
# ignore it as any other header field.
_TIMESTAMP_MAP: Final = "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0"
_LONGEST_TITLE: Final = LONGEST_CUE // 5  # escaping makes five characters of one at most


def write_captions(captions: Track) -> str:
    """The track as WebVTT, for HLS and DASH alike."""
    return _write(["WEBVTT", _TIMESTAMP_MAP], captions.cues)


def write_chapters(chapters: Sequence[Chapter]) -> str:
    """Chapters as WebVTT (W3C, 1.5): one line each, ``Chapter 2`` where nothing can be read of a title.

    Those that end as they begin are left out.
    """
    cues = []
    for number, chapter in enumerate(chapters, 1):
        start, end = (min(round(seconds * 1000), LATEST_MS) for seconds in (chapter.start, chapter.end))
        title = markup.plain(chapter.title[:_LONGEST_TITLE]) or f"Chapter {number}"
        if end > start:
            cues.append(Cue(start, end, title))
    return _write(["WEBVTT"], track(cues).cues)


def _write(header: Sequence[str], cues: Sequence[Cue]) -> str:
    blocks = ["\n".join(header)]
    for cue in cues:
        times = f"{stamp(cue.start)} --> {stamp(cue.end)}"
        blocks.append(f"{times} {cue.settings}\n{cue.text}" if cue.settings else f"{times}\n{cue.text}")
    return "\n\n".join(blocks) + "\n"
