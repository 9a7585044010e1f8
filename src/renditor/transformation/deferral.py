"""Values that wait: which texts may hold variables and measures, and what they become once those are known.

A value is a list of parts joined by colons (``10:$v``, ``blur:$strength``). Each part is plain, an expression
(``iw_div_2``), or a text with variables in it (``5px_solid_$colour``).
"""

from __future__ import annotations

import re
from typing import Literal

from renditor.transformation.expressions import Deferred, Environment, Facts, evaluate, is_constant, spell, tokens
from renditor.transformation.faults import NotMade, refusal
from renditor.transformation.kinds import escape, unescape
from renditor.transformation.layers import read_style, write_style

# What may wait: nothing; whatever stands for a variable; expressions too, whose results are rounded or kept.
Waiting = Literal["never", "variable", "whole", "decimal", "layer"]

_VARIABLE = re.compile(r"\$([A-Za-z][A-Za-z0-9]{0,99})")
_IN_TEXT = re.compile(r"\$\(([A-Za-z][A-Za-z0-9]{0,99})\)")
_NOWHERE = Environment(Facts(1, 1), 1, 1)


def defer(text: str, waiting: Waiting) -> Deferred | str:
    """The canonical form of a text that is no plain value; a str when it names nothing and could be worked out.

    Raises:
        ValueError: it can be no value at all.
        TransformationError: its arithmetic has no result.
    """
    if waiting == "layer":
        return Deferred(_defer_layer(text))
    if waiting == "never" or (waiting == "variable" and "$" not in text):
        raise ValueError(text)
    parts = [_defer_part(part, waiting) for part in text.split(":")]
    joined = ":".join(part for part, _ in parts)
    if any(waits for _, waits in parts):
        return Deferred(joined)
    if joined == text:
        raise ValueError(text)
    return joined


def _defer_part(part: str, waiting: Waiting) -> tuple[str, bool]:
    """The part in canonical form, and whether it waits."""
    try:
        found = tokens(part)
    except NotMade:
        raise
    except ValueError:
        if "$" in _VARIABLE.sub("", part):
            raise
        return part, "$" in part
    if waiting == "variable" and len(found) > 1:
        raise ValueError(part)
    if not is_constant(found):
        return "_".join(found), True
    if len(found) == 1:
        return part, False
    return spell(evaluate(found, _NOWHERE), whole=waiting == "whole"), False


def resolve(text: str, waiting: Waiting, at: Environment) -> str:
    """The text of a deferred value with everything put in its place.

    Raises:
        TransformationError: see ``evaluate``.
    """
    if waiting == "layer":
        return _resolve_layer(text, at)
    return ":".join(_resolve_part(part, waiting, at) for part in text.split(":"))


def _resolve_part(part: str, waiting: Waiting, at: Environment) -> str:
    try:
        found = tokens(part)
    except ValueError:
        return _VARIABLE.sub(lambda match: _named(match[1], at), part)
    return part if is_constant(found) else spell(evaluate(found, at), whole=waiting == "whole")


def _named(name: str, at: Environment) -> str:
    if name not in at.variables:
        raise refusal("Unknown variable", f"${name}")
    return spell(at.variables[name], whole=False)


def _defer_layer(text: str) -> str:
    """Either a variable that holds a public id, or a text layer with variables in its style or text."""
    if _VARIABLE.fullmatch(text):
        return text
    kind, _, rest = text.partition(":")
    style, colon, words = rest.partition(":")
    if kind != "text" or not colon or "$" in _VARIABLE.sub("", style):
        raise ValueError(text)
    if "$" not in style:
        style = write_style(read_style(unescape(style)))
    pieces = _IN_TEXT.split(words)
    if len(pieces) == 1 and "$" not in style:
        raise ValueError(text)
    plain = [f"$({piece})" if place % 2 else escape(unescape(piece)) for place, piece in enumerate(pieces)]
    return f"text:{style}:{''.join(plain)}"


def _resolve_layer(text: str, at: Environment) -> str:
    if text.startswith("$"):
        return _named(text[1:], at).replace("/", ":")
    _, style, words = text.split(":", 2)
    style = _VARIABLE.sub(lambda match: _named(match[1], at), style)
    return f"text:{style}:" + _IN_TEXT.sub(lambda match: escape(_named(match[1], at)), words)
