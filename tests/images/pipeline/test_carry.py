"""Places stay on what they name, however the picture is cut, placed and turned: checked on marked pixels."""

from __future__ import annotations

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from renditor.images.insight import NOTHING_KNOWN, Face, Insight
from renditor.images.pipeline import carry
from renditor.images.pipeline.geometry import Box, Geometry, Size
from renditor.images.pipeline.walk import around
from renditor.transformation.values import Turn

SIZE = Size(200, 100)
FACE = Face(0.1, 0.2, 0.2, 0.4)  # px 20-60, 20-60


def known(face: Face = FACE) -> Insight:
    return Insight(faces=(face,), focal_point=(0.2, 0.4), custom_point=(0.9, 0.9))


def box(insight: Insight) -> tuple[float, float, float, float]:
    assert insight.faces
    (face,) = insight.faces
    return face.x, face.y, face.width, face.height


def test_scaling_changes_nothing() -> None:
    assert carry.through(known(), SIZE, Geometry(scaled=Size(37, 91))) == known()


def test_a_region_and_a_window_cut_and_a_canvas_moves() -> None:
    geometry = Geometry(
        scaled=Size(200, 200),
        region=Box(0, 0, 100, 100),
        window=Box(0, 0, 200, 150),
        canvas=Size(400, 300),
        offset=(50, 60),
    )
    after = carry.through(known(), SIZE, geometry)
    assert box(after) == pytest.approx(((40 + 50) / 400, (40 + 60) / 300, 80 / 400, 80 / 300))
    assert after.focal_point == pytest.approx(((80 + 50) / 400, (80 + 60) / 300))
    assert after.custom_point is None, "it was cut away"


def test_faces_that_were_cut_away_are_gone_and_those_at_the_edge_shrink() -> None:
    assert carry.cut(known(), SIZE, Box(100, 0, 100, 100)).faces == ()
    assert box(carry.cut(known(), SIZE, Box(40, 0, 100, 100))) == pytest.approx((0, 0.2, 0.2, 0.4))
    assert carry.cut(NOTHING_KNOWN, SIZE, Box(0, 0, 1, 1)).faces is None, "nobody has looked yet"


TURNS = [Turn(mirrored, degrees) for mirrored in (False, True) for degrees in (0, 90, 180, 270)]


def marked(size: Size, face: Face) -> pyvips.Image:
    """White where the face is."""
    left, top = round(face.x * size.width), round(face.y * size.height)
    spot = pyvips.Image.black(round(face.width * size.width), round(face.height * size.height)).invert()
    return pyvips.Image.black(size.width, size.height).insert(spot, left, top).copy_memory()


@pytest.mark.parametrize("turn", TURNS)
def test_turned_faces_lie_where_the_pixels_went(turn: Turn) -> None:
    image = marked(SIZE, FACE)
    image = image.fliphor() if turn.mirrored else image
    image = image.rot(f"d{turn.degrees}")
    result = around(SIZE, turn)
    x, y, width, height = box(carry.turned(known(), SIZE, turn, result))
    found = image.find_trim(background=[0], threshold=100)
    assert found == [
        round(x * result.width),
        round(y * result.height),
        round(width * result.width),
        round(height * result.height),
    ]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_places_are_found_in_the_picture_as_stored(orientation: int) -> None:
    """libvips turns the stored picture upright; the places must lead back."""
    stored_size = SIZE.turned() if carry.is_sideways(orientation) else SIZE
    stored_face = Face(0.1, 0.3, 0.3, 0.2)
    stored = marked(stored_size, stored_face)
    stored.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    left, top, width, height = stored.autorot().find_trim(background=[0], threshold=100)
    upright = Insight(faces=(Face(left / SIZE.width, top / SIZE.height, width / SIZE.width, height / SIZE.height),))
    assert box(carry.as_stored(upright, SIZE, orientation)) == pytest.approx((0.1, 0.3, 0.3, 0.2))


@given(st.integers(0, 359), st.booleans())
def test_points_turn_around_the_middle(degrees: int, mirrored: bool) -> None:
    turn = Turn(mirrored, degrees)
    result = around(SIZE, turn)
    assert carry.turned(Insight(focal_point=(0.5, 0.5)), SIZE, turn, result).focal_point == pytest.approx((0.5, 0.5))
    moved = carry.turned(Insight(focal_point=(0.9, 0.5)), SIZE, turn, result).focal_point
    assert moved
    across, down = (moved[0] - 0.5) * result.width, (moved[1] - 0.5) * result.height
    assert (across**2 + down**2) ** 0.5 == pytest.approx(80)
