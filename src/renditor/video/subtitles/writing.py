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


def write_captions(captions: Track) -> str:
    """The track as WebVTT, for HLS and DASH alike."""
    return _write(["WEBVTT", _TIMESTAMP_MAP], captions.cues)


def write_chapters(chapters: Sequence[Chapter], length: float) -> str:
    """Chapters as WebVTT (W3C, 1.5): one line each, ``Chapter 2`` where its author wrote no title.

    Args:
        chapters: in any order; where one begins before the one above it has ended, that one ends there.
        length: of the video or the sound, in seconds; nothing lasts longer.
    """
    ends = min(round(length * 1000), LATEST_MS)
    ordered = sorted(chapters, key=lambda chapter: chapter.start)
    starts = [round(chapter.start * 1000) for chapter in ordered] + [ends]
    cues = []
    for place, chapter in enumerate(ordered):
        end = min(round(chapter.end * 1000), starts[place + 1], ends)
        if end > starts[place]:
            title = markup.plain(chapter.title[:_LONGEST_TITLE]) or f"Chapter {place + 1}"
            cues.append(Cue(starts[place], end, title))
    return _write(["WEBVTT"], track(cues).cues)


_LONGEST_TITLE: Final = LONGEST_CUE // 5  # escaping makes five characters of one at most


def _write(header: Sequence[str], cues: Sequence[Cue]) -> str:
    blocks = ["\n".join(header)]
    for cue in cues:
        times = f"{stamp(cue.start)} --> {stamp(cue.end)}"
        blocks.append(f"{times} {cue.settings}\n{cue.text}" if cue.settings else f"{times}\n{cue.text}")
    return "\n\n".join(blocks) + "\n"
