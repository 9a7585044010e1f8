"""The work of commands that need no server: a sandbox, the programs, and a private folder that is always removed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from renditor import config
from renditor.cli import interruption
from renditor.cli.progress import Progress, progress
from renditor.cli.terminal import CommandError
from renditor.content.sniff import SNIFF_BYTES, SVG, Sniffed, declares_svg, sniff
from renditor.errors import UnsupportedMedia
from renditor.routing import MediaRouter
from renditor.tools import Tools, build_tools, user_cache

Result = TypeVar("Result")
Provider = TypeVar("Provider")


@dataclass(frozen=True, slots=True)
class Bench:
    """What a local command works with. ``folder`` is private, empty at first and gone afterwards; ``report`` shows how
    far the work is, and should be told how long the media is (``report.lasts``)."""

    settings: config.Settings
    tools: Tools
    router: MediaRouter
    folder: Path
    report: Progress


def run(work: Callable[[Bench], Awaitable[Result]], title: str) -> Result:
    """Do ``work`` with everything it needs; afterwards nothing is left of it, also when it was interrupted.

    Args:
        work: the command's own part.
        title: what stands before the progress bar.

    Raises:
        RenditorError, CommandError: as ``work``.
        typer.Exit: 128 + the number of the signal that ended it.
    """

    async def with_bench() -> Result:
        with progress(title) as report:
            async with _bench(report) as ready:
                return await work(ready)

    return interruption.run(with_bench())


@asynccontextmanager
async def _bench(report: Progress) -> AsyncIterator[Bench]:
    """Everything for local work. Raises: RenditorError where a part of it is missing."""
    settings = config.load()
    folder = Path(tempfile.mkdtemp(prefix="renditor-"))
    try:
        tools = build_tools(settings, user_cache(), own_decoders=True)
        try:
            router = MediaRouter(tools.providers, settings.routes)
            yield Bench(settings, tools, router, folder, report)
        finally:
            await tools.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def on_this_machine(found: object, wanted: type[Provider], what: str) -> Provider:
    """The provider of ``what`` (video, audio), which has to be the one for local files.

    Raises: CommandError: the settings name another.
    """
    if not isinstance(found, wanted):
        raise CommandError(
            f"The {what} provider in the settings makes no local files.",
            hint=f"Set RENDITOR_ROUTES__{what.upper()}=ffmpeg.",
        )
    return found


def look(path: Path) -> Sniffed:
    """What a file is, from its first bytes. Raises: UnsupportedMedia, Unprocessable (empty)."""
    with path.open("rb") as file:
        sniffed = sniff(file.read(SNIFF_BYTES))
    if sniffed == SVG and not declares_svg(path.name, None):
        raise UnsupportedMedia("The file holds SVG under another name.", hint="Give it a name in .svg.")
    return sniffed
