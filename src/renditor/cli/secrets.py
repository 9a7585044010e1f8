"""``renditor secrets``: what the server signs and seals with. Works on the data folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from renditor.cli.keys import DataOption, iso, open_sealed
from renditor.cli.terminal import BAD_USAGE, CommandError, JsonOption, answer, table
from renditor.models import DEFAULT_TENANT

if TYPE_CHECKING:
    from renditor.catalog.base import Catalog
    from renditor.config import Settings
    from renditor.models import Note

LIST_EXAMPLE = "renditor secrets list --data data"
SHOW_EXAMPLE = "renditor secrets show delivery --data data"
SET_EXAMPLE = "renditor secrets set delivery --data data"
ROTATE_EXAMPLE = "renditor secrets rotate delivery --data data"
RETIRE_EXAMPLE = "renditor secrets retire 01jd6q4w7v2m8k5x9z3c1b0n6t --data data"
RESEAL_EXAMPLE = "renditor secrets reseal --new-key-file new-master --data data"

# The one secret that people need in programs of their own.
ShownArgument = Annotated[Literal["delivery"], typer.Argument(metavar="PURPOSE", help="delivery")]


def listing(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """List the server's secrets: what for, since when, and which are retired. None is shown itself."""
    from renditor import app, config  # noqa: PLC0415 - --help stays quick

    settings = config.load(data=data)
    with open_sealed(settings) as catalog:
        found = app.open_keyrings(settings, catalog).listing()
    items: list[dict[str, Any]] = []
    signing: set[str] = set()
    for one in found:
        state = "retired" if one.retired_at else "verifies" if one.purpose in signing else "signs"
        if not one.retired_at:
            signing.add(one.purpose)
        items.append({"id": one.id, "purpose": one.purpose, "created_at": iso(one.created_at), "state": state})
    rows = [("ID", "PURPOSE", "CREATED", "STATE"), *(tuple(str(value) for value in item.values()) for item in items)]
    answer({"items": items}, table(rows), as_json=as_json)


def show(purpose: ShownArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Print the secret that signs delivery URLs, for programs that make them. Whoever has it can sign."""
    from renditor import app, config  # noqa: PLC0415 - --help stays quick

    settings = config.load(data=data)
    with open_sealed(settings) as catalog:
        key = app.open_keyrings(settings, catalog).of_now(purpose).newest
        catalog.write_now(_note(settings, catalog, "secret.show", key.id, purpose))
    answer({"id": key.id, "purpose": purpose, "secret": key.secret.decode()}, key.secret.decode(), as_json=as_json)


def change(purpose: ShownArgument, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Take a secret of your own for delivery URLs, such as your Cloudinary account's: it is read from stdin.

    It signs from now on; the one before still verifies until it is retired.
    """
    from renditor.access.master import delivery_secret  # noqa: PLC0415 - --help stays quick

    if sys.stdin.isatty():
        raise CommandError(
            "The secret is read from stdin.", hint="renditor secrets set delivery < FILE", status=BAD_USAGE
        )
    _add(purpose, delivery_secret(sys.stdin.buffer.read(10_000).decode(errors="replace")), data, as_json=as_json)


def rotate(
    purpose: Annotated[
        Literal["grants", "tokens", "audit", "delivery"],
        typer.Argument(metavar="PURPOSE", help="grants, tokens, audit or delivery"),
    ],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a new secret. It signs from now on; the one before still verifies until it is retired.

    Running servers take it up within 5 seconds.
    """
    _add(purpose, None, data, as_json=as_json)


def retire(
    secret_id: Annotated[str, typer.Argument(metavar="ID", help="The id, as `renditor secrets list` shows it.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a secret: what it signed is good no longer, in every process within 5 seconds.

    What was signed for the audit log stays good.
    """
    from renditor import app, config  # noqa: PLC0415 - --help stays quick

    settings = config.load(data=data)
    with open_sealed(settings) as catalog:
        note = _note(settings, catalog, "secret.retire", secret_id)
        app.open_keyrings(settings, catalog).retire(secret_id, note)
    answer({"id": secret_id, "retired": True}, f"Retired {secret_id}.", as_json=as_json)


def reseal(
    new_key_file: Annotated[
        Path, typer.Option("--new-key-file", metavar="FILE", help="With the new master key: openssl rand -hex 32.")
    ],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Seal all secrets with another master key. Stop all servers first; start them with the new one.

    Where the master key is the file secrets/master of the data folder, the new one takes its place.
    """
    from renditor import app, config  # noqa: PLC0415 - --help stays quick
    from renditor.access import master, vault  # noqa: PLC0415
    from renditor.cli import serving  # noqa: PLC0415

    settings = config.load(data=data)
    try:
        key = new_key_file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise CommandError(f"{new_key_file} cannot be read.", hint="Give a file of text.", status=BAD_USAGE) from None
    new = vault.Vault(key)
    with open_sealed(settings) as catalog:
        serving.claim(settings.data, "serve")
        note = _note(settings, catalog, "secret.reseal", None)
        count = app.open_keyrings(settings, catalog).reseal(new, note)
    if settings.master_key is None:
        master.place(settings.data / "secrets" / "master", key, instead=True)
        where = "It is in secrets/master of the data folder now."
    else:
        where = "Set RENDITOR_MASTER_KEY to it before you start the server."
    answer({"secrets": count}, f"{count} secrets are sealed with the new master key. {where}", as_json=as_json)


def _add(purpose: Any, secret: bytes | None, data: Path | None, *, as_json: bool) -> None:
    from renditor import app, config  # noqa: PLC0415 - --help stays quick

    settings = config.load(data=data)
    with open_sealed(settings) as catalog:
        note = _note(settings, catalog, "secret.create", None, purpose)
        secret_id = app.open_keyrings(settings, catalog).add(purpose, note, secret)
    text = f"{secret_id} signs from now on. When nothing is left that the one before has signed, retire it."
    answer({"id": secret_id, "purpose": purpose}, text, as_json=as_json)


def _note(settings: Settings, catalog: Catalog, action: str, about: str | None, purpose: str | None = None) -> Note:
    from renditor import app  # noqa: PLC0415 - --help stays quick

    facts = {} if purpose is None else {"purpose": purpose}
    return app.open_audit(settings, catalog).note_of_operator(DEFAULT_TENANT, action, about, **facts)
