"""The presets that ship."""

from __future__ import annotations

from renditor.transformation import parse
from renditor.transformation.presets import SHIPPED, with_shipped


def test_shipped_presets_are_canonical() -> None:
    assert {name: str(parse(text)) for name, text in SHIPPED.items()} == SHIPPED
    assert str(parse("t_thumb", SHIPPED)) == str(parse("c_fill,g_auto,w_200,h_200"))
    assert str(parse("t_max", SHIPPED)) == str(parse("c_limit,w_3840,h_2160,q_auto:best,f_auto,fl_progressive"))


def test_own_presets_win() -> None:
    assert with_shipped({"card": "w_5", "thumb": "w_6"}) == {**SHIPPED, "card": "w_5", "thumb": "w_6"}
