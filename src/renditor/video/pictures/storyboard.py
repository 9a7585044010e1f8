"""The storyboard: small pictures of the whole video on a few sheets, and a WebVTT file that says which is shown when.

Players show them while a person drags the time bar. Each cue names a part of a sheet by a media fragment (W3C Media
Fragments URI 1.0, 4.2.2): ``storyboard-1.jpg#xywh=192,0,192,108``. A cue begins exactly where its frame does, and the
cues cover the whole length without a gap.

    key frames -> tiles (work/tiles.mkv) -> sheets -> cues
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from renditor.errors import BadRequest, CorruptMedia
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.run import MJPEG, NO_METADATA, Budget, Command, Toolbox
from renditor.ffmpeg.workspace import WORK, stored_bytes
from renditor.models import Output
from renditor.video.ladder import fit
from renditor.video.pictures.sampling import JPEG_PIXELS, Footage, most, note, pick, read_samples
from renditor.video.plan import GOP_SECONDS

FOLDER: Final = "storyboard"
CUES: Final = "storyboard.vtt"
_TILES: Final = WORK / "tiles.mkv"
_TIMES: Final = WORK / "tiles.txt"

MOST_TILES: Final = 200  # unless an interval is asked for: about as many as a time bar has places to point at
_MOST_ASKED: Final = 1000
_TILE_SIDE: Final = 192  # px of the longer side
_PER_LINE: Final = 10  # columns and rows of a sheet
_SHEET_SIDE: Final = 4096  # px; what graphics chips of older phones take as one picture
_TALLEST: Final = 16 / 9  # where a width is asked for: upright phone video; what is taller becomes narrower
_SHORT: Final = 120.0  # seconds that are decoded whole in about as many seconds of computing as a person waits
_QUALITY: Final = "4"  # of the JPEG encoder, 2 (best) to 31; a tile of 192 px has about 6 kB
_LARGEST_SHEET: Final = 64 * 1024**2  # bytes; 4096 x 4096 px of noise are about 20 MB


@dataclass(frozen=True, slots=True)
class StoryboardOptions:
    """What is wanted; None leaves it to the length and shape of the video.

    ``interval``: seconds from tile to tile, at least; where key frames of a long video are farther apart there are
    fewer tiles.
    ``width``: of a tile, in px. ``columns``: of a sheet.

    Raises:
        BadRequest: out of range.
    """

    interval: float | None = None
    width: int | None = None
    columns: int | None = None

    def __post_init__(self) -> None:
        if self.interval is not None and not 0.1 <= self.interval <= 3600:
            raise BadRequest("The interval of a storyboard must lie between 0.1 and 3600 seconds.")
        if self.width is not None and not 16 <= self.width <= 640:
            raise BadRequest("The width of a tile must lie between 16 and 640 px.")
        if self.columns is not None and not 1 <= self.columns <= 20:
            raise BadRequest("A sheet must have between 1 and 20 columns.")


@dataclass(frozen=True, slots=True)
class Tiles:
    """The tiles that are looked for: ``length`` of the video and ``interval`` in seconds, size of each in px."""

    length: float
    interval: float
    width: int
    height: int
    columns: int | None = None

    @property
    def most(self) -> int:
        """How many there are if no key frame is missing."""
        return most(self.length, self.interval)


@dataclass(frozen=True, slots=True)
class Sheets:
    """How ``count`` tiles lie on ``sheets`` pictures: row by row, every sheet but the last one full."""

    count: int
    columns: int
    rows: int

    @property
    def sheets(self) -> int:
        return math.ceil(self.count / (self.columns * self.rows))


@dataclass(frozen=True, slots=True)
class Cue:
    """From ``start`` to ``end`` ms, what is shown is the part of sheet ``name`` at ``x``, ``y`` (px, from top left)."""

    start: int
    end: int
    name: str
    x: int
    y: int
    width: int
    height: int


def tiles(footage: Footage, options: StoryboardOptions) -> Tiles:
    """Decide size and distance of the tiles. Raises: BadRequest: more tiles than a storyboard may have."""
    # In steps of the distance of our own key frames: other intervals would find none in some stretches.
    interval = options.interval or GOP_SECONDS * max(1, math.ceil(footage.length / (GOP_SECONDS * MOST_TILES)))
    box = (options.width, round(options.width * _TALLEST)) if options.width else (_TILE_SIDE, _TILE_SIDE)
    width, height = fit(footage.width, footage.height, *box)
    wanted = Tiles(footage.length, float(interval), width, height, options.columns)
    if wanted.most > _MOST_ASKED:
        raise BadRequest(
            f"A tile every {interval:g} seconds would be {wanted.most:,} tiles; at most {_MOST_ASKED:,} are made.",
            hint=f"Use an interval of at least {math.ceil(footage.length / _MOST_ASKED)} seconds.",
        )
    if (options.columns or 1) * width > _SHEET_SIDE:
        raise BadRequest(
            f"{options.columns} columns of {width} px are wider than {_SHEET_SIDE:,} px.",
            hint="Use fewer columns or narrower tiles.",
        )
    return wanted


def sheets(wanted: Tiles, count: int) -> Sheets:
    """Lay out ``count`` tiles on as few sheets as their size allows, evenly, with little room left over."""
    across = wanted.columns or min(_PER_LINE, _SHEET_SIDE // wanted.width)
    down = min(_PER_LINE, _SHEET_SIDE // wanted.height)
    number = math.ceil(count / (across * down))
    rows = math.ceil(count / (number * across))
    return Sheets(count, wanted.columns or math.ceil(count / (number * rows)), rows)


def cues(wanted: Tiles, layout: Sheets, times: list[float]) -> list[Cue]:
    """When each tile is shown: from its own frame to the next one; the first from the beginning, the last to the end.

    Args:
        wanted: the tiles.
        layout: where they lie.
        times: of their frames in seconds, ascending.
    """
    end = milliseconds(wanted.length)
    starts = [0, *(milliseconds(time) for time in times[1:])]
    found = []
    for number, start in enumerate(starts):
        until = min(end, starts[number + 1]) if number + 1 < len(starts) else end
        if start < until:  # a file that lies about its length has frames behind its end
            sheet, place = divmod(number, layout.columns * layout.rows)
            row, column = divmod(place, layout.columns)
            at = (column * wanted.width, row * wanted.height)
            found.append(Cue(start, until, sheet_name(sheet), *at, wanted.width, wanted.height))
    return found


def milliseconds(seconds: float) -> int:
    """As times in WebVTT are written; nothing is shorter than one."""
    return max(1, round(seconds * 1000))


def sheet_name(number: int) -> str:
    """The name of a sheet, counted from 0."""
    return f"storyboard-{number + 1}.jpg"


def webvtt(found: list[Cue]) -> str:
    """The cues as WebVTT (W3C), names relative to the file itself."""
    blocks = [
        f"{_clock(cue.start)} --> {_clock(cue.end)}\n{cue.name}#xywh={cue.x},{cue.y},{cue.width},{cue.height}"
        for cue in found
    ]
    return "\n\n".join(["WEBVTT", *blocks]) + "\n"


def collecting(toolbox: Toolbox, footage: Footage, wanted: Tiles, *, key_frames: bool = True) -> list[str]:
    """Arguments of FFmpeg that write the tiles one after the other, and the times of their frames."""
    tone_mapping = toolbox.binaries.require("ffmpeg").capabilities.tone_mapping
    chain = [
        pick(wanted.interval, key_frames=key_frames),
        *footage.scaled(wanted.width, wanted.height, tone_mapping=tone_mapping),
        *note(_TIMES),
    ]
    return [
        *footage.sampled(toolbox, key_frames=key_frames),
        *("-vf", ",".join(chain), "-fps_mode", "passthrough"),
        # A file that lies about its length must not fill the disk.
        *("-frames:v", str(wanted.most)),
        *("-c:v", "ffv1", *NO_METADATA, "-f", "matroska", str(_TILES)),
    ]


def laying(toolbox: Toolbox, layout: Sheets) -> list[str]:
    """Arguments of FFmpeg that lay the tiles on sheets."""
    chain = [f"tile={layout.columns}x{layout.rows}", *JPEG_PIXELS]
    return [
        *toolbox.open(Path(_TILES)),
        *("-map", "0:v:0", "-vf", ",".join(chain), "-fps_mode", "passthrough"),
        *(*MJPEG, "-q:v", _QUALITY, *NO_METADATA),
        *("-f", "image2", "-start_number", "1", f"{FOLDER}/storyboard-%d.jpg"),
    ]


def commands(toolbox: Toolbox, footage: Footage, options: StoryboardOptions) -> list[Command]:
    """The command lines that ``make`` would use; how the sheets are laid out shows when the tiles are counted."""
    wanted = tiles(footage, options)
    return [
        toolbox.shown("tiles", "ffmpeg", collecting(toolbox, footage, wanted)),
        toolbox.shown("sheets", "ffmpeg", laying(toolbox, sheets(wanted, wanted.most))),
    ]


async def make(
    toolbox: Toolbox,
    footage: Footage,
    options: StoryboardOptions,
    folder: Path,
    on_fraction: Callable[[float], None] | None = None,
) -> Output:
    """Make ``folder/storyboard`` inside a workspace: a JPEG for each sheet, and the cues.

    Args:
        toolbox: the programs.
        footage: a source, or a rung.
        options: what is wanted.
        folder: the job folder.
        on_fraction: called with how much of the footage has been read, 0..1.

    Raises:
        BadRequest: more tiles than a storyboard may have.
        CorruptMedia: no frame can be decoded.
    """
    wanted = tiles(footage, options)
    (folder / FOLDER).mkdir()
    reader = ProgressReader(footage.duration, on_fraction)
    times = await _collect(toolbox, footage, wanted, folder, reader)
    layout = sheets(wanted, len(times))
    budget = Budget(toolbox.settings.timeout_floor, file_size=_LARGEST_SHEET)
    await toolbox.ffmpeg(laying(toolbox, layout), folder=folder, budget=budget)
    (folder / FOLDER / CUES).write_text(webvtt(cues(wanted, layout, times)))
    return Output(
        kind="storyboard",
        name=FOLDER,
        path=folder / FOLDER,
        content_type="text/vtt",
        bytes=stored_bytes(folder / FOLDER),
        width=wanted.width,
        height=wanted.height,
        duration=wanted.length,
        metadata=described(wanted, layout),
    )


def described(wanted: Tiles, layout: Sheets) -> dict[str, Any]:
    """What is known of a storyboard, for the rendition and for ``--json``."""
    return {
        "interval": wanted.interval,
        "tiles": layout.count,
        "tile_width": wanted.width,
        "tile_height": wanted.height,
        "columns": layout.columns,
        "rows": layout.rows,
        "sheets": layout.sheets,
    }


async def _collect(
    toolbox: Toolbox, footage: Footage, wanted: Tiles, folder: Path, reader: ProgressReader
) -> list[float]:
    """The times of the tiles, in seconds.

    Decoded whole is a stream without key frames (it refreshes in stripes), and a short video that has them so far apart
    that most tiles would be missing.
    """
    enough = wanted.most / 2 if footage.duration <= _SHORT else 1
    with contextlib.suppress(CorruptMedia):  # if it is damaged and not merely without key frames, that shows below
        times = await _collected(toolbox, footage, wanted, folder, reader, key_frames=True)
        if len(times) >= enough:
            return times
    if times := await _collected(toolbox, footage, wanted, folder, reader, key_frames=False):
        return times
    raise CorruptMedia("No frame of the video can be decoded: the file is damaged.")


async def _collected(
    toolbox: Toolbox, footage: Footage, wanted: Tiles, folder: Path, reader: ProgressReader, *, key_frames: bool
) -> list[float]:
    budget = toolbox.budget(footage.length, bits_per_second=0)
    arguments = collecting(toolbox, footage, wanted, key_frames=key_frames)
    await toolbox.ffmpeg(arguments, folder=folder, reads=footage.reads, budget=budget, progress=reader)
    return [sample.time for sample in read_samples((folder / _TIMES).read_text())][: wanted.most]


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"
