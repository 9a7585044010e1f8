"""Checkpoints of the audit log in a file: outside of the database, one line of JSON each, only ever added to."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, fields
from io import FileIO
from pathlib import Path

from renditor.access.audit import Checkpoint

# What the log says of a checkpoint; the log itself may be given instead of the file.
EVENT = "audit_checkpoint"
# Longer than any line. Bytes.
_TAIL = 4096
_TYPES = {field.name: int if field.type == "int" else str for field in fields(Checkpoint)}


def append(path: Path, made: Iterable[Checkpoint]) -> None:
    """Add checkpoints; they are on the disk when this returns. Blocking. Raises: OSError.

    A last line that a crash or a full disk cut short goes first: what is added would become part of it, and be lost.
    """
    lines = "".join(f"{json.dumps(asdict(one))}\n" for one in made)
    if not lines:
        return
    # O_APPEND: two workers do not write over each other, and nothing that is there is changed.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "r+b", buffering=0) as file:
        fcntl.flock(fd, fcntl.LOCK_EX)  # half a line of another worker is not one that was cut short
        _cut_torn_line(file)
        rest = lines.encode()
        while rest:  # a disk that gets full takes a part
            rest = rest[file.write(rest) or 0 :]
        os.fsync(fd)


def read(path: Path) -> tuple[list[Checkpoint], int]:
    """The checkpoints of a file, or of a log in JSON, and how many lines are damaged. Blocking. Raises: OSError.

    A last line without its end is one that a crash cut short: it is no damage.
    """
    found, damaged = [], 0
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            one = _read(line)
            if one is not None:
                found.append(one)
            elif line.endswith("\n") and not _of_log(line):
                damaged += 1
    return found, damaged


def _cut_torn_line(file: FileIO) -> None:
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, size - _TAIL))
    tail = file.read(_TAIL)
    if tail and not tail.endswith(b"\n"):
        file.truncate(start + tail.rfind(b"\n") + 1)


def _read(line: str) -> Checkpoint | None:
    try:
        values = json.loads(line)
        named = {name: values[name] for name in _TYPES}
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return Checkpoint(**named) if all(type(named[name]) is kind for name, kind in _TYPES.items()) else None


def _of_log(line: str) -> bool:
    """A line of a log that tells of something else."""
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return not line.startswith("{")
    return isinstance(values, dict) and values.get("event", EVENT) != EVENT
