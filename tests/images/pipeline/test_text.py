"""Text drawn by the real Pango in the fonts of the package."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renditor.errors import InvalidTransformation
from renditor.images.pipeline.lettering import TextLook
from renditor.images.pipeline.text import FAMILIES, description, draw, markup
from renditor.transformation.layers import TextStyle
from renditor.transformation.looks import Border
from renditor.transformation.values import Colour

ARIAL = TextStyle("Arial", 40)
RED, YELLOW = Colour(255, 0, 0), Colour(255, 255, 0)

Pixels = npt.NDArray[np.uint8]


def drawn(text: str, style: TextStyle = ARIAL, look: TextLook | None = None) -> Pixels:
    return np.asarray(draw(text, style, look or TextLook()).numpy())


def size(text: str, style: TextStyle = ARIAL, look: TextLook | None = None) -> tuple[int, int]:
    height, width, _ = drawn(text, style, look).shape
    return width, height


def test_the_size_is_that_of_the_letters_in_px() -> None:
    width, height = size("H", TextStyle("Arial", 100))
    assert height == 69  # capitals of Liberation Sans are 0.688 of the font size high
    assert 56 <= width <= 60
    twice = size("H", TextStyle("Arial", 200))
    assert abs(twice[0] - 2 * width) <= 2
    assert abs(twice[1] - 2 * height) <= 2


def test_letters_reach_all_edges_and_have_the_colour() -> None:
    pixels = drawn("Hello", look=TextLook(RED))
    alpha = pixels[..., 3]
    assert all(edge.max() > 60 for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]))
    assert (pixels[alpha > 0][:, :3] == (255, 0, 0)).all()
    assert alpha.min() == 0
    assert alpha.max() == 255
    faint = drawn("Hello", look=TextLook(Colour(255, 0, 0, 128)))[..., 3]
    assert faint.max() == 128


def test_text_that_is_not_trimmed_has_room_around_it() -> None:
    tight, loose = size("Hello"), size("Hello", look=TextLook(trimmed=False))
    assert loose == (tight[0] + 16, tight[1] + 16)


@pytest.mark.parametrize(
    "other",
    [
        replace(ARIAL, weight="bold"),
        replace(ARIAL, style="italic"),
        replace(ARIAL, weight="bold", style="italic"),
        replace(ARIAL, decoration="underline"),
        replace(ARIAL, decoration="strikethrough"),
        replace(ARIAL, letter_spacing=Decimal(5)),
        replace(ARIAL, font="Times"),
        replace(ARIAL, font="Courier"),
        replace(ARIAL, font="Times", style="italic"),
        replace(ARIAL, font="Courier", style="italic"),
    ],
    ids=description,
)
def test_every_style_shows(other: TextStyle) -> None:
    plain, styled = drawn("Hello world"), drawn("Hello world", other)
    assert plain.shape != styled.shape or (plain != styled).any()
    upright = drawn("Hello world", replace(other, style="normal"))
    assert other.style == "normal" or upright.shape != styled.shape or (upright != styled).any()


def test_spacing_is_in_px() -> None:
    width, _ = size("HHHHH")
    assert size("HHHHH", replace(ARIAL, letter_spacing=Decimal(10)))[0] == width + 4 * 10
    assert size("HHHHH", replace(ARIAL, letter_spacing=Decimal(-2)))[0] == width - 4 * 2
    for font in ("Arial", "Times", "Courier"):
        style = replace(ARIAL, font=font)
        _, height = size("H\nH\nH", style)
        for spacing in (-20, 0, 15):
            spaced = size("H\nH\nH", replace(style, line_spacing=Decimal(spacing)))[1]
            assert abs(spaced - (height + 2 * spacing)) <= 2  # heights of lines are whole px
    assert size("H\nH", replace(ARIAL, line_spacing=Decimal(-1000)))[1] < size("H\nH")[1]  # one over the other


def test_underline_and_strikethrough_are_lines() -> None:
    def longest_row(style: TextStyle) -> int:
        return int((drawn("nnn nnn", style)[..., 3] > 200).sum(axis=1).max())

    width, _ = size("nnn nnn")
    assert longest_row(ARIAL) < 0.7 * width
    assert longest_row(replace(ARIAL, decoration="underline")) > 0.95 * width
    assert longest_row(replace(ARIAL, decoration="strikethrough")) > 0.95 * width


def test_lines_break_at_a_width_and_at_line_ends() -> None:
    text = "The quick brown fox jumps over the lazy dog"
    one_line = size(text)
    wrapped = size(text, look=TextLook(width=300))
    assert wrapped[0] <= 301
    assert wrapped[1] > 2 * one_line[1]
    assert size("a" * 100, look=TextLook(width=300))[0] <= 301  # also in the middle of a word
    assert size("H\nH")[1] > size("HH")[1]


def test_alignment_moves_the_short_line() -> None:
    def left_edge(style: TextStyle) -> int:
        pixels = drawn("Hello world\nH", style)[..., 3]
        last_line = pixels[-25:]
        return int(np.flatnonzero(last_line.max(axis=0))[0])

    left, centre, right = (left_edge(replace(ARIAL, align=align)) for align in ("left", "center", "right"))
    width, _ = size("Hello world")
    assert left <= 4
    assert abs(centre - width / 2) < 25
    assert right > width - 40
    text, look = "The quick brown fox jumps over the lazy dog", TextLook(width=300)
    assert size(text, replace(ARIAL, align="justify"), look)[0] >= 298


def test_text_beyond_the_height_ends_in_an_ellipsis() -> None:
    text = "The quick brown fox jumps over the lazy dog"
    look = TextLook(width=200, height=100)
    assert size(text, look=replace(look, height=None))[1] > 100
    assert 60 < size(text, look=look)[1] <= 100
    assert size(text, look=replace(look, height=1000)) == size(text, look=replace(look, height=None))
    assert size(text, look=replace(look, height=1)) == size("…")


def test_an_outline_surrounds_the_letters_evenly() -> None:
    border = Border(6, RED)
    width, height = size("I.")
    pixels = drawn("I.", look=TextLook(YELLOW, outline=border))
    assert pixels.shape[:2] == (height + 12, width + 12)
    letters = drawn("I.", look=TextLook(YELLOW))[..., 3] > 127
    ys, xs = np.nonzero(np.pad(letters, 6))
    for y, x in np.ndindex(*pixels.shape[:2]):
        distance = np.hypot(ys - y, xs - x).min()
        if 1 < distance < 5:
            assert tuple(pixels[y, x]) == (255, 0, 0, 255)
        elif distance > 9:  # each circle of the outline is round to about half a px
            assert pixels[y, x, 3] == 0
    with pytest.raises(InvalidTransformation, match="Outlines"):
        draw("I", ARIAL, TextLook(outline=Border(101, RED)))


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("Arial", "Sans"),
        ("Helvetica", "Sans"),
        ("Roboto", "Sans"),
        ("", "Sans"),
        ("Comic Sans, 99 <b>", "Sans"),
        ("times", "Serif"),
        ("Times New Roman", "Serif"),
        ("COURIER", "Mono"),
        ("Liberation Mono", "Mono"),
    ],
)
def test_fonts_by_name(asked: str, meant: str) -> None:
    assert description(TextStyle(asked, 12, weight="bold")) == f"Liberation {meant} Bold 12px"
    assert set(FAMILIES.values()) == {"Liberation Serif", "Liberation Mono"}


@pytest.mark.parametrize(
    "text",
    ["<b>x</b>", "<span size='99999'>x</span>", "a & b", "&lt;", "</span><b>", "\"'", "<!-- -->", "<span", "&#60;"],
)
def test_markup_is_drawn_as_it_is_written(text: str) -> None:
    assert size(text)[1] <= size("|")[1] + 2
    assert size(text)[0] > size(text[1:])[0]
    inside = markup(text, ARIAL).removeprefix('<span letter_spacing="0">').removesuffix("</span>")
    assert "<" not in inside
    assert ">" not in inside


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b"])
def test_nothing_to_draw_is_said(text: str) -> None:
    with pytest.raises(InvalidTransformation, match="no visible letters"):
        draw(text, ARIAL, TextLook())


@pytest.mark.parametrize(
    "text", ["مرحبا بالعالم", "漢字かな", "नमस्ते", "😀👩‍👩‍👧", "שלום", "Ελληνικά Привет", "a\u0301\u0323", "\U0010ffff"]
)
def test_every_script_gives_a_picture(text: str) -> None:
    width, height = size(text)
    assert 1 < width < 1000
    assert 1 < height < 100


def test_hebrew_runs_from_right_to_left() -> None:
    right_to_left, left_to_right = drawn("אב"), drawn("\u202dאב")  # the second by an override of direction
    assert right_to_left.shape != left_to_right.shape or (right_to_left != left_to_right).any()
    reversed_letters = drawn("\u202dבא")
    assert abs(right_to_left.shape[1] - reversed_letters.shape[1]) <= 1


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_any_text_is_drawn_or_refused(text: str, font_size: int) -> None:
    try:
        picture = draw(text, TextStyle("Arial", font_size), TextLook(width=200))
    except InvalidTransformation:
        return
    assert picture.interpretation == "srgb"
    assert (picture.bands, picture.format) == (4, "uchar")


@pytest.mark.parametrize(
    ("text", "style", "look"),
    [
        ("x" * 2000, TextStyle("Arial", 10_000), TextLook()),
        ("x" * 2000, TextStyle("Arial", 40), TextLook()),  # longer than cairo can draw
        ("x" * 1000, TextStyle("Arial", 40, letter_spacing=Decimal(-1000)), TextLook()),
        ("x\n" * 1000, TextStyle("Arial", 10, line_spacing=Decimal(10_000)), TextLook()),
        ("x" * 1000, TextStyle("Arial", 10, letter_spacing=Decimal(10_000)), TextLook()),
        ("x" * 1000, TextStyle("Arial", 1000), TextLook(width=1)),
    ],
)
def test_a_text_that_is_too_large_is_refused(text: str, style: TextStyle, look: TextLook) -> None:
    with pytest.raises(InvalidTransformation):
        draw(text, style, look)


SEALED = """
import sys, unicodedata
from renditor.images.pipeline.lettering import TextLook
from renditor.images.pipeline.text import draw, prepare_fonts
from renditor.sandbox.policy import SEALED, lockdown
from renditor.transformation.layers import TextStyle
prepare_fonts()
lockdown(SEALED)
def drawn(font, size, **style):
    return draw("Größe 漢 ب", TextStyle(font, size, **style), TextLook()).write_to_memory()
faces = [(font, {"weight": weight}) for font in ("Arial", "Times", "Courier") for weight in ("normal", "bold")]
faces += [("Arial", {"style": "italic"}), ("Arial", {"style": "italic", "weight": "bold"})]
first = [drawn(font, 30, **style) for font, style in faces]
scripts = {}  # one letter of each script: each looks for fonts anew
for code in range(0x20000):
    if unicodedata.category(chr(code)) == "Lo":
        scripts.setdefault(unicodedata.name(chr(code), "?").split()[0], chr(code))
for size in range(20, 30):
    draw("".join(scripts.values()), TextStyle("Times", size), TextLook(width=400))
assert len(scripts) > 80, len(scripts)
for size in range(10, 500):  # so many sizes of one font that all others would be closed
    drawn("Arial", size)
assert [drawn(font, 30, **style) for font, style in faces] == first
sys.stdout.buffer.write(b"".join(first))
"""


def sealed(environment: dict[str, str]) -> bytes:
    command = [sys.executable, "-c", SEALED]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=False)
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout


def test_a_sealed_process_draws_every_font_at_every_size_and_as_any_other_machine(tmp_path: Path) -> None:
    here = sealed({})
    assert len(here) > 100_000
    settings_of_somebody = tmp_path / "fonts.conf"
    settings_of_somebody.write_text("<fontconfig><dir>/usr/share/fonts</dir></fontconfig>")
    assert here == sealed({"FONTCONFIG_FILE": str(settings_of_somebody), "HOME": str(tmp_path), "LANG": "ar_EG.UTF-8"})
    assert here == sealed({"FONTCONFIG_PATH": "/nowhere", "XDG_DATA_HOME": str(tmp_path), "LC_ALL": "C"})
    assert list(tmp_path.iterdir()) == [settings_of_somebody]
