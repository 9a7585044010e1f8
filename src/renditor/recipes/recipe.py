"""What a recipe is: all that happens between the start of an attempt at a job and its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from renditor.models import Asset, Job


class JobGone(Exception):  # not an error: somebody wanted it so
    """The job was cancelled, or its asset deleted, while it ran."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a job. ``folder`` is its own, empty, and removed afterwards."""

    job: Job
    asset: Asset
    folder: Path


class Recipe(Protocol):
    """Does the work of one kind of job, and ends the job as completed in the transaction that shows what it made.

    ``kind`` is what the log calls it; recipes of uploads have the media type that they are for. ``background``: nobody
    waits for it. Such a job says nothing about its asset: see ``catalog.jobs``.
    """

    background: ClassVar[bool]

    @property
    def kind(self) -> str: ...

    async def run(self, attempt: Attempt) -> int:
        """Do it all. At least once: an attempt may follow one that died anywhere in between.

        Returns: bytes that were made.

        Raises:
            JobGone: the job was cancelled or its asset deleted.
            RenditorError: what the user is told.
        """
        ...
