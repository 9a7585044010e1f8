"""The formats that sound is written in: one table, from which everything that depends on a format derives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from renditor.errors import BadRequest

# Hz; what MP3 knows. More than 48 kHz is nothing that anybody hears, and many players of lossy formats refuse it.
SAMPLE_RATES: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
LOWEST_RATE, HIGHEST_RATE = 8_000, 192_000  # Hz; of the formats that take any rate
OPUS_RATE: Final = 48_000  # RFC 7845, 5.1: all decoders give this rate, whatever went in
MOST_CHANNELS: Final = 8  # of FLAC (RFC 9639), and of layouts that players know


@dataclass(frozen=True, slots=True)
class Format:
    """How one format is written.

    ``codec`` is ffprobe's name. ``bitrates``: lowest and highest that can be asked for, None where there is nothing to
    ask for; ``default``: those of mono and stereo that few can tell from the original; all in bit/s. ``quality``: scale
    and default of what is written by quality instead. ``rates``: the sample rates it knows in Hz, None: any.
    ``lossless``: keeps every channel and up to 24 bits of a sample. ``cover``: a picture is a stream of the container,
    or a block among the tags, or has no place. ``gain``: whether it has a place for how loud the sound is.
    """

    title: str
    codec: str
    encoder: str
    muxer: tuple[str, ...]
    content_type: str
    bitrates: tuple[int, int] | None = None
    default: tuple[int, int] = (0, 0)
    quality: tuple[float, float, float] | None = None
    rates: tuple[int, ...] | None = SAMPLE_RATES
    cover: Literal["stream", "block"] | None = "stream"
    gain: bool = True

    @property
    def lossless(self) -> bool:
        return self.bitrates is None and self.quality is None

    def sample_rate(self, wanted: int | None, source: int) -> int:
        """Hz of the result: as wanted, else the source's own where the format has it, else the next higher one; above
        the highest that of the same family, so that resampling is a whole ratio."""
        if self.rates == (OPUS_RATE,):
            return OPUS_RATE
        if wanted is not None:
            return wanted
        highest = HIGHEST_RATE if self.rates is None else self.rates[-1]
        if source > highest:
            return highest // 160 * 147 if source % 11_025 == 0 else highest  # 147 : 160 is 44.1 : 48
        if self.rates is None:
            return max(source, LOWEST_RATE)
        return next(rate for rate in self.rates if rate >= source)

    def lowered(self, bitrate: int | None) -> float:
        """dB by which the encoder makes everything quieter, so that rounding does not clip. Only LAME does; measured:
        its factor is 0.95, from 192k on 0.97, from 224k on 0.98, and from 256k on it leaves the level alone."""
        if self.codec != "mp3" or bitrate is None or bitrate >= 256_000:
            return 0.0
        return 0.18 if bitrate >= 224_000 else 0.26 if bitrate >= 192_000 else 0.45

    def highest_bitrate(self, sample_rate: int, channels: int) -> int:
        """bit/s; what the codec can hold at this rate."""
        if self.codec == "mp3":
            # Below 32 kHz it is another layer with a shorter scale (ISO/IEC 13818-3), below 16 kHz shorter still.
            return 320_000 if sample_rate >= 32_000 else 160_000 if sample_rate >= 16_000 else 64_000
        if self.codec == "aac":
            return 6 * sample_rate * channels  # 6144 bits a frame of 1024 samples and channel (ISO/IEC 14496-3)
        return 256_000 * channels  # what libopus takes


FORMATS: Final[Mapping[str, Format]] = {
    # Version 3 of ID3v2 is what old players read.
    "mp3": Format("MP3", "mp3", "libmp3lame", ("-id3v2_version", "3", "-f", "mp3"), "audio/mpeg",
                  bitrates=(8_000, 320_000), default=(96_000, 192_000)),
    # The index first, so that playing can begin before the end has arrived.
    "m4a": Format("AAC", "aac", "aac", ("-movflags", "+faststart", "-f", "ipod"), "audio/mp4",
                  bitrates=(8_000, 512_000), default=(96_000, 160_000), gain=False),
    "opus": Format("Opus", "opus", "libopus", ("-f", "opus"), "audio/ogg",
                   bitrates=(6_000, 510_000), default=(64_000, 128_000), rates=(OPUS_RATE,), cover="block"),
    "ogg": Format("Vorbis", "vorbis", "libvorbis", ("-f", "ogg"), "audio/ogg", quality=(-1, 10, 5), cover="block"),
    "flac": Format("FLAC", "flac", "flac", ("-f", "flac"), "audio/flac", rates=None),
    "wav": Format("WAV", "pcm_s16le", "pcm_s16le", ("-f", "wav"), "audio/wav",
                  rates=None, cover=None, gain=False),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One wanted file. None leaves it to the format and the source.

    ``container``: mp3, m4a, opus, ogg, flac or wav; ``bitrate`` in bit/s; ``sample_rate`` in Hz; ``quality`` of Vorbis:
    -1 (smallest) to 10 (best).

    Raises:
        BadRequest: something that this format cannot do.
    """

    container: str
    bitrate: int | None = None
    sample_rate: int | None = None
    quality: float | None = None

    def __post_init__(self) -> None:
        if self.container not in FORMATS:
            raise BadRequest(f"Audio cannot be written as .{self.container}.", hint=f"Use {_any_of(FORMATS)}.")
        _check_bits(self.format, self.bitrate)
        _check_quality(self.format, self.quality)
        _check_rate(self.format, self.sample_rate)

    @property
    def format(self) -> Format:
        return FORMATS[self.container]

    @property
    def as_it_comes(self) -> bool:
        """Nothing was asked for but the format."""
        return self.bitrate is None and self.sample_rate is None and self.quality is None


def _check_bits(fmt: Format, bitrate: int | None) -> None:
    if bitrate is None:
        return
    if fmt.bitrates is None:
        why = "nothing of the sound is thrown away" if fmt.lossless else "it is written by quality"
        hint = "Leave the bit rate out." if fmt.quality is None else f"Choose a quality, {_scale(fmt)}."
        raise BadRequest(f"{fmt.title} takes no bit rate: {why}.", hint=hint)
    lowest, highest = fmt.bitrates
    if not lowest <= bitrate <= highest:
        raise BadRequest(f"The bitrate of {fmt.title} must lie between {lowest // 1000}k and {highest // 1000}k.")


def _check_quality(fmt: Format, quality: float | None) -> None:
    if quality is None:
        return
    if fmt.quality is None:
        hint = "Leave the quality out." if fmt.bitrates is None else "Choose a bit rate."
        raise BadRequest(f"{fmt.title} takes no quality.", hint=hint)
    if not (math.isfinite(quality) and fmt.quality[0] <= quality <= fmt.quality[1]):
        raise BadRequest(f"The quality of {fmt.title} goes {_scale(fmt)}.")


def _check_rate(fmt: Format, rate: int | None) -> None:
    if rate is None:
        return
    if fmt.rates is None:
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise BadRequest(f"{rate} is not a sample rate of {fmt.title}: {LOWEST_RATE} to {HIGHEST_RATE} Hz.")
    elif rate not in SAMPLE_RATES:
        # Opus resamples by itself: what other formats take is no mistake, there is a note instead.
        raise BadRequest(
            f"{rate} is not a sample rate of {fmt.title}.", hint=f"Use one of {', '.join(map(str, fmt.rates))}."
        )


def _scale(fmt: Format) -> str:
    worst, best, default = fmt.quality or (0, 0, 0)
    return f"from {worst:g} (smallest) to {best:g} (best; {default:g} if none is given)"


def _any_of(names: Mapping[str, object]) -> str:
    *most, last = (f".{name}" for name in names)
    return f"{', '.join(most)} or {last}"
