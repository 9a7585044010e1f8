"""Carrying out a plan of waveforms: one decode in the sandbox, its samples folded here as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

from renditor.audio.waveform.formats import write_dat, write_json
from renditor.audio.waveform.peaks import Folding, Peaks
from renditor.audio.waveform.picture import write_png, write_svg
from renditor.audio.waveform.plan import FOLDER, DataFile, PictureFile, WaveformPlan, arguments, channels
from renditor.errors import CorruptMedia
from renditor.ffmpeg.probe import AudioStream
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.workspace import stored_bytes
from renditor.models import OnProgress, Output

_READ: Final = 0.95  # share of the whole at which the sound has been read
_PICTURES: Final[Mapping[str, Callable[[Peaks, PictureFile, BinaryIO], None]]] = {".svg": write_svg, ".png": write_png}


class Waveforms:
    """Makes the files of one plan from one sound track. ``duration`` of the file, in seconds."""

    def __init__(self, toolbox: Toolbox, plan: WaveformPlan, stream: AudioStream, duration: float | None) -> None:
        self._toolbox = toolbox
        self._plan = plan
        self._stream = stream
        self._duration = duration

    def arguments(self, source: Path) -> list[str]:
        """Of the one run of FFmpeg."""
        return arguments(self._stream, self._duration, self._toolbox.open(source.absolute()))

    async def make(self, source: Path, folder: Path, on_progress: OnProgress) -> Output:
        """Write all files to ``folder/waveform``.

        Raises: CorruptMedia: there is no sound in the stream; and all that ``Toolbox.stream`` raises.
        """
        peaks = await self._read(source, on_progress)
        on_progress(_READ, "drawing")
        made = folder / FOLDER
        made.mkdir()
        files = [await asyncio.to_thread(_write, file, peaks, made) for file in self._plan.files]
        on_progress(1.0, "completed")
        return Output(
            kind="waveform",
            name=FOLDER,
            path=made,
            content_type="application/json",
            bytes=stored_bytes(made),
            duration=peaks.duration,
            metadata={"sample_rate": peaks.sample_rate, "channels": peaks.channels, "files": files},
        )

    async def _read(self, source: Path, on_progress: OnProgress) -> Peaks:
        rate = self._stream.sample_rate
        samples = rate * (self._duration or 0.0)
        folding = Folding(channels(self._stream), self._plan.finest(samples), split=self._plan.split)

        def take(data: bytes) -> None:
            folding.take(data)
            if samples:
                on_progress(min(folding.frames / samples, 1.0) * _READ, "reading")

        budget = self._toolbox.budget(self._duration, 0)
        await self._toolbox.stream(self.arguments(source), budget=budget, reads=(source,), take=take)
        if not (peaks := folding.finish(rate)).frames:
            raise CorruptMedia("The sound track of this file is empty or damaged.")
        return peaks


def _write(wanted: DataFile | PictureFile, peaks: Peaks, folder: Path) -> dict[str, Any]:
    """Returns: what is in the file, for the metadata."""
    if isinstance(wanted, PictureFile):
        with (folder / wanted.name).open("wb") as file:
            _PICTURES[Path(wanted.name).suffix](peaks, wanted, file)
        return {"name": wanted.name, "width": wanted.width, "height": wanted.height}
    zoomed = peaks.at(wanted.samples_per_pixel)
    name = wanted.name.format(zoom=zoomed.samples_per_pixel)
    write = write_json if name.endswith(".json") else partial(write_dat, version=wanted.format_version)
    with (folder / name).open("wb") as file:
        write(zoomed, wanted.bits, file=file)
    return {
        "name": name,
        "samples_per_pixel": zoomed.samples_per_pixel,
        "bits": wanted.bits,
        "length": len(zoomed.points),
    }
