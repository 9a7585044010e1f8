"""The grammar: what is read, what is refused and how, and the canonical form."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from renditor.transformation import (
    Transformation,
    TransformationError,
    UnsupportedTransformation,
    parse,
)
from renditor.transformation.expressions import Deferred
from renditor.transformation.grammar import MAX_COMPONENTS, MAX_LENGTH, MAX_LINKS, read_value
from renditor.transformation.operations import (
    ANGLE,
    ASPECT_RATIO,
    BACKGROUND,
    CROP,
    DPR,
    FLAG,
    FORMAT,
    GRAVITY,
    HEIGHT,
    OPERATIONS,
    QUALITY,
    START,
    STREAMING_PROFILE,
    WIDTH,
    X,
    Y,
)
from renditor.transformation.values import AUTO, Auto, AutoQuality, Colour, Flag, SampledQuality, Share, Turn
from tests.transformation.examples import EXAMPLES, chains, parameters


def test_every_operation_has_examples_a_doc_and_a_place_in_alphabetical_order() -> None:
    keys = [operation.key for operation in OPERATIONS]
    assert keys == sorted(EXAMPLES)
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert all(operation.doc.endswith(".") and operation.kind.expects for operation in OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.key)
def test_values_read_back_as_they_are_written(operation) -> None:
    for text in EXAMPLES[operation.key]:
        value = read_value(operation, text)
        written = value.text if isinstance(value, Deferred) else operation.kind.write(value)
        assert read_value(operation, written) == value
        again = read_value(operation, written)
        assert (again.text if isinstance(again, Deferred) else operation.kind.write(again)) == written


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("w_0100,h_50", "h_50,w_100"),
        ("c_scale,w_100", "w_100"),
        ("c_scale", ""),
        ("w_1.0", "w_1.0"),
        ("w_1", "w_1"),
        ("w_.50", "w_0.5"),
        ("c_fill,g_center,w_10", "c_fill,w_10"),
        ("c_crop,g_center,w_10,x_1", "c_crop,g_center,w_10,x_1"),
        ("dpr_1.0,w_5", "w_5"),
        ("dpr_2.0,w_5", "dpr_2,w_5"),
        ("ar_1.5,c_crop", "ar_3:2,c_crop"),
        ("ar_32:18,c_fill,w_9", "ar_16:9,c_fill,w_9"),
        ("a_-90", "a_270"),
        ("a_360", ""),
        ("a_90.80.70", "a_240"),
        ("a_hflip.vflip", "a_180"),
        ("a_vflip", "a_vflip"),
        ("a_90.hflip", "a_hflip.270"),
        ("b_white,c_pad,w_9", "b_rgb:ffffff,c_pad,w_9"),
        ("b_rgb:F00F", "b_rgb:ff0000"),
        ("b_rgb:12345600", ""),
        ("f_jpeg,q_auto:good", "f_jpg,q_auto"),
        ("fl_progressive.attachment", "fl_attachment.progressive"),
        ("fl_progressive,fl_attachment:a%2ejpg", "fl_attachment:a%2Ejpg.progressive"),
        ("w_1,w_2", "w_2"),
        ("so_1.50,w_320", "so_1.5,w_320"),
        ("w_800/a_0/c_fill,g_north,h_20,w_10", "w_800/c_fill,g_north,h_20,w_10"),
        ("w_100_add_5,h_2_mul_3.5", "h_7,w_105"),
        ("w_200.5", "w_201"),
        ("w_auto:breakpoints", "w_auto"),
        ("w_auto:breakpoints_200_1000_30_8", "w_auto:100"),
        ("q_80:420", "q_80:420"),
        ("q_70:qmax_20", "q_70"),
        ("q_auto:good:444", "q_auto:444"),
        ("f_auto:image", "f_auto"),
        ("f_tif", "f_tiff"),
        ("a_exif.12", "a_12"),
        ("a_auto_right,w_5", "a_auto_right,w_5"),
        ("c_fill,g_face:center,w_5", "c_fill,g_face:center,w_5"),
        ("fl_rasterize.force_strip", ""),
        ("fl_progressive:semi", "fl_progressive:semi"),
        ("bo_0px_solid_red,r_0,o_100", ""),
        ("bo_05px_solid_red", "bo_5px_solid_rgb:ff0000"),
        ("r_10:10:10:10", "r_10"),
        ("r_10:20:10:20", "r_10:20"),
        ("r_10:20:30:20", "r_10:20:30"),
        ("r_max", "r_max"),
        ("b_blurred:100:0", "b_blurred"),
        ("b_auto:border", "b_auto"),
        ("b_auto:border_gradient:2", "b_auto:border_gradient"),
        ("b_auto:border:palette_red_0F0", "b_auto:border:palette_ff0000_00ff00"),
        ("b_auto:predominant_gradient_contrast:4:vertical", "b_auto:predominant_gradient_contrast:4:vertical"),
        ("cs_no_cmyk", ""),
        # What can have no effect where it stands.
        ("x_5,w_10", "w_10"),
        ("c_fill,w_10,y_5", "c_fill,w_10"),
        ("c_fill,g_xy_center,w_10,y_5", "c_fill,g_xy_center,w_10,y_5"),
        ("w_10,g_north_west", "w_10"),
        ("c_fit,g_face,w_10,z_2", "c_fit,w_10"),
        ("c_thumb,g_face,w_10,z_2", "c_thumb,g_face,w_10,z_2"),
        ("co_red,w_10", "w_10"),
        ("co_red,e_colorize", "co_rgb:ff0000,e_colorize"),
        ("dpr_2,f_png", "f_png"),
        ("dpr_2,r_20", "dpr_2,r_20"),
        ("ar_2,h_5,w_5", "h_5,w_5"),
        ("e_screen,w_5", "w_5"),
        ("e_blur_region:9,h_2,w_3,x_4,y_5", "e_blur_region:9,h_2,w_3,x_4,y_5"),
        ("e_sepia,x_4", "e_sepia"),
        ("e_shadow,x_4", "e_shadow,x_4"),
    ],
)
def test_canonical_form(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)


def test_typed_values() -> None:
    (component,) = parse(
        "a_hflip.90,b_rgb:01020304,c_pad,dpr_1.5,f_avif,fl_attachment:x,g_east,h_0.5,q_auto:eco,w_7,x_-3,y_2"
    )
    assert component.get(ANGLE) == Turn(mirrored=True, degrees=90)
    assert next(iter(parse("ar_32:18,c_fill"))).get(ASPECT_RATIO) == Fraction(16, 9)
    assert component.get(BACKGROUND) == Colour(1, 2, 3, 4)
    assert component.get(CROP) == "pad"
    assert component.get(DPR) == Decimal("1.5")
    assert component.get(FORMAT) == "avif"
    assert component.get(FLAG) == frozenset({Flag("attachment", "x")})
    assert component.get(GRAVITY) == "east"
    assert component.get(HEIGHT) == Share(Decimal("0.5"))
    assert component.get(QUALITY) == AutoQuality("eco")
    assert component.get(WIDTH) == 7
    assert (component.get(X), component.get(Y)) == (-3, 2)
    assert component.get(START) is None
    assert component.get(STREAMING_PROFILE) is None
    (other,) = parse("dpr_auto,q_80:444,w_auto:50:600")
    assert (other.get(DPR), other.get(QUALITY), other.get(WIDTH)) == (AUTO, SampledQuality(80, 444), Auto(50, 600))


def test_one_pixel_and_the_whole_width_are_different_values() -> None:
    assert parse("w_1") != parse("w_1.0")


def test_values_of_the_whole_chain() -> None:
    chain = parse("f_png,q_10,fl_attachment:a,w_9/f_webp,w_8,fl_attachment:b")
    assert (chain.last(FORMAT), chain.last(QUALITY)) == ("webp", 10)
    assert chain.flag("attachment") == Flag("attachment", "b")
    assert chain.flag("progressive") is None
    assert str(chain.without(FORMAT, QUALITY, FLAG)) == "w_9/w_8"
    assert chain.without(FORMAT, QUALITY, FLAG, WIDTH) == Transformation()
    assert not Transformation()


def test_length_and_number_of_components_are_limited() -> None:
    with pytest.raises(TransformationError, match=f"longer than {MAX_LENGTH}"):
        parse("w_1," * MAX_LENGTH)
    assert len(parse("/".join(["w_1"] * MAX_COMPONENTS)).components) == MAX_COMPONENTS
    with pytest.raises(TransformationError, match=f"more than {MAX_COMPONENTS}"):
        parse("/".join(["w_1"] * (MAX_COMPONENTS + 1)))
    # Components without effect count too: they cost time to read.
    with pytest.raises(TransformationError, match=f"more than {MAX_COMPONENTS}"):
        parse("/".join(["a_0"] * (MAX_COMPONENTS + 1)))
    longest = "/".join(["l_a,g_west"] * 8 + ["w_1"] * (MAX_COMPONENTS - 8))
    assert parse(str(parse(longest))) == parse(longest)
    with pytest.raises(TransformationError, match=f"more than {MAX_LINKS}"):
        parse("/".join(["if_end"] * (MAX_LINKS + 1)))


def test_the_part_in_a_message_is_short() -> None:
    with pytest.raises(TransformationError) as caught:
        parse("w_" + "9" * 1000)
    assert len(caught.value.part) == 80


def test_presets_are_put_in_place() -> None:
    presets = {"card": "c_fill,w_300,h_200/q_70", "none": ""}
    assert str(parse("t_card/f_webp", presets)) == "c_fill,h_200,w_300/q_70/f_webp"
    assert parse("t_none", presets) == Transformation()
    assert str(parse("t_card.none.card", presets)) == "c_fill,h_200,w_300/q_70/c_fill,h_200,w_300/q_70"
    assert str(parse("q_9,t_card", presets)) == "c_fill,h_200,w_300/q_70/q_9"


def test_a_preset_may_hold_variables_and_layers() -> None:
    presets = {"portrait": "c_thumb,g_face,h_$side,w_$side", "mark": "l_logo,g_west"}
    assert str(parse("$side_5/t_portrait", presets)) == "$side_5/c_thumb,g_face,h_$side,w_$side"
    assert str(parse("t_mark", presets)) == "l_logo/fl_layer_apply,g_west"


def test_presets_that_are_not_known_here_stay() -> None:
    assert str(parse("w_5/t_card,h_1")) == "w_5/h_1,t_card"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t_unknown", "Unknown preset t_unknown"),
        ("t_card.unknown", "Unknown preset t_unknown"),
        ("t_card..card", "Invalid value in t_card..card"),
        ("t_", "Invalid value in t_"),
        ("t_broken", "Unusable preset t_broken"),
        ("t_loop", "Unusable preset t_loop"),
        ("t_long/" * 10 + "w_1", f"The transformation has more than {MAX_COMPONENTS} components"),
    ],
)
def test_presets_that_are_refused(text: str, message: str) -> None:
    presets = {"card": "w_300", "broken": "w_abc", "loop": "t_card", "long": "w_1/w_2/w_3"}
    with pytest.raises(TransformationError) as caught:
        parse(text, presets)
    assert caught.value.detail == message


@given(
    st.text(max_size=200)
    | st.text(alphabet="whcgqfabtxy_./,:%0123456789-auto", max_size=120)
    | st.text(alphabet="$()!abiwhlt_text:/,%2C0123456789muldivpow-+*^if_else_end_gt", max_size=120)
    | st.lists(st.sampled_from([*"/,:_.$!%-+*^", "if", "w", "9", "l_text:", "pow", "iw", "$a", "2C"])).map("".join)
)
@example("x_-0.0,c_crop")
@example("$a_9_pow_9_pow_9_pow_9")
@example("w_9_pow_9_pow_9_pow_9")
@example("w_iw_mod_0")
@example("a_1/a_0/$b_2/$a_1/w_$b,h_$a")
def test_nothing_but_a_transformation_error_comes_out(text: str) -> None:
    try:
        parsed = parse(text)
    except TransformationError:
        return
    assert parse(str(parsed)) == parsed


@given(chains())
@example("if_w_gt_5/$a_1")
@example("if_w_gt_5/a_0/if_else/w_5")
@example("$a_1/a_0/$b_2/w_$b,h_$a")
@example("$a_1,$b_$a/w_5")
def test_round_trip(text: str) -> None:
    try:
        parsed = parse(text)
    except TransformationError as error:
        assert not isinstance(error, UnsupportedTransformation)
        return
    canonical = str(parsed)
    assert parse(canonical) == parsed
    assert str(parse(canonical)) == canonical
    assert hash(parse(canonical)) == hash(parsed)


@given(
    st.lists(
        parameters(),
        min_size=1,
        max_size=6,
        unique_by=lambda text: text[0] if text[0] == "$" else text.partition("_")[0],
    ),
    st.randoms(),
)
def test_the_order_of_parameters_does_not_matter(parts: list[str], random) -> None:
    shuffled = random.sample(parts, len(parts))
    try:
        assert parse(",".join(parts)) == parse(",".join(shuffled))
    except TransformationError:
        with pytest.raises(TransformationError):
            parse(",".join(shuffled))


def _matrix(turn: Turn) -> list[tuple[int, int]]:
    """Where the four corners of a square go, for turns by quarters."""
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    if turn.mirrored:
        corners = [(-x, y) for x, y in corners]
    for _ in range(turn.degrees // 90):
        corners = [(-y, x) for x, y in corners]
    return corners


@given(st.lists(st.sampled_from(["90", "180", "-90", "hflip", "vflip"]), min_size=1, max_size=6))
def test_flips_and_quarter_turns_compose_like_the_square(parts: list[str]) -> None:
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    for part in parts:
        if part == "hflip":
            corners = [(-x, y) for x, y in corners]
        elif part == "vflip":
            corners = [(x, -y) for x, y in corners]
        else:
            for _ in range(int(part) % 360 // 90):
                corners = [(-y, x) for x, y in corners]
    turn = ANGLE.kind.read(".".join(parts))
    assert isinstance(turn, Turn)
    assert _matrix(turn) == corners


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("w_100,fl_attachment", "w_100"),
        ("c_crop,fl_attachment:x,w_10,x_0", "c_crop,w_10,x_0"),
        ("fl_attachment.progressive,w_100", "fl_progressive,w_100"),
        ("fl_attachment/w_5", "w_5"),
        ("fl_attachment", ""),
        ("w_100,fl_progressive", "fl_progressive,w_100"),
    ],
)
def test_a_flag_can_be_left_out(text: str, left: str) -> None:
    assert parse(text).without_flag("attachment") == parse(left)
