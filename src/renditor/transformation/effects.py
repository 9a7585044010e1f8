"""Effects: the values of ``e_``, and the table of all of them.

Ranges and defaults are those of Cloudinary's transformation reference. To add an effect: declare it in ``EFFECTS`` and
give the engine a function of its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches

from renditor.transformation.colours import ColourKind
from renditor.transformation.faults import NotMade
from renditor.transformation.kinds import ChoiceKind, DecimalKind
from renditor.transformation.values import BLACK, Colour, ValueKind

Argument = Decimal | str | Colour

# Most arguments of one effect: e_tint takes any number of colours, and each is a step for every pixel.
MAX_ARGUMENTS = 20
# Characters of an unknown name that are compared with known ones: the comparison takes their square.
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect with all its arguments, defaults filled in, in the order of the effects table."""

    name: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of an effect.

    Args:
        default: what leaving it out means.
        skipped: it may be left out before others too, since no value of theirs could be one of its own.
    """

    name: str
    kind: ValueKind[Decimal] | ValueKind[str] | ValueKind[Colour] | OrAuto | WordOrNumber
    default: Argument
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """One row of the effects table.

    Args:
        doc: what it does.
        parameters: its arguments, in order.
        repeated: arguments after those, once or more.
        counts: how many of ``repeated`` must be given; empty: any number.
        uses: keys of the parameters of the same component that it reads: ``co``, and ``x y w h g`` for regions.
        layers_only: a way to blend a layer; elsewhere it has no effect.
    """

    doc: str
    parameters: tuple[Parameter, ...] = ()
    uses: frozenset[str] = field(default=frozenset())
    layers_only: bool = False
    repeated: tuple[Parameter, ...] = ()
    counts: frozenset[int] = frozenset()


def _number(name: str, low: int, high: int, default: int) -> Parameter:
    return Parameter(name, DecimalKind(Decimal(low), Decimal(high)), Decimal(default))


def _choice(name: str, default: str, **options: str) -> Parameter:
    return Parameter(name, ChoiceKind(options), default, skipped=True)


def _auto(name: str, kind: ValueKind[Decimal] | ValueKind[Colour]) -> Parameter:
    return Parameter(name, OrAuto(kind), "auto")


@dataclass(frozen=True, slots=True)
class OrAuto:
    """A number or a colour, or ``auto``: the effect looks at the picture and chooses."""

    kind: ValueKind[Decimal] | ValueKind[Colour]

    @property
    def expects(self) -> str:
        return f"{self.kind.expects}, or auto"

    def read(self, text: str) -> Argument:
        return "auto" if text == "auto" else self.kind.read(text)

    def write(self, value: Argument) -> str:
        return "auto" if value == "auto" else self.kind.write(value)  # type: ignore[arg-type]  # what its read gave


@dataclass(frozen=True, slots=True)
class PositionKind:
    """Per cent of the way from dark to light, written ``40p``."""

    expects: str = "per cent from 0p to 100p"

    _PERCENT = DecimalKind(Decimal(0), Decimal(100))

    def read(self, text: str) -> Decimal:
        if not text.endswith("p"):
            raise ValueError(text)
        return self._PERCENT.read(text[:-1])

    def write(self, value: Decimal) -> str:
        return self._PERCENT.write(value) + "p"


@dataclass(frozen=True, slots=True)
class WordOrNumber:
    """A number, or one of the words."""

    words: tuple[str, ...]
    number: DecimalKind

    @property
    def expects(self) -> str:
        return f"{self.number.expects}, or {' or '.join(self.words)}"

    def read(self, text: str) -> Decimal | str:
        return text if text in self.words else self.number.read(text)

    def write(self, value: Decimal | str) -> str:
        return value if isinstance(value, str) else self.number.write(value)


_REGION = frozenset({"x", "y", "w", "h", "g"})
_COLOUR = ColourKind(bare=True)
_PERCENT = DecimalKind(Decimal(0), Decimal(100))
_SQUARE = DecimalKind(Decimal(1), Decimal(2000))

EFFECTS: dict[str, Declared] = {
    "assist_colorblind": Declared(
        "Stripes where red and green are hard to tell apart; xray: those colours exchanged for others",
        (Parameter("strength", WordOrNumber(("xray",), DecimalKind(Decimal(1), Decimal(100))), Decimal(10)),),
    ),
    "auto_brightness": Declared("Brightness set by the picture itself", (_number("blend", 0, 100, 100),)),
    "auto_color": Declared("Colour cast removed", (_number("blend", 0, 100, 100),)),
    "auto_contrast": Declared("Contrast set by the picture itself", (_number("blend", 0, 100, 100),)),
    "bgremoval": Declared(
        "A background of one colour (the corners') becomes transparent",
        (_choice("mode", "plain", plain="any background", screen="a green or blue screen"), _auto("colour", _COLOUR)),
    ),
    "blackwhite": Declared(
        "Only black and white; lighter than threshold is white", (_number("threshold", 0, 100, 50),)
    ),
    "blue": Declared("More or less blue", (_number("level", -100, 100, 0),)),
    "blur": Declared("Blurred", (_number("strength", 1, 2000, 100),)),
    "blur_faces": Declared("Faces blurred", (_number("strength", 1, 2000, 500),)),
    "blur_region": Declared("The region x, y, w, h or g blurred", (_number("strength", 1, 2000, 100),), _REGION),
    "brightness": Declared("Brighter or darker", (_number("level", -99, 100, 80),)),
    "brightness_hsb": Declared("Brighter or darker, colours kept", (_number("level", -99, 100, 80),)),
    "cartoonify": Declared(
        "Like a cartoon: dark lines, few colours",
        (
            _number("line", 0, 100, 50),
            Parameter("reduction", WordOrNumber(("bw", "auto"), _PERCENT), "auto"),
        ),
    ),
    "colorize": Declared("Coloured with co (grey)", (_number("strength", 0, 100, 100),), frozenset({"co"})),
    "contrast": Declared("More or less contrast", (_number("level", -100, 100, 0),)),
    "fill_light": Declared("Shadows lightened", (_number("blend", 0, 100, 100), _number("bias", -100, 100, 0))),
    "gamma": Declared("Gamma corrected", (_number("level", -50, 150, 0),)),
    "gradient_fade": Declared(
        "Fades out towards the edges that x and y name",
        (
            _choice(
                "type",
                "plain",
                plain="towards one edge",
                symmetric="towards opposite edges",
                symmetric_pad="towards opposite edges, onto b",
            ),
            _number("strength", 0, 100, 20),
        ),
        frozenset({"x", "y", "b"}),
    ),
    "grayscale": Declared("Shades of grey"),
    "green": Declared("More or less green", (_number("level", -100, 100, 0),)),
    "hue": Declared("Hues turned", (_number("level", -100, 100, 80),)),
    "improve": Declared(
        "Colours, contrast and brightness improved",
        (
            _choice("scene", "outdoor", outdoor="for daylight", indoor="for artificial light"),
            _number("blend", 0, 100, 100),
        ),
    ),
    "make_transparent": Declared(
        "The colour co (that of the corner) becomes transparent", (_number("tolerance", 0, 100, 10),), frozenset({"co"})
    ),
    "mask": Declared("The layer's brightness is the transparency of the picture below", layers_only=True),
    "multiply": Declared("The layer darkens the picture below", layers_only=True),
    "negate": Declared("Colours inverted"),
    "noise": Declared("Noise added", (_number("level", 0, 100, 50),)),
    "oil_paint": Declared("Like an oil painting", (_number("strength", 0, 100, 30),)),
    "opacity_threshold": Declared("Only transparent or opaque", (_number("level", 1, 100, 50),)),
    "ordered_dither": Declared("Few colours in a pattern of dots", (_number("pattern", 0, 18, 0),)),
    "outline": Declared(
        "A line in co (black) around what is not transparent",
        (
            _choice(
                "mode",
                "both",
                both="around the whole and in its holes",
                outer="around the whole",
                inner="in its holes",
                inner_fill="holes filled",
                fill="around the whole, holes filled",
            ),
            _number("width", 1, 100, 5),
            _number("blur", 0, 2000, 0),
        ),
        frozenset({"co"}),
    ),
    "overlay": Declared("The layer darkens dark and lightens light parts of the picture below", layers_only=True),
    "pixelate": Declared("Squares of this many px", (_auto("square", _SQUARE),)),
    "pixelate_faces": Declared("Faces in squares of this many px", (_auto("square", _SQUARE),)),
    "pixelate_region": Declared(
        "The region x, y, w, h or g in squares of this many px", (_auto("square", _SQUARE),), _REGION
    ),
    "recolor": Declared(
        "Colours multiplied by a matrix of 3 x 3, with alpha 4 x 4, row by row",
        repeated=(_number("factor", -10, 10, 0),),
        counts=frozenset({9, 16}),
    ),
    "red": Declared("More or less red", (_number("level", -100, 100, 0),)),
    "replace_color": Declared(
        "Shades of one colour replaced by another",
        (
            Parameter("to", _COLOUR, BLACK),
            _number("tolerance", 0, 100, 50),
            _auto("from", _COLOUR),
        ),
    ),
    "saturation": Declared("More or less colourful", (_number("level", -100, 100, 80),)),
    "screen": Declared("The layer lightens the picture below", layers_only=True),
    "sepia": Declared("Brown like an old photograph", (_number("strength", 1, 100, 80),)),
    "shadow": Declared(
        "A shadow in co (black), moved by x and y", (_number("strength", 0, 100, 40),), frozenset({"co", "x", "y"})
    ),
    "sharpen": Declared("Sharpened", (_number("strength", 1, 2000, 100),)),
    "simulate_colorblind": Declared(
        "As people see it who cannot tell some colours apart",
        (
            _choice(
                "condition",
                "deuteranopia",
                deuteranopia="no green",
                deuteranomaly="little green",
                protanopia="no red",
                protanomaly="little red",
                tritanopia="no blue",
                tritanomaly="little blue",
                cone_monochromacy="blue only",
                rod_monochromacy="brightness only",
            ),
        ),
    ),
    "tint": Declared(
        "Shades replaced by those between the colours",
        (
            _choice("mode", "plain", plain="as they are", equalize="after spreading brightness over the whole range"),
            _number("amount", 0, 100, 60),
        ),
        repeated=(
            Parameter("colour", _COLOUR, Colour(255, 0, 0)),
            Parameter("position", OrAuto(PositionKind()), "auto", skipped=True),
        ),
    ),
    "trim": Declared(
        "Edges of one colour (the corners') cut away",
        (_number("tolerance", 0, 100, 10), _auto("colour", _COLOUR)),
    ),
    "unsharp_mask": Declared("Sharpened by an unsharp mask", (_number("strength", 1, 2000, 100),)),
    "vibrance": Declared("Pale colours more colourful", (_number("strength", -100, 100, 20),)),
    "vignette": Declared("Darker towards the edges", (_number("strength", 0, 100, 20),)),
}

# Effects that Cloudinary has and nothing here makes.
NOT_MADE = frozenset(
    {
        *("accelerate", "adv_redeye", "anti_removal", "art", "auto_enhance"),
        *("background_removal", "boomerang", "camera", "deshake", "displace", "distort", "dropshadow"),
        *("enhance", "extract", "fade", "gen_background_replace", "gen_recolor", "gen_remove", "gen_replace"),
        *("gen_restore", "light", "loop", "morphology", "preview", "redeye", "remove_background"),
        *("reverse", "shear", "style_transfer", "swap_image", "theme", "transition", "upscale"),
        *("vectorize", "viesus_correct", "volume", "waveform", "zoompan"),
    }
)


@dataclass(frozen=True, slots=True)
class EffectKind:
    expects: str = "the name of an effect, and its arguments after colons: sepia, sepia:50"

    def read(self, text: str) -> Effect:
        name, *given = text.replace(":rgb:", ":").split(":")  # digits of a colour are known without it
        declared = EFFECTS.get(name)
        if declared is None:
            raise NotMade(text) if name in NOT_MADE else ValueError(text)
        arguments = _take(declared.parameters, given)
        if declared.repeated:
            arguments += _take(declared.repeated, given)
            while given and len(arguments) < MAX_ARGUMENTS:
                arguments += _take(declared.repeated, given)
        if given or (declared.counts and text.count(":") not in declared.counts):
            raise ValueError(text)
        return Effect(name, tuple(arguments))

    def write(self, value: Effect) -> str:
        declared = EFFECTS[value.name]
        once = (*declared.parameters, *declared.repeated)
        parameters = list(once)
        while len(parameters) < len(value.arguments):
            parameters += declared.repeated
        written: list[str] = []
        for place in range(len(value.arguments) - 1, -1, -1):
            parameter, argument = parameters[place], value.arguments[place]
            # At the end defaults go, once; before other arguments only those that cannot be taken for these.
            may_go = parameter.skipped or (not written and place < len(once))
            if declared.counts or argument != parameter.default or not may_go:
                written.append(parameter.kind.write(argument))  # type: ignore[arg-type]  # what its read gave
        return ":".join((value.name, *reversed(written)))


def expected(text: str) -> str:
    """What to write in place of an ``e_`` with this value, which could not be read: the effect's own arguments, or the
    effect that was meant."""
    name = text.partition(":")[0]
    declared = EFFECTS.get(name)
    if declared is None:
        close = get_close_matches(name[:_LONGEST_NAME], EFFECTS, 1)
        return f"e_ (effect) takes {EffectKind().expects}" + (f". Is it e_{close[0]}?" if close else "")
    parameters = (*declared.parameters, *declared.repeated)
    described = "; ".join(f"{one.name}: {one.kind.expects}" for one in parameters)
    return f"e_{name} takes {described or 'no arguments'}"


def _take(parameters: tuple[Parameter, ...], given: list[str]) -> list[Argument]:
    """One argument for each parameter; those that were given are taken from the list."""
    arguments: list[Argument] = []
    for parameter in parameters:
        try:
            arguments.append(parameter.kind.read(given[0]) if given else parameter.default)
        except ValueError:
            if not parameter.skipped:
                raise
            arguments.append(parameter.default)
        else:
            del given[:1]
    return arguments
