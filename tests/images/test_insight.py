"""What the key of a stored picture takes from the insight."""

from __future__ import annotations

from dataclasses import replace

import pytest

from renditor.images.insight import NOTHING_KNOWN, Face, Insight, fingerprint, is_provisional
from renditor.transformation import parse

KNOWN = Insight(
    faces=(Face(0.1, 0.2, 0.3, 0.4),),
    focal_point=(0.25, 0.4),
    curves={"jpg": [{"pixels": 1000, "points": [[30, 15.0]]}]},
)
MOVED = replace(KNOWN, custom_point=(0.5, 0.5))
MEASURED_ANEW = replace(KNOWN, curves={})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "w_300",
        "c_fill,g_north,h_100,w_100",
        "q_80",
        "e_blur:300",
        "b_auto,c_pad,h_200,w_100",
        "f_auto",
        "a_auto_right",
        "l_logo,g_south_east,w_20",
    ],
)
def test_what_depends_on_nothing(text: str) -> None:
    transformation = parse(text)
    assert fingerprint(KNOWN, transformation) == fingerprint(NOTHING_KNOWN, transformation) == ""
    assert not is_provisional(NOTHING_KNOWN, transformation)


@pytest.mark.parametrize(
    "text",
    [
        "c_fill,g_auto,h_100,w_100",
        "c_thumb,g_face,h_100,w_100",
        "c_crop,g_faces:auto,h_100,w_100",
        "c_fill,g_custom,h_100,w_100",
        "c_fill,g_custom:face,h_100,w_100",
        "c_fill,g_auto:face,h_100,w_100",
        "e_blur_faces:300",
        "e_pixelate_faces",
        "if_fc_gt_0/w_100/if_end",
        "w_300/c_fill,g_auto,h_100,w_100",
        "$point_!face!/c_crop,g_$point,h_100,w_100",
    ],
)
def test_what_depends_on_places(text: str) -> None:
    transformation = parse(text)
    found = {fingerprint(insight, transformation) for insight in (NOTHING_KNOWN, KNOWN, MOVED)}
    assert len(found) == 3
    assert "" not in found
    assert is_provisional(NOTHING_KNOWN, transformation)
    assert not is_provisional(KNOWN, transformation)
    if "$" not in text:
        assert fingerprint(KNOWN, transformation) == fingerprint(MEASURED_ANEW, transformation)


@pytest.mark.parametrize("text", ["q_auto", "w_200/q_auto:eco", "q_auto:best"])
def test_what_depends_on_the_curves(text: str) -> None:
    transformation = parse(text)
    assert fingerprint(KNOWN, transformation) != fingerprint(MEASURED_ANEW, transformation)
    assert fingerprint(KNOWN, transformation) == fingerprint(MOVED, transformation)
    assert is_provisional(NOTHING_KNOWN, transformation)


def test_the_same_knowledge_is_the_same_key() -> None:
    again = Insight.from_json(KNOWN.to_json())
    assert fingerprint(again, parse("c_fill,g_auto,h_1,q_auto,w_1")) == fingerprint(
        KNOWN, parse("c_fill,g_auto,h_1,q_auto,w_1")
    )
