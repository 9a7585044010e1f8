"""The audit log: who did what to which object, and who was refused, in a chain that shows when it was changed.

Each entry carries a MAC over itself, its number and the MAC of the entry before it. Whoever can write to the database
but does not have the key can therefore not change, remove, insert or reorder entries unnoticed. Entries missing at the
*end* show only against a checkpoint, a signed note of where the chain had come to, kept elsewhere too.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from renditor.access.keyring import Key, Keyring, mac

Outcome = Literal["done", "denied"]
# What the first entry of a chain is bound to.
START = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened.

    ``action``: such as ``asset.delete``. ``object``: the id it was about. ``kind`` and ``key_id``: what the principal
    showed. ``address``: of the client. ``detail``: short facts, no secrets, no file contents. ``at``: ms since 1970.
    """

    at: int
    action: str
    outcome: Outcome
    owner: str | None
    kind: str
    key_id: str | None
    address: str
    request_id: str
    object: str | None
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """An entry in its place: ``text`` is the canonical JSON that ``mac`` speaks for."""

    tenant: str
    number: int
    text: str
    previous: str
    mac: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The chain of ``tenant`` had come to ``number``, with ``mac``, at ``at`` (ms since 1970)."""

    tenant: str
    number: int
    mac: str
    at: int
    signature: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at which place of which chain."""

    tenant: str
    number: int
    fault: Literal["changed", "missing", "out-of-order", "truncated", "unknown-key", "bad-checkpoint"]


def link(key: Key, tenant: str, number: int, entry: Entry, previous: str) -> Link:
    """Bind an entry to the one before it."""
    values = {name: getattr(entry, name) for name in Entry.__slots__}
    text = json.dumps({"key": key.id, **values}, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return Link(tenant, number, text, previous, _mac(key, tenant, number, text, previous))


def checkpoint(key: Key, last: Link, at: int) -> Checkpoint:
    """A signed note of where a chain has come to."""
    return Checkpoint(last.tenant, last.number, last.mac, at, f"{key.id}.{_sign(key, last, at)}")


def check(links: Iterable[Link], keyring: Keyring, checkpoints: Collection[Checkpoint]) -> tuple[int, list[Finding]]:
    """Check one tenant's chain, whose links come in the order of their numbers.

    Returns:
        How many entries there are, and what is wrong.
    """
    found: list[Finding] = []
    noted = {one.number for one in checkpoints}
    known: dict[int, str] = {}
    count, expected, previous = 0, 1, START
    for one in links:
        count += 1
        if one.number in noted:
            known[one.number] = one.mac
        if one.number != expected:
            found.append(Finding(one.tenant, expected, "missing"))
        elif one.previous != previous:
            found.append(Finding(one.tenant, one.number, "out-of-order"))
        key = keyring.find(_key_id(one.text))
        if key is None:
            found.append(Finding(one.tenant, one.number, "unknown-key"))
        elif not _same(_mac(key, one.tenant, one.number, one.text, one.previous), one.mac):
            found.append(Finding(one.tenant, one.number, "changed"))
        expected, previous = one.number + 1, one.mac
    return count, [*found, *(fault for one in checkpoints if (fault := _against(one, known, keyring)))]


def read_entry(text: str) -> Entry | None:
    """The entry of a link's text. None: it is none (edited, or of a later version)."""
    try:
        values = json.loads(text)
        return Entry(**{name: values[name] for name in Entry.__slots__})
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _against(one: Checkpoint, known: dict[int, str], keyring: Keyring) -> Finding | None:
    key_id, _, signature = one.signature.partition(".")
    key = keyring.find(key_id)
    noted = Link(one.tenant, one.number, "", "", one.mac)
    if key is None or not _same(_sign(key, noted, one.at), signature):
        return Finding(one.tenant, one.number, "bad-checkpoint")
    if one.number not in known:
        return Finding(one.tenant, one.number, "truncated")
    return None if known[one.number] == one.mac else Finding(one.tenant, one.number, "changed")


def _key_id(text: str) -> str:
    try:
        values = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return ""
    return str(values.get("key", "")) if isinstance(values, dict) else ""


def _same(made: str, found: object) -> bool:
    """Whoever edits the database may leave letters that are not ASCII, bytes or nothing: a fault, not an error."""
    return hmac.compare_digest(made.encode(), str(found).encode(errors="replace"))


def _mac(key: Key, tenant: str, number: int, text: str, previous: str) -> str:
    return mac(key, json.dumps(["entry", tenant, number, previous, text], default=repr).encode()).hex()


def _sign(key: Key, last: Link, at: int) -> str:
    return mac(key, json.dumps(["checkpoint", last.tenant, last.number, last.mac, at], default=repr).encode()).hex()
