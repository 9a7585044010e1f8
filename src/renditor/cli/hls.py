"""``renditor hls``: an adaptive stream from a video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import BAD_USAGE, FAILED, CommandError, JsonOption, answer, paint, size, table
from renditor.cli.video import DryRunOption, ffmpeg_video, probe_video, show_plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from renditor.cli.local import Bench
    from renditor.ffmpeg.probe import MediaProbe
    from renditor.models import Output
    from renditor.recipes.settings import VideoRecipe
    from renditor.video.check.checker import Report
    from renditor.video.plan import Tier, VideoPlan

EXAMPLE = "renditor hls holiday.mov stream/ --tier best\nrenditor hls --check stream/\nrenditor hls --check https://media.example.com/film/master.m3u8"


def command(  # noqa: PLR0913 - the options of a command line
    source: Annotated[
        str, typer.Argument(metavar="IN", help="The video; with --check a folder or URL.", show_default=False)
    ],
    target: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="New or empty folder for the stream.", show_default=False)
    ] = None,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Check the stream in folder or at URL IN; make nothing.")
    ] = False,
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME", help="Recipe of the settings whose ladder and tier are taken.")
    ] = "video",
    tier: Annotated[
        str | None,
        typer.Option(
            "--tier", metavar="TIER", help="instant (soonest), standard or best (smallest); else the recipe's."
        ),
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make an adaptive stream (HLS and DASH) from a video or a song, or check one.

    DIR gets master.m3u8 and manifest.mpd over the same files. The qualities are those of the recipe's ladder (1080p,
    720p, 480p and 360p), none above the source; what complies already is copied. --check reads any stream, whoever made
    it: its playlists and manifests, every segment, and, in a folder, whether pictures and sound decode. It fails (exit
    status 1) where it finds an error.
    """
    if check:
        if target or dry_run:
            raise typer.BadParameter("--check takes one folder or URL and nothing else.")
        _check(source, as_json=as_json)
    elif target is None:
        raise typer.BadParameter("Missing argument 'DIR'.")
    else:
        answer(*_make(Path(source), target, _Wanted(recipe, _tier(tier)), dry_run=dry_run), as_json=as_json)


@dataclass(frozen=True)
class _Wanted:
    """``recipe``: name of one of the settings; ``tier``: instead of the recipe's."""

    recipe: str
    tier: Tier | None


def _tier(name: str | None) -> Tier | None:
    from renditor.video.plan import PRESETS  # noqa: PLC0415 - --help stays quick

    found = next((tier for tier in PRESETS if tier == name), None)
    if name is not None and found is None:
        raise typer.BadParameter(f"{name!r} is not a tier. Use {', '.join(PRESETS)}.")
    return found


def _plan_with(bench: Bench, wanted: _Wanted) -> tuple[VideoRecipe, Callable[[MediaProbe], VideoPlan]]:
    """The recipe, and what plans by it. Raises: CommandError: there is none of that name."""
    recipes = bench.settings.recipes.video
    if wanted.recipe not in recipes:
        raise CommandError(
            f"There is no recipe {wanted.recipe!r} for videos.",
            hint=f"The settings have {', '.join(sorted(recipes))}.",
            status=BAD_USAGE,
        )
    recipe, provider = recipes[wanted.recipe], ffmpeg_video(bench)
    tier = wanted.tier or recipe.tier
    return recipe, lambda probe: provider.plan(probe, ("hls",), tier=tier, ladder=recipe.ladder)


def _make(source: Path, target: Path, wanted: _Wanted, *, dry_run: bool) -> tuple[dict[str, Any], str]:
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    given = files.source(source)
    place = files.target_folder(target)

    async def work(bench: Bench) -> tuple[dict[str, Any], str]:
        provider = ffmpeg_video(bench)
        recipe, plan_for = _plan_with(bench, wanted)
        plan = plan_for(await probe_video(bench, given, key_frames=recipe.copy_compliant))
        if dry_run:
            return show_plan(plan.to_json(), provider.commands(plan, given))
        (output,) = await provider.run(plan, given, bench.folder, bench.report)
        await files.place_folder(output.path, place)
        shown, words = _made(place, plan, output)
        return shown, f"{target / 'master.m3u8'} {words}"

    return local.run(work, f"Making {target.name or target}")


def _check(source: str, *, as_json: bool) -> None:
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    online = source.startswith(("http://", "https://"))
    if not online and not Path(source).is_dir():
        raise CommandError(f"{source} is not a folder.", hint="Name a folder with a stream, or a URL.", code="no-input")

    async def work(bench: Bench) -> Report:
        return await (_check_url(source) if online else _check_folder(bench, Path(source)))

    report = local.run(work, f"Checking {source}")
    answer({"path": source, **report.to_json()}, _shown(source, report), as_json=as_json)
    if not report.passed:
        raise typer.Exit(FAILED)


async def _check_url(url: str) -> Report:
    from renditor.client import WebReader  # noqa: PLC0415 - --help stays quick
    from renditor.video.check.checker import check  # noqa: PLC0415 - --help stays quick

    async with WebReader(url) as reader:
        return await check(reader, [reader.entry])


async def _check_folder(bench: Bench, folder: Path) -> Report:
    """Everything in it, and whether it decodes."""
    from renditor.video.check.checker import check  # noqa: PLC0415 - --help stays quick
    from renditor.video.check.decoding import decode  # noqa: PLC0415 - --help stays quick
    from renditor.video.check.reading import FolderReader  # noqa: PLC0415 - --help stays quick

    reader = FolderReader(folder)
    report = await check(reader)
    return report.with_findings(await decode(report.streams, reader, bench.tools.toolbox, bench.folder))


def _shown(source: str, report: Report) -> str:
    """A line for each finding, and the verdict."""
    rows = [
        (
            paint(finding.severity, "red" if finding.severity == "error" else "yellow"),
            finding.code,
            finding.where,
            finding.message + (f" ({finding.count} times)" if finding.count > 1 else "") + f" [{finding.reference}]",
        )
        for finding in report.findings
    ]
    counts = report.to_json()
    segments = sum(stream["segments"] for stream in counts["streams"])
    told = [_count(counts["errors"], "error"), _count(counts["warnings"], "warning")]
    verdict = f"{source}: {', '.join(told)} in {_count(segments, 'segment')}"
    return "\n".join([*([table(rows)] if rows else []), verdict])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


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
        "audio": [
            {
                "name": track.name,
                "label": track.label,
                "language": track.language,
                "bitrate": track.bitrate,
                "playlist": f"{track.name}/index.m3u8",
            }
            for track in plan.audio
        ],
    }
    rows = [(rung.name, f"{rung.width} x {rung.height} px") for rung in plan.rungs]
    rows += [(track.name, f"{track.bitrate // 1000} kbit/s, {track.label}") for track in plan.audio]
    return shown, f"(HLS) and manifest.mpd (DASH), {size(output.bytes)}\n{table(rows)}"
