"""Quality curves, measured with the real encoders."""

from __future__ import annotations

import pytest
import pyvips

from renditor.images.analysis.curve import PROBES, measure
from renditor.images.settings import ImageSettings
from tests.images.pictures import noise, plain, quadrants
from tests.images.portraits import portrait

ENCODING = ImageSettings().encoding()


@pytest.fixture(scope="module")
def textured() -> pyvips.Image:
    grain = (noise(1200, 900) - 128) * 0.5
    return (portrait(1200, 900, (0.5, 0.45, 0.6)) + grain).cast("uchar").copy(interpretation="srgb").copy_memory()


def test_two_sizes_of_three_formats(textured: pyvips.Image) -> None:
    curves = measure(textured, ENCODING)
    assert list(curves) == ["jpg", "webp", "avif"]
    for curve in curves.values():
        assert [entry["pixels"] for entry in curve] == [400 * 300, 1200 * 900]
        for entry in curve:
            assert [quality for quality, _ in entry["points"]] == list(PROBES)
            likeness = [value for _, value in entry["points"]]
            assert likeness == sorted(likeness)
            assert 3 < likeness[0] < likeness[-1] < 40


def test_a_smooth_picture_needs_less(textured: pyvips.Image) -> None:
    smooth = measure(portrait(1200, 900, (0.5, 0.45, 0.6)), ENCODING)
    rough = measure(textured, ENCODING)
    for fmt in ("jpg", "webp", "avif"):
        assert smooth[fmt][-1]["points"][0][1] > rough[fmt][-1]["points"][0][1] + 3


def test_a_picture_without_detail_is_alike_at_any_quality() -> None:
    (entry,) = measure(plain(64, 64, (90, 90, 90)), ENCODING)["jpg"]
    assert entry["points"][0][1] > 30


@pytest.mark.parametrize(("width", "height"), [(1, 1), (15, 900), (900, 8)])
def test_too_small_to_be_measured(width: int, height: int) -> None:
    assert measure(plain(width, height, (90, 90, 90)), ENCODING) == {}


@pytest.mark.parametrize(("width", "height"), [(16, 16), (17, 1200), (1200, 31), (130, 129), (401, 299)])
def test_odd_sizes(width: int, height: int) -> None:
    assert measure(quadrants(width, height), ENCODING)["jpg"]


@pytest.mark.parametrize("bands", [1, 2, 4])
def test_other_bands(bands: int) -> None:
    image = portrait(300, 300, (0.5, 0.45, 0.6))
    image = image.colourspace("b-w") if bands < 3 else image
    image = image.bandjoin(200) if bands in (2, 4) else image
    assert list(measure(image, ENCODING)) == ["jpg", "webp", "avif"]
