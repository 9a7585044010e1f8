"""What commands write, and where: answers on stdout, all else on stderr, nothing but text to what is not a terminal."""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TextIO

import typer

from renditor.errors import BadRequest, RenditorError

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]

FAILED, BAD_USAGE, INTERRUPTED = 1, 2, 130
DEBUG_VARIABLE = "RENDITOR_DEBUG"

Colour = Literal["green", "yellow", "red", "bold"]
_ANSI: Mapping[Colour, str] = {"green": "32", "yellow": "33", "red": "31", "bold": "1"}
_COLOURED = re.compile(r"(\033\[(?:0|1|31|32|33)m)")
_UNITS = ("B", "kB", "MB", "GB", "TB")


class CommandError(Exception):
    """Why a command failed, for the person who typed it: it may name their own files, which server errors never do."""

    def __init__(self, detail: str, *, hint: str | None = None, code: str = "failed", status: int = FAILED) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint
        self.code = code
        self.status = status


def answer(value: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """Print the result of a command: one JSON object, or the text."""
    if as_json:
        # ASCII: it is read by programs, whatever the locale is, and no control character reaches a terminal.
        typer.echo(json.dumps(value, indent=2, default=str))
    else:
        typer.echo(printable(text))


def fail(error: BaseException, arguments: Sequence[str]) -> int:
    """Say why a command failed: one line and one hint on stderr, with ``--json`` an object on stdout too.

    Returns: the exit status.
    """
    shown, status = explained(error), exit_status(error)
    if "--json" in arguments:
        typer.echo(json.dumps({"error": shown}, indent=2))
    complain(shown["detail"], shown["hint"])
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error, file=sys.stderr)
    return status


def complain(detail: str, hint: str | None = None) -> None:
    """An error on stderr: ``error: ...`` and ``hint: ...``, one line each."""
    typer.echo(f"{paint('error:', 'red', sys.stderr)} {_one_line(detail)}", err=True)
    if hint:
        typer.echo(f"{paint('hint:', 'bold', sys.stderr)} {_one_line(hint)}", err=True)


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())


def explained(error: BaseException) -> dict[str, Any]:
    """``code``, ``detail`` and ``hint`` of whatever ended a command."""
    code, hint = "failed", None
    if isinstance(error, CommandError):
        code, detail, hint = error.code, error.detail, error.hint
    elif isinstance(error, RenditorError):
        code, detail, hint = error.error_code, error.detail, error.hint
    elif isinstance(error, typer.TyperException):
        context = getattr(error, "ctx", None)
        code, detail = "bad-usage", error.format_message()
        hint = f"See `{context.command_path if context else 'renditor'} --help`."
    elif isinstance(error, OSError) and error.strerror:
        detail = f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    else:
        code, detail = "internal", f"This should not have happened ({type(error).__name__})."
        hint = f"Run it again with {DEBUG_VARIABLE}=1 and report what it prints and `renditor doctor --json`."
    return {"code": code, "detail": detail, "hint": hint}


def exit_status(error: BaseException) -> int:
    """2 where the person should have typed something else, 1 where they could not have known."""
    if isinstance(error, CommandError):
        return error.status
    if isinstance(error, typer.TyperException):
        return int(getattr(error, "exit_code", FAILED))
    return BAD_USAGE if isinstance(error, BadRequest) else FAILED


def printable(text: str) -> str:
    """Text that may come from files and servers, without what a terminal would obey. Our own colours stay."""
    pieces = _COLOURED.split(text)  # text, colour, text, colour, ...
    for place in range(0, len(pieces), 2):
        pieces[place] = "".join(x if x.isprintable() or x in "\n\t" else "\ufffd" for x in pieces[place])
    return "".join(pieces)


def paint(text: str, colour: Colour, stream: TextIO | None = None) -> str:
    """Coloured on a terminal, unless ``NO_COLOR`` is set (no-color.org)."""
    stream = stream or sys.stdout
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{_ANSI[colour]}m{text}\033[0m"


def table(rows: Sequence[Sequence[str]], gap: str = "  ") -> str:
    """Columns as wide as their widest cell; the last one is free."""
    widths = [max(len(cell) for cell in column) for column in list(zip(*rows, strict=True))[:-1]]
    return "\n".join(gap.join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows)


def size(count: int) -> str:
    """``34.2 kB``: bytes as people read them (1 kB = 1000 bytes)."""
    value, unit = float(count), 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def clock(seconds: float) -> str:
    """``1:02:03.5``: a duration as players show it, to the tenth of a second."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{rest // 10:02}.{rest % 10}"
