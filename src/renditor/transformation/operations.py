"""The operations table: every parameter a component may hold, declared once.

The parser, the checks and the canonical form derive from ``OPERATIONS``; its order (alphabetical, as the official SDKs
write) is the order of the canonical form. To add an operation: declare it here, add it to the table, and give the
engine a step for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, Generic, Literal, TypeVar

from renditor.transformation.values import (
    TRANSPARENT,
    ChoiceKind,
    Colour,
    ColourKind,
    DecimalKind,
    Flag,
    FlagsKind,
    Length,
    LengthKind,
    Quality,
    QualityKind,
    RatioKind,
    Turn,
    TurnKind,
    ValueKind,
)

T = TypeVar("T")
Medium = Literal["image", "video"]

# Largest width or height that may be asked for, in px. Wider answers w_100000,h_100000: 40 GB of pixels from one URL.
MAX_SIDE = 10_000
# Largest offset, in px: the widest side a JPEG, PNG or GIF header can hold and still be accepted as a source.
MAX_OFFSET = 65_535
# Longest video position, in seconds (one day); no accepted upload is longer.
MAX_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One parameter of a component, written ``key_value``.

    Args:
        key: what stands before the underscore.
        name: its name in words, for docs and messages.
        doc: what it does, with units and default.
        kind: how its value is read and written.
        neutral: the value that means the same as leaving the parameter out; the canonical form drops it.
        neutral_unless: keys whose presence gives leaving out another meaning, so that ``neutral`` is kept.
        modes: the ``c_`` modes the parameter has a meaning in; empty: all. Elsewhere it is refused, never ignored.
        media: the resource types (``/image/...``, ``/video/...``) it has a meaning for.
        merges: given twice in one component, the values are united (flags); otherwise the last one counts.
    """

    key: str
    name: str
    doc: str
    kind: ValueKind[T]
    neutral: T | None = None
    neutral_unless: frozenset[str] = frozenset()
    modes: frozenset[str] = frozenset()
    media: frozenset[Medium] = field(default=frozenset({"image", "video"}))
    merges: bool = False


VIDEO_ONLY: frozenset[Medium] = frozenset({"video"})

CROP_MODES = {
    "scale": "exactly w x h, stretched when both are given",
    "fit": "as large as fits into w x h, enlarged if needed, never stretched",
    "limit": "like fit, but never enlarged",
    "fill": "exactly w x h: scaled to cover the box, the rest cut away, g says which part stays",
    "pad": "like fit, then filled up to exactly w x h with b, g says where the picture stands",
    "crop": "a region of w x h cut out at x,y or by g, not scaled",
}

GRAVITIES = {
    "center": "the middle",
    "north_west": "the top left corner",
    "north": "the top edge",
    "north_east": "the top right corner",
    "west": "the left edge",
    "east": "the right edge",
    "south_west": "the bottom left corner",
    "south": "the bottom edge",
    "south_east": "the bottom right corner",
}

FORMATS = {
    "auto": "the best format the client accepts: AVIF, WebP, else JPEG, or PNG for transparency",
    "jpg": "JPEG",
    "png": "PNG",
    "webp": "WebP",
    "avif": "AVIF",
    "gif": "GIF",
}
FORMAT_ALIASES = {"jpeg": "jpg"}

FLAGS = {
    "attachment": "the browser saves the file instead of showing it; attachment:name gives the file name",
    "progressive": "JPEG and PNG that appear coarse first (progressive, interlaced)",
}

ANGLE: Operation[Turn] = Operation(
    "a",
    "angle",
    "Rotation in degrees clockwise and flips, from left to right; after resizing. Corners are filled with b.",
    TurnKind(),
    neutral=Turn(),
)
ASPECT_RATIO: Operation[Fraction] = Operation(
    "ar",
    "aspect ratio",
    "Gives the missing side when only w or h is given; alone, the largest box of that ratio inside the picture (pad:"
    " the smallest around it). Has no effect when both w and h are given.",
    RatioKind(),
)
BACKGROUND: Operation[Colour] = Operation(
    "b",
    "background",
    "The colour behind transparent parts, padding and rotated corners. Default: transparent where the format can, else"
    " white.",
    ColourKind(),
    neutral=TRANSPARENT,
)
CROP: Operation[str] = Operation("c", "crop mode", "How w, h and ar are met.", ChoiceKind(CROP_MODES), neutral="scale")
DPR: Operation[Decimal] = Operation(
    "dpr",
    "device pixel ratio",
    "Multiplies the size that w, h and ar ask for; has no effect without them.",
    DecimalKind(Decimal("0.1"), Decimal(10)),
    neutral=Decimal(1),
)
FORMAT: Operation[str] = Operation(
    "f", "format", "The format to deliver; wins over the extension.", ChoiceKind(FORMATS, FORMAT_ALIASES)
)
FLAG: Operation[frozenset[Flag]] = Operation(
    "fl",
    "flags",
    "Switches that take no place of their own.",
    FlagsKind(FLAGS, named=frozenset({"attachment"})),
    merges=True,
)
GRAVITY: Operation[str] = Operation(
    "g",
    "gravity",
    "Which part stays (fill, crop) or where the picture stands (pad). Default: center; crop with x or y: north_west.",
    ChoiceKind(GRAVITIES),
    neutral="center",
    neutral_unless=frozenset({"x", "y"}),
)
HEIGHT: Operation[Length] = Operation(
    "h", "height", "Height in px, or as a share of the picture's height.", LengthKind(1, MAX_SIDE)
)
QUALITY: Operation[Quality] = Operation(
    "q",
    "quality",
    "Quality of lossy formats on the scale of JPEG, 1-100; auto lets the engine choose.",
    QualityKind(),
)
START: Operation[Decimal] = Operation(
    "so",
    "start offset",
    "The moment of the video, in seconds.",
    DecimalKind(Decimal(0), Decimal(MAX_SECONDS), "seconds"),
    media=VIDEO_ONLY,
)
STREAMING_PROFILE: Operation[str] = Operation(
    "sp",
    "streaming profile",
    "The ladder of an adaptive stream.",
    ChoiceKind({"auto": "the ladder made at upload"}),
    media=VIDEO_ONLY,
)
WIDTH: Operation[Length] = Operation(
    "w", "width", "Width in px, or as a share of the picture's width.", LengthKind(1, MAX_SIDE)
)
X: Operation[Length] = Operation(
    "x",
    "horizontal offset",
    "Distance in px from where g puts the region or the picture; away from the edge that g names.",
    LengthKind(-MAX_OFFSET, MAX_OFFSET),
    modes=frozenset({"crop", "pad"}),
)
Y: Operation[Length] = Operation(
    "y",
    "vertical offset",
    "Distance in px from where g puts the region or the picture; away from the edge that g names.",
    LengthKind(-MAX_OFFSET, MAX_OFFSET),
    modes=frozenset({"crop", "pad"}),
)

OPERATIONS: tuple[Operation[Any], ...] = (
    ANGLE,
    ASPECT_RATIO,
    BACKGROUND,
    CROP,
    DPR,
    FORMAT,
    FLAG,
    GRAVITY,
    HEIGHT,
    QUALITY,
    START,
    STREAMING_PROFILE,
    WIDTH,
    X,
    Y,
)
