"""Responsive images: the sizes of one picture that are worth offering to a browser, so that it takes no more than it
shows. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from renditor.errors import Unprocessable
from renditor.images.base import ImageInfo
from renditor.images.codecs.formats import FORMATS, has_alpha, is_animated
from renditor.images.insight import NOTHING_KNOWN, Insight
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.walk import results
from renditor.transformation import Component, Transformation, parse
from renditor.transformation.choices import FORMAT_ALIASES
from renditor.transformation.operations import (
    ASPECT_RATIO,
    BACKGROUND,
    CROP,
    FORMAT,
    GRAVITY,
    HEIGHT,
    MAX_SIDE,
    QUALITY,
    WIDTH,
)

# Widths of one set: each is a picture to be made and stored, in several formats.
MAX_WIDTHS = 20

AUTO = "auto"
# What pages may name, and what every browser and every reader of mail shows; one of those comes last.
OFFERED = ("avif", "webp", "jpg", "png", "gif")
_SHOWN_EVERYWHERE = ("jpg", "png", "gif")
_NUMBER = re.compile(r"[0-9]{1,5}")

# Modes whose result is as wide as ``w`` says; those of the second row need their height to follow from the width.
_WIDTH_RULES = {"scale", "fit", "limit", "fill", "lfill", "pad", "lpad"}
_BOX_RULES = {"fit", "limit"}
_NEVER_ENLARGES = "limit"
_PLAIN = {operation.key for operation in (ASPECT_RATIO, BACKGROUND, CROP, GRAVITY, HEIGHT, QUALITY, WIDTH)}
_LEAST_RATIO, _MOST_RATIO = Fraction(1, 100), Fraction(100)  # what ``ar`` can say


@dataclass(frozen=True, slots=True)
class Candidate:
    """One picture of a set: how it is made (its format apart), and how large it will be."""

    transformation: Transformation
    size: Size


def candidates(
    source: Size, wanted: Transformation, widths: Iterable[int], insight: Insight = NOTHING_KNOWN
) -> tuple[Candidate, ...]:
    """The pictures to offer, narrowest first: real widths, none twice, nothing enlarged.

    Where ``wanted`` is a plain resize, the widths take the place of its own; else the pictures are scaled down from
    what it makes. Without a quality of its own each picture gets ``q_auto``.

    Args:
        source: of the original, as displayed.
        wanted: what is done to the picture at every width; its format plays no part.
        widths: in px; where the picture is narrower, it is offered once at its full width.
        insight: what is known about the original.

    Raises:
        InvalidTransformation: ``wanted`` cannot be applied to a picture of this size.
    """
    base = wanted.without(FORMAT)
    plain = _plain_resize(base)
    made: dict[int, Candidate] = {}
    for width in sorted(widths):
        text = _resized(source, plain, width) if plain else _scaled_down(base, width)
        transformation = parse(text if wanted.last(QUALITY) else f"{text},q_auto")
        candidate = Candidate(transformation, results(source, transformation, insight)[-1])
        made.setdefault(candidate.size.width, candidate)
    return tuple(made[width] for width in sorted(made))


def by_format(
    info: ImageInfo, wanted: Transformation, widths: str, formats: str, insight: Insight = NOTHING_KNOWN
) -> dict[str, list[Candidate]]:
    """The pictures to offer in each format, the best format first; the last one is for all browsers.

    Args:
        info: the header of the original.
        wanted: as for ``candidates``.
        widths: px, separated by commas.
        formats: ``auto`` alone (the server chooses), or formats separated by commas; one that every browser shows is
            added where it is missing.
        insight: as for ``candidates``.

    Raises:
        Unprocessable: bad widths or formats.
        InvalidTransformation: as for ``candidates``.
    """
    alpha = has_alpha(info, wanted)
    names, sides = _read_formats(formats, alpha=alpha), _read_widths(widths)
    made = candidates(Size(info.width, info.height), wanted, sides, insight)
    found = {fmt: [one for one in made if _fits(fmt, one, info, alpha=alpha)] for fmt in names}
    return {fmt: some for fmt, some in found.items() if some}


def _read_widths(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    widths = [int(part) for part in parts if _NUMBER.fullmatch(part) and 1 <= int(part) <= MAX_SIDE]
    if len(widths) != len(parts) or len(set(widths)) > MAX_WIDTHS:
        expected = f"Give at most {MAX_WIDTHS} whole numbers of px from 1 to {MAX_SIDE}, separated by commas."
        raise Unprocessable(f"widths: {expected}", code="invalid-parameter")
    return widths


def _read_formats(text: str, *, alpha: bool) -> list[str]:
    named = [part.strip().lower() for part in text.split(",")]
    formats = list(dict.fromkeys(FORMAT_ALIASES.get(name, name) for name in named))
    if formats == [AUTO]:
        return formats
    if any(fmt not in OFFERED for fmt in formats):
        expected = f"Give {AUTO}, or some of {', '.join(OFFERED)}, separated by commas."
        raise Unprocessable(f"formats: {expected}", code="invalid-parameter")
    return formats if formats[-1] in _SHOWN_EVERYWHERE else [*formats, "png" if alpha else "jpg"]


def _fits(fmt: str, one: Candidate, info: ImageInfo, *, alpha: bool) -> bool:
    frames = info.pages if is_animated(info) and fmt != AUTO and FORMATS[fmt].animation else 1
    return fmt == AUTO or FORMATS[fmt].fits(one.size, frames, alpha=alpha)


def is_plain_resize(transformation: Transformation) -> bool:
    """Whether the result still shows the original, cut and scaled at most: what stands in for the original may stand
    in for it."""
    return _plain_resize(transformation.without(FORMAT)) is not None


def _plain_resize(base: Transformation) -> Component | None:
    """The one component of ``base`` if widths can take the place of its own, without ``w`` and ``h`` in px."""
    if not base:
        return Component(((CROP.key, _NEVER_ENLARGES),))
    component, *others = base.components
    mode = component.get(CROP) or CROP.neutral
    if others or mode not in _WIDTH_RULES or not {operation.key for operation in component.operations} <= _PLAIN:
        return None
    return component if _height_follows(component, str(mode)) else None


def _height_follows(component: Component, mode: str) -> bool:
    width, height = component.get(WIDTH), component.get(HEIGHT)
    if height is None:
        return width is None or isinstance(width, int)
    if mode in _BOX_RULES or not (isinstance(width, int) and isinstance(height, int)):
        return False
    return _LEAST_RATIO <= Fraction(width, height) <= _MOST_RATIO


def _resized(source: Size, component: Component, width: int) -> str:
    """``component`` with another width, and the height that goes with it."""
    own_width, own_height = component.get(WIDTH), component.get(HEIGHT)
    shape = own_width / Fraction(own_height) if isinstance(own_width, int) and isinstance(own_height, int) else None
    replaced = {WIDTH.key, HEIGHT.key} | ({ASPECT_RATIO.key} if shape else set())
    parts = [text for text in str(component).split(",") if text.partition("_")[0] not in replaced]
    if shape:
        parts.append(f"{ASPECT_RATIO.key}_{shape.numerator}:{shape.denominator}")
    if component.get(CROP) != _NEVER_ENLARGES:
        natural = results(source, parse(",".join(parts)))[-1].width
        width = min(width, natural, source.width)
    if isinstance(own_width, int):
        width = min(width, own_width)
    return ",".join([*parts, f"{WIDTH.key}_{width}"])


def _scaled_down(base: Transformation, width: int) -> str:
    return f"{base}/c_limit,w_{width}"
