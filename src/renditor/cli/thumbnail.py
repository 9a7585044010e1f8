"""``renditor thumbnail``: a picture from a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import JsonOption, answer, size
from renditor.cli.video import DryRunOption, ffmpeg_video, probe_video, show_plan

if TYPE_CHECKING:
    from renditor.cli.local import Bench

EXAMPLE = "renditor thumbnail holiday.mp4 cover.jpg --at 00:00:05 --width 640"

_EXTENSIONS = {"jpeg": "jpg"}


def command(  # noqa: PLR0913 - the options of a command line
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video.", show_default=False)],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The picture: .jpg .png .webp", show_default=False)],
    *,
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="Seconds, or hours:minutes:seconds.")] = "1",
    width: Annotated[
        int | None, typer.Option("--width", metavar="PX", min=1, help="Fit into this width, in px.")
    ] = None,
    height: Annotated[
        int | None, typer.Option("--height", metavar="PX", min=1, help="Fit into this height, in px.")
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take one frame of a video as a picture.

    It is upright and keeps its shape; nothing is enlarged. Past the end of the video: its last frame.
    """
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick
    from renditor.video.pictures.frames import FrameOptions, parse_time  # noqa: PLC0415

    extension = files.extension(target, ".jpg")
    options = FrameOptions(at=parse_time(at), width=width, height=height, format=_EXTENSIONS.get(extension, extension))
    given = files.source(source)
    place = files.target(target, given)

    async def work(bench: Bench) -> tuple[dict[str, Any], str]:
        stills = ffmpeg_video(bench).stills
        probe = await probe_video(bench, given)
        if dry_run:
            return show_plan(options.to_json(probe), stills.frame_commands(probe, given, options))
        output = await stills.frame(probe, given, bench.folder, options)
        await files.place(output.path, place)
        shown = {
            "path": str(place),
            "content_type": output.content_type,
            "width": output.width,
            "height": output.height,
            "bytes": output.bytes,
            "at": options.at,
        }
        return shown, f"{target}: {output.width} x {output.height} px, {size(output.bytes)}"

    answer(*local.run(work, f"Reading {source.name}"), as_json=as_json)
