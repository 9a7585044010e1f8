"""Places beside effects, by plain arithmetic."""

from __future__ import annotations

import pytest

from renditor.images.insight import NOTHING_KNOWN, Face, Insight
from renditor.images.pipeline.geometry import Box, Size
from renditor.images.pipeline.regions import face_boxes, region_asked
from renditor.transformation import parse

SIZE = Size(200, 100)
FACES = Insight(faces=(Face(0.1, 0.2, 0.2, 0.4), Face(0.7, 0.7, 0.2, 0.4)))


@pytest.mark.parametrize(
    ("text", "insight", "expected"),
    [
        ("e_blur_region", NOTHING_KNOWN, None),
        ("e_blur_region,h_20,w_30,x_10,y_5", NOTHING_KNOWN, Box(10, 5, 30, 20)),
        ("e_blur_region,h_0.5,w_0.25,x_0.5,y_0.1", NOTHING_KNOWN, Box(100, 10, 50, 50)),
        ("e_blur_region,x_150", NOTHING_KNOWN, Box(150, 0, 200, 100)),
        ("e_blur_region,g_south_east,h_20,w_30,x_10,y_5", NOTHING_KNOWN, Box(160, 75, 30, 20)),
        ("e_blur_region,g_xy_center,h_20,w_30,x_100,y_50", NOTHING_KNOWN, Box(85, 40, 30, 20)),
        ("e_blur_region,g_face", FACES, Box(20, 20, 40, 40)),
        ("e_blur_region,g_faces", FACES, Box(20, 20, 160, 90)),
        ("e_blur_region,g_face,h_20,w_20", FACES, Box(30, 30, 20, 20)),
        ("e_pixelate_region,g_face", NOTHING_KNOWN, Box(0, 0, 200, 100)),
    ],
)
def test_regions_of_effects(text: str, insight: Insight, expected: Box | None) -> None:
    (component,) = parse(text).components
    assert region_asked(component, SIZE, insight) == expected


def test_faces_in_px() -> None:
    assert face_boxes(FACES, SIZE) == (Box(20, 20, 40, 40), Box(140, 70, 40, 40))
    assert face_boxes(NOTHING_KNOWN, SIZE) == ()
    assert face_boxes(Insight(faces=(Face(0.5, 0.5, 0.001, 0.001),)), SIZE) == (Box(100, 50, 1, 1),)
