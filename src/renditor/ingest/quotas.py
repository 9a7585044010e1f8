"""How much an owner may have. Exact in the transaction that makes it more; asked before, so that nobody sends
gigabytes in vain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from renditor.catalog import uploads, usage
from renditor.errors import TooLarge, TooManyRequests
from renditor.jobs.base import ANALYSIS, SQUEEZE
from renditor.models import Principal

# What renditor does by itself: no owner asked for it.
OWN_RECIPES: Final = frozenset({ANALYSIS, SQUEEZE})
# A guess: when one of fifty jobs will have ended. Seconds.
_JOB_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class More:
    """What somebody wants to add. ``replaces``: something that is there gives way to it; how much, nobody knows yet."""

    files: int
    bytes: int
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class Quotas:
    """``bytes``: of the originals of one owner, as they were uploaded, and what its open uploads announced; ``files``;
    ``jobs``: unfinished ones. None: no limit. Keys with the scope admin are exempt."""

    bytes: int | None = None
    files: int | None = None
    jobs: int | None = None

    def check_room(self, connection: Any, principal: Principal, more: More) -> None:
        """Whether so much more would find room; exact behind ``usage.line_up``. Raises: TooLarge."""
        if not principal.may("admin"):
            found = usage.of(connection, principal.tenant, principal.owner)
            kept_files, kept_bytes = (0, 0) if more.replaces else (found.files, found.bytes)
            self._check(kept_files + found.open_files + more.files, kept_bytes + found.open_bytes + more.bytes)

    def check_added(self, connection: Any, principal: Principal, asset_id: str, *, replaces: bool = False) -> None:
        """After an asset was added, in its transaction. Raises: TooLarge.

        An upload in pieces was let in when it began, and has held its room since; whoever was exempt then is so when
        the sweep finishes it. How much ``replaces`` would give back, nobody knew then.
        """
        admitted = not replaces and asset_id in uploads.known(connection, [asset_id])
        if not admitted and not principal.may("admin"):
            found = usage.of(connection, principal.tenant, principal.owner, asset_id)
            self._check(found.files + found.open_files, found.bytes + found.open_bytes)

    def check_jobs(self, connection: Any, principal: Principal) -> None:
        """After a job was added, in its transaction. Raises: TooManyRequests."""
        if self.jobs is None or principal.may("admin"):
            return
        usage.line_up(connection, principal.tenant, principal.owner)
        if usage.unfinished_jobs(connection, principal.tenant, principal.owner, OWN_RECIPES) > self.jobs:
            raise TooManyRequests(
                f"More than {self.jobs} jobs of this owner are not done.",
                hint="Wait for some, or cancel them. The limit is RENDITOR_LIMITS__OWNER_JOBS.",
                code="quota-jobs",
                retry_after=_JOB_SECONDS,
            )

    def _check(self, files: int, bytes_: int) -> None:
        if self.bytes is not None and bytes_ > self.bytes:
            raise TooLarge(
                f"This would be more than the {self.bytes} bytes that an owner may have.",
                hint="Delete some files. The limit is RENDITOR_LIMITS__OWNER_BYTES.",
                code="quota-bytes",
            )
        if self.files is not None and files > self.files:
            raise TooLarge(
                f"This would be more than the {self.files} files that an owner may have.",
                hint="Delete some. The limit is RENDITOR_LIMITS__OWNER_FILES.",
                code="quota-files",
            )
