"""Faces: found where they are, nowhere else, in whatever comes."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from renditor.images.analysis import faces
from renditor.images.analysis.faces import LibFaceDetection
from tests.images.pictures import noise, plain
from tests.images.portraits import portrait

pytestmark = pytest.mark.skipif(faces.detector() is None, reason="no face detector is installed here")


def test_two_faces_the_largest_first() -> None:
    found = faces.detect(portrait(800, 600, (0.72, 0.5, 0.3), (0.25, 0.4, 0.45)))
    assert found is not None
    assert len(found) == 2
    large, small = found
    assert large.x < 0.25 < large.x + large.width
    assert large.y < 0.4 < large.y + large.height
    assert small.x < 0.72 < small.x + small.width
    assert large.width * large.height > small.width * small.height
    assert all(0.6 <= face.score <= 1 for face in found)


@pytest.mark.parametrize(("width", "height"), [(120, 160), (400, 400), (2400, 1800)])
def test_shares_do_not_depend_on_the_size(width: int, height: int) -> None:
    (face,) = faces.detect(portrait(width, height, (0.5, 0.45, 0.5))) or ()
    assert face.x + face.width / 2 == pytest.approx(0.5, abs=0.03)
    assert face.y + face.height / 2 == pytest.approx(0.47, abs=0.04)
    assert face.height == pytest.approx(0.44, abs=0.06)


def test_a_face_at_the_edge_stays_inside() -> None:
    (face,) = faces.detect(portrait(600, 600, (0.07, 0.5, 0.5))) or ()
    assert face.x >= 0
    assert face.x + face.width <= 1


@pytest.mark.parametrize("change", ["alpha", "grey", "grey with alpha"])
def test_other_bands_than_three(change: str) -> None:
    image = portrait(400, 400, (0.5, 0.45, 0.5))
    if "grey" in change:
        image = image.colourspace("b-w")
    if "alpha" in change:
        image = image.bandjoin(255)
    assert len(faces.detect(image) or ()) == 1


def test_what_is_transparent_has_no_face() -> None:
    image = portrait(400, 400, (0.5, 0.45, 0.5)).bandjoin(0)
    assert faces.detect(image) == ()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 1), (1, 999), (999, 1), (7, 7)])
def test_the_smallest_pictures(width: int, height: int) -> None:
    assert faces.detect(plain(width, height, (200, 160, 140))) == ()


def test_no_face_in_noise() -> None:
    assert faces.detect(noise(500, 400)) == ()


def test_a_library_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "library.so").write_bytes(b"nothing of the kind")
    with pytest.raises(OSError, match="library"):
        LibFaceDetection(tmp_path / "library.so")


def test_pixels_of_more_than_eight_bits_never_reach_the_network() -> None:
    wide = pyvips.Image.black(20, 20, bands=3).cast("ushort").copy(interpretation="rgb16")
    with pytest.raises(ValueError, match="8 bits"):
        faces.detect(wide)
