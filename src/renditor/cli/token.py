"""``renditor token``: JSON Web Tokens of the server's own, for programs that ask for an owner and for a short time."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from renditor.cli.durations import seconds
from renditor.cli.keys import DataOption, iso, open_sealed
from renditor.cli.terminal import JsonOption, answer, table
from renditor.models import DEFAULT_TENANT, now_ms

ISSUE_EXAMPLE = "renditor token issue --data data --owner anna --scopes read --ttl 15m"


def issue(
    *,
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="In whose name it asks (`sub`).")],
    scopes: Annotated[
        list[str], typer.Option("--scopes", metavar="SCOPES", help="read, write or admin; several: read,write")
    ],
    ttl: Annotated[str, typer.Option("--ttl", metavar="TIME", help="How long it is good: 15m, 12h, at most 30d.")],
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="NAME", help="First part of the owner's delivery URLs.")
    ] = DEFAULT_TENANT,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a JSON Web Token (JWT). It is sent like an API key, and is stored nowhere.

    It cannot be revoked by itself, only with all others: renditor secrets rotate tokens, then retire the one before.
    """
    from renditor import app, config  # noqa: PLC0415 - --help stays quick
    from renditor.access import jwt  # noqa: PLC0415

    length = seconds(ttl, "--ttl")
    wanted = frozenset(scope.strip() for text in scopes for scope in text.split(",") if scope.strip())
    settings = config.load(data=data)
    with open_sealed(settings) as catalog:
        text = jwt.issue(app.open_keyrings(settings, catalog).of_now("tokens").signing, owner, wanted, length, tenant)
        facts: dict[str, Any] = {"owner": owner, "scopes": ",".join(sorted(wanted)), "seconds": length}
        note = app.open_audit(settings, catalog).note_of_operator(tenant, "jwt.issue", None, **facts)
        catalog.write_now(note)
    until = iso(now_ms() + length * 1000)
    shown = {"token": text, "owner": owner, "tenant": tenant, "scopes": sorted(wanted), "expires_at": until}
    rows = table([("token", text), ("owner", owner), ("scopes", ", ".join(sorted(wanted))), ("expires", until)])
    answer(shown, f"{rows}\n\nSend it as `Authorization: Bearer TOKEN`.", as_json=as_json)
