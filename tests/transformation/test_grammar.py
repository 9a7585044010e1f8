"""The grammar: what is read, what is refused and how, and the canonical form."""

from __future__ import annotations

import pickle
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from renditor.errors import InvalidTransformation
from renditor.transformation import Transformation, TransformationError, parse
from renditor.transformation.grammar import MAX_COMPONENTS, MAX_LENGTH
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
from renditor.transformation.values import AutoQuality, Colour, Flag, Share, Turn

# Values for every operation: each text is valid on its own. A row of the table without examples fails a test below.
EXAMPLES: dict[str, list[str]] = {
    "a": ["0", "90", "-90", "45", "360", "hflip", "vflip", "90.80.70", "hflip.90", "vflip.hflip"],
    "ar": ["16:9", "1.5", "1", "1.0", "4:3", "1.85356", "100", "1:100"],
    "b": ["red", "white", "transparent", "rgb:fff", "rgb:abcd", "rgb:D5D2CA", "rgb:00000000", "rebeccapurple"],
    "c": ["scale", "fit", "limit", "fill", "pad", "crop"],
    "dpr": ["1", "1.0", "2", "2.0", "0.1", "1.25", "10"],
    "f": ["auto", "jpg", "jpeg", "png", "webp", "avif", "gif"],
    "fl": ["progressive", "attachment", "attachment:a%2Emp4", "attachment:my file", "progressive.attachment:x"],
    "g": ["center", "north", "south", "east", "west", "north_west", "north_east", "south_west", "south_east"],
    "h": ["1", "0001", "10000", "0.5", "1.0", ".25", "10.0"],
    "q": ["1", "80", "100", "auto", "auto:best", "auto:good", "auto:eco", "auto:low"],
    "so": ["0", "1", "2.50", "86400", "0.001"],
    "sp": ["auto"],
    "w": ["1", "0100", "10000", "0.5", "1.0"],
    "x": ["0", "-5", "65535", "0.5", "-0.25", "-0.0"],
    "y": ["0", "-5", "65535", "0.5"],
}


def parameters() -> st.SearchStrategy[str]:
    return st.sampled_from([f"{key}_{text}" for key, texts in EXAMPLES.items() for text in texts])


def chains() -> st.SearchStrategy[str]:
    component = st.lists(parameters(), min_size=1, max_size=8).map(",".join)
    return st.lists(component, min_size=1, max_size=5).map("/".join)


def test_every_operation_has_examples_a_doc_and_a_place_in_alphabetical_order() -> None:
    keys = [operation.key for operation in OPERATIONS]
    assert keys == sorted(EXAMPLES)
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)
    assert all(operation.doc.endswith(".") and operation.kind.expects for operation in OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.key)
def test_values_read_back_as_they_are_written(operation) -> None:
    for text in EXAMPLES[operation.key]:
        value = operation.kind.read(text)
        written = operation.kind.write(value)
        assert operation.kind.read(written) == value
        assert operation.kind.write(operation.kind.read(written)) == written


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
    ],
)
def test_canonical_form(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)


def test_typed_values() -> None:
    (component,) = parse(
        "a_hflip.90,ar_16:9,b_rgb:01020304,c_pad,dpr_1.5,f_avif,fl_attachment:x,g_east,h_0.5,q_auto:eco,w_7,x_-3,y_2"
    )
    assert component.get(ANGLE) == Turn(mirrored=True, degrees=90)
    assert component.get(ASPECT_RATIO) == Fraction(16, 9)
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


@pytest.mark.parametrize(
    ("text", "message", "part"),
    [
        ("e_sepia", "Unsupported transformation e_sepia", "e_sepia"),
        ("w_100,e_sepia:80", "Unsupported transformation e_sepia:80", "e_sepia:80"),
        ("w_100/l_logo/fl_layer_apply", "Unsupported transformation l_logo", "l_logo"),
        ("$w_100", "Unsupported transformation $w_100", "$w_100"),
        ("if_w_gt_100", "Unsupported transformation if_w_gt_100", "if_w_gt_100"),
        ("cat", "Unsupported transformation cat", "cat"),
        ("w", "Unsupported transformation w", "w"),
        ("w_abc", "Invalid value in w_abc", "w_abc"),
        ("w_", "Invalid value in w_", "w_"),
        ("w_0", "Invalid value in w_0", "w_0"),
        ("w_-5", "Invalid value in w_-5", "w_-5"),
        ("w_10001", "Invalid value in w_10001", "w_10001"),
        ("w_10.5", "Invalid value in w_10.5", "w_10.5"),
        ("w_0.0", "Invalid value in w_0.0", "w_0.0"),
        ("w_1e3", "Invalid value in w_1e3", "w_1e3"),
        ("w_\u0661\u0660", "Invalid value in w_\u0661\u0660", "w_\u0661\u0660"),
        ("w_auto", "Invalid value in w_auto", "w_auto"),
        ("h_+1", "Invalid value in h_+1", "h_+1"),
        ("c_thumb,w_1", "Invalid value in c_thumb", "c_thumb"),
        ("g_face", "Invalid value in g_face", "g_face"),
        ("q_0", "Invalid value in q_0", "q_0"),
        ("q_101", "Invalid value in q_101", "q_101"),
        ("q_auto:worst", "Invalid value in q_auto:worst", "q_auto:worst"),
        ("f_heic", "Invalid value in f_heic", "f_heic"),
        ("ar_0", "Invalid value in ar_0", "ar_0"),
        ("ar_16:0", "Invalid value in ar_16:0", "ar_16:0"),
        ("ar_1:101", "Invalid value in ar_1:101", "ar_1:101"),
        ("a_361", "Invalid value in a_361", "a_361"),
        ("a_90.1.1.1.1.1.1.1.1", "Invalid value in a_90.1.1.1.1.1.1.1.1", "a_90.1.1.1.1.1.1.1.1"),
        ("b_rgb:12345", "Invalid value in b_rgb:12345", "b_rgb:12345"),
        ("b_nocolour", "Invalid value in b_nocolour", "b_nocolour"),
        ("dpr_0", "Invalid value in dpr_0", "dpr_0"),
        ("dpr_11", "Invalid value in dpr_11", "dpr_11"),
        ("so_-1", "Invalid value in so_-1", "so_-1"),
        ("sp_hd", "Invalid value in sp_hd", "sp_hd"),
        ("fl_lossy", "Invalid value in fl_lossy", "fl_lossy"),
        ("fl_attachment:", "Invalid value in fl_attachment:", "fl_attachment:"),
        ("fl_progressive:x", "Invalid value in fl_progressive:x", "fl_progressive:x"),
        (
            "fl_attachment:a.attachment:b",
            "Invalid value in fl_attachment:a.attachment:b",
            "fl_attachment:a.attachment:b",
        ),
        ("fl_attachment:a,fl_attachment:b", "Contradiction in fl_attachment:b", "fl_attachment:b"),
        ("fl_attachment:a%22b", "Invalid value in fl_attachment:a%22b", "fl_attachment:a%22b"),
        ("fl_attachment:a%0D%0Ab", "Invalid value in fl_attachment:a%0D%0Ab", "fl_attachment:a%0D%0Ab"),
        ("fl_attachment:%FF", "Invalid value in fl_attachment:%FF", "fl_attachment:%FF"),
        ("x_5,w_10", "Without effect: x_5", "x_5"),
        ("c_fill,w_10,y_5", "Without effect: y_5", "y_5"),
        ("w_1//w_2", "Empty part in /", "/"),
        ("w_1/", "Empty part in /", "/"),
        ("w_1,,h_1", "Empty part in w_1,,h_1", "w_1,,h_1"),
        ("w_1\r\nX-Evil: 1", "Invalid value in w_1??X-Evil: 1", "w_1??X-Evil: 1"),
    ],
)
def test_refused_by_name(text: str, message: str, part: str) -> None:
    with pytest.raises(TransformationError) as caught:
        parse(text)
    assert (caught.value.detail, caught.value.part) == (message, part)
    assert caught.value.status == 400


def test_a_refused_value_says_what_is_expected() -> None:
    with pytest.raises(TransformationError) as caught:
        parse("q_101")
    assert caught.value.hint == (
        "q_ (quality) takes a whole number from 1 to 100, auto, auto:best, auto:good, auto:eco or auto:low"
    )


def test_the_error_is_an_invalid_transformation_and_survives_pickling() -> None:
    with pytest.raises(InvalidTransformation) as caught:
        parse("w_abc")
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, TransformationError)
    assert (again.part, again.detail, again.hint) == ("w_abc", caught.value.detail, caught.value.hint)


def test_length_and_number_of_components_are_limited() -> None:
    with pytest.raises(TransformationError, match=f"longer than {MAX_LENGTH}"):
        parse("w_1," * MAX_LENGTH)
    assert len(parse("/".join(["w_1"] * MAX_COMPONENTS)).components) == MAX_COMPONENTS
    with pytest.raises(TransformationError, match=f"more than {MAX_COMPONENTS}"):
        parse("/".join(["w_1"] * (MAX_COMPONENTS + 1)))
    # Components without effect count too: they cost time to read.
    with pytest.raises(TransformationError, match=f"more than {MAX_COMPONENTS}"):
        parse("/".join(["a_0"] * (MAX_COMPONENTS + 1)))


def test_the_part_in_a_message_is_short() -> None:
    with pytest.raises(TransformationError) as caught:
        parse("w_" + "9" * 1000)
    assert len(caught.value.part) == 80


def test_presets_are_put_in_place() -> None:
    presets = {"card": "c_fill,w_300,h_200/q_70", "none": ""}
    assert str(parse("t_card/f_webp", presets)) == "c_fill,h_200,w_300/q_70/f_webp"
    assert parse("t_none", presets) == Transformation()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("t_unknown", "Unknown preset t_unknown"),
        ("t_card,w_10", "Invalid value in t_card,w_10"),
        ("w_10,t_card", "Unsupported transformation t_card"),
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


@given(st.text(max_size=200) | st.text(alphabet="whcgqfabtxy_./,:%0123456789-auto", max_size=120))
@example("x_-0.0,c_crop")
def test_nothing_but_a_transformation_error_comes_out(text: str) -> None:
    try:
        parsed = parse(text)
    except TransformationError:
        return
    assert parse(str(parsed)) == parsed


@given(chains())
def test_round_trip(text: str) -> None:
    try:
        parsed = parse(text)
    except TransformationError as error:
        assert error.detail.startswith(("Without effect", "Contradiction"))
        return
    canonical = str(parsed)
    assert parse(canonical) == parsed
    assert str(parse(canonical)) == canonical
    assert hash(parse(canonical)) == hash(parsed)


@given(st.lists(parameters(), min_size=1, max_size=6, unique_by=lambda text: text.partition("_")[0]), st.randoms())
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
    assert _matrix(ANGLE.kind.read(".".join(parts))) == corners


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
