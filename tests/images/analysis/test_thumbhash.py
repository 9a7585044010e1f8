"""ThumbHash: interchangeable with the published implementation, readable, small."""

from __future__ import annotations

import base64

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from renditor.images.analysis import thumbhash
from tests.images.pictures import plain, quadrants


def _hash(image: pyvips.Image) -> str:
    if not image.hasalpha():
        image = image.addalpha()
    return thumbhash.encode(image.width, image.height, bytes(image.write_to_memory()))


def _pattern(width: int, height: int, *, clear: bool) -> bytes:
    places = [(x, y) for y in range(height) for x in range(width)]
    rgba = ((x * 8 % 256, (y * 9 + x) % 256, x * y % 256, (x * 11 + y * 5) % 256 if clear else 255) for x, y in places)
    return bytes(value for pixel in rgba for value in pixel)


# Made with the published JavaScript (npm package thumbhash 0.1.1) from the same pixels.
@pytest.mark.parametrize(
    ("width", "height", "clear", "published"),
    [
        (32, 20, False, "migOHJZgdndyiHiGeIbymQ/ndw=="),
        (20, 32, True, "2aeFEwoYQoILqkr6fQr51yZ3B5mGang="),
        (5, 31, False, "DjkJGRR0gFh4eYVpfzNi+Lg="),
        (13, 13, True, "T/iFDQQmoofAh3l4iGwOJ/pmcHd0eId4dw=="),
    ],
)
def test_the_same_as_the_published_code(width: int, height: int, clear: bool, published: str) -> None:
    made = base64.b64decode(thumbhash.encode(width, height, _pattern(width, height, clear=clear)))
    theirs = base64.b64decode(published)
    head = 6 if clear else 5
    assert made[:head] == theirs[:head]
    # A wave of no size lies half-way between two steps: the order of additions decides.
    steps = [
        (byte >> shift & 15, other >> shift & 15) for byte, other in zip(made, theirs, strict=True) for shift in (0, 4)
    ]
    assert all(mine == its or {mine, its} == {7, 8} for mine, its in steps[2 * head :])


def test_colours_come_back() -> None:
    width, height, rgba = thumbhash.decode(_hash(quadrants(32, 24)), 32)
    assert (width, height) == (32, 23)
    first, last = rgba[:4], rgba[-4:]
    assert first[0] > first[1] + 60
    assert last[0] > last[2] + 60
    assert last[1] > last[2] + 60
    assert set(rgba[3::4]) == {255}


def test_transparency_comes_back() -> None:
    left = plain(16, 32, (10, 200, 30, 255))
    _, _, rgba = thumbhash.decode(_hash(left.join(plain(16, 32, (0, 0, 0, 0)), "horizontal")), 32)
    assert rgba[3] > 200
    assert rgba[32 * 4 - 1] < 60


@pytest.mark.parametrize(("width", "height"), [(32, 32), (32, 4), (3, 32)])
def test_placeholder_is_a_small_png(width: int, height: int) -> None:
    url = thumbhash.placeholder_data_url(_hash(quadrants(width, height)))
    assert len(url) < 1300
    head, _, data = url.partition(",")
    assert head == "data:image/png;base64"
    image = pyvips.Image.new_from_buffer(base64.b64decode(data), "")
    assert max(image.width, image.height) == 16
    assert (image.width > image.height) == (width > height)


@given(st.integers(1, 32), st.integers(1, 32), st.data())
def test_any_picture_gives_a_hash_that_reads_back(width: int, height: int, data: st.DataObject) -> None:
    rgba = data.draw(st.binary(min_size=4 * width * height, max_size=4 * width * height))
    made = thumbhash.encode(width, height, rgba)
    assert 8 <= len(base64.b64decode(made)) <= 40
    assert len(thumbhash.decode(made, 8)[2]) % 4 == 0


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda content: base64.b64encode(content).decode()))
def test_anything_else_is_refused_or_drawn(text: str) -> None:
    try:
        width, height, rgba = thumbhash.decode(text, 8)
    except ValueError:
        return
    assert len(rgba) == 4 * width * height


@pytest.mark.parametrize(("width", "height", "count"), [(33, 1, 33), (1, 33, 33), (2, 2, 3), (0, 1, 0)])
def test_wrong_sizes_are_refused(width: int, height: int, count: int) -> None:
    with pytest.raises(ValueError, match="32 x 32"):
        thumbhash.encode(width, height, bytes(4 * count))
