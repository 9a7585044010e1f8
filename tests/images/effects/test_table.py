"""All effects together: what must hold for every one of them."""

from __future__ import annotations

from decimal import Decimal

import pytest
import pyvips
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from renditor.images.effects import EFFECTS, Look, apply, before_padding
from renditor.images.pipeline.geometry import Box
from renditor.transformation import effects as grammar
from renditor.transformation.colours import ColourKind
from renditor.transformation.effects import Argument, Effect, EffectKind, OrAuto, Parameter, PositionKind, WordOrNumber
from renditor.transformation.kinds import ChoiceKind, DecimalKind
from renditor.transformation.values import Colour
from tests.images.effects.application import applied, disc, rainbow, same
from tests.images.pictures import encoded, noise

RENDERABLE = {name: declared for name, declared in grammar.EFFECTS.items() if not declared.layers_only}
# Effects that are nothing without arguments.
BARE = {"recolor": "recolor:0:1:0:1:0:0:0:0:1"}
GROWS = {"shadow", "outline"}
SHRINKS = {"trim"}
GIVES_ALPHA = {"bgremoval", "shadow", "outline", "make_transparent", "gradient_fade"}
KEEPS_ALPHA = set(EFFECTS) - GROWS - SHRINKS - GIVES_ALPHA - {"opacity_threshold", "recolor"}
MOVES_ALPHA = {"blur", "blur_region", "blur_faces", "pixelate", "pixelate_region", "pixelate_faces"}
PICTURES = {
    "photo": noise(60, 40),
    "colours": rainbow(33, 21),
    "translucent": rainbow(40, 30, alpha=True),
    "disc": disc(48, 15.0, hole=5),
    "nothing": disc(20, -5),
    "1x1": rainbow(1, 1),
    "1x1 translucent": rainbow(1, 1, alpha=True),
    "1xN": rainbow(1, 300),
    "Nx1": rainbow(300, 1, alpha=True),
    "grey": noise(30, 30)[0].copy(interpretation="b-w").colourspace("srgb"),
}

colours = st.builds(Colour, *[st.integers(0, 255)] * 3, st.integers(1, 255))


def arguments(parameter: Parameter) -> st.SearchStrategy[Argument]:
    """Every value that the grammar lets through, the ends of ranges above all."""
    kind = parameter.kind
    auto: st.SearchStrategy[Argument] = st.nothing()
    if isinstance(kind, OrAuto):
        kind, auto = kind.kind, st.just("auto")
    match kind:
        case DecimalKind(low=low, high=high):
            return auto | st.sampled_from([low, high, parameter.default]) | st.decimals(low, high, places=2)
        case ChoiceKind(options=options):
            return st.sampled_from(sorted(options))
        case PositionKind():
            return auto | st.decimals(0, 100, places=1)
        case WordOrNumber(words=words, number=number):
            return st.sampled_from(words) | st.decimals(number.low, number.high, places=1)
        case ColourKind():
            return auto | colours
    raise AssertionError(kind)


@st.composite
def effects(draw: st.DrawFn) -> Effect:
    name = draw(st.sampled_from(sorted(RENDERABLE)))
    declared = RENDERABLE[name]
    times = st.sampled_from(sorted(declared.counts)) if declared.counts else st.integers(1, 4)
    parameters = declared.parameters + declared.repeated * draw(times)
    if name == "ordered_dither":
        return Effect(name, (Decimal(draw(st.integers(0, 18))),))
    return Effect(name, tuple(draw(arguments(parameter)) for parameter in parameters))


boxes = st.builds(Box, st.integers(-50, 80), st.integers(-50, 80), st.integers(1, 100), st.integers(1, 100))
offsets = st.none() | st.integers(-400, 400)
looks = st.builds(
    Look,
    colour=st.none() | colours,
    box=st.none() | boxes,
    faces=st.lists(boxes, max_size=3).map(tuple),
    x=offsets,
    y=offsets,
)


def test_every_effect_the_grammar_declares_is_made_and_no_other():
    assert set(EFFECTS) == set(RENDERABLE)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(effect=effects(), name=st.sampled_from(sorted(PICTURES)), look=looks)
def test_any_effect_on_any_picture(effect: Effect, name: str, look: Look):
    image = PICTURES[name]
    result = apply(image, effect, look)
    pixels = bytes(result.write_to_memory())
    assert (result.format, result.interpretation) == ("uchar", "srgb")
    if effect.name in GROWS:
        assert result.width >= image.width
        assert result.height >= image.height
    elif effect.name in SHRINKS:
        assert 1 <= result.width <= image.width
        assert 1 <= result.height <= image.height
    else:
        assert (result.width, result.height) == (image.width, image.height)
    if effect.name not in GIVES_ALPHA:
        assert result.bands == image.bands
    if effect.name in KEEPS_ALPHA - MOVES_ALPHA and image.hasalpha():
        assert same(result[3], image[3])
    assert bytes(apply(image, effect, look).write_to_memory()) == pixels  # the same again


@pytest.mark.parametrize("name", sorted(RENDERABLE))
def test_a_picture_that_can_be_read_only_once(name: str):
    content = encoded(noise(200, 900), "jpg")
    lazy = pyvips.Image.jpegload_buffer(content, access="sequential")
    effect = EffectKind().read(BARE.get(name, name))
    look = Look(box=Box(20, 300, 100, 500), faces=(Box(10, 700, 90, 90), Box(10, 50, 90, 90)))
    result = apply(lazy, effect, look).copy_memory()
    whole = apply(pyvips.Image.jpegload_buffer(content).copy_memory(), effect, look)
    assert same(result, whole)


@pytest.mark.parametrize("strength", ["blur:2000", "blur:120", "unsharp_mask:2000", "oil_paint:100", "hue:50"])
def test_a_tall_picture_that_can_be_read_only_once(strength: str):
    content = encoded(noise(40, 6000), "jpg")
    lazy = pyvips.Image.jpegload_buffer(content, access="sequential")
    assert same(applied(lazy, strength), applied(pyvips.Image.jpegload_buffer(content).copy_memory(), strength))


@pytest.mark.parametrize(
    "effect",
    [
        *(
            f"{name}:0"
            for name in ("brightness", "brightness_hsb", "contrast", "saturation", "vibrance", "hue", "gamma")
        ),
        *(f"{name}:0" for name in ("red", "green", "blue", "auto_brightness", "auto_contrast", "auto_color")),
        *(f"{name}:0" for name in ("fill_light", "improve", "colorize", "noise", "shadow", "vignette", "oil_paint")),
        "tint:0",
        "pixelate:1",
    ],
)
@pytest.mark.parametrize("picture", ["photo", "colours", "translucent", "disc"])
def test_no_strength_changes_nothing(effect: str, picture: str):
    image = PICTURES[picture]
    result = applied(image, effect)
    if image.hasalpha():  # what is transparent has no colour to be kept
        assert same(result[3], image[3])
        assert same(result.premultiply(), image.premultiply(), tolerance=1)
    else:
        assert same(result, image)


@pytest.mark.parametrize(
    ("effect", "steps"),
    [
        ("brightness", (-99, -50, 0, 50, 100)),
        ("brightness_hsb", (-99, -50, 0, 50, 100)),
        ("gamma", (-50, -20, 0, 60, 150)),
        ("fill_light", (0, 30, 60, 100)),
        ("red", (-100, -50, 0, 50, 100)),
    ],
)
def test_more_is_brighter(effect: str, steps: tuple[int, ...]):
    means = [applied(PICTURES["colours"], f"{effect}:{step}").avg() for step in steps]
    assert means == sorted(set(means))


def test_metadata_of_the_picture_stays():
    image = noise(30, 20).copy()
    image.set_type(pyvips.GValue.gstr_type, "note", "kept")
    lost = [
        name
        for name in sorted(RENDERABLE)
        if not apply(image, EffectKind().read(BARE.get(name, name)), Look(faces=(Box(1, 1, 9, 9),))).get_typeof("note")
    ]
    assert lost == []


def test_only_one_effect_comes_before_padding():
    early = [
        text
        for text in ("gradient_fade", "gradient_fade:symmetric_pad", "gradient_fade:symmetric", "blur")
        if before_padding(EffectKind().read(text))
    ]
    assert early == ["gradient_fade:symmetric_pad"]
