"""``renditor waveform``: how loud a sound is over time, as data or as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.audio import SourceArgument, provider_for
from renditor.cli.terminal import BAD_USAGE, CommandError, JsonOption, answer, clock, size
from renditor.cli.video import DryRunOption, show_plan

if TYPE_CHECKING:
    from renditor.audio.waveform.plan import WaveformPlan
    from renditor.cli.local import Bench
    from renditor.models import Output

EXAMPLE = """renditor waveform song.mp3 song.json --samples-per-pixel 1024
renditor waveform song.mp3 song.png --width 1200 --height 200 --colour 1f6feb"""

_DATA, _PICTURE = ("samples_per_pixel", "bits"), ("width", "height", "colour")
_OPTIONS = {"json": _DATA, "dat": (*_DATA, "format_version"), "svg": _PICTURE, "png": _PICTURE}


def command(  # noqa: PLR0913 - the options of a command line
    source: SourceArgument,
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The result: .json .dat .svg .png", show_default=False)],
    *,
    samples_per_pixel: Annotated[
        int | None,
        typer.Option("--samples-per-pixel", metavar="N", help="Data: samples for each minimum and maximum; else 256."),
    ] = None,
    bits: Annotated[
        int | None, typer.Option("--bits", metavar="N", help="Data: of each number, 8 or 16; else 8.")
    ] = None,
    format_version: Annotated[
        int | None, typer.Option("--format-version", metavar="N", help="Data in .dat: 1 for old readers; else 2.")
    ] = None,
    width: Annotated[int | None, typer.Option("--width", metavar="PX", help="Picture: else 1800.")] = None,
    height: Annotated[int | None, typer.Option("--height", metavar="PX", help="Picture: else 280.")] = None,
    colour: Annotated[
        str | None,
        typer.Option("--colour", metavar="RRGGBB", help="Picture: else grey (.png), or that of the text (.svg)."),
    ] = None,
    split_channels: Annotated[bool, typer.Option("--split-channels", help="Left and right on their own.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Draw the waveform of a sound or video file, or write its data.

    .json and .dat are the formats of BBC audiowaveform, which players such as peaks.js read. Very long sounds get fewer
    points than asked for.
    """
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    options: dict[str, Any] = {"samples_per_pixel": samples_per_pixel, "bits": bits, "format_version": format_version}
    options |= {"width": width, "height": height, "colour": colour}
    plan = _plan(files.extension(target, ".png"), options, split=split_channels)
    given = files.source(source)
    place = files.target(target, given)

    async def work(bench: Bench) -> tuple[dict[str, Any], str]:
        provider = provider_for(bench, source)
        found = await provider.probe(given)
        bench.report.lasts(found.duration)
        if dry_run:
            command = provider.waveform_command(plan, found, given)
            return show_plan(plan.to_json(), [command])
        output = await provider.waveform(plan, given, bench.folder, bench.report)
        shown, words = _shown(place, output)
        await files.place(output.path / shown.pop("name"), place)
        return shown, f"{target}: {words}"

    answer(*local.run(work, f"Reading {source.name}"), as_json=as_json)


def _plan(extension: str, options: Mapping[str, Any], *, split: bool) -> WaveformPlan:
    """Raises: CommandError: no such format, or an option that it does not have. BadRequest: as the plan."""
    from renditor.audio.waveform.plan import DataFile, PictureFile, WaveformPlan  # noqa: PLC0415 - --help stays quick

    if extension not in _OPTIONS:
        raise CommandError(
            f"A waveform cannot be written as .{extension}.", hint="Use .json, .dat, .svg or .png.", status=BAD_USAGE
        )
    chosen = {name: value for name, value in options.items() if value is not None}
    for name in chosen:
        if name not in _OPTIONS[extension]:
            raise CommandError(f"--{name.replace('_', '-')} is not for .{extension}.", status=BAD_USAGE)
    kind = PictureFile if _OPTIONS[extension] is _PICTURE else DataFile
    return WaveformPlan((kind(f"waveform.{extension}", **chosen),), split=split)


def _shown(place: Path, output: Output) -> tuple[dict[str, Any], str]:
    (file,) = output.metadata["files"]
    shown = {
        "path": str(place),
        "bytes": output.bytes,
        "duration": output.duration,
        "sample_rate": output.metadata["sample_rate"],
        "channels": output.metadata["channels"],
        **file,
    }
    if "length" in file:
        what = f"{file['length']} points of {file['samples_per_pixel']} samples, {file['bits']} bit"
    else:
        what = f"{file['width']} x {file['height']} px"
    return shown, f"{what}, {clock(output.duration or 0.0)}, {size(output.bytes)}"
