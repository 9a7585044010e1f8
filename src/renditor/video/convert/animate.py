"""A video as an animated GIF or WebP: small, short, without sound. What is wanted, what is decided, and how it is made.

Both formats are many times as large as a video of the same pictures, and browsers decode them slowly.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from renditor.errors import BadRequest, CorruptMedia, LimitExceeded, failed_check
from renditor.ffmpeg.probe import MediaProbe
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.run import NO_METADATA, Budget, Command, Toolbox
from renditor.ffmpeg.workspace import stored_bytes
from renditor.models import Output
from renditor.video.commands import graph
from renditor.video.convert.animation import ANIMATED, AnimatedFormat
from renditor.video.convert.clip import Clip
from renditor.video.ladder import Rung, fit
from renditor.video.pictures.checks import read_webp
from renditor.video.plan import VideoPlan, plan
from renditor.video.stages import OnFraction, Stage, finished

_SIDE: Final = 480  # px of the longer side, unless a box is asked for
# GIF counts in hundredths of a second: 8 of them a frame are exact. Faster ones are slowed down by browsers.
_RATE: Final = Fraction(25, 2)
_LONGEST: Final = 60.0  # seconds
# Of all frames together: GIF holds them in memory, with 4 bytes each, until its palette is known.
_MOST_PIXELS: Final = 150_000_000
_ROUNDING: Final = 0.011  # seconds; GIF counts in hundredths
_MOST_BITRATE: Final = 100_000_000  # bit/s, for the budget


@dataclass(frozen=True, slots=True)
class AnimationOptions:
    """What is wanted. ``format``: gif or webp; ``max_width`` and ``max_height`` in px, None: 480 px.

    Raises:
        BadRequest: an unknown format, or a size out of range.
    """

    format: str
    max_width: int | None = None
    max_height: int | None = None
    clip: Clip = field(default_factory=Clip)

    def __post_init__(self) -> None:
        if self.format not in ANIMATED:
            raise BadRequest(f"An animation cannot be written as .{self.format}.", hint="Use .gif or .webp.")
        if any(side is not None and side < 2 for side in (self.max_width, self.max_height)):
            raise BadRequest("The largest width and height must be at least 2.")


@dataclass(frozen=True, slots=True)
class AnimationPlan:
    """A decided animation: how the source is read (one rung, no sound), and how the result is written."""

    source: VideoPlan
    options: AnimationOptions
    container: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result in px."""
        return self.source.rungs[0].width, self.source.rungs[0].height

    @property
    def format(self) -> AnimatedFormat:
        return ANIMATED[self.options.format]

    def to_json(self) -> dict[str, Any]:
        """What ``--dry-run`` shows."""
        return {**asdict(self.options), "source": self.source.to_json()}


def plan_animation(probe: MediaProbe, options: AnimationOptions) -> AnimationPlan:
    """Decide size and frames.

    Raises:
        BadRequest: the source has no pictures in the wanted part.
        LimitExceeded: too long, or too large.
        NoSuchStream, UnsupportedMedia: as ``plan``.
    """
    whole = options.clip.plan(plan(probe, outputs=("mp4",)))
    picture = whole.moving
    if picture.duration > _LONGEST:
        raise LimitExceeded(
            f"An animation of {picture.duration:.1f} seconds would be too large; it may last {_LONGEST:g}.",
            hint="Choose a part by its start and end, or make a video.",
        )
    unasked = None if options.max_width or options.max_height else _SIDE
    box = (options.max_width or unasked or picture.width, options.max_height or unasked or picture.height)
    width, height = fit(picture.width, picture.height, *box)
    rate = min(picture.rate, _RATE)
    if width * height * picture.duration * rate > _MOST_PIXELS:
        raise LimitExceeded(
            f"An animation of {picture.duration:.1f} seconds at {width} x {height} px would be too large.",
            hint="Choose a shorter part, a smaller size, or make a video.",
        )
    rung = Rung(options.format, width, height, crf=0, maxrate=0, bufsize=0)
    # Uneven frames too: an animation is too short for the gaps to cost much.
    even = replace(picture, frame_rate=str(rate), variable=False)
    source = replace(whole, length=picture.duration, picture=even, rungs=(rung,), audio=(), preset="")
    return AnimationPlan(source, options, probe.format)


@dataclass(slots=True)
class Animating:
    """One animation in ``folder``, a workspace."""

    toolbox: Toolbox
    plan: AnimationPlan
    source: Path
    folder: Path
    _output: Output | None = None

    @property
    def name(self) -> str:
        """The file that is made."""
        return f"video.{self.plan.options.format}"

    @property
    def made(self) -> Output:
        """The result. Raises: ProcessingFailed: the stages have not been gone through."""
        return finished(self._output)

    def stages(self) -> list[Stage]:
        """What is done, in order."""
        return [Stage("encoding", 100, self._encode, self._shown), Stage("verifying", 2, self._verify)]

    def _arguments(self) -> list[str]:
        plan, toolbox = self.plan, self.toolbox
        seek, early = plan.options.clip.seeking(plan.source, plan.container)
        tone_mapping = toolbox.binaries.require("ffmpeg").capabilities.tone_mapping
        # Cut before the palette is made, which is of all frames that come.
        cut = f"trim=start={early:.6f}:end={early + plan.source.length:.6f},setpts=PTS-STARTPTS"
        filters = f"{graph(plan.source, tone_mapping=tone_mapping)};[v0]{cut},{plan.format.filters}[out]"
        return [
            *toolbox.open(self.source.absolute(), *seek),
            *("-filter_complex", filters, "-map", "[out]"),
            *NO_METADATA,
            *plan.format.arguments(),
            self.name,
        ]

    def _shown(self) -> list[Command]:
        return [self.toolbox.shown("encoding", "ffmpeg", self._arguments())]

    async def _encode(self, report: OnFraction) -> None:
        length = self.plan.source.length
        await self.toolbox.ffmpeg(
            self._arguments(),
            folder=self.folder,
            reads=(self.source.absolute(),),
            budget=self.toolbox.budget(self.plan.options.clip.start + length, _MOST_BITRATE),
            progress=ProgressReader(length, report),
        )

    async def _verify(self, _: OnFraction) -> None:
        plan, path = self.plan, self.folder / self.name
        size, seconds = await self._read_back(await asyncio.to_thread(path.read_bytes))
        if size != plan.size:
            raise failed_check("it has another size than planned")
        if abs(seconds - plan.source.length) > 1 / plan.source.moving.rate + _ROUNDING:
            raise failed_check(f"it lasts {seconds:.2f} instead of {plan.source.length:.2f} seconds")
        self._output = Output(
            kind="animation",
            name=path.name,
            path=path,
            content_type=plan.format.content_type,
            bytes=stored_bytes(path),
            width=size[0],
            height=size[1],
            duration=seconds,
            metadata={"notes": list(plan.source.notes)},
        )

    async def _read_back(self, content: bytes) -> tuple[tuple[int, int], float]:
        """Size in px, and seconds until it begins anew; every frame has been decoded."""
        if self.plan.options.format == "gif":
            decoded = await self._decode("gif")
            return (int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")), decoded
        try:
            found = read_webp(content)
        except ValueError as error:
            raise failed_check("it is not a WebP") from error
        # Of pictures that never move one frame is written, without a time.
        still = len(found.frames) == 1
        demuxer = "webp_pipe" if still else "webp_anim"
        if demuxer in self.toolbox.binaries.require("ffmpeg").capabilities.demuxers:  # animations since FFmpeg 9
            await self._decode(demuxer)
        return (found.width, found.height), self.plan.source.length if still else sum(found.frames) / 1000

    async def _decode(self, demuxer: str) -> float:
        """How long the frames last, in seconds."""
        reader = ProgressReader(None)
        opened = self.toolbox.open(Path(self.name), "-f", demuxer, "-format_whitelist", demuxer)
        arguments = [*opened, "-map", "0:v:0", "-xerror", "-f", "null", "-"]
        budget = Budget(self.toolbox.settings.timeout_floor, file_size=0)
        try:
            await self.toolbox.ffmpeg(arguments, folder=self.folder, budget=budget, progress=reader)
        except CorruptMedia as error:
            raise failed_check("it cannot be decoded") from error
        return reader.seconds
