"""Quotas under a race, on both databases: four processes that add to one owner at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from renditor.catalog import assets, jobs, uploads, usage
from renditor.catalog.base import Catalog
from renditor.catalog.settings import CatalogSettings
from renditor.errors import RenditorError
from renditor.ingest.quotas import More, Quotas
from renditor.models import Job, Principal, new_id
from tests.catalog.conftest import catalog
from tests.catalog.test_assets import ANNA, add, asset
from tests.catalog.test_usage import upload

__all__ = ["catalog"]

QUOTAS = Quotas(bytes=100, files=5, jobs=3)
ADMIN = Principal("anna", "main", frozenset({"admin"}))
Work = Callable[[Any], None]


@pytest.fixture
def processes(catalog: Catalog) -> Iterator[list[Catalog]]:
    made = [Catalog(catalog.url, CatalogSettings()) for _ in range(4)]
    yield made
    for one in made:
        one.close()


def codes(processes: list[Catalog], work: list[Work]) -> list[str]:
    """Do all of it at once. Returns what was refused."""

    def run(catalog: Catalog, one: Work) -> str:
        try:
            catalog.write_now(one)
        except RenditorError as error:
            return error.error_code
        return ""

    with ThreadPoolExecutor(16) as many:
        return [code for code in many.map(run, itertools.cycle(processes), work) if code]


def adding(size: int, number: int, principal: Principal = ANNA) -> Work:
    item = asset(bytes=size, sha256=f"{number:064}")

    def work(connection: Any) -> None:
        assets.add(connection, item, stored=True, overwrite=False, job=None)
        QUOTAS.check_added(connection, principal, item.id)

    return work


@pytest.mark.parametrize(
    ("size", "kept", "code"), [(30, 3, "quota-bytes"), (1, 5, "quota-files"), (100, 1, "quota-bytes")]
)
def test_twenty_files_at_once(processes: list[Catalog], size: int, kept: int, code: str) -> None:
    refused = codes(processes, [adding(size, number) for number in range(20)])
    assert refused == [code] * (20 - kept)
    found = processes[0].read_now(lambda c: usage.of(c, "main", "anna"))
    assert (found.files, found.bytes) == (kept, kept * size)


def test_files_and_open_uploads_at_once(processes: list[Catalog]) -> None:
    def opening(number: int) -> Work:
        now = 1000 + number
        row = {"id": new_id(), "tenant": "main", "owner": "anna", "status": "open", "length": 30, "offset": 0}
        times = dict.fromkeys(("created_at", "updated_at", "expires_at"), now)

        def work(connection: Any) -> None:
            usage.line_up(connection, "main", "anna")
            QUOTAS.check_room(connection, ANNA, More(1, 30))
            uploads.insert(connection, row | times | {"metadata": "", "concat": None, "parts": None})

        return work

    mixed = [one(number) for number in range(10) for one in (opening, lambda number: adding(30, number))]
    assert codes(processes, mixed) == ["quota-bytes"] * 17
    found = processes[0].read_now(lambda c: usage.of(c, "main", "anna"))
    assert found.bytes + found.open_bytes == 90


def test_jobs_at_once(processes: list[Catalog]) -> None:
    items = [add(processes[0], asset(sha256=f"{number:064}")) for number in range(12)]

    def asking(asset_id: str) -> Work:
        job = Job(new_id(), asset_id, "web", "queued", 1, 1)

        def work(connection: Any) -> None:
            jobs.ask(connection, job)
            QUOTAS.check_jobs(connection, ANNA)

        return work

    assert codes(processes, [asking(item.id) for item in items]) == ["quota-jobs"] * 9
    assert processes[0].read_now(lambda c: usage.unfinished_jobs(c, "main", "anna", [])) == 3


def test_an_upload_becomes_the_asset_that_it_held_room_for(catalog: Catalog) -> None:
    full = upload(catalog, 100)
    item = asset(id=full, bytes=100)

    def work(connection: Any) -> None:
        assets.add(connection, item, stored=True, overwrite=False, job=None)
        QUOTAS.check_added(connection, ANNA, item.id)

    catalog.write_now(work)
    with pytest.raises(RenditorError):
        catalog.write_now(adding(1, 1))


def test_an_upload_that_was_let_in_as_exempt_is_finished_by_the_sweep(catalog: Catalog) -> None:
    """The server was killed between its last byte and its asset; the sweep has no key of an admin."""
    large = upload(catalog, 1000)
    item = asset(id=large, bytes=1000)

    def work(connection: Any, *, replaces: bool) -> None:
        assets.add(connection, item, stored=True, overwrite=replaces, job=None)
        QUOTAS.check_added(connection, ANNA, item.id, replaces=replaces)

    with pytest.raises(RenditorError, match="more than the 100 bytes"):  # what it replaces was only a guess
        catalog.write_now(partial(work, replaces=True))
    catalog.write_now(partial(work, replaces=False))
    assert catalog.read_now(lambda c: usage.of(c, "main", "anna", large)).bytes == 1000


def test_what_is_replaced_gives_way(catalog: Catalog) -> None:
    first = add(catalog, asset(bytes=90))
    for more, fits in ((More(1, 20), False), (More(1, 20, replaces=True), True), (More(1, 101, replaces=True), False)):
        if fits:
            catalog.read_now(lambda c, more=more: QUOTAS.check_room(c, ANNA, more))  # type: ignore[misc]
        else:
            with pytest.raises(RenditorError) as refused:
                catalog.read_now(lambda c, more=more: QUOTAS.check_room(c, ANNA, more))  # type: ignore[misc]
            assert refused.value.error_code == "quota-bytes"
    smaller = asset(bytes=95, sha256="1" * 64, public_id=first.public_id)

    def work(connection: Any) -> None:
        assets.add(connection, smaller, stored=True, overwrite=True, job=None)
        QUOTAS.check_added(connection, ANNA, smaller.id)

    catalog.write_now(work)


def test_no_limit_and_admins(catalog: Catalog) -> None:
    for number in range(7):
        catalog.write_now(adding(90, number, ADMIN))
    catalog.read_now(lambda c: QUOTAS.check_room(c, ADMIN, More(1, 1000)))
    catalog.read_now(lambda c: Quotas().check_room(c, ANNA, More(1, 10**15)))
    catalog.write_now(lambda c: Quotas().check_jobs(c, ANNA))
