"""Captions of the source: its streams of text become WebVTT in one run of FFmpeg, then are read and written anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from renditor.errors import ProcessingFailed, RenditorError, Unprocessable, UnsupportedMedia
from renditor.ffmpeg.budget import Budget, beyond
from renditor.ffmpeg.run import NO_METADATA, Toolbox
from renditor.ffmpeg.workspace import WORK
from renditor.video.subtitles.cues import LARGEST_FILE, Track
from renditor.video.subtitles.parsing import parse_webvtt
from renditor.video.tracks import TextTrack

# What a file can bring about; FFmpeg may crash over it, too.
_FAULTS: Final = (Unprocessable, UnsupportedMedia, ProcessingFailed)


def arguments(tracks: Sequence[TextTrack], opened: Sequence[str]) -> list[str]:
    """Arguments of FFmpeg: each stream to a file of its own in ``work/``.

    Times count from where FFmpeg lets sound and pictures begin too: the start of the file, edit lists applied.

    Args:
        tracks: which streams.
        opened: the source, as ``Toolbox.open`` gives it.
    """
    found = [*opened]
    for track in tracks:
        found += ["-map", f"0:{track.stream}", "-c:s", "webvtt", *NO_METADATA, "-f", "webvtt", _file(track)]
    return found


async def extract(
    tracks: Sequence[TextTrack], source: Path, folder: Path, toolbox: Toolbox, length: float
) -> tuple[list[tuple[TextTrack, Track]], list[str]]:
    """The captions of a source, and notes on those that had to be left out. Nothing in them stops the video.

    Args:
        tracks: which streams.
        source: the file, absolute.
        folder: the job folder, with ``work/`` in it.
        toolbox: FFmpeg.
        length: of the video in seconds; the file is read to its end.

    Raises:
        Unavailable, OutOfSpace, ToolKilled: what is no fault of the file.
    """
    if not tracks:
        return [], []
    run = _Run(source, folder, toolbox, replace(toolbox.budget(length, 0), file_size=LARGEST_FILE))
    faults = await _alone(tracks, run) if await run(tracks) else {}
    found, notes = [], []
    for track in tracks:
        try:
            if fault := faults.get(track):
                raise fault
            captions = await asyncio.to_thread(_read, folder / _file(track))
        except _FAULTS as error:
            notes.append(f"subtitle stream {track.stream} left out: {error.detail}")
            continue
        if captions.cues:
            found.append((track, captions))
        else:
            notes.append(f"subtitle stream {track.stream} left out: it says nothing")
    return found, notes


@dataclass(frozen=True, slots=True)
class _Run:
    source: Path
    folder: Path
    toolbox: Toolbox
    budget: Budget

    async def __call__(self, tracks: Sequence[TextTrack]) -> RenditorError | None:
        """One run of FFmpeg for these tracks. Returns what was wrong with the file."""
        asked = arguments(tracks, self.toolbox.open(self.source))
        try:
            await self.toolbox.ffmpeg(asked, folder=self.folder, reads=(self.source,), budget=self.budget)
        except _FAULTS as error:
            return error
        return None


async def _alone(tracks: Sequence[TextTrack], run: _Run) -> dict[TextTrack, RenditorError]:
    """A run for each track, where one that is damaged ended the run for all. Returns what was wrong with which.

    Together they get the time of one run: against files in which every track uses up its own.
    """
    faults: dict[TextTrack, RenditorError] = {}
    end = time.monotonic() + run.budget.seconds
    for track in tracks:
        fault = beyond("time") if time.monotonic() > end else await run([track])
        if fault:
            faults[track] = fault
    return faults


def _read(path: Path) -> Track:
    """What FFmpeg wrote is as hostile as the file that it was made of. Cues of no length and the like are left out."""
    return parse_webvtt(path.read_bytes().decode("utf-8", "replace"), lenient=True)


def _file(track: TextTrack) -> str:
    return str(WORK / f"{track.name}.vtt")
