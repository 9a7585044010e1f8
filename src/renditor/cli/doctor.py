"""``renditor doctor``: what works on this machine, what does not, and how to mend it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from renditor import __version__
from renditor.cli.terminal import FAILED, Colour, JsonOption, answer, paint

if TYPE_CHECKING:
    from renditor.cli.checks import Finding
    from renditor.cli.local import Bench

EXAMPLE = "renditor doctor --data data"

_COLOURS: dict[str, Colour] = {"OK": "green", "WARN": "yellow", "FAIL": "red"}


def command(
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The server's data folder (data).")] = None,
    *,
    as_json: JsonOption = False,
) -> int:
    """Check this machine and say how to mend what is wrong.

    Looks at the real things: renders a picture and converts a small video in the sandbox. Exit status 1 if one fails.
    """
    from renditor.sandbox.policy import protections  # noqa: PLC0415 - --help stays quick

    found = _examine(data)
    worst = next((status for status in ("FAIL", "WARN") if any(one.status == status for one in found)), "OK")
    value = {
        "status": worst,
        "version": __version__,
        "checks": [one.to_json() for one in found],
        "protections": protections().to_json(),
    }
    answer(value, _text(found), as_json=as_json)
    return FAILED if worst == "FAIL" else 0


def _examine(data: Path | None) -> list[Finding]:
    from renditor import config  # noqa: PLC0415 - --help stays quick
    from renditor.cli import checks, exposure, local, versions  # noqa: PLC0415
    from renditor.errors import RenditorError  # noqa: PLC0415

    found = [checks.python(), checks.open_files(), checks.clock(), checks.temp_folder()]
    try:
        settings = config.load(data=data)
    except RenditorError as error:
        return [*found, checks.fail("settings", error.detail, error.hint), *checks.sandbox()]
    found += [
        checks.settings(settings),
        checks.data_folder(settings.data),
        checks.disk_space(settings.data),
        checks.database(settings),
        checks.tls(settings),
        exposure.master_key(settings),
        exposure.public_bind(settings),
        exposure.proxies(settings),
        exposure.metrics(settings),
        checks.server(settings),
        *checks.sandbox(),
    ]

    async def tools(bench: Bench) -> list[Finding]:
        programs = checks.media_programs(bench.tools.binaries)
        known = versions.advisories()
        parts = await asyncio.to_thread(versions.installed, bench.tools.binaries)
        holes = [versions.check(parts, known), versions.check_age(known)]
        scanned = await exposure.scanner(settings.content, bench)
        return [*programs, await checks.libvips(bench), *holes, scanned, await checks.conversion(bench)]

    try:
        return found + local.run(tools, "Checking")
    except RenditorError as error:
        return [*found, checks.fail("ffmpeg", error.detail, error.hint)]


def _text(found: list[Finding]) -> str:
    width = max(len(one.name) for one in found)
    lines = []
    for one in found:
        lines.append(f"{paint(one.status.ljust(4), _COLOURS[one.status])}  {one.name.ljust(width)}  {one.what}")
        if one.fix:
            lines.append(f"{' ' * (width + 8)}{paint('fix:', 'bold')} {one.fix}")
    counts = {status: sum(one.status == status for one in found) for status in _COLOURS}
    lines += ["", f"{counts['OK']} OK, {counts['WARN']} WARN, {counts['FAIL']} FAIL"]
    return "\n".join(lines)
