"""Chains: values that count for all of it, and what the client says put in place."""

from __future__ import annotations

from decimal import Decimal

import pytest

from renditor.transformation import parse
from renditor.transformation.operations import FORMAT, QUALITY, WIDTH


@pytest.mark.parametrize(
    ("text", "width", "dpr", "result"),
    [
        ("w_auto", 317, None, "w_317"),
        ("w_auto", None, None, ""),
        ("w_auto:100", 317, None, "w_400"),
        ("w_auto:100", 400, None, "w_400"),
        ("w_auto:100:600", None, None, "w_600"),
        ("w_auto:9999", 20_000, None, "w_10000"),
        ("c_limit,dpr_auto,w_auto/q_5", 300, Decimal(2), "c_limit,dpr_2,w_300/q_5"),
        ("dpr_auto,w_5", None, None, "w_5"),
        ("dpr_auto,w_5", None, Decimal(1), "w_5"),
        ("dpr_auto,w_5", 9, Decimal("1.5"), "dpr_1.5,w_5"),
        ("w_5/h_6", 300, Decimal(2), "w_5/h_6"),
    ],
)
def test_hints(text: str, width: int | None, dpr: Decimal | None, result: str) -> None:
    assert str(parse(text).with_hints(width, dpr)) == result


def test_which_hints_a_chain_depends_on() -> None:
    assert parse("w_5").hinted == frozenset()
    assert parse("w_auto/dpr_auto,h_5").hinted == {"w", "dpr"}


def test_values_that_wait_do_not_count_as_the_last() -> None:
    chain = parse("q_50,w_5/$q_80/q_$q,w_$q")
    assert (chain.last(QUALITY), chain.last(WIDTH), chain.last(FORMAT)) == (50, 5, None)
    assert parse("if_w_gt_5,fl_png8").flag("png8") is not None
