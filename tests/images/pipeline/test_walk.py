"""The walk: sizes along a chain, and that pixels never differ from the plan."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renditor.errors import InvalidTransformation
from renditor.images.insight import Face, Insight
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.walk import results, staged
from renditor.transformation import Transformation, parse
from renditor.transformation.values import Turn
from tests.images.oracle import coordinates
from tests.images.pictures import encoded, render

SOURCE = Size(160, 120)
PICTURE = encoded(coordinates(160, 120), "png")


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("w_80/bo_5px_solid_red", [(80, 60), (90, 70)]),
        ("w_80,r_max,bo_5px_solid_red", [(90, 70)]),
        ("bo_5px_solid_red,dpr_2,w_80", [(180, 140)]),
        ("a_auto_right,c_fill,h_50,w_20", [(20, 50)]),
        ("a_auto_right,c_limit,h_100,w_50", [(50, 67)]),
        ("a_auto_right,c_limit,h_50,w_100", [(67, 50)]),
        ("e_blur_region:200,h_10,w_10,x_5,y_5", [(160, 120)]),
        ("w_iw_div_2/w_w_div_2", [(80, 60), (40, 30)]),
        ("if_iw_gt_100/w_50/if_else/w_500/if_end", [(50, 38)]),
        ("if_fc_gt_0/w_10/if_else/w_20/if_end", [(20, 15)]),
        ("l_text:Arial_20:Hi/fl_layer_apply,g_north", [(160, 120), (160, 120), (160, 120), (160, 120)]),
    ],
)
def test_sizes_along_a_chain(text: str, sizes: list[tuple[int, int]]) -> None:
    assert results(SOURCE, parse(text)) == [Size(*size) for size in sizes]


def test_a_quarter_turn_towards_the_box() -> None:
    (component,) = parse("a_auto_left,c_fill,h_50,w_20").components
    assert staged(SOURCE, component, Insight()).before == Turn(degrees=270)
    assert staged(SOURCE.turned(), component, Insight()).before == Turn()


def test_layers_that_stand_over_the_edge_enlarge_the_picture_unless_told_not_to() -> None:
    beside = parse("l_logo/fl_layer_apply,g_east,x_-40")
    assert results(SOURCE, beside, measure=lambda *_: (Size(50, 50), Insight()))[-1] == Size(200, 120)
    within = parse("l_logo/fl_layer_apply.no_overflow,g_east,x_-40")
    assert results(SOURCE, within, measure=lambda *_: (Size(50, 50), Insight()))[-1] == SOURCE


def test_layers_measured_by_the_picture_below_or_by_its_faces() -> None:
    logo = (Size(50, 50), Insight())
    relative = parse("l_logo/c_scale,fl_relative,w_0.5/fl_layer_apply")
    assert results(SOURCE, relative, measure=lambda *_: logo)[1:3] == [Size(50, 50), Size(80, 80)]
    faces = Insight(faces=(Face(0.5, 0.5, 0.25, 0.25),))
    region = parse("l_logo/c_scale,fl_region_relative,w_1.5/fl_layer_apply,g_faces")
    assert results(SOURCE, region, faces, measure=lambda *_: logo)[2] == Size(60, 60)


RESIZING = st.builds(
    "c_{},w_{},h_{}".format,
    st.sampled_from(
        ["scale", "fit", "limit", "mfit", "fill", "lfill", "crop", "thumb", "auto", "pad", "lpad", "mpad", "fill_pad"]
    ),
    st.integers(1, 300),
    st.integers(1, 300),
)
LOOKS = st.sampled_from(
    (
        *("r_20", "r_max", "bo_3px_solid_red", "o_40", "a_90", "a_hflip", "a_37", "a_-5", "b_blue", "b_auto", "dpr_2"),
        *("e_grayscale", "e_blur:50", "e_vignette", "ar_3:2", "a_auto_right", "a_ignore", "f_png"),
    )
)
LAYERS = st.sampled_from(["l_text:Arial_20:Hi", "l_text:Arial_20:Hi/a_30/fl_layer_apply,g_south_east,x_-9"])
COMPONENTS = st.builds(lambda first, more: ",".join([first, *more]), RESIZING | LOOKS, st.lists(LOOKS, max_size=2))


def readable(text: str) -> Transformation | None:
    try:
        return parse(text)
    except InvalidTransformation:
        return None


@settings(max_examples=150, deadline=None)
@given(st.lists(COMPONENTS | LAYERS, min_size=1, max_size=4))
def test_what_is_made_has_the_size_that_was_planned(components: list[str]) -> None:
    transformation = readable("/".join(components))
    if transformation is None:
        return
    try:
        planned = results(SOURCE, transformation, measure=lambda *_: (Size(20, 14), Insight()))
    except InvalidTransformation:
        return
    made = render(PICTURE, "png", str(transformation))
    size = Size(made.meta["width"], made.meta["height"])
    assert (made.image.width, made.image.height) == (size.width, size.height)
    if "l_text" not in str(transformation):  # how large letters are, only drawing them tells
        assert size == planned[-1]


@pytest.mark.parametrize("text", ["e_trim", "e_shadow:50", "e_shadow:50,x_30,y_-20", "e_outline:fill:8:200"])
def test_where_only_pixels_know_the_plan_is_an_upper_bound(text: str) -> None:
    most = results(SOURCE, parse(text))[-1]
    made = render(PICTURE, "png", text)
    assert made.image.width <= most.width <= 2 * SOURCE.width
    assert made.image.height <= most.height <= 2 * SOURCE.height
