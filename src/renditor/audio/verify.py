"""Reading back what was made: a result counts because it is right, not because a program ended with 0."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from renditor.audio.commands import Decided, listen
from renditor.audio.loudness import Loudness
from renditor.audio.plan import AudioFile, AudioPlan, choose
from renditor.audio.readings import forget, heard_loudness
from renditor.errors import CorruptMedia, NoSuchStream, RenditorError, failed_check
from renditor.ffmpeg.diagnosis import MEDIA_HINT
from renditor.ffmpeg.probe import AudioStream, MediaProbe
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.run import Toolbox

# A source may lack some of its end, or say a little too much: headers round, codecs add a frame. More is damage.
_OFF_SECONDS: Final = 0.5
_OFF_SHARE: Final = 0.02
_OFF_SAMPLES: Final = 2  # resampling, and times in microseconds, round at both ends


@dataclass(frozen=True, slots=True)
class Checked:
    """A result that passed. ``seconds`` of sound were decoded; ``loudness`` where it was asked for."""

    probe: MediaProbe
    stream: AudioStream
    seconds: float
    loudness: Loudness | None


async def check(plan: AudioPlan, file: AudioFile, decided: Decided, folder: Path, toolbox: Toolbox) -> Checked:
    """Open one result again, compare it with the plan, and decode all of it.

    Raises:
        CorruptMedia: the source ended early, or late.
        ProcessingFailed: the result is not what was planned, or cannot be decoded.
    """
    path = folder / file.name
    probe, stream = await _describe(path, toolbox)
    facts = (stream.codec, stream.channels, stream.sample_rate)
    for what, found, planned in zip(
        ("codec", "number of channels", "sample rate"),
        facts,
        (file.codec, file.channels, file.sample_rate),
        strict=True,
    ):
        if found != planned:
            raise failed_check(f"it has another {what} than planned ({found}, not {planned})")
    forget(folder)
    loud = plan.treatment.loudness is not None
    reader = ProgressReader(None)
    try:
        await toolbox.ffmpeg(
            listen(toolbox.open(path), loudness=loud),
            folder=folder,
            reads=(path,),
            budget=toolbox.budget(probe.duration, 10 * 400 * 8),  # what the meter writes in a second
            progress=reader,
        )
    except CorruptMedia as error:
        raise failed_check("it cannot be decoded") from error
    _expect_samples(plan, file, decided, reader.seconds)
    return Checked(probe, stream, reader.seconds, heard_loudness(folder) if loud else None)


def expect_length(found: float, planned: float | None) -> None:
    """Compare what could be read with what the file says of itself, in seconds; None: it says nothing.

    Raises:
        CorruptMedia: there is nothing, or much more or less than that.
    """
    if not found:
        raise CorruptMedia("The sound track of this file is empty or damaged.", hint=MEDIA_HINT)
    if planned is None:
        return
    tolerance = max(_OFF_SECONDS, planned * _OFF_SHARE)
    if found < planned - tolerance:
        raise CorruptMedia(
            f"The file is damaged or incomplete: its sound could be read for {found:.1f} of {planned:.1f} seconds.",
            hint=MEDIA_HINT,
        )
    if found > planned + tolerance:
        raise CorruptMedia(
            f"The file is damaged: its sound goes on after the {planned:.1f} seconds that it should last.",
            hint=MEDIA_HINT,
        )


async def _describe(path: Path, toolbox: Toolbox) -> tuple[MediaProbe, AudioStream]:
    try:
        probe = await toolbox.probe(path)
        return probe, choose(probe)
    except NoSuchStream:
        raise CorruptMedia("The sound track of this file is empty or damaged.", hint=MEDIA_HINT) from None
    except RenditorError as error:
        raise failed_check(f"it cannot be read back ({error.detail.rstrip('.')})") from error


def _expect_samples(plan: AudioPlan, file: AudioFile, decided: Decided, seconds: float) -> None:
    """To the sample where the format and what is known of the source allow it."""
    if decided.length is None:
        expect_length(seconds, plan.length)
        planned = plan.length if plan.exact else None
    else:
        planned = decided.length
    if planned is None:
        return
    allowed = _OFF_SAMPLES / file.sample_rate if file.format.lossless else _OFF_SECONDS
    if abs(seconds - planned) > allowed:
        raise failed_check(f"it lasts {seconds:.3f} instead of {planned:.3f} seconds")
