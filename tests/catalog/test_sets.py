"""Sets that change: of two changes at once one counts, and nothing is lost or left."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from renditor.catalog import assets, sets, trash
from renditor.catalog.base import Catalog
from renditor.catalog.settings import CatalogSettings
from renditor.errors import Unavailable
from renditor.models import Rendition, new_id, now_ms
from tests.catalog.test_assets import add, asset, keys_in_trash


@pytest.fixture
def known(catalog: Catalog) -> Rendition:
    """A set as a recipe makes it known."""
    video = add(catalog, asset(media_type="video"))
    made = Rendition(new_id(), video.id, "hls", "hls", f"sets/{video.id}/", "x", 100, now_ms(), metadata={"rungs": [1]})
    assert catalog.write_now(lambda c: assets.keep_rendition(c, made))
    return made


def stored(catalog: Catalog, keys: Iterable[str]) -> None:
    catalog.write_now(partial(trash.intend, keys=list(keys)))


def changed(before: Rendition, token: str, *folders: str) -> Rendition:
    heads = {"master.m3u8": f"master-{token}.m3u8"}
    captions = [{"folder": folder} for folder in folders]
    return replace(before, bytes=before.bytes + 1, metadata=before.metadata | {"heads": heads, "captions": captions})


def now(catalog: Catalog, rendition: Rendition) -> Rendition:
    found = catalog.read_now(lambda c: assets.rendition(c, rendition.asset_id, "hls"))
    assert found is not None
    return found


def test_a_change_counts_once_it_is_made(catalog: Catalog, known: Rendition) -> None:
    key = known.key
    after = changed(known, "a", "text-1")
    fresh = [f"{key}master-a.m3u8", f"{key}text-1/"]
    stored(catalog, fresh)
    assert catalog.write_now(lambda c: sets.change(c, known, after, fresh, []))
    first = now(catalog, known)
    assert (sets.revision(known), sets.revision(first), first.bytes) == (1, 2, 101)
    assert first.metadata["rungs"] == [1]
    assert sets.stored_name(known, "master.m3u8") == "master.m3u8"
    assert sets.stored_name(first, "master.m3u8") == "master-a.m3u8"
    assert sets.stored_name(first, "manifest.mpd") == "manifest.mpd"
    assert keys_in_trash(catalog) == set()

    stored(catalog, [f"{key}master-b.m3u8"])
    gone = [f"{key}text-1/"]
    assert catalog.write_now(lambda c: sets.change(c, first, changed(first, "b"), [f"{key}master-b.m3u8"], gone))
    assert keys_in_trash(catalog) == {f"{key}text-1/", f"{key}master-a.m3u8"}
    # What is still being read stays a while; what was removed goes at once.
    assert catalog.read_now(trash.due) == gone


def test_the_later_of_two_changes_nothing(catalog: Catalog, known: Rendition) -> None:
    stored(catalog, ["a", "b"])
    assert catalog.write_now(lambda c: sets.change(c, known, changed(known, "a"), ["a"], []))
    assert not catalog.write_now(lambda c: sets.change(c, known, changed(known, "b"), ["b"], ["gone"]))
    assert sets.stored_name(now(catalog, known), "master.m3u8") == "master-a.m3u8"
    assert keys_in_trash(catalog) == {"b"}


def test_a_set_that_is_gone_and_objects_that_are_gone(catalog: Catalog, known: Rendition) -> None:
    with pytest.raises(Unavailable):
        catalog.write_now(lambda c: sets.change(c, known, changed(known, "a"), ["never stored"], []))
    assert now(catalog, known) == known
    stored(catalog, ["a"])
    video = catalog.read_now(lambda c: assets.get(c, known.asset_id))
    catalog.write_now(lambda c: assets.remove(c, video))
    assert not catalog.write_now(lambda c: sets.change(c, known, changed(known, "a"), ["a"], []))


def test_what_became_known_is_not_given_up(catalog: Catalog, known: Rendition) -> None:
    """The answer of the database was lost, not the change."""
    key = known.key
    fresh = [f"{key}master-a.m3u8", f"{key}text-1/"]
    stored(catalog, fresh)
    catalog.write_now(lambda c: sets.change(c, known, changed(known, "a", "text-1"), fresh, []))
    catalog.write_now(lambda c: sets.give_up(c, known.id, [*fresh, f"{key}text-2/"]))
    assert keys_in_trash(catalog) == {f"{key}text-2/"}
    catalog.write_now(lambda c: sets.give_up(c, new_id(), [f"{key}text-3/"]))
    assert keys_in_trash(catalog) == {f"{key}text-2/", f"{key}text-3/"}


def test_changes_at_once_are_made_one_after_the_other(catalog: Catalog, known: Rendition) -> None:
    def add_one(number: int) -> None:
        own = Catalog(catalog.url, CatalogSettings(readers=1))
        folder = f"text-{number}"
        stored(own, [f"{known.key}{folder}/"])
        while True:
            before = now(own, known)
            folders = [track["folder"] for track in before.metadata.get("captions", ())]
            after = changed(before, str(number), *folders, folder)
            work: Any = partial(sets.change, before=before, after=after, fresh=[f"{known.key}{folder}/"], gone=[])
            if own.write_now(work):
                break
        own.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add_one, range(12)))
    last = now(catalog, known)
    assert sorted(track["folder"] for track in last.metadata["captions"]) == sorted(f"text-{n}" for n in range(12))
    assert sets.revision(last) == 13
