"""``renditor video``: one video file from another."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import CommandError, JsonOption, answer, clock, size

if TYPE_CHECKING:
    from renditor.cli.local import Bench
    from renditor.ffmpeg.probe import MediaProbe
    from renditor.video.ffmpeg import Command, FFmpegVideo
    from renditor.video.transcode import TranscodeOptions

EXAMPLE = "renditor video holiday.mov holiday.mp4 --max-resolution 1280x720"

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print the plan and the exact commands; make nothing.")]


def command(  # noqa: PLR0913 - the options of a command line
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video.", show_default=False)],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The result: .mp4 .mov .webm .mkv", show_default=False)],
    *,
    video_codec: Annotated[
        str | None, typer.Option("--video-codec", metavar="CODEC", help="h264, h265, vp9 or av1.")
    ] = None,
    audio_codec: Annotated[str | None, typer.Option("--audio-codec", metavar="CODEC", help="aac, opus or mp3.")] = None,
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="Effort: ultrafast (soonest) to veryslow (smallest).")
    ] = "medium",
    crf: Annotated[
        int | None, typer.Option("--crf", metavar="N", help="Quality: 0 (best) to 51, or 63 for vp9 and av1.")
    ] = None,
    audio_bitrate: Annotated[
        str, typer.Option("--audio-bitrate", metavar="BITRATE", help="Bits a second, such as 128k.")
    ] = "128k",
    max_resolution: Annotated[
        str | None, typer.Option("--max-resolution", metavar="WxH", help="Fit into this box, such as 1920x1080.")
    ] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Convert a video to another container, codec, quality or size.

    The container is that of OUT's extension. Nothing is enlarged; personal metadata is left out.
    """
    from renditor.video import transcode  # noqa: PLC0415 - --help stays quick

    width, height = transcode.parse_resolution(max_resolution) if max_resolution else (None, None)
    options = transcode.TranscodeOptions(
        container=files.extension(target, ".mp4"),
        video_codec=video_codec,
        audio_codec=audio_codec,
        preset=preset,
        crf=crf,
        audio_bitrate=transcode.parse_bitrate(audio_bitrate),
        max_width=width,
        max_height=height,
    )
    answer(*_convert(source, target, options, dry_run=dry_run), as_json=as_json)


def _convert(source: Path, target: Path, options: TranscodeOptions, *, dry_run: bool) -> tuple[dict[str, Any], str]:
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    given = files.source(source)
    place = files.target(target, given)

    async def work(bench: Bench) -> tuple[dict[str, Any], str]:
        if dry_run:
            return await _show(bench, given, options)
        shown, words = await _make(bench, given, place, options)
        return shown, f"{target}: {words}"

    return local.run(work, f"Converting {source.name}")


async def _show(bench: Bench, source: Path, options: TranscodeOptions) -> tuple[dict[str, Any], str]:
    from renditor.video.transcode import plan_transcode  # noqa: PLC0415 - --help stays quick

    provider = ffmpeg_video(bench)
    plan = plan_transcode(await probe_video(bench, source), options)
    return show_plan(plan.to_json(), provider.transcode_commands(plan, source))


async def _make(bench: Bench, source: Path, place: Path, options: TranscodeOptions) -> tuple[dict[str, Any], str]:
    from renditor.video.transcode import plan_transcode  # noqa: PLC0415 - --help stays quick

    provider = ffmpeg_video(bench)
    plan = plan_transcode(await probe_video(bench, source), options)
    output = await provider.transcode(plan, source, bench.folder, bench.report)
    await files.place(output.path, place)
    shown = {
        "path": str(place),
        "content_type": output.content_type,
        "bytes": output.bytes,
        "width": output.width,
        "height": output.height,
        "duration": output.duration,
        **output.metadata,
    }
    codecs = " + ".join(str(codec) for codec in output.metadata.values() if codec)
    lasts = clock(output.duration or 0.0)
    return shown, f"{codecs}, {output.width} x {output.height} px, {lasts}, {size(output.bytes)}"


def ffmpeg_video(bench: Bench) -> FFmpegVideo:
    """The provider that works on local files. Raises: CommandError: the settings name another."""
    from renditor.video.ffmpeg import FFmpegVideo  # noqa: PLC0415 - --help stays quick

    provider = bench.router.video()
    if not isinstance(provider, FFmpegVideo):
        raise CommandError(
            "The video provider in the settings makes no local files.", hint="Set RENDITOR_ROUTES__VIDEO=ffmpeg."
        )
    return provider


async def probe_video(bench: Bench, source: Path, *, key_frames: bool = False) -> MediaProbe:
    """What the video is, with its key frames where they are wanted; the bench learns how long it is.

    Raises: UnsupportedMedia, CorruptMedia, LimitExceeded; CommandError for a picture.
    """
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    if local.look(source).media_type == "image":
        raise CommandError(f"{source.name} is a picture, not a video.", hint="`renditor image` works on pictures.")
    found = await ffmpeg_video(bench).probe(source, key_frames=key_frames)
    bench.report.lasts(found.duration)
    return found


def show_plan(plan: dict[str, Any], commands: list[Command]) -> tuple[dict[str, Any], str]:
    """What ``--dry-run`` prints: the plan as JSON and the commands as a shell would take them."""
    shown = {"plan": plan, "commands": [{"stage": step.stage, "argv": list(step.argv)} for step in commands]}
    lines = [f"# {step.stage}\n{shlex.join(step.argv)}" for step in commands]
    return shown, "\n\n".join([f"# plan\n{json.dumps(plan, indent=2)}", *lines])
