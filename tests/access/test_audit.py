"""Whatever is done to a chain of entries shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.access.audit import START, Entry, Link, check, checkpoint, link
from renditor.access.keyring import Key, Keyring

OLD, NEW = Key("old", b"o" * 32), Key("new", b"n" * 32)
RING = Keyring((NEW, OLD))


def entry(number: int) -> Entry:
    detail = {"name": 'x"\n\u2028', "number": number}
    return Entry(1000 + number, "asset.delete", "done", "anna", "key", "k1", "203.0.113.9", "r1", f"a{number}", detail)


def chain(length: int, key: Key = NEW) -> list[Link]:
    made: list[Link] = []
    for number in range(1, length + 1):
        made.append(link(key, "main", number, entry(number), made[-1].mac if made else START))
    return made


def faults(links: list[Link], *marks: Link) -> set[str]:
    noted = [checkpoint(NEW, mark, 1) for mark in marks]
    return {one.fault for one in check(links, RING, noted)[1]}


def test_nothing_is_wrong_with_a_chain_as_it_was_written() -> None:
    links = chain(20)
    assert check(links, RING, [checkpoint(NEW, links[4], 1), checkpoint(NEW, links[-1], 1)]) == (20, [])
    assert check([], RING, []) == (0, [])


def test_entries_of_a_retired_key_are_still_checked() -> None:
    older = chain(3, OLD)
    newer = link(NEW, "main", 4, entry(4), older[-1].mac)
    assert not faults([*older, newer])


@given(st.integers(0, 9), st.data())
def test_an_edited_entry_shows(place: int, data: st.DataObject) -> None:
    links = chain(10)
    text = links[place].text
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != text[at]))
    links[place] = replace(links[place], text=text[:at] + other + text[at + 1 :])
    assert faults(links) & {"changed", "unknown-key"}


@pytest.mark.parametrize("place", [0, 4, 8])
def test_a_removed_entry_shows(place: int) -> None:
    links = chain(10)
    del links[place]
    assert "missing" in faults(links)


def test_entries_that_changed_places_show() -> None:
    links = chain(10)
    links[2], links[3] = replace(links[3], number=3), replace(links[2], number=4)
    assert {"changed", "out-of-order"} <= faults(links)


def test_an_entry_between_others_shows_also_when_all_numbers_fit() -> None:
    links = chain(3)
    forged = link(Key("new", b"guessed" * 5), "main", 2, entry(9), links[0].mac)
    assert "changed" in faults([links[0], forged, *[replace(one, number=one.number + 1) for one in links[1:]]])


def test_entries_missing_at_the_end_show_against_a_checkpoint_only() -> None:
    links = chain(10)
    assert not faults(links[:7])
    assert faults(links[:7], links[8]) == {"truncated"}
    assert faults([], links[8]) == {"truncated"}


def test_a_chain_written_anew_with_the_same_key_differs_from_its_checkpoint() -> None:
    other = [replace(one, action="asset.upload") for one in map(entry, range(1, 4))]
    anew: list[Link] = []
    for number, one in enumerate(other, 1):
        anew.append(link(NEW, "main", number, one, anew[-1].mac if anew else START))
    assert faults(anew, chain(3)[2]) == {"changed"}


def test_a_forged_checkpoint_shows() -> None:
    links = chain(5)
    good = checkpoint(NEW, links[2], 1)
    for bad in (
        replace(good, number=4),
        replace(good, at=2),
        replace(good, signature="new.00"),
        replace(good, signature="x"),
    ):
        assert {one.fault for one in check(links, RING, [bad])[1]} == {"bad-checkpoint"}


def test_another_tenants_entries_are_no_part_of_a_chain() -> None:
    links = chain(3)
    assert "changed" in faults([*links[:2], replace(links[2], tenant="other")])


@pytest.mark.parametrize("odd", ["é" * 64, "\ud800", "", None, b"\x00", 7], ids=repr)
@pytest.mark.parametrize("column", ["text", "previous", "mac"])
def test_whatever_an_editor_writes_is_a_fault_and_no_error(column: str, odd: Any) -> None:
    links = chain(3)
    assert faults([links[0], replace(links[1], **{column: odd}), links[2]], links[2])


@pytest.mark.parametrize("odd", ["new.é", "\ud800", "é.", "new."], ids=repr)
def test_whatever_an_editor_writes_as_a_signature_is_a_fault(odd: str) -> None:
    links = chain(3)
    mark = replace(checkpoint(NEW, links[2], 1), signature=odd)
    assert [one.fault for one in check(links, RING, [mark])[1]] == ["bad-checkpoint"]
