"""``renditor gc``: make room. Works on the data folder, whether a server runs or not."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli.terminal import BAD_USAGE, CommandError, JsonOption, answer, size, table

if TYPE_CHECKING:
    from renditor.config import Settings

EXAMPLE = "renditor gc --data data --max-size 10GB --dry-run"

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?)\s*([kMGT]?)i?B?")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def command(
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The server's data folder (data).")] = None,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", metavar="SIZE", help="Keep pictures up to this size (delivery.cache_size)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what can be made anew, or belongs to nothing.

    Rendered pictures unused for longest go until the rest fits --max-size; without it and without the setting none
    goes. Stored objects that belong to nothing go too, and those of deleted assets. Originals, video and audio
    renditions and pictures made ahead always stay.
    """
    from renditor import config  # noqa: PLC0415 - --help stays quick

    settings = config.load(data=data)
    if settings.database_url is None and not (settings.data / "catalog.sqlite").exists():
        raise CommandError(
            f"{settings.data} is not a data folder of renditor.",
            hint="Name the folder of your server with --data or RENDITOR_DATA.",
            status=BAD_USAGE,
        )
    most = settings.delivery.cache_size if max_size is None else _bytes(max_size)
    found = asyncio.run(_collect(settings, most, dry_run=dry_run))
    names = {"evicted": "unused for longest", "orphans": "of nothing", "trash": "given up before", "kept": "kept"}
    rows = [("", "OBJECTS", "SIZE")]
    for name, words in names.items():
        total = found[name]
        rows.append((words, str(total["count"]), size(total["bytes"]) if "bytes" in total else ""))
    text = table(rows) + ("\n\nNothing was removed: --dry-run." if dry_run else "")
    answer(found, text, as_json=as_json)


async def _collect(settings: Settings, most: int | None, *, dry_run: bool) -> dict[str, Any]:
    from renditor import app  # noqa: PLC0415 - --help stays quick
    from renditor.catalog import pictures, trash  # noqa: PLC0415
    from renditor.deliver.quota import Quota  # noqa: PLC0415
    from renditor.recipes.sweeps import Sweeps  # noqa: PLC0415

    app.first_start(settings, make_key=False)
    catalog, storage = app.open_catalog(settings), app.open_storage(settings)
    try:
        waiting = await catalog.read(trash.count_due)
        quota = Quota(catalog, storage, most)
        evicted = pictures.Total() if most is None else await quota.evict(most, dry_run=dry_run)
        orphans = await quota.remove_unknown(dry_run=dry_run)
        if not dry_run:
            await Sweeps(catalog, storage, settings.data / "work").empty_all_trash()
        kept = await catalog.read(pictures.total)
        if dry_run:
            kept = pictures.Total(kept.count - evicted.count, kept.bytes - evicted.bytes)
    finally:
        catalog.close()
    return {
        "dry_run": dry_run,
        "evicted": asdict(evicted),
        "orphans": asdict(orphans),
        "trash": {"count": waiting},
        "kept": asdict(kept),
    }


def _bytes(text: str) -> int:
    """``10GB``, ``500MB``, ``1.5TB``: powers of ten, as disks are sold."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise CommandError(
            f"--max-size: {text!r} is no size.", hint="Write it as 10GB, 500MB or 1000000.", status=BAD_USAGE
        )
    return int(float(match[1]) * _UNITS[match[2]])
