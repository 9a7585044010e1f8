"""Variables of playlists: EXT-X-DEFINE and ``{$name}``. Source: RFC 8216bis, 4.3 and 4.4.2.3."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

_TAG: Final = "#EXT-X-DEFINE:"
_ATTRIBUTE: Final = re.compile(r'(NAME|VALUE|IMPORT|QUERYPARAM)="([^"\r\n]*)"')
_REFERENCE: Final = re.compile(r"\{\$([a-zA-Z0-9_-]{1,100})\}")
# A long value that is named often makes gigabytes of a kilobyte.
_LONGEST_VALUE: Final = 4096
_MOST_CHARACTERS: Final = 16 * 1024**2


def spell_out(
    text: str, imported: Mapping[str, str], name: str, on_fault: Callable[[Literal["bad-tag"], str], None]
) -> tuple[str, Mapping[str, str]]:
    """A playlist in which values stand instead of variables, and the values that it knows.

    Args:
        text: the playlist.
        imported: the variables of the master playlist, which others may import.
        name: of the playlist with the query of its URL, where it has one.
        on_fault: called for variables that are not defined, or too long.
    """
    if _TAG not in text and "{$" not in text:
        return text, {}
    known: dict[str, str] = {}
    lines, made = [], 0
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(_TAG):
            key, value = _defined(dict(_ATTRIBUTE.findall(line)), imported, name)
            if key is None or value is None or key in known:
                on_fault("bad-tag", f"line {number}: EXT-X-DEFINE defines nothing, or what is defined already")
            else:
                known[key] = value[:_LONGEST_VALUE]
        elif "{$" in line and made < _MOST_CHARACTERS:
            if not {*_REFERENCE.findall(line)} <= known.keys():
                on_fault("bad-tag", f"line {number}: a variable that is not defined")
            line = _REFERENCE.sub(lambda found: known.get(found[1], ""), line[:_LONGEST_VALUE])  # noqa: PLW2901 - the same
        made += len(line)
        lines.append(line)
    return "\n".join(lines), known


def _defined(given: Mapping[str, str], imported: Mapping[str, str], name: str) -> tuple[str | None, str | None]:
    """Name and value of a variable; None for what is not said."""
    if "IMPORT" in given:
        return given["IMPORT"], imported.get(given["IMPORT"])
    if "QUERYPARAM" in given:
        values = parse_qs(urlsplit(name).query).get(given["QUERYPARAM"])
        return given["QUERYPARAM"], values[0] if values else None
    return given.get("NAME"), given.get("VALUE")
