"""``renditor hls``: an adaptive stream from a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import FAILED, CommandError, JsonOption, answer, paint, size, table
from renditor.cli.video import DryRunOption, ffmpeg_video, probe_video, show_plan

if TYPE_CHECKING:
    from renditor.cli.local import Bench
    from renditor.models import Output
    from renditor.video.check.checker import Report
    from renditor.video.plan import VideoPlan

EXAMPLE = "renditor hls holiday.mov stream/\nrenditor hls --check stream/\nrenditor hls --check https://media.example.com/film/master.m3u8"


def command(
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
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make an adaptive stream (HLS and DASH) from a video or a song, or check one.

    DIR gets master.m3u8 and manifest.mpd over the same files. The qualities are 1080p, 720p, 480p and 360p, none above
    the source. --check reads any stream, whoever made it: its playlists and manifests, every segment, and, in a folder,
    whether pictures and sound decode. It fails (exit status 1) where it finds an error.
    """
    if check:
        if target or dry_run:
            raise typer.BadParameter("--check takes one folder or URL and nothing else.")
        _check(source, as_json=as_json)
    elif target is None:
        raise typer.BadParameter("Missing argument 'DIR'.")
    else:
        _make(Path(source), target, dry_run=dry_run, as_json=as_json)


def _make(source: Path, target: Path, *, dry_run: bool, as_json: bool) -> None:
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    given = files.source(source)
    place = files.target_folder(target)

    async def work(bench: Bench) -> tuple[dict[str, Any], str]:
        provider = ffmpeg_video(bench)
        plan = provider.plan(await probe_video(bench, given, key_frames=True), outputs=("hls",))
        if dry_run:
            return show_plan(plan.to_json(), provider.commands(plan, given))
        (output,) = await provider.run(plan, given, bench.folder, bench.report)
        await files.place_folder(output.path, place)
        shown, words = _made(place, plan, output)
        return shown, f"{target / 'master.m3u8'} {words}"

    answer(*local.run(work, f"Making {target.name or target}"), as_json=as_json)


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
