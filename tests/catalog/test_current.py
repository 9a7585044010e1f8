"""Assets as they are now, on both databases: whatever another connection commits counts for the next question."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from functools import partial
from pathlib import Path

import pytest

from renditor.catalog import assets, pictures
from renditor.catalog.base import Catalog
from renditor.catalog.current import ASK, Current
from renditor.catalog.settings import CatalogSettings
from renditor.models import Asset, Rendition, new_id, now_ms
from tests.catalog.test_assets import ANNA, add, asset


def name(item: Asset) -> tuple[str, str, str]:
    return (item.tenant, "image", item.public_id)


def picture(item: Asset, text: str, digest: str) -> Rendition:
    key = f"renditions/{new_id()}.jpg"
    made = {"metadata": {"transformation": text}, "digest": digest, "used_at": now_ms()}
    return Rendition(new_id(), item.id, "image", f"{text}.jpg", key, "image/jpeg", 10, now_ms(), 1, 1, **made)  # type: ignore[arg-type]


async def test_the_same_object_until_its_row_changes(catalog: Catalog) -> None:
    item, other = asset(), asset()
    add(catalog, item)
    current = Current(catalog)
    first = await current.get(name(item))  # type: ignore[arg-type]
    assert first == catalog.read_now(lambda c: assets.get(c, item.id))
    add(catalog, other)  # a write that does not concern it
    assert await current.get(name(item)) is first  # type: ignore[arg-type]
    catalog.write_now(lambda c: assets.update(c, item.id, visibility="private"))
    second = await current.get(name(item))  # type: ignore[arg-type]
    assert second is not None
    assert second.visibility == "private"
    catalog.write_now(lambda c: assets.remove(c, second))
    assert await current.get(name(item)) is None  # type: ignore[arg-type]
    current.close()


async def test_what_is_not_there_is_asked_anew(catalog: Catalog) -> None:
    item = asset()
    current = Current(catalog)
    assert await current.get(name(item)) is None  # type: ignore[arg-type]
    add(catalog, item)
    assert (await current.get(name(item))) is not None  # type: ignore[arg-type]
    current.close()


async def test_names_that_lead_to_nothing_push_no_asset_out(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger makes names up without end. What he asked for is remembered apart, and not without end."""
    monkeypatch.setattr("renditor.catalog.current._MISSING", 3)
    item = asset()
    add(catalog, item)
    current = Current(catalog)
    first = await current.get(name(item))  # type: ignore[arg-type]
    for number in range(8):
        assert await current.get(("main", "image", f"none/{number}")) is None
    assert len(current._missing) <= 3
    assert await current.get(name(item)) is first  # type: ignore[arg-type]
    current.close()


async def test_only_sqlite_answers_at_once(catalog: Catalog) -> None:
    item = asset()
    add(catalog, item)
    current = Current(catalog)
    answer = current.peek(name(item))  # type: ignore[arg-type]
    assert (answer == ASK) is not catalog.url.startswith("sqlite")
    current.close()


async def test_every_commit_shows_while_others_write_all_the_time(catalog: Catalog) -> None:
    """What a process answers after a change was acknowledged is never the state before it."""
    item, busy = asset(), asset()
    add(catalog, item)
    add(catalog, busy)
    current = Current(catalog)
    stop = threading.Event()

    def write_all_the_time() -> None:
        while not stop.wait(0.002):  # the busy handler of SQLite is not fair to those who wait
            catalog.write_now(lambda c: assets.update(c, busy.id, updated_at=now_ms()))

    writer = threading.Thread(target=write_all_the_time)
    writer.start()
    try:
        for number in range(30):
            await catalog.write(partial(assets.update, asset_id=item.id, version=number))
            seen = await current.get(name(item))  # type: ignore[arg-type]
            assert seen is not None
            assert seen.version == number
    finally:
        stop.set()
        writer.join()
        current.close()


async def test_pictures_by_name(catalog: Catalog) -> None:
    item = asset()
    add(catalog, item)
    current = Current(catalog)
    made = picture(item, "w_1", "a" * 40)
    assert await current.picture(item.id, made.name) is None
    assert await catalog.write(partial(pictures.keep, item=made, most=2))
    assert await current.picture(item.id, made.name) == made
    assert await current.count(item.id) == 1
    current.close()


async def test_a_picture_made_otherwise_takes_the_place_of_the_old_one(catalog: Catalog) -> None:
    item = asset()
    add(catalog, item)
    old, same, new = (picture(item, "w_1", digest) for digest in ("a" * 40, "a" * 40, "b" * 40))
    assert await catalog.write(partial(pictures.keep, item=old, most=1))
    assert not await catalog.write(partial(pictures.keep, item=same, most=1))
    assert await catalog.write(partial(pictures.keep, item=new, most=1))
    assert await catalog.read(lambda c: pictures.find(c, item.id, new.name)) == new
    assert await catalog.read(lambda c: pictures.unknown(c, [old.key, new.key, "no/such"])) == ["no/such"]


async def test_the_cap_and_assets_that_are_gone(catalog: Catalog) -> None:
    item = asset()
    add(catalog, item)
    made = [picture(item, f"w_{number}", "a" * 40) for number in range(1, 9)]
    kept = await asyncio.gather(*(catalog.write(partial(pictures.keep, item=each, most=5)) for each in made))
    assert catalog.url.startswith("postgresql") or kept.count(True) == 5
    assert kept.count(True) >= 5
    stored = await catalog.read(lambda c: assets.owned(c, ANNA, item.id))
    before = stored.stamp
    assert await catalog.write(partial(pictures.drop_all, asset_id=item.id)) == kept.count(True)
    assert (await catalog.read(lambda c: assets.get(c, item.id))).stamp > before
    await catalog.write(lambda c: assets.remove(c, stored))
    assert not await catalog.write(partial(pictures.keep, item=picture(item, "w_9", "a" * 40), most=5))


async def test_uses_are_added_up(catalog: Catalog) -> None:
    item = asset()
    add(catalog, item)
    made = picture(item, "w_1", "a" * 40)
    await catalog.write(partial(pictures.keep, item=made, most=9))
    for _ in range(2):
        await catalog.write(partial(pictures.note_uses, uses={made.id: 3, new_id(): 1}))
    found = await catalog.read(lambda c: pictures.find(c, item.id, made.name))
    assert found is not None
    assert found.hits == 6
    assert found.used_at >= made.used_at
    assert [each.id for each in await catalog.read(partial(_hot, hits=6))] == [made.id]
    assert await catalog.read(partial(_hot, hits=7)) == []


def _hot(connection: object, hits: int) -> list[Rendition]:
    return pictures.hot(connection, hits, ["image/jpeg"], None, 9)  # type: ignore[arg-type]


async def test_a_swap_of_what_is_gone(catalog: Catalog) -> None:
    item = asset()
    add(catalog, item)
    made = picture(item, "w_1", "a" * 40)
    await catalog.write(partial(pictures.keep, item=made, most=9))
    assert await catalog.write(partial(pictures.swap, old=made, key="renditions/smaller", size=5))
    assert not await catalog.write(partial(pictures.swap, old=made, key="renditions/late", size=4))
    found = await catalog.read(lambda c: pictures.find(c, item.id, made.name))
    assert found is not None
    assert (found.key, found.bytes, found.squeezed) == ("renditions/smaller", 5, True)
    assert await catalog.read(lambda c: pictures.unknown(c, [made.key, "renditions/late"])) == []


@pytest.mark.parametrize("most", [0, 15, 1000])
async def test_eviction_passes_over_what_was_used_meanwhile(catalog: Catalog, most: int) -> None:
    item = asset()
    add(catalog, item)
    made = [picture(item, f"w_{number}", "a" * 40) for number in (1, 2)]
    for each in made:
        await catalog.write(partial(pictures.keep, item=each, most=9))
    found = await catalog.read(partial(pictures.least_used, excess=20 - most, limit=None))
    assert len(found) == {0: 2, 15: 1, 1000: 0}[most]
    await asyncio.sleep(0.002)
    await catalog.write(partial(pictures.note_uses, uses={made[0].id: 1}))
    dropped = await catalog.write(partial(pictures.evict, items=found))
    assert dropped.count == len([each for each in found if each.id != made[0].id])


async def test_a_database_put_back_from_a_backup_is_asked_from_then_on(tmp_path: Path) -> None:
    there, backup = tmp_path / "catalog.sqlite", tmp_path / "backup.sqlite"
    catalog = Catalog(f"sqlite:///{there}", CatalogSettings())
    catalog.migrate()
    item = add(catalog, asset())
    current = Current(catalog)
    with contextlib.closing(sqlite3.connect(there)) as source, contextlib.closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    later = add(catalog, asset())
    assert await current.get(name(later)) is not None  # type: ignore[arg-type]
    catalog.write_now(lambda c: assets.remove(c, item))
    assert await current.get(name(item)) is None  # type: ignore[arg-type]
    for suffix in ("-wal", "-shm"):
        there.with_name(there.name + suffix).unlink(missing_ok=True)
    backup.replace(there)
    assert await current.get(name(later)) is None  # type: ignore[arg-type]
    assert await current.get(name(item)) is not None  # type: ignore[arg-type]
    catalog.write_now(lambda c: assets.update(c, item.id, visibility="private"))
    changed = await current.get(name(item))  # type: ignore[arg-type]
    assert changed is not None
    assert changed.visibility == "private"
    current.close()
    catalog.close()
