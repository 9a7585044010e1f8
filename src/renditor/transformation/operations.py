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

from renditor.transformation.choices import (
    COLOUR_SPACES,
    COLOUR_SPACES_NOT_MADE,
    CROP_MODES,
    CROP_MODES_NOT_MADE,
    FORMAT_ALIASES,
    FORMATS,
    FORMATS_NOT_MADE,
)
from renditor.transformation.colours import ColourKind
from renditor.transformation.conditions import Condition, ConditionKind
from renditor.transformation.deferral import Waiting
from renditor.transformation.effects import EFFECTS, Effect, EffectKind
from renditor.transformation.flags import FlagsKind
from renditor.transformation.gravity import GravityKind
from renditor.transformation.kinds import (
    AngleKind,
    ChoiceKind,
    DecimalKind,
    DprKind,
    IntegerKind,
    LengthKind,
    QualityKind,
    RatioKind,
    TextKind,
    WidthKind,
)
from renditor.transformation.layers import Layer, LayerKind
from renditor.transformation.looks import (
    NO_BORDER,
    NO_RADIUS,
    Background,
    BackgroundKind,
    Border,
    BorderKind,
    Radius,
    RadiusKind,
)
from renditor.transformation.values import (
    TRANSPARENT,
    Angle,
    Auto,
    Colour,
    Flag,
    Length,
    Quality,
    Turn,
    ValueKind,
)
from renditor.transformation.variables import Assignment, VariablesKind

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
        waits: what of its value may be a variable or an expression.
        heads: the words of which one must stand before the first colon, where only some make sense.
        media: the resource types (``/image/...``, ``/video/...``) it has a meaning for.
        merges: given twice in one component, the values are united (flags); otherwise the last one counts.
    """

    key: str
    name: str
    doc: str
    kind: ValueKind[T]
    neutral: T | None = None
    neutral_unless: frozenset[str] = frozenset()
    waits: Waiting = "never"
    heads: frozenset[str] = frozenset()
    media: frozenset[Medium] = field(default=frozenset({"image", "video"}))
    merges: bool = False

    @property
    def label(self) -> str:
        """What stands before the value."""
        return "$name_" if self.key == "$" else f"{self.key}_"

    def spell(self, value: T) -> str:
        """The whole parameter, canonical."""
        written = self.kind.write(value)
        return written if self.key == "$" else f"{self.key}_{written}"


VIDEO_ONLY: frozenset[Medium] = frozenset({"video"})

_OFFSET = LengthKind(-MAX_OFFSET, MAX_OFFSET)

VARIABLES: Operation[tuple[Assignment, ...]] = Operation(
    "$", "variables", "Sets variables, which later values name: $size_200/w_$size.", VariablesKind()
)
ANGLE: Operation[Angle] = Operation(
    "a",
    "angle",
    "Rotation in degrees clockwise and flips, from left to right; after resizing. Corners are filled with b. auto_right"
    " and auto_left turn a picture that lies while the box stands; ignore leaves the camera's orientation unapplied.",
    AngleKind(),
    neutral=Turn(),
    waits="whole",
)
ASPECT_RATIO: Operation[Fraction] = Operation(
    "ar",
    "aspect ratio",
    "Gives the missing side when only w or h is given; alone, the largest box of that ratio inside the picture (pad:"
    " the smallest around it). Has no effect when both w and h are given.",
    RatioKind(),
    waits="decimal",
)
BACKGROUND: Operation[Background] = Operation(
    "b",
    "background",
    "The colour behind transparent parts, padding and rotated corners. Default: transparent where the format can, else"
    " white.",
    BackgroundKind(),
    neutral=TRANSPARENT,
    waits="variable",
)
BORDER: Operation[Border] = Operation(
    "bo",
    "border",
    "A line around the picture, drawn outside of it; follows rounded corners.",
    BorderKind(),
    neutral=NO_BORDER,
    waits="variable",
)
CROP: Operation[str] = Operation(
    "c",
    "crop mode",
    "How w, h and ar are met.",
    ChoiceKind(CROP_MODES, not_made=CROP_MODES_NOT_MADE),
    neutral="scale",
)
COLOUR: Operation[Colour] = Operation(
    "co", "colour", "The colour of a text, and of effects that use one.", ColourKind(), waits="variable"
)
COLOUR_SPACE: Operation[str] = Operation(
    "cs",
    "colour space",
    "The colour space of the file that is delivered.",
    ChoiceKind(COLOUR_SPACES, {"no_cmyk": "srgb"}, COLOUR_SPACES_NOT_MADE),
    neutral="srgb",
)
DEFAULT_IMAGE: Operation[str] = Operation(
    "d",
    "default image",
    "The public id of the picture that is delivered when the one of the URL does not exist.",
    TextKind("a public id, slashes as colons"),
)
DELAY: Operation[int] = Operation(
    "dl",
    "delay",
    "How long each frame of a moving picture is shown, in ms.",
    IntegerKind(10, 600_000, "ms"),
    waits="whole",
)
DENSITY: Operation[int] = Operation(
    "dn", "density", "The resolution written into the file, in dots per inch.", IntegerKind(1, 2400), waits="whole"
)
DPR: Operation[Decimal | Auto] = Operation(
    "dpr",
    "device pixel ratio",
    "Multiplies the size that w, h and ar ask for; has no effect without them. auto: what the client says (DPR, "
    "Sec-CH-DPR), else 1.",
    DprKind(DecimalKind(Decimal("0.1"), Decimal(10))),
    neutral=Decimal(1),
    waits="decimal",
)
EFFECT: Operation[Effect] = Operation(
    "e", "effect", "One of the effects below.", EffectKind(), waits="decimal", heads=frozenset(EFFECTS)
)
FORMAT: Operation[str] = Operation(
    "f",
    "format",
    "The format to deliver; wins over the extension.",
    ChoiceKind(FORMATS, FORMAT_ALIASES, FORMATS_NOT_MADE),
)
FLAG: Operation[frozenset[Flag]] = Operation(
    "fl", "flags", "Switches that take no place of their own.", FlagsKind(), neutral=frozenset(), merges=True
)
GRAVITY: Operation[str] = Operation(
    "g",
    "gravity",
    "Which part stays (fill, crop) or where the picture stands (pad). Default: center; crop with x or y: north_west.",
    GravityKind(),
    neutral="center",
    neutral_unless=frozenset({"x", "y"}),
    waits="variable",
)
HEIGHT: Operation[Length] = Operation(
    "h", "height", "Height in px, or as a share of the picture's height.", LengthKind(1, MAX_SIDE), waits="whole"
)
CONDITION: Operation[Condition] = Operation(
    "if",
    "condition",
    "What follows up to if_else or if_end counts only when it holds; in one component with others, for those alone.",
    ConditionKind(),
)
OVERLAY: Operation[Layer] = Operation(
    "l",
    "overlay",
    "A picture or text laid over this one: what follows acts on it, up to the component with fl_layer_apply, which"
    " places it by g, x and y. Without one, its own component does both.",
    LayerKind(),
    waits="layer",
)
OPACITY: Operation[int] = Operation(
    "o", "opacity", "Opacity in per cent.", IntegerKind(0, 100, "per cent"), neutral=100, waits="whole"
)
PREFIX: Operation[str] = Operation(
    "p",
    "prefix",
    "Names the style classes of sprites, which are not made here: read, and left out.",
    TextKind("a word"),
)
PAGE: Operation[int] = Operation(
    "pg", "page", "The page or frame that is shown, from 1.", IntegerKind(1, 10_000), neutral=1, waits="whole"
)
QUALITY: Operation[Quality] = Operation(
    "q",
    "quality",
    "Quality of lossy formats on the scale of JPEG, 1-100; auto lets the engine choose; 420 and 444 say how many colour"
    " samples are kept.",
    QualityKind(),
    waits="whole",
)
RADIUS: Operation[Radius] = Operation(
    "r",
    "corner radius",
    "Rounds the corners, in px; max makes an ellipse.",
    RadiusKind(),
    neutral=NO_RADIUS,
    waits="whole",
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
PRESET: Operation[str] = Operation(
    "t",
    "preset",
    "A named transformation of the server's owner; several joined by dots act one after the other.",
    TextKind("the name of a preset"),
)
UNDERLAY: Operation[Layer] = Operation(
    "u", "underlay", "Like l, but laid under the picture; shows where that is transparent.", LayerKind(), waits="layer"
)
WIDTH: Operation[Length | Auto] = Operation(
    "w",
    "width",
    "Width in px, or as a share of the picture's width. auto: what the client says (Width, Sec-CH-Width).",
    WidthKind(LengthKind(1, MAX_SIDE)),
    waits="whole",
)
X: Operation[Length] = Operation(
    "x",
    "horizontal offset",
    "Distance in px from where g puts the region, the picture or the layer; away from the edge that g names.",
    _OFFSET,
    waits="whole",
)
Y: Operation[Length] = Operation(
    "y",
    "vertical offset",
    "Distance in px from where g puts the region, the picture or the layer; away from the edge that g names.",
    _OFFSET,
    waits="whole",
)
ZOOM: Operation[Decimal] = Operation(
    "z",
    "zoom",
    "How close crop and thumb go to what g found: 2 twice as close, 0.5 half.",
    DecimalKind(Decimal("0.01"), Decimal(100)),
    neutral=Decimal(1),
    waits="decimal",
)

OPERATIONS: tuple[Operation[Any], ...] = (
    VARIABLES,
    ANGLE,
    ASPECT_RATIO,
    BACKGROUND,
    BORDER,
    CROP,
    COLOUR,
    COLOUR_SPACE,
    DEFAULT_IMAGE,
    DELAY,
    DENSITY,
    DPR,
    EFFECT,
    FORMAT,
    FLAG,
    GRAVITY,
    HEIGHT,
    CONDITION,
    OVERLAY,
    OPACITY,
    PREFIX,
    PAGE,
    QUALITY,
    RADIUS,
    START,
    STREAMING_PROFILE,
    PRESET,
    UNDERLAY,
    WIDTH,
    X,
    Y,
    ZOOM,
)
BY_KEY: dict[str, Operation[Any]] = {operation.key: operation for operation in OPERATIONS}
ORDER: dict[str, int] = {operation.key: place for place, operation in enumerate(OPERATIONS)}

# Parameters that Cloudinary has and that do nothing here yet: video and audio, functions.
KEYS_NOT_MADE = frozenset({"ac", "af", "br", "du", "eo", "fn", "fps", "ki", "vc", "vs"})
