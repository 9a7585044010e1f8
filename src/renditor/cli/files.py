"""The user's files: told early what is wrong with them, and results that appear whole or not at all."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from pathlib import Path

from renditor.cli.terminal import BAD_USAGE, CommandError

_ENTRIES = {".m3u8", ".mpd", ".vtt"}
_COPY_BYTES = 32 * 1024 * 1024  # between two looks at whether the user pressed Ctrl-C


def source(path: Path) -> Path:
    """The absolute path of a readable plain file. Raises: CommandError."""
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.", code="no-input") from None
    if not path.is_file():
        raise CommandError(f"{path} is not a plain file.", code="no-input")
    return path.resolve()


def size(path: Path) -> int:
    """Bytes."""
    return path.stat().st_size


def target(path: Path, given: Path) -> Path:
    """Where a file will be written: found out before hours of work, not after them.

    Args:
        path: what the user asked for.
        given: the source, which is never overwritten.

    Raises:
        CommandError: it is a folder, the source itself, or lies where nothing can be written.
    """
    if path.is_dir():
        raise CommandError(f"{path} is a folder.", hint=f"Name a file, such as {path / 'result'}{given.suffix}.")
    if path.exists() and path.samefile(given):
        raise CommandError(f"{path} is the input itself.", hint="Give the result another name.")
    check_writable(path.absolute().parent)
    return path.absolute()


def target_folder(path: Path) -> Path:
    """Where a folder of files will be written. Raises: CommandError: it is a file, not empty, or not writable."""
    absolute = path.absolute()
    if path.exists() and not path.is_dir():
        raise CommandError(f"{path} is a file.", hint="Name a folder; it is made if it does not exist.")
    if path.is_dir() and any(path.iterdir()):
        raise CommandError(
            f"{path} is not empty.", hint="Files of two streams must not mix: name another folder, or empty this one."
        )
    check_writable(absolute if path.is_dir() else absolute.parent)
    return absolute


def open_folder(path: Path) -> Path:
    """Where files will be written among others; it need not exist. Raises: CommandError: a file, or not writable."""
    if path.exists() and not path.is_dir():
        raise CommandError(f"{path} is a file.", hint="Name a folder; it is made if it does not exist.")
    existing = path.absolute()
    while not existing.exists():
        existing = existing.parent
    check_writable(existing)
    return path.absolute()


def extension(path: Path, example: str) -> str:
    """What ``path`` ends in, without the dot, in small letters. Raises: CommandError: nothing."""
    if not path.suffix.strip("."):
        raise CommandError(
            f"The format of {path} is not known.",
            hint=f"Give it an ending, such as {path.name.rstrip('.') or 'result'}{example}.",
            code="no-format",
            status=BAD_USAGE,
        )
    return path.suffix[1:].lower()


async def place(made: Path | bytes, wanted: Path) -> None:
    """Bring a finished file to its place at once: readers see the old file or the new one, never half of it.

    Raises: CommandError: it cannot be written.
    """
    partial = _beside(wanted)
    try:
        if isinstance(made, bytes):
            await asyncio.to_thread(partial.write_bytes, made)
        else:
            await _copy(made, partial)
        partial.replace(wanted)
    except OSError as error:
        raise _unwritable(wanted, error) from None
    finally:
        partial.unlink(missing_ok=True)


async def place_folder(made: Path, wanted: Path) -> None:
    """Bring a finished folder to its place at once. ``wanted`` does not exist or is empty. Raises: CommandError."""
    partial = _staging(wanted)
    try:
        for path, copy in _make_folders(made, partial):
            await _copy(path, copy)
        _settle(partial, wanted)
    except OSError as error:
        raise _unwritable(wanted, error) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _staging(wanted: Path) -> Path:
    """Beside a folder that does not exist yet; inside one that does, because a shell may stand in it."""
    return _beside(wanted / "set") if wanted.is_dir() else _beside(wanted)


def _make_folders(made: Path, partial: Path) -> list[tuple[Path, Path]]:
    """Make the same folders in ``partial``. Returns: each file and where its copy goes."""
    partial.mkdir()
    files = []
    for path in sorted(made.rglob("*")):
        copy = partial / path.relative_to(made)
        if path.is_dir():
            copy.mkdir()
        else:
            files.append((path, copy))
    return files


def _settle(partial: Path, wanted: Path) -> None:
    if partial.parent != wanted:
        partial.rename(wanted)
        return
    # What plays the rest comes last.
    for path in sorted(partial.iterdir(), key=lambda path: (path.suffix in _ENTRIES, path.name)):
        path.rename(wanted / path.name)


async def _copy(made: Path, wanted: Path) -> None:
    """Not a rename: the job folder is often on another disk, and the new file takes the user's own permissions."""
    with made.open("rb") as reader, wanted.open("xb") as writer:
        while chunk := await asyncio.to_thread(reader.read, _COPY_BYTES):
            await asyncio.to_thread(writer.write, chunk)


def _beside(wanted: Path) -> Path:
    return wanted.with_name(f".{wanted.name[:80]}.{secrets.token_hex(4)}.part")


def check_writable(folder: Path) -> None:
    """Raises: CommandError: there is no such folder, or nothing can be written to it."""
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.", hint=f"Make it first: mkdir -p {folder}", code="no-output")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CommandError(f"Nothing can be written to {folder}.", code="no-output")


def _unwritable(wanted: Path, error: OSError) -> CommandError:
    return CommandError(f"{wanted} cannot be written: {error.strerror}.", code="no-output")
