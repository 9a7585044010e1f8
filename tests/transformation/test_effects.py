"""Effects: their arguments, what leaving them out means, and the table."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given

from renditor.transformation import TransformationError, parse
from renditor.transformation.effects import EFFECTS, MAX_ARGUMENTS, NOT_MADE, Effect, EffectKind
from renditor.transformation.operations import BY_KEY, EFFECT
from renditor.transformation.values import Colour
from tests.transformation.examples import effects

READ = EffectKind().read
RED, BLUE = Colour(255, 0, 0), Colour(0, 0, 255)


@pytest.mark.parametrize(
    ("text", "arguments", "canonical"),
    [
        ("grayscale", (), "grayscale"),
        ("sepia", (80,), "sepia"),
        ("sepia:80", (80,), "sepia"),
        ("sepia:50", (50,), "sepia:50"),
        ("fill_light", (100, 0), "fill_light"),
        ("fill_light:100:-20", (100, -20), "fill_light:100:-20"),
        ("fill_light:70:0", (70, 0), "fill_light:70"),
        ("improve", ("outdoor", 100), "improve"),
        ("improve:50", ("outdoor", 50), "improve:50"),
        ("improve:indoor:50", ("indoor", 50), "improve:indoor:50"),
        ("outline:15:200", ("both", 15, 200), "outline:15:200"),
        ("outline:inner", ("inner", 5, 0), "outline:inner"),
        ("pixelate", ("auto",), "pixelate"),
        ("pixelate:9", (9,), "pixelate:9"),
        ("trim:15:blue", (15, BLUE), "trim:15:0000ff"),
        ("trim", (10, "auto"), "trim"),
        ("replace_color:red", (RED, 50, "auto"), "replace_color:ff0000"),
        ("replace_color:silver:55:00f", (Colour(192, 192, 192), 55, BLUE), "replace_color:c0c0c0:55:0000ff"),
        ("replace_color:rgb:ff0000:50", (RED, 50, "auto"), "replace_color:ff0000"),
        ("tint", ("plain", 60, RED, "auto"), "tint"),
        ("tint:100:red:blue", ("plain", 100, RED, "auto", BLUE, "auto"), "tint:100:ff0000:0000ff"),
        ("tint:equalize:100:red:0p:blue:40.5p", ("equalize", 100, RED, 0, BLUE, Decimal("40.5")), None),
        ("cartoonify:80:bw", (80, "bw"), "cartoonify:80:bw"),
        ("gradient_fade:symmetric", ("symmetric", 20), "gradient_fade:symmetric"),
        ("gradient_fade:30", ("plain", 30), "gradient_fade:30"),
    ],
)
def test_arguments_and_defaults(text: str, arguments: tuple[object, ...], canonical: str | None) -> None:
    effect = READ(text)
    assert effect.arguments == arguments
    assert EffectKind().write(effect) == (canonical or text.replace("red", "ff0000").replace("blue", "0000ff"))


@pytest.mark.parametrize(
    "text",
    [
        *("sepia:0", "sepia:101", "sepia:50:1", "sepia:", "sepia:x", "Sepia", "grayscale:1", "blur:2001", "hue:101"),
        *("improve:50:indoor", "trim:blue", "outline:5:3000", "replace_color:rgb", "", ":"),
        *("tint:100:red:40", "tint:" + ":".join(["red"] * MAX_ARGUMENTS)),
    ],
)
def test_arguments_that_are_refused(text: str) -> None:
    with pytest.raises(TransformationError, match="Invalid value in e_"):
        parse(f"e_{text}")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("e_blur:99999", "e_blur takes strength: a number from 1 to 2000"),
        ("e_grayscale:3", "e_grayscale takes no arguments"),
        ("e_sepai", "Is it e_sepia?"),
        ("e_" + "x" * 500, "sepia:50"),
    ],
)
def test_a_refused_effect_says_what_it_takes(text: str, hint: str) -> None:
    with pytest.raises(TransformationError) as caught:
        parse(text)
    assert caught.value.hint is not None
    assert caught.value.hint.endswith(hint)


@given(effects())
def test_every_effect_reads_back(text: str) -> None:
    effect = READ(text)
    assert READ(EffectKind().write(effect)) == effect
    assert len(effect.arguments) >= len(EFFECTS[effect.name].parameters)


def test_the_table_is_consistent() -> None:
    assert not EFFECTS.keys() & NOT_MADE
    assert list(EFFECTS) == sorted(EFFECTS)
    for declared in EFFECTS.values():
        assert declared.uses <= BY_KEY.keys()
        for parameter in (*declared.parameters, *declared.repeated):
            written = parameter.kind.write(parameter.default)  # type: ignore[arg-type]
            assert parameter.kind.read(written) == parameter.default


def test_one_effect_for_each_component_the_last_one() -> None:
    (component,) = parse("e_sepia,e_grayscale")
    assert component.get(EFFECT) == Effect("grayscale")
