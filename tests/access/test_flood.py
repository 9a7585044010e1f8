"""Refusals beyond a rate are counted, whoever makes them."""

from __future__ import annotations

import pytest

from renditor.access.flood import OTHERS, Flood, refused
from renditor.access.ratelimit import Rate
from renditor.models import Principal


def test_each_has_so_many_at_once_and_then_more_with_time() -> None:
    flood = Flood(Rate.parse("6/minute"))
    assert [flood.admits("k1", 0.0) for _ in range(8)] == [True] * 6 + [False] * 2
    assert flood.admits("k2", 0.0)
    assert not flood.admits("k1", 9.0)
    assert flood.admits("k1", 10.1)
    assert flood.tell() == {"k1": 3}
    assert flood.tell() == {}


def test_many_addresses_together_are_bounded_too_and_cost_no_memory() -> None:
    flood = Flood(Rate.parse("2/minute"))
    admitted = sum(flood.admits(f"192.0.2.{number}", 0.0) for number in range(10_000))
    assert admitted == 20
    told = flood.tell()
    assert sum(told.values()) == 10_000 - 20
    assert told[OTHERS] > 9000
    assert len(told) <= 21


def test_a_refusal_that_was_not_admitted_does_not_delay_the_next() -> None:
    flood = Flood(Rate.parse("1/minute"))
    assert flood.admits("k1", 0.0)
    for second in range(1, 60):
        assert not flood.admits("k1", float(second))
    assert flood.admits("k1", 60.1)


@pytest.mark.parametrize(
    ("principal", "address", "who"),
    [
        (Principal("anna", key_id="k1"), "203.0.113.9", "k1"),
        (Principal("anna"), "203.0.113.9", "anna"),
        (None, "203.0.113.9", "203.0.113.9"),
        (None, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (None, "", ""),
        (None, "no:address", "no:address"),
    ],
)
def test_who_is_refused(principal: Principal | None, address: str, who: str) -> None:
    assert refused(principal, address) == who
