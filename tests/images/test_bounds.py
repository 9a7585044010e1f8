"""Limits: what is refused by its header and by its plan."""

from __future__ import annotations

import pytest

from renditor.errors import InvalidTransformation, LimitExceeded
from renditor.images.base import ImageInfo
from renditor.images.pipeline.geometry import Size
from renditor.images.settings import ImageSettings

BOUNDS = ImageSettings().bounds()


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (ImageInfo("png", 65_536, 65_536), "65536 x 65536 px; 50,000,000 px in all is the limit for png"),
        (ImageInfo("avif", 12_000, 12_000), "24,500,000 px in all is the limit for avif"),
        (ImageInfo("jpg", 10_001, 10_000), "100,000,000 px in all is the limit for jpg"),
        (ImageInfo("gif", 1, 1, pages=100_000), "100,000 frames"),
        (ImageInfo("tiff", 1, 1, pages=1001), "1,001 frames"),
        (ImageInfo("webp", 4000, 4000, pages=3), "3 frames of 4000 x 4000 px"),
    ],
)
def test_sources_beyond_the_limits(info: ImageInfo, message: str) -> None:
    with pytest.raises(LimitExceeded, match=message):
        BOUNDS.check_source(info)


@pytest.mark.parametrize(
    "info",
    [
        ImageInfo("jpg", 10_000, 10_000),
        ImageInfo("webp", 5000, 4000, pages=2),
        ImageInfo("tiff", 5000, 5000, pages=5),
        ImageInfo("gif", 200, 200, pages=1000),
    ],
)
def test_sources_at_the_limits(info: ImageInfo) -> None:
    BOUNDS.check_source(info)


def test_results_are_added_up() -> None:
    big = Size(5000, 5000)
    BOUNDS.check_results([big] * 4, 1)
    with pytest.raises(InvalidTransformation, match="makes 125,000,000 px"):
        BOUNDS.check_results([big] * 5, 1)
    with pytest.raises(InvalidTransformation, match="makes 250,000,000 px"):
        BOUNDS.check_results([big], 10)
    small = Size(100, 100)
    BOUNDS.check_results([big, small], 1000, once=[big])
