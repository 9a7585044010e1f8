"""``renditor audit``: look at the audit log and check it. Works on the data folder, whether a server runs or not."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli.durations import seconds
from renditor.cli.keys import DataOption, open_sealed
from renditor.cli.terminal import BAD_USAGE, FAILED, CommandError, JsonOption, answer, printable, size, table

if TYPE_CHECKING:
    from renditor.access.audit import Entry, Finding
    from renditor.catalog.base import Catalog
    from renditor.config import Settings

VERIFY_EXAMPLE = "renditor audit verify --data data --media"
LIST_EXAMPLE = "renditor audit list --data data --action asset.delete --since 7d"

_MEANING = {
    "changed": "its text or its place was edited",
    "missing": "it was removed",
    "out-of-order": "it does not follow the entry before it",
    "truncated": "a checkpoint names it, and it is not there",
    "unknown-key": "it was signed with a key that the server does not have",
    "bad-checkpoint": "a checkpoint was edited",
}


def verify(
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", metavar="FILE", help="Copy of checkpoints.jsonl, or a log in JSON; repeatable."),
    ] = None,
    media: Annotated[bool, typer.Option("--media", help="Also read all originals back, and compare them.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> int:
    """Check the audit log: no entry was edited, removed, reordered or cut off.

    With --media every original is read and compared with the SHA-256 of its upload; damaged ones are not delivered any
    more. Exit status 1: something is wrong.
    """
    from renditor import config  # noqa: PLC0415 - --help stays quick

    settings = config.load(data=data)
    for path in checkpoint or []:
        if not path.is_file():
            raise CommandError(f"There is no file {path}.", hint="Give a file of checkpoints.", status=BAD_USAGE)
    with open_sealed(settings) as catalog:
        count, findings = _check(settings, catalog, checkpoint or [])
        found = asyncio.run(_read_back(settings, catalog)) if media else None
    value: dict[str, Any] = {"entries": count, "findings": [asdict(one) for one in findings]}
    lines = [f"{count} entries of the audit log, {len(findings)} findings.", *_told(findings)]
    if found is not None:
        value["media"] = found
        read, damaged = size(found["bytes"]), found["damaged"]
        lines.append(f"{found['originals']} originals ({read}) read back, {len(damaged)} damaged.")
        lines += [f"  {one['key']}  {one['fault']}  assets: {', '.join(one['assets']) or 'none'}" for one in damaged]
    answer(value, "\n".join(lines), as_json=as_json)
    return FAILED if findings or (found and found["damaged"]) else 0


def listing(
    *,
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only what this owner did.")] = None,
    action: Annotated[str | None, typer.Option("--action", metavar="NAME", help="Only this, as asset.delete.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="AGE", help="Only the last 30m, 12h or 7d.")] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="At most so many.")] = 50,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the newest entries of the audit log. It does not check them: `renditor audit verify` does."""
    from renditor import app, config  # noqa: PLC0415 - --help stays quick
    from renditor.models import now_ms  # noqa: PLC0415

    settings = config.load(data=data)
    after = 0 if since is None else max(0, now_ms() - seconds(since, "--since") * 1000)
    with open_sealed(settings) as catalog:
        found = app.open_audit(settings, catalog).newest(limit, owner=owner, action=action, since=after)
    rows = [("TIME", "ACTION", "OUTCOME", "OWNER", "KIND", "ADDRESS", "OBJECT", "DETAIL"), *map(_row, found)]
    text = table(rows) if found else "There are no such entries."
    answer({"items": [asdict(entry) for entry in found]}, text, as_json=as_json)


def _check(settings: Settings, catalog: Catalog, files: list[Path]) -> tuple[int, list[Finding]]:
    from renditor import app  # noqa: PLC0415 - --help stays quick
    from renditor.service import Marking  # noqa: PLC0415

    return Marking(app.open_audit(settings, catalog), app.checkpoints_of(settings)).check(files)


async def _read_back(settings: Settings, catalog: Catalog) -> dict[str, Any]:
    from renditor import app  # noqa: PLC0415 - --help stays quick
    from renditor.recipes.integrity import Integrity  # noqa: PLC0415

    note = app.open_audit(settings, catalog).note
    integrity = Integrity(catalog, app.open_storage(settings), note, settings.integrity)
    count, total, damaged = 0, 0, []
    async for original, damage in integrity.all():
        count, total = count + 1, total + original.bytes
        if damage is not None:
            damaged.append(asdict(damage))
    return {"originals": count, "bytes": total, "damaged": damaged}


def _told(findings: list[Finding]) -> list[str]:
    return [f"  {one.tenant} {one.number}: {one.fault} ({_MEANING[one.fault]})" for one in findings]


def _row(entry: Entry) -> tuple[str, ...]:
    at = datetime.fromtimestamp(entry.at / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    detail = " ".join(f"{name}={value}" for name, value in entry.detail.items())
    shown = (at, entry.action, entry.outcome, entry.owner or "-", entry.kind, entry.address or "-", entry.object or "-")
    return *(printable(cell) for cell in shown), " ".join(printable(detail).split())
