"""Many pictures at once: as many at a time as there are decoders, and one that is bad does not stop the others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from renditor.cli import files, pictures
from renditor.cli.pictures import Order
from renditor.cli.terminal import FAILED, CommandError, answer, complain, explained
from renditor.errors import RenditorError

if TYPE_CHECKING:
    from renditor.cli.local import Bench

# What is taken for a picture inside a folder. A file that is named on the command line is tried whatever it is called.
_EXTENSIONS = {"jpg", "jpeg", "jpe", "png", "webp", "avif", "gif", "tif", "tiff", "heic", "heif", "bmp", "ico"}


@dataclass(frozen=True, slots=True)
class _Task:
    """A picture to be made. ``stem``: where its result goes, without the extension."""

    source: Path
    stem: Path


@dataclass(slots=True)
class _Results:
    """What became of the pictures, in the order in which it became known; ``lines`` say what was done to people."""

    done: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.done) + len(self.kept) + len(self.failed)


def run(sources: Sequence[Path], target: Path, order: Order, *, recursive: bool, overwrite: bool, as_json: bool) -> int:
    """Make all results below ``target`` and say what became of them. Returns: the exit status.

    Raises: CommandError: nothing to do, or nowhere to put it.
    """
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    place = files.open_folder(target)
    tasks = [task for source in sources for task in _tasks(source, place, recursive=recursive)]
    if not tasks:
        hint = None if recursive else "--recursive looks into the folders inside too."
        raise CommandError("There is no picture.", hint=hint, code="no-input")
    results = _Results()

    async def work(bench: Bench) -> None:
        await _Batch(bench, order, results, overwrite=overwrite).make(tasks)

    local.run(work, "Making pictures")
    shown = {"items": results.done, "kept": results.kept, "failed": results.failed}
    answer(shown, _text(results, target), as_json=as_json)
    for failure in results.failed:
        complain(f"{failure['source']}: {failure['detail']}", failure["hint"])
    return FAILED if results.failed else 0


class _Batch:
    def __init__(self, bench: Bench, order: Order, results: _Results, *, overwrite: bool) -> None:
        self._bench = bench
        self._order = order
        self._results = results
        self._overwrite = overwrite
        self._taken: dict[Path, Path] = {}

    async def make(self, tasks: Sequence[_Task]) -> None:
        waiting = iter(tasks)
        decoders = self._bench.settings.sandbox.decoders  # more would only queue, and time out there
        async with asyncio.TaskGroup() as group:
            for _ in range(min(decoders, len(tasks))):
                group.create_task(self._worker(waiting, len(tasks)))

    async def _worker(self, waiting: Iterator[_Task], count: int) -> None:
        for task in waiting:
            try:
                await self._one(task)
            except (RenditorError, CommandError, OSError) as error:
                self._results.failed.append({"source": str(task.source), **explained(error)})
            done = self._results.count
            self._bench.report(done / count, f"{done} of {count}")

    async def _one(self, task: _Task) -> None:
        from renditor.cli import local  # noqa: PLC0415 - --help stays quick

        output = self._order.format or pictures.known_format(local.look(task.source).format) or "jpg"
        place = task.stem.with_name(f"{task.stem.name}.{output}")
        other = self._taken.setdefault(place, task.source)
        if other != task.source:
            raise CommandError(
                f"Its result would take the place of that of {other.name}.",
                hint="Rename one of them, or put them into folders of their own.",
                code="same-name",
            )
        if place.exists() and place.samefile(task.source):
            raise CommandError("Its result would take its own place.", hint="Name another folder.")
        shown = {"source": str(task.source), "path": str(place)}
        if place.exists() and not self._overwrite:
            self._results.kept.append(shown)
            return
        opened, _ = await pictures.opened(self._bench, task.source, self._order.layers)
        made = await pictures.render(self._bench, opened, self._order.transformation, output)
        await asyncio.to_thread(place.parent.mkdir, parents=True, exist_ok=True)
        await files.place(made.content, place)
        self._results.done.append(shown | pictures.facts(made))
        self._results.lines.append(f"{place}: {pictures.line(made)}")


def _tasks(source: Path, place: Path, *, recursive: bool) -> Iterator[_Task]:
    """The pictures that ``source`` stands for, by name. What earlier runs put inside ``place`` is none."""
    if not source.is_dir():
        yield _Task(files.source(source), place / source.stem)
        return
    for folder, below, names in os.walk(source):
        here = Path(folder)
        wanted = [name for name in below if recursive and not name.startswith(".") and not _same(here / name, place)]
        below[:] = sorted(wanted)
        for name in sorted(names):
            path = here / name
            if path.suffix[1:].lower() in _EXTENSIONS and not name.startswith("."):
                yield _Task(path, place / path.relative_to(source).with_suffix(""))


def _same(folder: Path, place: Path) -> bool:
    return place.exists() and folder.samefile(place)


def _text(results: _Results, target: Path) -> str:
    counts = [(results.done, "made"), (results.kept, "there already"), (results.failed, "failed")]
    summary = ", ".join(f"{len(items)} {word}" for items, word in counts if items)
    return "\n".join([*results.lines, f"{target}: {summary}"])
