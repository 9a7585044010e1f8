"""Transformations as they are found in the wild."""

from __future__ import annotations

from pathlib import Path

import pytest

from renditor.transformation import TransformationError, UnsupportedTransformation, parse

# Written for this test after what links in public pages look like; each must be read, whatever is in its tables.
FOUND = [
    "w_auto,c_scale,f_auto,q_auto",
    "f_auto,q_auto,w_640,c_limit,dpr_2.0",
    "c_fill,h_150,w_200,g_auto:face",
    "c_thumb,g_face,h_120,w_120,z_0.7/r_max/f_png",
    "c_lpad,b_white,h_400,w_400/bo_1px_solid_rgb:dddddd",
    "ar_4:3,c_crop,g_south/c_scale,w_320",
    "x_12,y_30,w_400,h_300,c_crop/w_0.5",
    "e_improve:indoor:30,q_auto:eco,w_500",
    "a_vflip.45,b_rgb:1a2b3c,w_300",
    "e_blur:500,o_40/f_jpg,fl_progressive",
    "c_scale,w_10,x_5,y_6,g_north",
    "t_card/f_auto",
    "l_brand:mark,w_80,g_south_east,x_8,y_8,o_60",
    "c_fill,h_300,w_500/l_text:Roboto_42_bold:50%2525%20off%252C%20today,co_rgb:ffffff,g_north,y_20",
    "l_fetch:aHR0cHM6Ly9leGFtcGxlLmNvbS9hLnBuZw==/c_fit,w_90/fl_layer_apply,g_west",
    "u_paper,w_1.0,h_1.0,fl_relative/w_400",
    "$side_300/c_fill,w_$side,h_$side_div_2",
    "if_ar_lt_1.0,c_fill,h_500,w_300/if_else,c_fill,h_300,w_500",
    "if_!promo:new!_in_tags/l_badge/w_0.2,fl_relative/fl_layer_apply,g_north_east/if_end/f_auto",
    "w_iw_mul_0.5_add_20,q_70",
]


@pytest.mark.parametrize("text", FOUND)
def test_found_in_the_wild(text: str) -> None:
    parsed = parse(text)
    assert parse(str(parsed)) == parsed


@pytest.fixture(scope="module")
def corpus(shared_data: Path) -> dict[str, list[str]]:
    tiers: dict[str, list[str]] = {"1": [], "2": [], "3": []}
    for line in (shared_data / "transformations.tsv").read_text().splitlines()[1:]:
        tier, text = line.split("\t", 1)
        tiers[tier].append(text)
    return tiers


def outcomes(texts: list[str]) -> list[type[TransformationError] | None]:
    """None for what is read; the class of the refusal for the others."""
    found: list[type[TransformationError] | None] = []
    for text in texts:
        try:
            parsed = parse(text)
        except TransformationError as error:
            assert error.part or error.detail
            found.append(type(error))
        else:
            assert parse(str(parsed)) == parsed
            found.append(None)
    return found


@pytest.mark.parametrize(("tier", "share"), [("1", 0.979), ("2", 0.605)])
def test_share_of_the_corpus_that_is_read(corpus: dict[str, list[str]], tier: str, share: float) -> None:
    found = outcomes(corpus[tier])
    assert found.count(None) / len(found) >= share


def test_what_is_never_made_is_refused_and_named(corpus: dict[str, list[str]]) -> None:
    found = outcomes(corpus["3"])
    assert None not in found
    assert found.count(UnsupportedTransformation) / len(found) >= 0.96
