"""The plan of pixels, against examples worked by hand and an oracle that computes it another way."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import InvalidTransformation
from renditor.images.insight import NOTHING_KNOWN, Face, Insight
from renditor.images.pipeline.geometry import Box, Geometry, Size
from renditor.images.pipeline.modes import MAX_SCALED_SIDE, MODES, plan
from renditor.images.pipeline.walk import results
from renditor.transformation import parse
from renditor.transformation.choices import CROP_MODES
from renditor.transformation.gravity import COMPASS, GRAVITIES


def planned(source: tuple[int, int], text: str) -> Geometry:
    (component,) = parse(text).components
    return plan(Size(*source), component)


def test_every_mode_of_the_grammar_has_a_plan() -> None:
    assert MODES.keys() == CROP_MODES.keys()


LARGER, SMALLER, EQUAL, WIDE, TALL, ODD = (800, 600), (40, 30), (100, 100), (1000, 10), (10, 1000), (333, 77)


@pytest.mark.parametrize(
    ("source", "mode", "scaled", "cut", "canvas"),
    [
        (LARGER, "scale", (100, 100), None, None),
        (SMALLER, "scale", (100, 100), None, None),
        (EQUAL, "scale", (100, 100), None, None),
        (WIDE, "scale", (100, 100), None, None),
        (TALL, "scale", (100, 100), None, None),
        (ODD, "scale", (100, 100), None, None),
        (LARGER, "fit", (100, 75), None, None),
        (SMALLER, "fit", (100, 75), None, None),
        (EQUAL, "fit", (100, 100), None, None),
        (WIDE, "fit", (100, 1), None, None),
        (TALL, "fit", (1, 100), None, None),
        (ODD, "fit", (100, 23), None, None),
        (LARGER, "limit", (100, 75), None, None),
        (SMALLER, "limit", (40, 30), None, None),
        (EQUAL, "limit", (100, 100), None, None),
        (WIDE, "limit", (100, 1), None, None),
        (TALL, "limit", (1, 100), None, None),
        (ODD, "limit", (100, 23), None, None),
        (LARGER, "fill", (133, 100), Box(16, 0, 100, 100), None),
        (SMALLER, "fill", (133, 100), Box(16, 0, 100, 100), None),
        (EQUAL, "fill", (100, 100), None, None),
        (WIDE, "fill", (10000, 100), Box(4950, 0, 100, 100), None),
        (TALL, "fill", (100, 10000), Box(0, 4950, 100, 100), None),
        (ODD, "fill", (432, 100), Box(166, 0, 100, 100), None),
        (LARGER, "pad", (100, 75), None, (0, 12)),
        (SMALLER, "pad", (100, 75), None, (0, 12)),
        (EQUAL, "pad", (100, 100), None, None),
        (WIDE, "pad", (100, 1), None, (0, 49)),
        (TALL, "pad", (1, 100), None, (49, 0)),
        (ODD, "pad", (100, 23), None, (0, 38)),
        (LARGER, "crop", (100, 100), Box(350, 250, 100, 100), None),
        (SMALLER, "crop", (40, 30), Box(0, 0, 40, 30), None),
        (EQUAL, "crop", (100, 100), Box(0, 0, 100, 100), None),
        (WIDE, "crop", (100, 10), Box(450, 0, 100, 10), None),
        (TALL, "crop", (10, 100), Box(0, 450, 10, 100), None),
        (ODD, "crop", (100, 77), Box(116, 0, 100, 77), None),
    ],
)
def test_each_mode_into_a_hundred_by_a_hundred(
    source: tuple[int, int],
    mode: str,
    scaled: tuple[int, int],
    cut: Box | None,
    canvas: tuple[int, int] | None,
) -> None:
    geometry = planned(source, f"c_{mode},w_100,h_100")
    assert geometry.scaled == Size(*scaled)
    assert (geometry.region if mode == "crop" else geometry.window) == cut
    if canvas is None:
        assert geometry.canvas is None
    else:
        assert (geometry.canvas, geometry.offset) == (Size(100, 100), canvas)


@pytest.mark.parametrize(
    ("source", "text", "result"),
    [
        ((800, 600), "w_400", (400, 300)),
        ((800, 600), "h_300", (400, 300)),
        ((800, 600), "c_limit,w_1000", (800, 600)),
        ((800, 600), "c_limit,w_800", (800, 600)),
        ((1000, 3), "c_limit,w_400", (400, 1)),
        ((800, 600), "c_fit,w_1600", (1600, 1200)),
        ((800, 600), "c_fill,w_400", (400, 300)),
        ((800, 600), "c_pad,h_300", (400, 300)),
        ((800, 600), "c_crop,w_400", (400, 300)),
        ((800, 600), "w_0.5", (400, 300)),
        ((800, 600), "w_0.5,h_1.0", (400, 600)),
        ((801, 601), "w_0.5,h_0.5", (401, 301)),
        ((10, 10), "w_0.01", (1, 1)),
        ((800, 600), "ar_1:1,c_fill,w_100", (100, 100)),
        ((800, 600), "ar_16:9,c_fill,h_90", (160, 90)),
        ((800, 600), "ar_1:1,c_crop", (600, 600)),
        ((800, 600), "ar_2:1,c_crop", (800, 400)),
        ((800, 600), "ar_1:1,c_fill", (600, 600)),
        ((800, 600), "ar_1:1,c_pad", (800, 800)),
        ((800, 600), "ar_2:1,c_pad", (1200, 600)),
        ((800, 600), "ar_1:1", (600, 600)),
        ((800, 600), "ar_9:1,w_100,h_100,c_fill", (100, 100)),
        ((800, 600), "dpr_2,w_100", (200, 150)),
        ((800, 600), "c_fill,dpr_1.5,h_33,w_33", (50, 50)),
        ((800, 600), "c_limit,dpr_2,w_300", (600, 450)),
        ((800, 600), "c_limit,dpr_2,w_500", (800, 600)),
        ((800, 600), "c_crop,dpr_2,h_50,w_100", (200, 100)),
        ((800, 600), "c_fill", (800, 600)),
        ((800, 600), "c_fill,g_north", (800, 600)),
        ((800, 600), "q_80", (800, 600)),
    ],
)
def test_results(source: tuple[int, int], text: str, result: tuple[int, int]) -> None:
    assert planned(source, text).result == Size(*result)


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("c_crop,w_10,h_10,x_5,y_7", Box(5, 7, 10, 10)),
        ("c_crop,w_10,h_10,y_7", Box(0, 7, 10, 10)),
        ("c_crop,w_10,h_10,x_95,y_0", Box(95, 0, 5, 10)),
        ("c_crop,w_10,h_10,x_-4,y_0", Box(0, 0, 6, 10)),
        ("c_crop,g_center,w_10,h_10,x_5", Box(50, 20, 10, 10)),
        ("c_crop,g_south_east,w_10,h_10,x_5,y_7", Box(85, 33, 10, 10)),
        ("c_crop,g_north_east,w_10,h_10,x_5,y_7", Box(85, 7, 10, 10)),
        ("c_crop,g_north,w_10,h_10,x_-5,y_7", Box(40, 7, 10, 10)),
        ("c_crop,w_0.1,h_0.2,x_0.5,y_0.5", Box(50, 25, 10, 10)),
    ],
)
def test_regions_of_a_hundred_by_fifty(text: str, region: Box) -> None:
    assert planned((100, 50), text).region == region


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("c_pad,w_100,h_100,g_north", (0, 0)),
        ("c_pad,w_100,h_100,g_south", (0, 50)),
        ("c_pad,w_100,h_100,y_10", (0, 35)),
        ("c_pad,w_100,h_100,g_south,y_10", (0, 40)),
        ("c_pad,w_100,h_100,y_-1000", (0, 0)),
        ("c_pad,w_100,h_100,x_50,y_1000", (0, 50)),
        ("c_pad,w_50,h_50,dpr_2,g_north,y_10", (0, 20)),
    ],
)
def test_places_of_two_to_one_on_a_square(text: str, offset: tuple[int, int]) -> None:
    geometry = planned((200, 100), text)
    assert (geometry.scaled, geometry.canvas, geometry.offset) == (Size(100, 50), Size(100, 100), offset)


@pytest.mark.parametrize("text", ["x_100,y_0", "x_-10,y_0", "x_0,y_50", "g_east,x_100", "g_south,y_-10"])
def test_a_region_outside_the_picture_is_refused(text: str) -> None:
    with pytest.raises(InvalidTransformation, match="outside the picture of 100 x 50"):
        planned((100, 50), f"c_crop,w_10,h_10,{text}")


def test_a_thread_of_a_picture_does_not_become_a_giant() -> None:
    with pytest.raises(InvalidTransformation, match="enlarged to 200000000 x 10000 px"):
        planned((20_000, 1), "c_fill,w_10000,h_10000")
    assert planned((100_000, 1), "e_sepia").result == Size(100_000, 1), "what came that long may stay so"


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("", [(800, 600)]),
        ("w_400/c_crop,w_100,h_50", [(400, 300), (100, 50)]),
        ("a_90,w_400/w_0.5", [(300, 400), (150, 200)]),
        ("a_vflip", [(800, 600)]),
        ("a_45", [(990, 990)]),
        ("a_30,c_scale,w_100,h_100", [(137, 137)]),
    ],
)
def test_sizes_along_a_chain(text: str, sizes: list[tuple[int, int]]) -> None:
    assert results(Size(800, 600), parse(text)) == [Size(*size) for size in sizes]


# -- the oracle: floating sides as fractions, sets of columns instead of arithmetic on edges --------------------------


def nearest(value: Fraction) -> int:
    """Halves up, at least 1."""
    whole = value.numerator // value.denominator
    return max(1, whole + (1 if value - whole >= Fraction(1, 2) else 0))


def signed(value: Fraction) -> int:
    whole = value.numerator // value.denominator
    return whole + (1 if value - whole >= Fraction(1, 2) else 0)


def place(gravity: str, free: int, ends: tuple[str, str], offset: int) -> int:
    """Where something begins on one axis, moved away from the edge that gravity names."""
    first, last = ends
    if first in gravity.split("_"):
        return offset
    if last in gravity.split("_"):
        return free - offset
    return free // 2 + offset


def axis(length: int, wanted: int, start: int) -> list[int]:
    return sorted(set(range(length)) & set(range(start, start + wanted)))


Wish = tuple[int | Decimal | None, int | Decimal | None]


def length(wish: int | Decimal, whole: int) -> Fraction:
    return Fraction(wish) * (1 if isinstance(wish, int) else whole)


def oracle(
    source: tuple[int, int], mode: str, wish: Wish, gravity: str | None, offset: tuple[int, int] | None, dpr: Fraction
) -> Geometry | None:
    """The same plan from first principles; None where the region is empty."""
    sw, sh = source
    w, h = (None if side is None else length(side, whole) for side, whole in zip(wish, source, strict=True))
    across, down = offset or (0, 0)
    if mode == "crop":
        if w is not None:
            wide, high = nearest(w), nearest(h) if h is not None else nearest(Fraction(nearest(w) * sh, sw))
        else:
            assert h is not None
            wide, high = nearest(Fraction(nearest(h) * sw, sh)), nearest(h)
        at = gravity or ("center" if offset is None else "north_west")
        columns = axis(sw, wide, place(at, sw - wide, ("west", "east"), across))
        rows = axis(sh, high, place(at, sh - high, ("north", "south"), down))
        if not columns or not rows:
            return None
        scaled = Size(nearest(len(columns) * dpr), nearest(len(rows) * dpr))
        return Geometry(scaled=scaled, region=Box(columns[0], rows[0], len(columns), len(rows)))
    if w is None or h is None:
        if w is not None:
            size = Size(nearest(w * dpr), nearest(Fraction(nearest(w * dpr) * sh, sw)))
        else:
            assert h is not None
            size = Size(nearest(Fraction(nearest(h * dpr) * sw, sh)), nearest(h * dpr))
        grown = size.width > sw or size.height > sh
        return Geometry(scaled=Size(sw, sh) if mode == "limit" and grown else size)
    box = nearest(w * dpr), nearest(h * dpr)
    if mode == "scale":
        return Geometry(scaled=Size(*box))
    factors = Fraction(box[0], sw), Fraction(box[1], sh)
    factor = max(factors) if mode == "fill" else min(factors)
    if mode == "limit":
        factor = min(factor, Fraction(1))
    scaled = Size(nearest(sw * factor), nearest(sh * factor))
    free = scaled.width - box[0], scaled.height - box[1]
    at = gravity or "center"
    if mode == "fill" and any(free):
        left, top = place(at, free[0], ("west", "east"), 0), place(at, free[1], ("north", "south"), 0)
        return Geometry(scaled=scaled, window=Box(left, top, *box))
    if mode == "pad" and any(free):
        moved = signed(across * dpr), signed(down * dpr)
        left = place(at, -free[0], ("west", "east"), moved[0])
        top = place(at, -free[1], ("north", "south"), moved[1])
        inside = sorted((0, left, -free[0]))[1], sorted((0, top, -free[1]))[1]
        return Geometry(scaled=scaled, canvas=Size(*box), offset=inside)
    return Geometry(scaled=scaled)


SIDES = st.integers(1, 700)
WISHES = st.none() | st.integers(1, 900) | st.decimals("0.01", 3, places=2)


@given(
    st.tuples(SIDES, SIDES),
    st.sampled_from(["scale", "fit", "limit", "fill", "pad", "crop"]),
    st.tuples(WISHES, WISHES).filter(lambda wish: wish != (None, None)),
    st.none() | st.sampled_from(sorted(COMPASS)),
    st.none() | st.tuples(st.integers(-800, 800), st.integers(-800, 800)),
    st.sampled_from(["0.1", "0.5", "1", "1.5", "2", "3"]),
)
def test_the_oracle_agrees(source, mode, wish, gravity, offset, dpr) -> None:
    if mode not in {"crop", "pad"}:
        offset = None
    parts = [f"c_{mode}", f"dpr_{dpr}"]
    parts += [f"{key}_{side}" for key, side in zip("wh", wish, strict=True) if side is not None]
    parts += [f"{key}_{distance}" for key, distance in zip("xy", offset or (), strict=False)]
    parts += [f"g_{gravity}"] if gravity else []
    expected = oracle(source, mode, wish, gravity, offset, Fraction(dpr))
    if expected is None:
        with pytest.raises(InvalidTransformation, match="outside"):
            planned(source, ",".join(parts))
        return
    try:
        assert planned(source, ",".join(parts)) == expected
    except InvalidTransformation:
        assert max(expected.scaled.width, expected.scaled.height) > MAX_SCALED_SIDE


@given(
    st.tuples(SIDES, SIDES), st.fractions(Fraction(1, 100), 100, max_denominator=999), st.sampled_from(["crop", "pad"])
)
def test_a_ratio_alone_cuts_or_pads_one_side_only(source: tuple[int, int], ratio: Fraction, mode: str) -> None:
    result = planned(source, f"ar_{ratio.numerator}:{ratio.denominator},c_{mode}").result
    width, height = source
    by_width = Size(width, nearest(width / ratio))
    by_height = Size(nearest(height * ratio), height)
    assert result in {by_width, by_height}
    if mode == "crop":
        assert result.width <= width
        assert result.height <= height
    else:
        assert result.width >= width
        assert result.height >= height


# -- faces and points -------------------------------------------------------------------------------------------------

FACES = Insight(faces=(Face(0.1, 0.2, 0.2, 0.3), Face(0.7, 0.4, 0.1, 0.15)), focal_point=(0.9, 0.5))
SOURCE = (1000, 600)  # the faces: px 100-300 x 120-300, and 700-800 x 240-330


def seen(text: str, insight: Insight = FACES, source: tuple[int, int] = SOURCE) -> tuple[Size, tuple[float, ...]]:
    """Size of the result, and left, top, right, bottom of what it shows, in px of the source."""
    (component,) = parse(text).components
    geometry = plan(Size(*source), component, insight)
    region = geometry.region or Box(0, 0, *source)
    window = geometry.window or Box(0, 0, geometry.scaled.width, geometry.scaled.height)
    across, down = region.width / geometry.scaled.width, region.height / geometry.scaled.height
    left, top = region.left + window.left * across, region.top + window.top * down
    return geometry.result, (left, top, left + window.width * across, top + window.height * down)


@pytest.mark.parametrize(
    ("text", "size", "shown"),
    [
        ("c_crop,g_face", (200, 180), (100, 120, 300, 300)),
        ("c_crop,g_faces", (700, 210), (100, 120, 800, 330)),
        ("c_crop,g_face,z_0.5", (400, 360), (0, 48, 400, 408)),
        ("c_crop,g_face,z_2", (100, 90), (150, 165, 250, 255)),
        ("ar_1:1,c_crop,g_face", (200, 200), (100, 120, 300, 320)),
        ("ar_2:1,c_crop,g_face", (360, 180), (20, 120, 380, 300)),
        ("c_crop,g_face,h_300,w_300,z_2", (300, 300), (50, 75, 350, 375)),
        ("c_crop,g_face,h_100,w_100,x_50,y_50", (100, 100), (150, 160, 250, 260)),
        ("c_crop,g_auto,h_100,w_100", (100, 100), (150, 160, 250, 260)),
        ("c_thumb,g_face,h_100,w_100", (100, 100), (0, 30, 400, 430)),
        ("c_thumb,g_face,h_100,w_100,z_2", (100, 100), (100, 120, 300, 320)),
        ("c_thumb,g_face", (400, 360), (0, 48, 400, 408)),
        ("c_thumb,g_face,h_900,w_900,z_2", (900, 900), (100, 120, 300, 320)),
        ("c_thumb,g_faces,h_50,w_50", (50, 50), (0, 0, 600, 600)),
        ("c_fill,g_face,h_60,w_60", (60, 60), (0, 0, 600, 600)),
        ("c_fill,g_xy_center,h_60,w_60,x_650,y_10", (60, 60), (350, 0, 950, 600)),
        ("c_fill,g_xy_center,h_60,w_60,x_5000", (60, 60), (400, 0, 1000, 600)),
        ("c_crop,g_xy_center,h_100,w_200,x_500,y_300", (200, 100), (400, 250, 600, 350)),
        ("c_crop,g_xy_center,h_100,w_200,x_10,y_10", (200, 100), (0, 0, 200, 100)),
        ("c_thumb,g_xy_center,h_60,w_60,x_500,y_300,z_2", (60, 60), (350, 150, 650, 450)),
        ("c_thumb,g_south_east,h_60,w_60,z_2", (60, 60), (700, 300, 1000, 600)),
        ("c_auto,g_north,h_60,w_60,z_3", (60, 60), (400, 0, 600, 200)),
        ("c_fill_pad,g_faces,h_60,w_60", (60, 60), (0, 0, 850, 600)),
    ],
)
def test_what_is_shown_of_faces_and_around_points(
    text: str, size: tuple[int, int], shown: tuple[float, float, float, float]
) -> None:
    result, found = seen(text)
    assert result == Size(*size)
    assert found == pytest.approx(shown, abs=12), "a px of the result is ten of the source"


def test_without_faces_the_point_of_interest_counts() -> None:
    nobody = Insight(faces=(), focal_point=(0.9, 0.5))
    for gravity in ("face", "faces", "auto", "auto:face", "face:auto"):
        assert seen(f"c_fill,g_{gravity},h_60,w_60", nobody)[1] == pytest.approx((400, 0, 1000, 600), abs=10)
    assert seen("c_fill,g_face:center,h_60,w_60", nobody)[1] == pytest.approx((200, 0, 800, 600), abs=10)
    assert seen("c_crop,g_face", nobody) == (Size(*SOURCE), (0, 0, *SOURCE))


def test_every_gravity_plans_with_every_mode() -> None:
    for mode, gravity, insight in product(CROP_MODES, GRAVITIES, (FACES, NOTHING_KNOWN, Insight(faces=()))):
        try:
            transformation = parse(f"c_{mode},g_{gravity},h_40,w_70")
        except InvalidTransformation:
            continue
        for component in transformation:
            result = plan(Size(*SOURCE), component, insight).result
            if mode not in {"fit", "limit", "mfit", "mpad"}:
                assert result == Size(70, 40), (mode, gravity)


@pytest.mark.parametrize(
    ("source", "content", "canvas", "placed"),
    [
        # The face fits into the box that fill would show: nothing is padded.
        ((400, 200), Face(0.4, 0.4, 0.1, 0.2), None, (100, 100)),
        # Two faces far apart in a wide picture: it shrinks until both are seen, the rest is room.
        ((1000, 200), Face(0.1, 0.4, 0.6, 0.2), (100, 100), (100, 20)),
    ],
)
def test_fill_pad_pads_only_for_the_content(source, content, canvas, placed) -> None:
    (component,) = parse("c_fill_pad,g_auto,h_100,w_100").components
    geometry = plan(Size(*source), component, Insight(faces=(content,)))
    assert geometry.canvas == (Size(*canvas) if canvas else None)
    assert geometry.placed == Size(*placed)


@given(
    st.tuples(SIDES, SIDES),
    st.sampled_from(["fill_pad", "auto_pad"]),
    st.tuples(st.integers(1, 500), st.integers(1, 500)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_fill_pad_is_exactly_the_box_and_between_fill_and_pad(source, mode, box, point) -> None:
    (component,) = parse(f"c_{mode},h_{box[1]},w_{box[0]}").components
    try:
        geometry = plan(Size(*source), component, Insight(faces=(), focal_point=point))
    except InvalidTransformation:
        return
    assert geometry.result == Size(*box)
    assert geometry.placed.width <= box[0]
    assert geometry.placed.height <= box[1]
    contained = min(box[0] / source[0], box[1] / source[1])
    covering = max(box[0] / source[0], box[1] / source[1])
    assert contained * source[0] - 1 <= geometry.scaled.width <= covering * source[0] + 1
