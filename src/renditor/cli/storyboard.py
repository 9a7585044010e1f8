"""``renditor storyboard``: small pictures of a whole video, for the time bar of a player."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import JsonOption, answer, size
from renditor.cli.video import DryRunOption, ffmpeg_video, probe_video, show_plan

if TYPE_CHECKING:
    from renditor.cli.local import Bench
    from renditor.models import Output

EXAMPLE = "renditor storyboard holiday.mp4 storyboard/"


def command(  # noqa: PLR0913 - the options of a command line
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video.", show_default=False)],
    target: Annotated[
        Path, typer.Argument(metavar="DIR", help="New or empty folder for the storyboard.", show_default=False)
    ],
    *,
    interval: Annotated[
        float | None,
        typer.Option("--interval", metavar="S", help="Seconds from tile to tile; else 2, more above 400 s."),
    ] = None,
    width: Annotated[
        int | None, typer.Option("--width", metavar="PX", help="Width of a tile, in px; else 192 (upright: less).")
    ] = None,
    columns: Annotated[
        int | None, typer.Option("--columns", metavar="N", help="Tiles beside each other; else up to 10.")
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a storyboard: the pictures that a player shows while one drags its time bar.

    DIR gets storyboard.vtt, which says which part of which picture belongs to which time, and the pictures. Tiles show
    key frames: where a long video has them far apart there are fewer.
    """
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick
    from renditor.video.pictures.storyboard import StoryboardOptions  # noqa: PLC0415

    options = StoryboardOptions(interval=interval, width=width, columns=columns)
    given = files.source(source)
    place = files.target_folder(target)

    async def work(bench: Bench) -> tuple[dict[str, Any], str]:
        stills = ffmpeg_video(bench).stills
        probe = await probe_video(bench, given)
        if dry_run:
            return show_plan(*stills.storyboard_plan(probe, given, options))
        output = await stills.storyboard(probe, given, bench.folder, options, bench.report)
        await files.place_folder(output.path, place)
        return _made(place, output), _words(target, output)

    answer(*local.run(work, f"Reading {source.name}"), as_json=as_json)


def _made(place: Path, output: Output) -> dict[str, Any]:
    return {
        "path": str(place),
        "vtt": str(place / "storyboard.vtt"),
        "bytes": output.bytes,
        "duration": output.duration,
        **output.metadata,
    }


def _words(target: Path, output: Output) -> str:
    facts = output.metadata
    tiles, sheets = _counted(facts["tiles"], "tile"), _counted(facts["sheets"], "sheet")
    shape = f"{facts['tile_width']} x {facts['tile_height']} px"
    return f"{target / 'storyboard.vtt'}: {tiles} of {shape} on {sheets}, {size(output.bytes)}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
