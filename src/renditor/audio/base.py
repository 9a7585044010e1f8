"""The audio seam: look at a source, carry out a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from renditor.audio.waveform.plan import WaveformPlan
from renditor.errors import BadRequest
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


# Container -> its codec, and a bitrate for stereo that few can tell from the original.
FORMATS: Final[Mapping[str, AudioFormat]] = {
    "mp3": AudioFormat("mp3", "mp3", 192_000),
    "m4a": AudioFormat("aac", "m4a", 160_000),
    "opus": AudioFormat("opus", "opus", 128_000),
}
BITRATES: Final = (8_000, 512_000)  # bit/s; lowest and highest that any of the codecs takes
SAMPLE_RATES: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)  # Hz; what MP3 knows


def audio_format(container: str, bitrate: int | None = None, sample_rate: int | None = None) -> AudioFormat:
    """The format for a file extension, with what is asked for in place of the defaults.

    Raises:
        BadRequest: an extension that is not written, a bitrate or sample rate out of range.
    """
    if container not in FORMATS:
        raise BadRequest(f"Audio cannot be written as .{container}.", hint="Use .mp3, .m4a or .opus.")
    default = FORMATS[container]
    if bitrate is not None and not BITRATES[0] <= bitrate <= BITRATES[1]:
        raise BadRequest("The bitrate must lie between 8k and 512k.")
    if sample_rate is not None and sample_rate not in SAMPLE_RATES:
        rates = ", ".join(map(str, SAMPLE_RATES))
        raise BadRequest(f"{sample_rate} is not a sample rate of this format.", hint=f"Use one of {rates}.")
    return AudioFormat(default.codec, container, bitrate or default.bitrate, sample_rate)


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

    async def waveform(self, plan: WaveformPlan, source: Path, folder: Path, on_progress: OnProgress) -> Output:
        """Write all files of ``plan`` to ``folder/waveform``, from one decode.

        Raises: NoSuchStream, CorruptMedia, LimitExceeded, ProcessingFailed.
        """
        ...
