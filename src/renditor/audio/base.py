"""The audio seam: look at a source, carry out a plan."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from renditor.audio.plan import AudioPlan
from renditor.audio.waveform.plan import WaveformPlan
from renditor.ffmpeg.probe import MediaProbe
from renditor.models import OnProgress, Output


class AudioProvider(Protocol):
    """Turns sound into the files that a plan names. Cancelling the task that awaits ``run`` kills the work."""

    async def probe(self, source: Path) -> MediaProbe:
        """As for video. Raises NoSuchStream where there is no audio stream at all."""
        ...

    async def run(self, plan: AudioPlan, source: Path, folder: Path, on_progress: OnProgress) -> tuple[Output, ...]:
        """Write every file of the plan inside ``folder`` from one decode, and verify each by reading it back.

        Returns: ``audio`` outputs. Their metadata: ``codec``, ``bitrate`` (bit/s), ``sample_rate`` (Hz), ``channels``,
            ``copied``, ``cover``, ``notes``; where the loudness was changed, ``loudness`` (``before`` and ``after``:
            ``integrated`` in LUFS, ``range`` in LU, ``peak`` in dBFS and dBTP; ``gain`` in dB; ``limited``).

        Raises: NoSuchStream, CorruptMedia, LimitExceeded, ProcessingFailed, BadRequest (nothing after the start).
        """
        ...

    async def waveform(self, plan: WaveformPlan, source: Path, folder: Path, on_progress: OnProgress) -> Output:
        """Write all files of ``plan`` to ``folder/waveform``, from one decode.

        Raises: NoSuchStream, CorruptMedia, LimitExceeded, ProcessingFailed.
        """
        ...
