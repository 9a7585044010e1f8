"""``renditor hls``: an adaptive stream from a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import JsonOption, answer, size, table
from renditor.cli.video import DryRunOption, ffmpeg_video, probe_video, show_plan

if TYPE_CHECKING:
    from renditor.cli.local import Bench
    from renditor.models import Output
    from renditor.video.plan import VideoPlan

EXAMPLE = "renditor hls holiday.mov stream/"


def command(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video.", show_default=False)],
    target: Annotated[
        Path, typer.Argument(metavar="DIR", help="New or empty folder for the stream.", show_default=False)
    ],
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make an adaptive stream (HLS and DASH) from a video.

    DIR gets master.m3u8 and manifest.mpd over the same files. The qualities are 1080p, 720p, 480p and 360p, none above
    the source.
    """
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    given = files.source(source)
    place = files.target_folder(target)

    async def work(bench: Bench) -> tuple[dict[str, Any], str]:
        provider = ffmpeg_video(bench)
        plan = provider.plan(await probe_video(provider, given), outputs=("hls",))
        if dry_run:
            return show_plan(plan.to_json(), provider.commands(plan, given))
        (output,) = await provider.run(plan, given, bench.folder, bench.report)
        await files.place_folder(output.path, place)
        shown, words = _made(place, plan, output)
        return shown, f"{target / 'master.m3u8'} {words}"

    answer(*local.run(work, f"Making {target.name or target}"), as_json=as_json)


def _made(place: Path, plan: VideoPlan, output: Output) -> tuple[dict[str, Any], str]:
    shown = {
        "path": str(place),
        "master": str(place / "master.m3u8"),
        "manifest": str(place / "manifest.mpd"),
        "bytes": output.bytes,
        "duration": output.duration,
        "variants": [
            {
                "name": rung.name,
                "resolution": f"{rung.width}x{rung.height}",
                "width": rung.width,
                "height": rung.height,
                "playlist": f"{rung.name}/index.m3u8",
            }
            for rung in plan.rungs
        ],
    }
    rows = [(rung.name, f"{rung.width} x {rung.height} px") for rung in plan.rungs]
    return shown, f"(HLS) and manifest.mpd (DASH), {size(output.bytes)}\n{table(rows)}"
