"""Counters of rates, in a file beside SQLite and in a table of PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from renditor.access.ratelimit import Rate
from renditor.catalog.base import Catalog
from renditor.catalog.ratelimits import RateLimits
from renditor.errors import Unavailable

TEN = Rate(10, 3600)
Make = Callable[[], RateLimits]


@pytest.fixture
def make(catalog: Catalog, tmp_path: Path) -> Iterator[Make]:
    made: list[RateLimits] = []

    def one() -> RateLimits:
        file = tmp_path / "limits.sqlite" if catalog.url.startswith("sqlite") else None
        made.append(RateLimits(catalog, file))
        return made[-1]

    yield one
    for item in made:
        item.close()


async def test_the_rate_is_exact_across_processes(make: Make) -> None:
    many = [make() for _ in range(4)]
    taken = await asyncio.gather(*(one.take("a", TEN, 1000.0) for one in many for _ in range(10)))
    assert sum(one.admitted for one in taken) == 10
    assert {one.remaining for one in taken if one.admitted} == set(range(10))


async def test_tokens_come_back_with_time(make: Make) -> None:
    counters, rate = make(), Rate(2, 20)

    async def take(now: float) -> bool:
        return (await counters.take("a", rate, now)).admitted

    assert [await take(now) for now in (0.0, 0.0, 0.0, 9.9, 10.0, 10.0)] == [True, True, False, False, True, False]


async def test_what_is_left_and_when_it_is_back(make: Make) -> None:
    counters = make()
    first = await counters.take("a", TEN, 1000.0)
    assert (first.admitted, first.remaining, first.reset, first.wait) == (True, 9, 360.0, 0.0)
    for _ in range(9):
        await counters.take("a", TEN, 1000.0)
    refused = await counters.take("a", TEN, 1100.0)
    assert (refused.admitted, refused.remaining, refused.reset, refused.wait) == (False, 0, 3500.0, 260.0)
    assert await counters.look("a", TEN, 1100.0) == refused
    unknown = await counters.look("b", TEN, 1100.0)
    assert (unknown.remaining, unknown.reset, unknown.wait) == (10, 0.0, 0.0)


@pytest.mark.parametrize("rate", [Rate(1, 1), Rate(3, 86_400), Rate(7, 60), Rate(1200, 60), Rate(999_999_999, 1)])
async def test_as_many_as_the_rate_says(make: Make, rate: Rate) -> None:
    counters, now = make(), 1_800_000_000.0
    asked = min(rate.count, 50)
    standings = [await counters.take("a", rate, now) for _ in range(asked + 1)]
    assert all(one.admitted for one in standings[:asked])
    assert standings[asked].admitted == (rate.count > asked)
    assert standings[0].remaining in (rate.count - 1, rate.count)


async def test_each_has_a_counter_of_its_own(make: Make) -> None:
    counters, one = make(), Rate(1, 60)
    assert [(await counters.take(who, one, 0.0)).admitted for who in ("a", "b", "a")] == [True, True, False]


async def test_two_rates_of_one_owner_do_not_mix(make: Make) -> None:
    """A key of 10/hour that is used up would lock out one of 1000/minute, or be forgiven by it."""
    counters, fast = make(), Rate(1000, 60)
    for _ in range(10):
        await counters.take("a", TEN, 1000.0)
    assert (await counters.take("a", fast, 1000.0)).remaining == 999
    assert not (await counters.take("a", TEN, 1000.0)).admitted


async def test_a_clock_that_goes_back_locks_nobody_out(make: Make) -> None:
    counters = make()
    for _ in range(10):
        await counters.take("a", TEN, 1_000_000.0)
    assert not (await counters.take("a", TEN, 1_000_000.0 - 5)).admitted  # as much as clocks differ: it counts
    assert (await counters.take("a", TEN, 1_000_000.0 - 86_400)).remaining == 9


async def test_names_of_any_length(make: Make) -> None:
    counters = make()
    for who in ("x" * 10_000, "\x00 ü", ""):
        assert (await counters.take(who, TEN, 0.0)).remaining == 9


async def test_rows_that_say_nothing_are_swept(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    counters = make()
    await counters.take("old", TEN, 1000.0)
    await counters.take("new", TEN, 1_000_000.0)
    monkeypatch.setattr("renditor.catalog.ratelimits.time.time", lambda: 1_000_000.0)
    await counters.sweep()
    # One that is gone is as good as new, whenever it is asked.
    assert (await counters.look("old", TEN, 1000.0)).remaining == 10
    assert (await counters.look("new", TEN, 1_000_000.0)).remaining == 9


async def test_a_file_that_cannot_be_used_is_told_and_used_again(catalog: Catalog, tmp_path: Path) -> None:
    file = tmp_path / "counters"
    file.mkdir()
    counters = RateLimits(catalog, file)
    with pytest.raises(Unavailable):
        await counters.take("a", TEN)
    file.rmdir()
    assert (await counters.take("a", TEN)).admitted
    counters.close()
