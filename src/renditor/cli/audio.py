"""``renditor audio`` and what it shares with ``extract-audio``: one sound file from a sound or a video file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import CommandError, JsonOption, answer, clock, size

if TYPE_CHECKING:
    from renditor.audio.base import AudioFormat
    from renditor.cli.local import Bench
    from renditor.models import Output

EXAMPLE = "renditor audio concert.wav concert.mp3 --bitrate 192k"

SourceArgument = Annotated[Path, typer.Argument(metavar="IN", help="An audio or video file.", show_default=False)]
TargetArgument = Annotated[Path, typer.Argument(metavar="OUT", help="The result: .mp3 .m4a .opus", show_default=False)]
BitrateOption = Annotated[
    str | None, typer.Option("--bitrate", metavar="BITRATE", help="Bits a second, such as 192k; default by format.")
]
SampleRateOption = Annotated[
    int | None,
    typer.Option("--sample-rate", metavar="HZ", help="Such as 44100; default: the source's own. Opus: always 48000."),
]


def command(
    source: SourceArgument,
    target: TargetArgument,
    *,
    bitrate: BitrateOption = None,
    sample_rate: SampleRateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Convert a sound file to another format, bitrate or sample rate.

    The format is that of OUT's extension. Tags that describe the work and the cover are kept, where it can hold them.
    """
    convert(source, target, bitrate, sample_rate, as_json=as_json)


def convert(source: Path, target: Path, bitrate: str | None, sample_rate: int | None, *, as_json: bool) -> None:
    """Make ``target`` of the sound of ``source``. Raises: CommandError, RenditorError."""
    from renditor.audio.base import audio_format  # noqa: PLC0415 - --help stays quick
    from renditor.cli import local  # noqa: PLC0415
    from renditor.video.transcode import parse_bitrate  # noqa: PLC0415

    bits = None if bitrate is None else parse_bitrate(bitrate)
    wanted = audio_format(files.extension(target, ".mp3"), bits, sample_rate)
    given = files.source(source)
    place = files.target(target, given)

    async def work(bench: Bench) -> tuple[dict[str, Any], str]:
        return await _make(bench, given, place, wanted)

    shown, words = local.run(work, f"Converting {source.name}")
    answer(shown, f"{target}: {words}", as_json=as_json)


async def _make(bench: Bench, source: Path, place: Path, wanted: AudioFormat) -> tuple[dict[str, Any], str]:
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    if local.look(source).media_type == "image":
        raise CommandError(f"{source.name} is a picture: it has no sound.", code="no-such-stream")
    (output,) = await bench.router.audio().run((wanted,), source, bench.folder, bench.report)
    await files.place(output.path, place)
    return _shown(place, output)


def _shown(place: Path, output: Output) -> tuple[dict[str, Any], str]:
    shown = {
        "path": str(place),
        "content_type": output.content_type,
        "bytes": output.bytes,
        "duration": output.duration,
        **output.metadata,
    }
    words = [
        str(output.metadata.get("codec")),
        f"{output.metadata.get('sample_rate')} Hz",
        clock(output.duration or 0.0),
        size(output.bytes),
    ]
    return shown, ", ".join(words)
