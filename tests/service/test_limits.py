"""What happens where nothing can be counted, and what one owner's keys share."""

from __future__ import annotations

from pathlib import Path

import pytest

from renditor.access.ratelimit import Rate
from renditor.catalog.base import Catalog
from renditor.catalog.ratelimits import RateLimits
from renditor.errors import TooManyRequests, Unavailable
from renditor.models import Principal
from renditor.service import Limits
from renditor.service.limits import expect_admitted

ANNA = Principal("anna", "main", frozenset({"write"}))
ADMIN = Principal("ben", "main", frozenset({"admin"}))
ONE = Rate(1, 60)


@pytest.fixture
def limits(catalog: Catalog) -> Limits:
    return Limits(RateLimits(catalog, None), ONE, ONE, ONE, ONE)


async def test_the_second_is_refused_and_told_when_to_come_back(limits: Limits) -> None:
    for admit in (limits.admit_upload, limits.admit_request):
        expect_admitted(await admit(ANNA))
        with pytest.raises(TooManyRequests) as refused:
            expect_admitted(await admit(ANNA))
        assert 58 <= refused.value.retry_after <= 60
        expect_admitted(await admit(Principal("anna", "other", ANNA.scopes)))
        for _ in range(2):
            assert await admit(ADMIN) is None


async def test_addresses_are_counted_by_network(limits: Limits) -> None:
    for admit in (limits.admit_address, limits.admit_failure):
        expect_admitted(await admit("2001:db8::1"))
        with pytest.raises(TooManyRequests):
            expect_admitted(await admit("2001:db8::2"))
        expect_admitted(await admit("2001:db8:0:1::2"))


async def test_a_rate_that_is_off_counts_nothing(catalog: Catalog) -> None:
    off = Limits(RateLimits(catalog, None), ONE, None, None, ONE)
    assert [await off.admit_request(ANNA), await off.admit_address("192.0.2.1")] == [None, None]
    assert [one.name for one in await off.standings(ANNA)] == ["uploads"]


async def test_counters_that_do_not_answer(catalog: Catalog, tmp_path: Path) -> None:
    """Requests are let in: owners see what they have. Uploads and bad keys are not."""
    broken = tmp_path / "limits.sqlite"
    broken.write_bytes(b"no database" * 1000)
    limits = Limits(RateLimits(catalog, broken), ONE, ONE, ONE, ONE)
    assert await limits.admit_request(ANNA) is None
    assert await limits.admit_address("192.0.2.1") is None
    for closed in (limits.admit_upload(ANNA), limits.admit_failure("192.0.2.1")):
        with pytest.raises(Unavailable) as told:
            await closed
        assert "limits.sqlite" in (told.value.hint or "")
