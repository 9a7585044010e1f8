"""Layers: what is laid over a picture, its text and its brackets."""

from __future__ import annotations

import base64
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.transformation import TransformationError, parse
from renditor.transformation.layers import (
    MAX_TEXT,
    FetchLayer,
    ImageLayer,
    LayerKind,
    SubtitlesLayer,
    TextLayer,
    TextStyle,
    VideoLayer,
    layers_of,
    read_style,
    write_style,
)
from renditor.transformation.structure import MAX_LAYERS

KIND = LayerKind()
ARIAL = TextStyle("Arial", 20)


def encoded(url: str) -> str:
    return base64.urlsafe_b64encode(url.encode()).decode()


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("logo", ImageLayer("logo")),
        ("brand:2024:logo.png", ImageLayer("brand/2024/logo.png")),
        ("a%2Cb", ImageLayer("a,b")),
        ("abcאבגж", ImageLayer("abcאבגж")),
        ("image:text:x", ImageLayer("text/x")),
        ("text", ImageLayer("text")),
        ("video:pets:dog", VideoLayer("pets/dog")),
        ("fetch:" + encoded("http://example.com/ü"), FetchLayer("http://example.com/ü")),
        ("fetch:" + encoded("http://example.com/a").rstrip("="), FetchLayer("http://example.com/a")),
        ("subtitles:talk.srt", SubtitlesLayer("talk.srt")),
        ("subtitles:arial_20_bold:pets:talk.srt", SubtitlesLayer("pets/talk.srt", "arial_20_bold")),
        ("subtitles:pets:talk.srt", SubtitlesLayer("pets/talk.srt")),
        ("subtitles:arial_20_bold:talk.srt", SubtitlesLayer("talk.srt", "arial_20_bold")),
        ("text:Arial_20:hello", TextLayer(ARIAL, "hello")),
        ("text:Arial_20:10:30%2C a%2Fb", TextLayer(ARIAL, "10:30, a/b")),
        ("text:Arial_20:10:30", TextLayer(ARIAL, "10:30")),
        ("text:Arial_20:he%252C%252Fllo", TextLayer(ARIAL, "he,/llo")),
        ("text:Arial_20:he%2C%2fllo", TextLayer(ARIAL, "he,/llo")),
        ("text:Arial_20:100%25 %E2%98%83%0Anext", TextLayer(ARIAL, "100% ☃\nnext")),
        ("text:Times%20New%20Roman_20:x", TextLayer(TextStyle("Times New Roman", 20), "x")),
        ("text:Arial_20_antialias_fast_hinting_full:x", TextLayer(ARIAL, "x")),
        ("text:Arial_20_start:x", TextLayer(ARIAL, "x")),
        ("text:headline:x", TextLayer("headline", "x")),
        ("text:headline", TextLayer("headline", "")),
    ],
)
def test_layers_are_read(text: str, layer: object) -> None:
    assert KIND.read(text) == layer
    assert KIND.read(KIND.write(KIND.read(text))) == layer


@pytest.mark.parametrize(
    "text",
    [
        *("", "a::b", ":a", "..:a", "a:.", "a\\b", "a\nb", "x" * 256, "a%2F..%2Fb", "video:", "subtitles:"),
        *("text:", "text::x", "text:Arial_0:x", "text:Arial_1001:x", "text:Arial_20_wavy:x", "text:Arial_20:a%00b"),
        *("text:Arial_20:%FF", "text:Arial_20:" + "x" * (MAX_TEXT + 1), "text:Arial_20_letter_spacing_1001:x"),
        *("fetch:", "fetch:*", "fetch:gICA", "fetch:" + encoded("http://a/\n"), "fetch:" + encoded("x" * 1001)),
    ],
)
def test_layers_that_are_refused(text: str) -> None:
    with pytest.raises(TransformationError, match="Invalid value in l_"):
        parse(f"h_5,l_{text}")


STYLES = st.builds(
    TextStyle,
    font=st.from_regex(r"[A-Za-z]{1,9}( [A-Za-z]{1,9})?", fullmatch=True),
    size=st.integers(1, 1000),
    weight=st.sampled_from(["normal", "bold", "light"]),
    style=st.sampled_from(["normal", "italic"]),
    decoration=st.sampled_from(["none", "underline", "strikethrough"]),
    align=st.sampled_from(["left", "center", "right", "justify"]),
    stroke=st.booleans(),
    letter_spacing=st.decimals(-99, 99, places=2).map(lambda number: (number + 0).normalize()),
    line_spacing=st.none() | st.decimals(-99, 99, places=1).map(lambda number: (number + 0).normalize()),
)


@given(STYLES)
def test_styles_read_back(style: TextStyle) -> None:
    assert read_style(write_style(style)) == style


def test_a_style_with_everything() -> None:
    style = read_style("Open Sans_18_bold_italic_underline_right_stroke_letter_spacing_-2.5_line_spacing_30")
    assert style == replace(
        TextStyle("Open Sans", 18, "bold", "italic", "underline", "right"),
        stroke=True,
        letter_spacing=Decimal("-2.5"),
        line_spacing=Decimal(30),
    )


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60))
def test_any_text_goes_through_a_transformation(text: str) -> None:
    """All but what stands for a comma or slash already: nobody writes %2C and means these three characters."""
    if "%2c" in text.lower() or "%2f" in text.lower():
        return
    layer = TextLayer(ARIAL, text)
    (found,) = layers_of(parse(f"w_5/l_{KIND.write(layer)}"))
    assert found == layer


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("l_logo", "l_logo/fl_layer_apply"),
        ("l_logo,w_9,g_west,x_1", "l_logo,w_9/fl_layer_apply,g_west,x_1"),
        ("l_logo/w_9/fl_layer_apply,g_west", "l_logo/w_9/fl_layer_apply,g_west"),
        ("l_logo,fl_relative.tiled,w_0.5", "fl_relative,l_logo,w_0.5/fl_layer_apply.tiled"),
        ("l_logo,e_multiply,o_5", "l_logo,o_5/e_multiply,fl_layer_apply"),
        ("l_logo,e_sepia", "e_sepia,l_logo/fl_layer_apply"),
        ("l_logo,fl_layer_apply,g_west", "l_logo/fl_layer_apply,g_west"),
        ("l_a,g_west/l_b/w_5/fl_layer_apply/w_7", "l_a/fl_layer_apply,g_west/l_b/w_5/fl_layer_apply/w_7"),
        ("l_a/l_b/fl_layer_apply/fl_layer_apply", "l_a/l_b/fl_layer_apply/fl_layer_apply"),
        ("u_text:Arial_20:x,co_red,y_5", "co_rgb:ff0000,u_text:Arial_20:x/fl_layer_apply,y_5"),
        ("if_w_gt_9,l_a,g_west/w_5", "if_w_gt_9/l_a/fl_layer_apply,g_west/if_end/w_5"),
        ("if_w_gt_9/l_a/w_5/if_else/l_b/if_end", "if_w_gt_9/l_a/fl_layer_apply/w_5/if_else/l_b/fl_layer_apply/if_end"),
        ("l_a/if_w_gt_9/w_5/if_end/fl_layer_apply", "l_a/if_w_gt_9/w_5/if_end/fl_layer_apply"),
        ("l_a,c_crop,g_face/w_5/fl_layer_apply", "c_crop,g_face,l_a/w_5/fl_layer_apply"),
    ],
)
def test_every_layer_has_its_end(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fl_layer_apply", "No layer is open"),
        ("l_a/fl_layer_apply/fl_layer_apply", "No layer is open"),
        ("l_a/if_w_gt_9/fl_layer_apply/if_end", "No layer is open"),
        ("/".join(["l_a"] * (MAX_LAYERS + 1)), f"more than {MAX_LAYERS} layers"),
        ("l_a,g_auto", "Use auto gravity only"),
        ("l_a/fl_layer_apply,g_auto", "Use auto gravity only"),
    ],
)
def test_layers_that_do_not_fit(text: str, message: str) -> None:
    with pytest.raises(TransformationError, match=message):
        parse(text)


def test_all_layers_are_named_once() -> None:
    chain = parse("l_a/u_text:Arial_20:hi/fl_layer_apply/fl_layer_apply/l_a/l_$b/l_text:Arial_20:$(b)")
    assert layers_of(chain) == (ImageLayer("a"), TextLayer(ARIAL, "hi"))
