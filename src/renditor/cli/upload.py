"""``renditor upload``: files to a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.progress import Report, progress
from renditor.cli.terminal import (
    BAD_USAGE,
    FAILED,
    CommandError,
    JsonOption,
    answer,
    complain,
    explained,
    table,
)

if TYPE_CHECKING:
    from renditor.client import Client

EXAMPLE = "RENDITOR_KEY=rk_... renditor upload cat.jpg holiday.mp4 --server https://media.example.com --wait"

_URLS = ("url", "hls_url", "dash_url", "poster_url")
_SENT = 0.5  # with --wait, the share of a file's progress that is done when it has arrived


def command(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE", help="Pictures, videos, audio.", show_default=False)],
    server: Annotated[
        str | None,
        typer.Option("--server", metavar="URL", envvar="RENDITOR_SERVER", help="Default: the one of the settings."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEY", envvar="RENDITOR_KEY", help="An API key with the scope write.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until everything is processed.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Upload files to a server and print their URLs.

    Pictures are ready at once; video and audio when they are processed.
    """
    from renditor.cli import interruption  # noqa: PLC0415 - --help stays quick

    if not key:
        raise CommandError(
            "An API key is needed.",
            hint="Set RENDITOR_KEY; `renditor keys create --name NAME --scopes write` makes a key.",
            code="no-key",
            status=BAD_USAGE,
        )
    sources = [files.source(path) for path in paths]
    with progress("Uploading") as report:
        done, failed = interruption.run(_upload(sources, server or _local_server(), key, report, wait=wait))
    if done or as_json:
        answer({"items": done, "failed": failed}, _text(done), as_json=as_json)
    for failure in failed:
        complain(f"{failure['file']}: {failure['detail']}", failure["hint"])
    return FAILED if failed else 0


def _local_server() -> str:
    """The server that these settings would start: its bind address, which is this machine."""
    from renditor import config  # noqa: PLC0415 - --help stays quick

    return config.load(public_url="").base_url


async def _upload(
    sources: Sequence[Path], server: str, key: str, report: Report, *, wait: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """One file after the other; one that fails does not stop the rest. Returns: assets, failures."""
    from renditor.client import Client, ServerError  # noqa: PLC0415 - --help stays quick

    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    async with Client(server, key) as client:
        for number, source in enumerate(sources):

            def on_progress(fraction: float, stage: str, number: int = number, name: str = source.name) -> None:
                report((number + fraction) / len(sources), f"{name}: {stage}")

            try:
                asset = await _one(client, source, on_progress, wait=wait)
            except (ServerError, OSError) as error:
                failed.append({"file": source.name, **explained(error)})
                continue
            done.append({"file": source.name, **asset})
            if asset["status"] == "failed":
                reason = asset.get("error") or {}
                failed.append({"file": source.name, **{name: reason.get(name) for name in ("code", "detail", "hint")}})
    return done, failed


async def _one(client: Client, source: Path, report: Report, *, wait: bool) -> dict[str, Any]:
    share = _SENT if wait else 1.0
    asset = await client.upload(source, lambda sent: report(sent * share, "sending"))
    if wait and asset["status"] != "completed":
        return await client.wait(asset["id"], lambda percent, stage: report(_SENT + (1 - _SENT) * percent / 100, stage))
    return asset


def _text(assets: list[dict[str, Any]]) -> str:
    lines = []
    for asset in assets:
        rows = [("id", asset["id"]), ("status", asset["status"])]
        rows += [(name.replace("_", " "), asset[name]) for name in _URLS if asset.get(name)]
        lines.append(f"{asset['file']}\n{table([('', *row) for row in rows])}")
    return "\n".join(lines)
