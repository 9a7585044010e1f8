"""What is refused, how it is named, and how what is not made here is told from what is wrong."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import InvalidTransformation
from renditor.transformation import TransformationError, UnsupportedTransformation, parse, parse_supported
from tests.transformation.examples import components


@pytest.mark.parametrize(
    ("text", "message", "part"),
    [
        ("cat", "Invalid transformation cat", "cat"),
        ("w", "Invalid transformation w", "w"),
        ("zz_5", "Invalid transformation zz_5", "zz_5"),
        ("w_abc", "Invalid value in w_abc", "w_abc"),
        ("w_", "Invalid value in w_", "w_"),
        ("w_0", "Invalid value in w_0", "w_0"),
        ("w_-5", "Invalid value in w_-5", "w_-5"),
        ("w_10001", "Invalid value in w_10001", "w_10001"),
        ("w_10000.6", "Invalid value in w_10000.6", "w_10000.6"),
        ("w_0.0", "Invalid value in w_0.0", "w_0.0"),
        ("w_1e3", "Invalid value in w_1e3", "w_1e3"),
        ("w_\u0661\u0660", "Invalid value in w_\u0661\u0660", "w_\u0661\u0660"),
        ("h_+1", "Invalid value in h_+1", "h_+1"),
        ("q_0", "Invalid value in q_0", "q_0"),
        ("q_101", "Invalid value in q_101", "q_101"),
        ("q_auto:worst", "Invalid value in q_auto:worst", "q_auto:worst"),
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
        ("w_auto:0", "Invalid value in w_auto:0", "w_auto:0"),
        ("w_auto:5:0", "Invalid value in w_auto:5:0", "w_auto:5:0"),
        ("w_auto:breakpoints_9_5_1_1", "Invalid value in w_auto:breakpoints_9_5_1_1", "w_auto:breakpoints_9_5_1_1"),
        ("c_stretch", "Invalid value in c_stretch", "c_stretch"),
        ("g_middle", "Invalid value in g_middle", "g_middle"),
        ("f_hevc", "Invalid value in f_hevc", "f_hevc"),
        ("fl_lossy:x", "Invalid value in fl_lossy:x", "fl_lossy:x"),
        ("fl_shiny", "Invalid value in fl_shiny", "fl_shiny"),
        ("r_1:2:3:4:5", "Invalid value in r_1:2:3:4:5", "r_1:2:3:4:5"),
        ("r_max:-1", "Invalid value in r_max:-1", "r_max:-1"),
        ("bo_5_solid_red", "Invalid value in bo_5_solid_red", "bo_5_solid_red"),
        ("bo_2001px_solid_red", "Invalid value in bo_2001px_solid_red", "bo_2001px_solid_red"),
        ("b_blurred:0", "Invalid value in b_blurred:0", "b_blurred:0"),
        ("b_auto:border:4", "Invalid value in b_auto:border:4", "b_auto:border:4"),
        ("b_auto:border_gradient:3", "Invalid value in b_auto:border_gradient:3", "b_auto:border_gradient:3"),
        ("b_auto:loud", "Invalid value in b_auto:loud", "b_auto:loud"),
        ("o_101", "Invalid value in o_101", "o_101"),
        ("o_1.5", "Invalid value in o_1.5", "o_1.5"),
        ("f_$x", "Invalid value in f_$x", "f_$x"),
        ("e_nothing", "Invalid value in e_nothing", "e_nothing"),
        ("e_nothing:$x", "Invalid value in e_nothing:$x", "e_nothing:$x"),
        ("t_a b", "Invalid value in t_a b", "t_a b"),
        ("g_auto,w_5", "Use auto gravity only with crop, fill, lfill, fill_pad or thumb", "g_auto"),
        ("c_pad,g_auto:face,w_5", "Use auto gravity only with crop, fill, lfill, fill_pad or thumb", "g_auto:face"),
        ("c_scale,w_1|c_fit", "Invalid value in w_1|c_fit", "w_1|c_fit"),
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
    assert not isinstance(caught.value, UnsupportedTransformation)


@pytest.mark.parametrize(
    "part",
    [
        *("e_art:zorro", "e_gen_restore", "e_background_removal", "e_upscale"),
        *("vc_h264", "du_5", "eo_3", "fps_24", "ac_none", "br_500k", "fn_wasm:x.wasm"),
        *("f_heic", "f_svg", "f_mp4", "f_auto:video", "c_imagga_scale", "cs_keep_cmyk", "b_gen_fill"),
        *("g_cat", "g_adv_faces", "g_ocr_text", "g_auto:bottle", "g_auto:ocr_text_avoid", "g_cat:dog:auto:bird_30"),
        *("fl_splice", "fl_apng", "fl_clip", "q_jpegmini", "q_jpegmini:1", "w_auto:breakpoints:json"),
        *("l_lut:x.3dl", "l_private:logo", "u_authenticated:logo", "if_ils_gt_0.5", "$v_du_div_2"),
    ],
)
def test_what_is_real_and_not_made_is_told_apart_and_named(part: str) -> None:
    for text in (part, f"h_5,{part}", f"w_5/{part}"):
        with pytest.raises(UnsupportedTransformation) as caught:
            parse(text)
        assert (caught.value.detail, caught.value.part) == (f"Unsupported transformation {part}", part)
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "kept", "left_out"),
    [
        ("w_5/h_6", "w_5/h_6", ()),
        ("e_art:zorro,w_5", "w_5", ("e_art:zorro",)),
        ("c_fill,g_cat,w_5/vc_auto/f_svg", "c_fill,w_5", ("g_cat", "vc_auto", "f_svg")),
        ("l_lut:x.3dl,w_5/h_6", "h_6", ("l_lut:x.3dl",)),
        ("w_9/l_lut:x.3dl/w_5/fl_layer_apply,g_west/h_6", "w_9/h_6", ("l_lut:x.3dl",)),
        ("l_a/l_lut:x/w_5/fl_layer_apply/fl_layer_apply", "l_a/fl_layer_apply", ("l_lut:x",)),
        ("if_ils_gt_1,w_5/if_else,h_6", "if_0_gt_1/w_5/if_else/h_6/if_end", ("if_ils_gt_1",)),
    ],
)
def test_unsupported_parts_can_be_left_out(text: str, kept: str, left_out: tuple[str, ...]) -> None:
    transformation, missing = parse_supported(text)
    assert (str(transformation), missing) == (kept, left_out)
    assert parse(kept) == transformation


def test_leaving_out_is_no_pardon_for_what_is_invalid() -> None:
    with pytest.raises(TransformationError, match="Invalid value in w_abc"):
        parse_supported("e_art:zorro,w_abc")
    assert str(parse_supported("t_a,vc_auto", {"a": "w_7"})[0]) == "w_7"


def test_a_refused_value_says_what_is_expected() -> None:
    with pytest.raises(TransformationError) as caught:
        parse("q_101")
    assert caught.value.hint == (
        "q_ (quality) takes a whole number from 1 to 100, auto, auto:best, auto:good, auto:eco or auto:low;"
        " each with :420, :422 or :444"
    )


@pytest.mark.parametrize("part", ["w_abc", "vc_auto"])
def test_the_error_is_an_invalid_transformation_and_survives_pickling(part: str) -> None:
    with pytest.raises(TransformationError) as caught:
        parse(part)
    assert isinstance(caught.value, InvalidTransformation)
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is type(caught.value)
    assert (again.part, again.detail, again.hint) == (part, caught.value.detail, caught.value.hint)


@given(st.lists(components(), min_size=1, max_size=4), st.sampled_from(["vc_auto", "e_art:x", "g_cat", "fl_splice"]))
def test_leaving_out_gives_what_the_rest_alone_gives(parts: list[str], real: str) -> None:
    try:
        expected = parse("/".join(parts))
    except TransformationError:
        return
    mixed = "/".join(f"{part},{real}" if place % 2 else f"{real},{part}" for place, part in enumerate(parts))
    assert parse_supported(mixed) == (expected, (real,) * len(parts))
