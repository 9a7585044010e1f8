"""The perceptual hash: near for the same picture, far for others."""

from __future__ import annotations

from functools import partial

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from renditor.images.analysis.analyse import _phash
from renditor.images.analysis.phash import distance, perceptual_hash
from tests.images.pictures import decoded, encoded, noise, quadrants
from tests.images.portraits import portrait


@pytest.fixture(scope="module")
def picture() -> pyvips.Image:
    return portrait(640, 480, (0.3, 0.45, 0.6), (0.75, 0.55, 0.3))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize(0.3),
        lambda image: image.resize(2.0),
        lambda image: decoded(encoded(image, "jpg", Q=20), "jpg"),
        lambda image: decoded(encoded(image, "webp", Q=10), "webp"),
        lambda image: decoded(encoded(image, "avif", Q=20), "avif"),
        lambda image: (image * 0.8 + 20).cast("uchar").copy(interpretation="srgb"),
        lambda image: image.gaussblur(3),
        lambda image: image.colourspace("b-w"),
        lambda image: image.bandjoin(255),
    ],
)
def test_the_same_picture_stays_near(picture: pyvips.Image, change) -> None:
    assert distance(_phash(picture), _phash(change(picture))) <= 6


@pytest.mark.parametrize(
    "other",
    [
        partial(quadrants, 640, 480),
        partial(noise, 640, 480),
        partial(portrait, 640, 480, (0.8, 0.3, 0.4)),
    ],
)
def test_another_picture_is_far(picture: pyvips.Image, other) -> None:
    assert distance(_phash(picture), _phash(other())) >= 16


def test_a_mirrored_picture_is_another(picture: pyvips.Image) -> None:
    assert distance(_phash(picture), _phash(picture.fliphor())) >= 16


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (31, 33)])
def test_any_size_has_one(size: tuple[int, int]) -> None:
    assert len(_phash(quadrants(*size) if min(size) > 1 else noise(*size))) == 16


@given(st.binary(min_size=1024, max_size=1024))
def test_any_pixels_have_one(grey: bytes) -> None:
    made = perceptual_hash(grey)
    assert len(made) == 16
    assert distance(made, made) == 0


def test_distance_counts_bits() -> None:
    assert distance("0000000000000000", "ffffffffffffffff") == 64
    assert distance("0000000000000001", "0000000000000002") == 2


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="32 x 32"):
        perceptual_hash(bytes(100))
    with pytest.raises(ValueError, match="invalid literal"):
        distance("no hash", "0")
