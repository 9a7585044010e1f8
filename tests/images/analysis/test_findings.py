"""What a decoder says of a picture is read with suspicion."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import Internal
from renditor.images.analysis.findings import VERSION, Analysis
from renditor.images.insight import Face, Insight

FOUND = Analysis(
    faces=(Face(0.1, 0.2, 0.3, 0.4, 0.9),),
    focal_point=(0.25, 0.4),
    thumbhash="1QcSHQRnh493V4dIh4eXh1h4kJUI",
    colors=(("#102030", 0.75), ("#ffffff", 0.25)),
    phash="00ff00ff00ff00ff",
    curves={"jpg": [{"pixels": 100, "points": [[30, 15.5]]}], "origin": {"quality": 80, "pixels": 100}},
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def _as_sent(**changed: Any) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(json.dumps(FOUND.to_json()))
    return sent | changed


def test_it_comes_back_as_it_was() -> None:
    assert Analysis.from_json(_as_sent()) == FOUND
    assert _as_sent()["analysis"] == VERSION


def test_it_is_an_insight_too() -> None:
    insight = Insight.from_json(_as_sent())
    assert (insight.faces, insight.focal_point, insight.curves) == (FOUND.faces, FOUND.focal_point, FOUND.curves)


def test_nobody_looked_for_faces() -> None:
    assert Analysis.from_json(_as_sent(faces=None)).faces is None


@pytest.mark.parametrize(
    "changed",
    [
        {"faces": [{"x": 1.5, "y": 0, "width": 0.1, "height": 0.1, "score": 1}]},
        {"faces": [{"x": 0.5}]},
        {"faces": [{"x": 0.1, "y": 0, "width": 0.1, "height": 0.1, "score": 1}] * 3000},
        {"focal_point": [0.5]},
        {"focal_point": [float("nan"), 0.5]},
        {"focal_point": [True, 0.5]},
        {"thumbhash": "<script>"},
        {"thumbhash": "A" * 500},
        {"colors": [["red", 0.5]]},
        {"colors": [["#102030", 7]]},
        {"phash": "00ff"},
        {"curves": {"jpg": [{"pixels": 0, "points": [[30, 15.5]]}]}},
        {"curves": {"jpg": [{"pixels": 100, "points": []}]}},
        {"curves": {"jpg": [{"pixels": 100, "points": [[30, float("inf")]]}]}},
        {"curves": {"origin": {"quality": "best", "pixels": 1}}},
        {"curves": {"jpg": {"pixels": 100}}},
    ],
)
def test_nonsense_goes_no_further(changed: dict[str, Any]) -> None:
    with pytest.raises(Internal):
        Analysis.from_json(_as_sent(**changed))


def test_what_nobody_asked_for_is_left_behind() -> None:
    read = Analysis.from_json(_as_sent(curves={"exe": [1], "jpg": []}, owner="root"))
    assert read.curves == {"jpg": []}
    assert "owner" not in read.to_json()


@given(st.sampled_from(["faces", "focal_point", "thumbhash", "colors", "phash", "curves"]), JUNK)
def test_any_junk_is_refused_or_read(name: str, junk: Any) -> None:
    with contextlib.suppress(Internal):
        json.dumps(Analysis.from_json(_as_sent(**{name: junk})).to_json(), allow_nan=False)
