"""``renditor video``: one video file from another."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import CommandError, JsonOption, answer, clock, size

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from renditor.cli.local import Bench
    from renditor.ffmpeg.probe import MediaProbe
    from renditor.models import Output
    from renditor.video.convert.animate import AnimationOptions
    from renditor.video.convert.transcode import TranscodeOptions
    from renditor.video.ffmpeg import Command, FFmpegVideo

    Options = TranscodeOptions | AnimationOptions

EXAMPLE = (
    "renditor video holiday.mov holiday.mp4 --max-resolution 1280x720\n"
    "renditor video holiday.mov goal.gif --start 1:02.5 --end 1:06"
)

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print the plan and the exact commands; make nothing.")]


def command(  # noqa: PLR0913 - the options of a command line
    source: Annotated[Path, typer.Argument(metavar="IN", help="The video.", show_default=False)],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="The result: .mp4 .mov .webm .mkv .gif .webp", show_default=False)
    ],
    *,
    video_codec: Annotated[
        str | None, typer.Option("--video-codec", metavar="CODEC", help="h264, h265, vp9 or av1.")
    ] = None,
    audio_codec: Annotated[str | None, typer.Option("--audio-codec", metavar="CODEC", help="aac, opus or mp3.")] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", metavar="NAME", help="Effort: ultrafast (soonest) to veryslow (smallest); else medium."
        ),
    ] = None,
    crf: Annotated[
        int | None, typer.Option("--crf", metavar="N", help="Quality: 0 (best) to 51, or 63 for vp9 and av1.")
    ] = None,
    audio_bitrate: Annotated[
        str | None, typer.Option("--audio-bitrate", metavar="BITRATE", help="Bits a second, such as 96k; else 128k.")
    ] = None,
    max_resolution: Annotated[
        str | None, typer.Option("--max-resolution", metavar="WxH", help="Fit into this box, such as 1920x1080.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", metavar="TIME", help="Begin at this moment: seconds, or h:mm:ss.")
    ] = None,
    end: Annotated[str | None, typer.Option("--end", metavar="TIME", help="End at this moment.")] = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Convert a video to another container, codec, quality or size, or cut a part out of it.

    The container is that of OUT's extension. All languages, text captions and chapters are kept. What complies already
    and is not asked to change is copied, not encoded. A part is cut on the frame. .gif and .webp become animations of
    at most 480 px unless --max-resolution says more. Nothing is enlarged; personal metadata is left out.
    """
    from renditor.video.convert import transcode  # noqa: PLC0415 - --help stays quick
    from renditor.video.convert.animate import AnimationOptions  # noqa: PLC0415 - --help stays quick
    from renditor.video.convert.animation import ANIMATED  # noqa: PLC0415 - --help stays quick
    from renditor.video.convert.clip import Clip  # noqa: PLC0415 - --help stays quick
    from renditor.video.pictures.frames import parse_time  # noqa: PLC0415 - --help stays quick

    container = files.extension(target, ".mp4")
    width, height = transcode.parse_resolution(max_resolution) if max_resolution else (None, None)
    clip = Clip(parse_time(start) if start else 0.0, parse_time(end) if end else None)
    coding = {
        "--video-codec": video_codec,
        "--audio-codec": audio_codec,
        "--preset": preset,
        "--crf": crf,
        "--audio-bitrate": audio_bitrate,
    }
    options: Options
    if container in ANIMATED:
        if refused := [name for name, value in coding.items() if value is not None]:
            raise typer.BadParameter(f"An animated {ANIMATED[container].name} takes no {refused[0]}.")
        options = AnimationOptions(container, width, height, clip)
    else:
        options = transcode.TranscodeOptions(
            container=container,
            video_codec=video_codec,
            audio_codec=audio_codec,
            preset=preset,
            crf=crf,
            audio_bitrate=transcode.parse_bitrate(audio_bitrate) if audio_bitrate else None,
            max_width=width,
            max_height=height,
            clip=clip,
        )
    answer(*_convert(source, target, options, dry_run=dry_run), as_json=as_json)


def _convert(source: Path, target: Path, options: Options, *, dry_run: bool) -> tuple[dict[str, Any], str]:
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    given = files.source(source)
    place = files.target(target, given)

    async def work(bench: Bench) -> tuple[dict[str, Any], str]:
        job = await _job(bench, given, options)
        if dry_run:
            return show_plan(job.plan, job.commands)
        output = await job.run()
        await files.place(output.path, place)
        shown, words = _made(place, output)
        return shown, f"{target}: {words}"

    return local.run(work, f"Converting {source.name}")


@dataclass(frozen=True)
class _Job:
    """A decided conversion: what is shown of it, and what carries it out."""

    plan: dict[str, Any]
    commands: list[Command]
    run: Callable[[], Awaitable[Output]]


async def _job(bench: Bench, source: Path, options: Options) -> _Job:
    from renditor.video.convert.animate import AnimationOptions, plan_animation  # noqa: PLC0415 - --help stays quick
    from renditor.video.convert.transcode import plan_transcode  # noqa: PLC0415 - --help stays quick

    provider, probe = ffmpeg_video(bench), await probe_video(bench, source)
    if isinstance(options, AnimationOptions):
        moving = plan_animation(probe, options)
        commands = provider.animate_commands(moving, source)
        return _Job(moving.to_json(), commands, lambda: provider.animate(moving, source, bench.folder, bench.report))
    plan = plan_transcode(probe, options)
    commands = provider.transcode_commands(plan, source)
    return _Job(plan.to_json(), commands, lambda: provider.transcode(plan, source, bench.folder, bench.report))


def _made(place: Path, output: Output) -> tuple[dict[str, Any], str]:
    shown = {
        "path": str(place),
        "content_type": output.content_type,
        "bytes": output.bytes,
        "width": output.width,
        "height": output.height,
        "duration": output.duration,
        **output.metadata,
    }
    codecs = [str(codec) for name, codec in output.metadata.items() if name.endswith("_codec") and codec]
    parts = [
        *([" + ".join(codecs)] if codecs else []),
        f"{output.width} x {output.height} px",
        clock(output.duration or 0.0),
        size(output.bytes),
        *([f"copied: {', '.join(copied)}"] if (copied := output.metadata.get("copied")) else []),
    ]
    return shown, ", ".join(parts)


def ffmpeg_video(bench: Bench) -> FFmpegVideo:
    """The provider that works on local files. Raises: CommandError: the settings name another."""
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick
    from renditor.video.ffmpeg import FFmpegVideo  # noqa: PLC0415 - --help stays quick

    return local.on_this_machine(bench.router.video(), FFmpegVideo, "video")


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
