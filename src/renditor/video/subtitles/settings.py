"""Settings of a cue: where it stands in the picture (WebVTT, W3C, 4.4). What is not a setting is left out."""

from __future__ import annotations

import re
from typing import Final

_SHARE: Final = r"(?:100(?:\.0{1,3})?|[0-9]{1,2}(?:\.[0-9]{1,3})?)%"
# In the order in which they are written. ``region`` is none of them: regions are defined in blocks that are not kept.
_VALUES: Final = {
    "vertical": re.compile("rl|lr"),
    "line": re.compile(rf"(?:-?[0-9]{{1,3}}|{_SHARE})(?:,(?:start|center|end))?"),
    "position": re.compile(rf"{_SHARE}(?:,(?:line-left|center|line-right))?"),
    "size": re.compile(_SHARE),
    "align": re.compile("start|center|end|left|right"),
}
_FORMER: Final = {"align:middle": "align:center"}  # of an older draft, still written by many


def clean(text: str) -> str:
    """The settings among the words of ``text``, each once, in a fixed order; later ones win."""
    found: dict[str, str] = {}
    for word in text.split():
        name, _, value = _FORMER.get(word, word).partition(":")
        if name in _VALUES and _VALUES[name].fullmatch(value):
            found[name] = value
    return " ".join(f"{name}:{found[name]}" for name in _VALUES if name in found)
