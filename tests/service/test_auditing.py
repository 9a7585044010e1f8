"""The audit log on both databases: written with what it tells of, checked from end to end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from renditor.access.flood import Flood
from renditor.access.ratelimit import Rate
from renditor.access.vault import Vault
from renditor.catalog import audit, secrets
from renditor.catalog.base import Catalog
from renditor.errors import BadRequest, Unavailable
from renditor.models import Credentials, Principal, now_ms
from renditor.service import Audit, Keyrings, Marking
from tests.access.test_vault import MASTER

ANNA = Principal("anna", "main", frozenset({"write"}), "k1", address="203.0.113.9", request_id="r1")


@pytest.fixture
def log(catalog: Catalog) -> Audit:
    keyrings = Keyrings(catalog, Vault(MASTER))
    keyrings.prepare()
    return Audit(catalog, keyrings)


def rows(log: Audit) -> list[audit.Row]:
    return log.catalog.read_now(lambda c: list(audit.entries(c, "main")))


async def test_entries_are_there_and_in_order(log: Audit) -> None:
    await log.record(ANNA, "asset.upload", "a1", bytes=10)
    await log.record(ANNA, "asset.delete", "a1")
    await log.denied(Credentials(address="203.0.113.7", request_id="r2", asked="GET /media"), None, "unauthenticated")
    assert [row[1] for row in rows(log)] == [1, 2, 3]
    assert '"action":"asset.delete"' in rows(log)[1][2]
    assert '"address":"203.0.113.7"' in rows(log)[2][2]
    assert log.check() == (3, [])


async def test_no_entry_without_the_work_it_tells_of(log: Audit) -> None:
    note = await log.note(ANNA, "asset.delete", "a1")

    def work(connection: Any) -> None:
        note(connection)
        raise BadRequest

    with pytest.raises(BadRequest):
        await log.catalog.write(work)
    assert rows(log) == []


async def test_many_at_once_make_one_chain(log: Audit) -> None:
    notes = [await log.note(ANNA, "asset.upload", f"a{number}") for number in range(60)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(log.catalog.write_now, notes))
    assert log.check() == (60, [])


async def test_what_was_changed_in_the_database_is_found(log: Audit) -> None:
    for number in range(6):
        await log.record(ANNA, "asset.upload", f"a{number}")
    made = log.mark()
    assert [one.number for one in made] == [6]
    assert log.mark() == []  # nothing happened since
    change = sa.text("""UPDATE audit_log SET entry = replace(entry, '"a2"', '"a9"')""")
    log.catalog.write_now(lambda c: c.execute(change))
    assert [(one.number, one.fault) for one in log.check()[1]] == [(3, "changed")]
    log.catalog.write_now(lambda c: c.execute(sa.text("DELETE FROM audit_log WHERE number > 2")))
    assert [(one.number, one.fault) for one in log.check()[1]] == [(6, "truncated")]
    log.catalog.write_now(lambda c: c.execute(sa.text("DELETE FROM audit_checkpoints")))
    assert log.check()[1] == []
    assert [(one.number, one.fault) for one in log.check(made)[1]] == [(6, "truncated")]


async def test_entries_of_keys_that_are_retired_are_still_good(log: Audit) -> None:
    await log.record(ANNA, "asset.upload", "a1")
    (old,) = log.keyrings.of_now("audit").keys

    def retire(connection: Any) -> None:
        secrets.insert(connection, "k2", "audit", Vault(MASTER).seal("k2", "audit", b"x" * 32), now_ms())
        assert secrets.retire(connection, old.id, now_ms())

    log.catalog.write_now(retire)
    fresh = Audit(log.catalog, Keyrings(log.catalog, Vault(MASTER)))
    await fresh.record(ANNA, "asset.delete", "a1")
    assert '"key":"k2"' in rows(log)[1][2]
    assert fresh.check() == (2, [])


async def test_a_flood_of_refusals_is_one_entry(log: Audit) -> None:
    small = Audit(log.catalog, log.keyrings, Flood(Rate.parse("2/hour")))
    shown = Credentials(address="203.0.113.7", asked="GET /main/image/private/g--secret--/a")
    for _ in range(50):
        await small.denied(shown, None, "bad-grant")
    assert len(rows(log)) == 2
    assert "secret" not in rows(log)[0][2]
    await small.tell_suppressed()
    await small.tell_suppressed()
    (told,) = (one for one in small.newest(10, owner=None, action="access.flood", since=0))
    assert told.detail == {"refusals": 48, "of": {"203.0.113.7": 48}}
    assert small.check() == (3, [])


async def test_the_newest_entries_are_chosen_by_owner_action_and_time(log: Audit) -> None:
    for number in range(5):
        await log.record(replace(ANNA, owner="ben" if number == 3 else "anna"), "asset.upload", f"a{number}")
    await log.record(replace(ANNA, tenant="other"), "asset.delete", "a9")
    log.note_of_operator("main", "key.create", "k9")
    newest = partial(log.newest, owner=None, action=None, since=0)
    assert {one.object for one in newest(2)} <= {"a9", "a4", "a3"}
    assert len(newest(10)) == 6
    assert [one.object for one in newest(10, owner="ben")] == ["a3"]
    assert [one.object for one in newest(10, action="asset.delete")] == ["a9"]
    assert newest(10, since=now_ms() + 1000) == []


async def test_checkpoints_go_to_the_file_and_are_checked_from_there(log: Audit, tmp_path: Path) -> None:
    marking = Marking(log, tmp_path / "checkpoints.jsonl")
    assert marking.check([]) == (0, [])
    await log.record(ANNA, "asset.upload", "a1")
    await marking.mark()
    assert marking.check([]) == (1, [])
    log.catalog.write_now(lambda c: c.execute(sa.text("DELETE FROM audit_log")))
    log.catalog.write_now(lambda c: c.execute(sa.text("DELETE FROM audit_checkpoints")))
    assert [one.fault for one in marking.check([])[1]] == ["truncated"]
    await log.record(ANNA, "asset.upload", "a2")
    with pytest.raises(Unavailable):
        await Marking(log, tmp_path / "nowhere" / "file").mark()


def test_keys_are_made_once_and_do_not_open_with_another_master_key(catalog: Catalog, tmp_path: Path) -> None:
    first = Keyrings(catalog, Vault(MASTER))
    first.prepare()
    again = Keyrings(catalog, Vault(MASTER))
    again.prepare()
    assert first.of_now("grants") == again.of_now("grants")
    assert first.of_now("grants") != first.of_now("audit")
    with pytest.raises(BadRequest, match="do not open"):
        Keyrings(catalog, Vault(MASTER[::-1])).prepare()
