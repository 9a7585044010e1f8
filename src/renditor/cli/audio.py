"""``renditor audio`` and what it shares with ``extract-audio``: one sound file from a sound or a video file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import CommandError, JsonOption, answer, clock, size
from renditor.cli.video import DryRunOption, show_plan

if TYPE_CHECKING:
    from renditor.audio.ffmpeg import FFmpegAudio
    from renditor.audio.formats import AudioFormat
    from renditor.audio.treatment import Treatment
    from renditor.cli.local import Bench
    from renditor.models import Output

EXAMPLE = """renditor audio concert.wav concert.mp3 --bitrate 192k
renditor audio episode.wav episode.m4a --trim-silence --loudness -16 --fade-out 2"""

SourceArgument = Annotated[Path, typer.Argument(metavar="IN", help="An audio or video file.", show_default=False)]
TargetArgument = Annotated[
    Path, typer.Argument(metavar="OUT", help="The result: .mp3 .m4a .opus .ogg .flac .wav", show_default=False)
]
BitrateOption = Annotated[
    str | None, typer.Option("--bitrate", metavar="BITRATE", help="Bits a second, such as 192k: mp3, m4a, opus.")
]
QualityOption = Annotated[
    float | None, typer.Option("--quality", metavar="Q", help="Of ogg: -1 (smallest) to 10 (best); else 5.")
]
SampleRateOption = Annotated[
    int | None,
    typer.Option("--sample-rate", metavar="HZ", help="Such as 44100; default: the source's own. Opus: always 48000."),
]
StartOption = Annotated[
    str | None, typer.Option("--start", metavar="TIME", help="Begin here: seconds, or hours:minutes:seconds.")
]
EndOption = Annotated[str | None, typer.Option("--end", metavar="TIME", help="End here, counted from the beginning.")]
TrimOption = Annotated[
    bool, typer.Option("--trim-silence", help="Cut off what is below -60 dBFS at both ends, if it lasts 0.1 s.")
]
LoudnessOption = Annotated[
    str | None,
    typer.Option(
        "--loudness",
        metavar="LUFS",
        help="Bring it to this loudness, such as -16; `tag`: leave the sound alone and write how loud it is.",
    ),
]
FadeInOption = Annotated[float, typer.Option("--fade-in", metavar="SECONDS", help="Fade in at the beginning.")]
FadeOutOption = Annotated[float, typer.Option("--fade-out", metavar="SECONDS", help="Fade out at the end.")]
TrackOption = Annotated[
    str | None, typer.Option("--track", metavar="N|LANGUAGE", help="Of several sound tracks: 2, or de.")
]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a command asks for; ``track`` as in ``plan_audio``."""

    format: AudioFormat
    treatment: Treatment
    track: str | None = None


def command(  # noqa: PLR0913 - the options of a command line
    source: SourceArgument,
    target: TargetArgument,
    *,
    bitrate: BitrateOption = None,
    quality: QualityOption = None,
    sample_rate: SampleRateOption = None,
    start: StartOption = None,
    end: EndOption = None,
    trim_silence: TrimOption = False,
    loudness: LoudnessOption = None,
    fade_in: FadeInOption = 0.0,
    fade_out: FadeOutOption = 0.0,
    track: TrackOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Convert a sound file: format, bit rate, length, loudness.

    The format is that of OUT's extension. Tags that describe the work and the cover are kept, where it can hold them.
    What has the right codec already and is not treated is copied, not encoded.
    """
    treated = treatment(start, end, trim_silence=trim_silence, loudness=loudness, fades=(fade_in, fade_out))
    wish = Wish(audio_format(target, bitrate, sample_rate, quality), treated, track)
    convert(source, target, wish, dry_run=dry_run, as_json=as_json)


def audio_format(target: Path, bitrate: str | None, sample_rate: int | None, quality: float | None) -> AudioFormat:
    """What is written to ``target``. Raises: BadRequest, CommandError."""
    from renditor.audio.formats import AudioFormat  # noqa: PLC0415 - --help stays quick
    from renditor.video.convert.transcode import parse_bitrate  # noqa: PLC0415

    bits = None if bitrate is None else parse_bitrate(bitrate)
    return AudioFormat(files.extension(target, ".mp3"), bits, sample_rate, quality)


def treatment(
    start: str | None, end: str | None, *, trim_silence: bool, loudness: str | None, fades: tuple[float, float]
) -> Treatment:
    """What is done to the sound. Raises: BadRequest."""
    from renditor.audio.treatment import Treatment, parse_loudness  # noqa: PLC0415 - --help stays quick
    from renditor.video.pictures.frames import parse_time  # noqa: PLC0415

    target = None if loudness is None else parse_loudness(loudness)
    return Treatment(
        start=0.0 if start is None else parse_time(start),
        end=None if end is None else parse_time(end),
        trim_silence=trim_silence,
        loudness=None if target == "tag" else target,
        tag_loudness=target == "tag",
        fade_in=fades[0],
        fade_out=fades[1],
    )


def convert(source: Path, target: Path, wish: Wish, *, dry_run: bool, as_json: bool) -> None:
    """Make ``target`` of the sound of ``source``. Raises: CommandError, RenditorError."""
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    given = files.source(source)
    place = files.target(target, given)

    async def work(bench: Bench) -> tuple[dict[str, Any], str]:
        from renditor.audio.plan import plan_audio  # noqa: PLC0415

        provider = provider_for(bench, source)
        plan = plan_audio(await provider.probe(given), [wish.format], wish.treatment, wish.track)
        bench.report.lasts(plan.length)
        if dry_run:
            return show_plan(plan.to_json(), await provider.commands(plan, given, bench.folder, bench.report))
        (output,) = await provider.run(plan, given, bench.folder, bench.report)
        await files.place(output.path, place)
        shown, words = _shown(place, output)
        return shown, f"{target}: {words}"

    answer(*local.run(work, f"Converting {source.name}"), as_json=as_json)


def provider_for(bench: Bench, source: Path) -> FFmpegAudio:
    """The provider that works on local files.

    Raises:
        CommandError: the settings name another; or ``source`` is a picture.
        UnsupportedMedia, Unprocessable: it is nothing that is known.
    """
    from renditor.audio.ffmpeg import FFmpegAudio  # noqa: PLC0415 - --help stays quick
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    if local.look(source).media_type == "image":
        raise CommandError(f"{source.name} is a picture: it has no sound.", code="no-such-stream")
    return local.on_this_machine(bench.router.audio(), FFmpegAudio, "audio")


def _shown(place: Path, output: Output) -> tuple[dict[str, Any], str]:
    shown = {
        "path": str(place),
        "content_type": output.content_type,
        "bytes": output.bytes,
        "duration": output.duration,
        **output.metadata,
    }
    words = [
        str(output.metadata["codec"]) + (" (copied)" if output.metadata["copied"] else ""),
        f"{output.metadata['sample_rate']} Hz",
        clock(output.duration or 0.0),
        size(output.bytes),
    ]
    after = output.metadata.get("loudness", {}).get("after", {}).get("integrated")
    words += [f"{after:.1f} LUFS"] if after is not None else []
    return shown, "\n".join([", ".join(words), *output.metadata["notes"]])
