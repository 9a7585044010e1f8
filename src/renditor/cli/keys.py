"""``renditor keys``: make, list and revoke API keys. Works on the data folder, whether a server runs or not."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli.durations import moment
from renditor.cli.terminal import BAD_USAGE, CommandError, JsonOption, answer, table
from renditor.models import DEFAULT_TENANT, ApiKey, now_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from renditor.catalog.base import Catalog
    from renditor.config import Settings

CREATE_EXAMPLE = "renditor keys create --data data --name website --scopes write --uploads 1000/hour --expires 90d"
LIST_EXAMPLE = "renditor keys list --data data"
REVOKE_EXAMPLE = "renditor keys revoke 01jd6q4w7v2m8k5x9z3c1b0n6t --data data"

DataOption = Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The server's data folder (data).")]


def create(  # noqa: PLR0913 - the options of a command line
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the key is for; shown in lists.")],
    scopes: Annotated[
        list[str], typer.Option("--scopes", metavar="SCOPES", help="read, write or admin; several: read,write")
    ],
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="NAME", help="First part of the owner's delivery URLs.")
    ] = DEFAULT_TENANT,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="NAME", help="Who owns what it uploads; default: a new owner.")
    ] = None,
    uploads: Annotated[str | None, typer.Option("--uploads", metavar="RATE", help="Such as 1000/hour.")] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="TIME", help="90d, 12h, or a date: 2030-01-31; default: never.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key. Its text is shown this once and stored nowhere.

    A key with the scope write may also read; admin may also write, and its uploads are not limited.
    """
    from renditor import app, config  # noqa: PLC0415 - --help stays quick
    from renditor.access import apikeys  # noqa: PLC0415
    from renditor.catalog import keys  # noqa: PLC0415

    wanted = [scope.strip() for text in scopes for scope in text.split(",") if scope.strip()]
    until = None if expires is None else moment(expires, "--expires", now_ms())
    new = apikeys.create(name, wanted, tenant=tenant, owner=owner, uploads=uploads, expires_at=until)
    settings = config.load(data=data)
    place = f"{settings.data}{'' if _is_there(settings) else ' (made now)'}"
    with open_catalog(settings, create=True) as catalog:
        facts = {"name": new.key.name, "owner": new.key.owner, "scopes": ",".join(sorted(new.key.scopes))}
        note = app.open_audit(settings, catalog).note_of_operator(new.key.tenant, "key.create", new.key.id, **facts)

        def insert(connection: Any) -> None:
            keys.insert(connection, new.key, new.secret_hash)
            note(connection)

        catalog.write_now(insert)
    shown = _to_json(new.key)
    # The folder too: a key that was made in a wrong one opens nothing.
    rows = [("key", new.text), ("id", shown["id"]), ("owner", shown["owner"]), ("scopes", ", ".join(shown["scopes"]))]
    text = table([*rows, ("expires", shown["expires_at"] or "never"), ("data folder", place)])
    answer(
        {"id": shown["id"], "key": new.text, "scopes": shown["scopes"], "owner": shown["owner"]},
        f"{text}\n\nKeep the key now: it is not shown again. Send it as `Authorization: Bearer KEY`.",
        as_json=as_json,
    )


def listing(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the API keys, without their secrets."""
    from renditor import config  # noqa: PLC0415 - --help stays quick
    from renditor.catalog import keys  # noqa: PLC0415

    with open_catalog(config.load(data=data), create=False) as catalog:
        found = [_to_json(key) for key in catalog.read_now(keys.all_keys)]
    rows = [("ID", "NAME", "SCOPES", "OWNER", "CREATED", "EXPIRES", "STATE")]
    for key in found:
        ends = (key["expires_at"] or "never")[:10]
        scopes = ",".join(key["scopes"])
        rows.append((key["id"], key["name"], scopes, key["owner"], key["created_at"][:10], ends, key["state"]))
    text = table(rows) if found else "There are no keys. Make one: renditor keys create --name NAME --scopes write"
    answer({"items": found}, text, as_json=as_json)


def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id, as `renditor keys list` shows it.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke an API key: from now on every request with it is refused."""
    from renditor import app, config  # noqa: PLC0415 - --help stays quick
    from renditor.catalog import keys  # noqa: PLC0415

    settings = config.load(data=data)
    with open_sealed(settings) as catalog:
        found = catalog.read_now(lambda c: keys.get(c, key_id))
        if found is None:
            raise CommandError(
                f"There is no key with the id {key_id}.", hint="`renditor keys list` shows the ids.", code="not-found"
            )
        note = app.open_audit(settings, catalog).note_of_operator(found[0].tenant, "key.revoke", key_id)

        def revoke_now(connection: Any) -> bool:
            changed = keys.revoke(connection, key_id, now_ms())
            if changed:
                note(connection)
            return changed

        changed = catalog.write_now(revoke_now)
    text = f"Revoked {key_id}." if changed else f"{key_id} was revoked before."
    answer({"id": key_id, "revoked": True}, text, as_json=as_json)


@contextmanager
def open_catalog(settings: Settings, *, create: bool) -> Iterator[Catalog]:
    """The catalog of a data folder. Only ``create`` makes what is not there yet: the folder, and new tables."""
    from renditor import app  # noqa: PLC0415 - --help stays quick
    from renditor.catalog.base import Catalog  # noqa: PLC0415
    from renditor.cli import serving  # noqa: PLC0415

    if create:
        serving.prepare_data(settings)
        app.first_start(settings, make_key=False)
    elif not _is_there(settings):
        raise CommandError(
            f"{settings.data} is not a data folder of renditor.",
            hint="Name the folder of your server with --data or RENDITOR_DATA.",
            status=BAD_USAGE,
        )
    catalog = Catalog(settings.catalog_url, settings.catalog)
    try:
        yield catalog
    finally:
        catalog.close()


@contextmanager
def open_sealed(settings: Settings) -> Iterator[Catalog]:
    """The catalog of a server that was started before, with its secrets: what signs the audit log is one of them."""
    with open_catalog(settings, create=False) as catalog:
        if settings.master_key is None and not (settings.data / "secrets" / "master").exists():
            # A new one would open nothing, and hide that the right one is missing.
            raise CommandError(
                "There is no master key to open the server's secrets with.",
                hint="Set RENDITOR_MASTER_KEY as the server has it, or put secrets/master of the data folder back.",
                status=BAD_USAGE,
            )
        yield catalog


def _is_there(settings: Settings) -> bool:
    return settings.database_url is not None or (settings.data / "catalog.sqlite").exists()


def _to_json(key: ApiKey) -> dict[str, Any]:
    order = ("read", "write", "admin")
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "owner": key.owner,
        "scopes": [scope for scope in order if scope in key.scopes],
        "uploads": key.uploads,
        "created_at": iso(key.created_at),
        "expires_at": iso(key.expires_at) if key.expires_at else None,
        "revoked_at": iso(key.revoked_at) if key.revoked_at else None,
        "state": key.state(now_ms()),
    }


def iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
