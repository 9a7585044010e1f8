"""Where infected files are kept for whoever wants to look into them. Nothing here is ever read by the server."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from renditor.errors import of_disk


@dataclass(frozen=True, slots=True)
class Quarantine:
    """``folder`` holds at most ``most_bytes``; None keeps nothing."""

    folder: Path | None
    most_bytes: int

    def keep(self, path: Path, size: int, sha256: str) -> bool:
        """Keep a second name of the file, if there is room. Blocking. Raises: OutOfSpace, Unavailable.

        Named by its content: the same file again takes no more room. Nobody may execute or write it, and its name has
        no extension that a desktop would open.
        """
        if self.folder is None:
            return False
        kept = self.folder / sha256
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if kept.exists():
                return True
            if sum(entry.stat().st_size for entry in os.scandir(self.folder)) + size > self.most_bytes:
                return False
            try:
                os.link(path, kept)
            except FileExistsError:  # another process was first
                return True
            kept.chmod(0o400)
        except OSError as error:
            raise of_disk(error) from error
        return True
