"""The audio seam: look at a source, carry out a plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from renditor.ffmpeg.probe import MediaProbe
from renditor.models import OnProgress, Output


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One wanted file. ``codec``: mp3 | aac | opus; ``container``: mp3 | m4a | opus; ``bitrate`` in bit/s;
    ``sample_rate`` in Hz or None for the source's (Opus is always 48 000 Hz)."""

    codec: str
    container: str
    bitrate: int
    sample_rate: int | None = None


class AudioProvider(Protocol):
    async def probe(self, source: Path) -> MediaProbe:
        """As for video. Raises NoSuchStream where there is no audio stream at all."""
        ...

    async def run(
        self, formats: tuple[AudioFormat, ...], source: Path, folder: Path, on_progress: OnProgress
    ) -> tuple[Output, ...]:
        """Write every format inside ``folder`` from one decode and verify each by reading it back.

        Raises: NoSuchStream, CorruptMedia, ProcessingFailed.
        """
        ...
