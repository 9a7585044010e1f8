"""What an owner has, counted with every asset that comes and goes, on both databases."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from renditor.catalog import assets, uploads, usage
from renditor.catalog.base import Catalog, _alembic
from renditor.errors import Conflict
from renditor.models import Job, new_id, now_ms
from tests.catalog.test_assets import add, asset

ANNA = ("main", "anna")


def of(catalog: Catalog, *who: str, made: str | None = None) -> tuple[int, int, int, int]:
    found = catalog.read_now(lambda c: usage.of(c, *(who or ANNA), made=made))  # type: ignore[misc]
    return found.files, found.bytes, found.open_files, found.open_bytes


def upload(catalog: Catalog, length: int, **more: Any) -> str:
    now = now_ms()
    values = {"id": new_id(), "tenant": "main", "owner": "anna", "status": "open", "length": length, "offset": 0}
    times = dict.fromkeys(("created_at", "updated_at", "expires_at"), now)
    row = values | times | {"metadata": "", "concat": None, "parts": None} | more
    catalog.write_now(partial(uploads.insert, values=row))
    return str(row["id"])


def test_assets_are_counted_as_they_come_and_go(catalog: Catalog) -> None:
    first = add(catalog, asset(bytes=5, sha256="1" * 64))
    twin = add(catalog, asset(bytes=5, sha256="1" * 64))
    add(catalog, asset(bytes=7, sha256="2" * 64, owner="ben"))
    add(catalog, asset(bytes=9, sha256="1" * 64, tenant="other"))
    assert (of(catalog), of(catalog, "main", "ben")) == ((2, 10, 0, 0), (1, 7, 0, 0))
    for item in (first, twin):
        catalog.write_now(partial(assets.remove, asset=item))
    assert of(catalog) == (0, 0, 0, 0)


def test_what_is_removed_twice_is_given_back_once(catalog: Catalog) -> None:
    item = add(catalog, asset(bytes=5))
    add(catalog, asset(bytes=3, sha256="1" * 64))
    for _ in range(2):
        catalog.write_now(partial(assets.remove, asset=item))
    assert of(catalog) == (1, 3, 0, 0)


def test_what_is_replaced_counts_the_difference(catalog: Catalog) -> None:
    first = add(catalog, asset(bytes=5, sha256="1" * 64))
    add(catalog, asset(bytes=8, sha256="2" * 64, public_id=first.public_id), overwrite=True)
    assert of(catalog) == (1, 8, 0, 0)


def test_what_is_refused_does_not_count(catalog: Catalog) -> None:
    first = add(catalog, asset(bytes=5, sha256="1" * 64))
    with pytest.raises(Conflict):
        add(catalog, asset(bytes=8, sha256="2" * 64, public_id=first.public_id))
    gone = asset(bytes=9, sha256="3" * 64)
    assert catalog.write_now(lambda c: assets.add(c, gone, stored=False, overwrite=False, job=None)) is None
    assert of(catalog) == (1, 5, 0, 0)


def test_open_uploads_and_their_parts(catalog: Catalog) -> None:
    plain = upload(catalog, 10)
    upload(catalog, 99, status="done")
    upload(catalog, 99, owner="ben")
    assert of(catalog) == (0, 0, 1, 10)
    parts = [upload(catalog, 3, concat="partial", status="done"), upload(catalog, 4, concat="partial")]
    assert of(catalog) == (0, 0, 1, 17)
    final = upload(catalog, 7, concat="final", parts=parts)
    assert of(catalog) == (0, 0, 2, 17)
    assert of(catalog, *ANNA, made=final) == (0, 0, 1, 10)
    assert of(catalog, *ANNA, made=plain) == (0, 0, 1, 7)


def test_jobs_that_are_not_done(catalog: Catalog) -> None:
    item = asset(media_type="video")
    job = Job(new_id(), item.id, "web", "queued", 1, 1)
    add(catalog, item, job=job)
    mine = add(catalog, asset(sha256="1" * 64), job=None)
    analysis = Job(new_id(), mine.id, "analysis", "running", 1, 1)
    add(catalog, asset(id=new_id(), sha256="2" * 64), job=replace(analysis, asset_id=mine.id))
    count = partial(usage.unfinished_jobs, tenant="main", owner="anna")
    assert catalog.read_now(partial(count, besides=["analysis"])) == 1
    assert catalog.read_now(partial(count, besides=[])) == 2
    assert catalog.read_now(partial(usage.unfinished_jobs, tenant="main", owner="ben", besides=[])) == 0


def test_what_was_there_before_is_counted_by_the_migration(catalog: Catalog) -> None:
    for number in range(3):
        add(catalog, asset(bytes=5, sha256=str(number) * 64))

    def back(connection: sa.Connection) -> None:
        connection.execute(sa.text("DROP TABLE usage"))
        config = _alembic()
        config.attributes["connection"] = connection
        command.stamp(config, "0005")

    catalog.write_now(back)
    catalog.migrate()
    assert of(catalog) == (3, 15, 0, 0)
