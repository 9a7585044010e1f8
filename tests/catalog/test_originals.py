"""Damaged originals on both databases."""

from __future__ import annotations

from functools import partial

from renditor.catalog import assets, originals
from renditor.catalog.base import Catalog
from renditor.models import now_ms
from tests.catalog.test_assets import add, asset, keys_in_trash


def test_all_assets_that_share_damaged_bytes_are_marked_once_and_healed_by_the_same_bytes(catalog: Catalog) -> None:
    first = add(catalog, asset())
    twin = add(catalog, asset(owner="ben", original_key=first.original_key), stored=False)
    other = add(catalog, asset(sha256="1" * 64))
    marked = catalog.write_now(lambda c: originals.corrupt(c, first.original_key, 5))
    assert sorted(marked or []) == sorted([first.id, twin.id])
    assert catalog.write_now(lambda c: originals.corrupt(c, first.original_key, 6)) is None
    assert catalog.write_now(lambda c: originals.corrupt(c, "originals/xx/unknown", 6)) is None
    assert catalog.read_now(lambda c: assets.original_of(c, "main", first.sha256)) is None
    assert catalog.read_now(lambda c: assets.get(c, other.id)).corrupt_at is None
    # Nobody may count on the damaged object: the bytes are to be stored.
    late = asset()
    share = partial(assets.add, asset=late, stored=False, overwrite=False, job=None)
    assert catalog.write_now(share) is None
    healing = add(catalog, late)
    for one in (first, twin, healing):
        now = catalog.read_now(lambda c, one=one: assets.get(c, one.id))  # type: ignore[misc]
        assert (now.original_key, now.corrupt_at) == (late.original_key, None)
    assert keys_in_trash(catalog) == {first.original_key}


def test_an_overwrite_of_the_only_asset_of_damaged_bytes_heals_nothing_and_works(catalog: Catalog) -> None:
    first = add(catalog, asset(public_id="cat"))
    catalog.write_now(lambda c: originals.corrupt(c, first.original_key, 5))
    again = add(catalog, asset(public_id="cat"), overwrite=True)
    assert again.corrupt_at is None
    assert catalog.read_now(lambda c: originals.damaged(c, again.original_key)) is None


def test_what_was_restored_is_whole_again(catalog: Catalog) -> None:
    one = add(catalog, asset())
    assert catalog.write_now(lambda c: originals.verified(c, one.original_key, 4)) is False
    catalog.write_now(lambda c: originals.corrupt(c, one.original_key, 5))
    assert catalog.read_now(lambda c: originals.damaged(c, one.original_key)) == [one.id]
    assert catalog.write_now(lambda c: originals.verified(c, one.original_key, 6)) is True
    assert catalog.read_now(lambda c: assets.get(c, one.id)).corrupt_at is None


def test_those_never_read_back_come_first_then_the_oldest_and_none_too_early(catalog: Catalog) -> None:
    made = [add(catalog, asset(sha256=f"{number}" * 64)) for number in range(3)]
    for one, at in ((made[0], 20), (made[1], 10)):
        catalog.write_now(partial(originals.verified, key=one.original_key, at=at))

    def due(before: int) -> str | None:
        found = catalog.read_now(lambda c: originals.to_verify(c, before))
        return None if found is None else found.key

    assert due(15) == made[2].original_key
    catalog.write_now(lambda c: originals.verified(c, made[2].original_key, now_ms()))
    assert due(25) == made[1].original_key
    assert due(5) is None
    catalog.write_now(lambda c: originals.corrupt(c, made[1].original_key, 1))
    assert due(25) == made[0].original_key
    assert [one.key for one in catalog.read_now(lambda c: originals.following(c, ""))] == sorted(
        one.original_key for one in made
    )
