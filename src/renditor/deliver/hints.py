"""What clients say about themselves, in as few values as make a difference: each one more is one more rendition.

``Accept`` (``f_auto``), the client hints of widths and pixel density (``w_auto``, ``dpr_auto``:
https://wicg.github.io/responsive-image-client-hints/) and ``Save-Data`` (``q_auto``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from renditor.deliver.responses import Request
from renditor.images.codecs.formats import accept_bucket
from renditor.transformation import Component, Transformation
from renditor.transformation.operations import DPR, FORMAT, QUALITY, WIDTH
from renditor.transformation.path import DeliveryPath
from renditor.transformation.values import AutoLevel, AutoQuality

_NUMBER = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,4})?")
# Densities that are told apart; displays beyond 3 are held too close to see a difference.
_DENSITIES = (Decimal(1), Decimal("1.5"), Decimal(2), Decimal(3))
_ONE_LESS: dict[AutoLevel, AutoLevel] = {"best": "good", "good": "eco", "eco": "low", "low": "low"}

# Headers by what they are read for; the first one that is there counts.
WIDTHS = ("sec-ch-width", "width")
VIEWPORTS = ("sec-ch-viewport-width", "viewport-width")
DENSITIES = ("sec-ch-dpr", "dpr")
SAVE_DATA = "save-data"
NAMES = frozenset((*WIDTHS, *VIEWPORTS, *DENSITIES, SAVE_DATA))

_ACCEPT_CH = b"Sec-CH-Width, Sec-CH-Viewport-Width, Sec-CH-DPR"


class Client(NamedTuple):
    """All that makes a difference between two clients that ask for the same path."""

    accept: str = ""
    width: int | None = None
    dpr: Decimal | None = None
    saves: bool = False


ANYBODY = Client()


@dataclass(frozen=True, slots=True)
class Needs:
    """Which words of a client a path depends on."""

    accept: bool
    width: bool
    dpr: bool
    quality: bool

    @classmethod
    def of(cls, path: DeliveryPath) -> Needs:
        asked = path.transformation
        quality = asked.last(QUALITY)
        return cls(
            accept=_may_be_auto(asked, path.ext),
            width=WIDTH.key in asked.hinted,
            dpr=DPR.key in asked.hinted,
            quality=isinstance(quality, AutoQuality),
        )

    def __bool__(self) -> bool:
        return self.accept or self.width or self.dpr or self.quality

    @property
    def vary(self) -> str | None:
        """``Vary``: every header that is looked at, there or not."""
        names = [*(("Accept",) if self.accept else ())]
        if self.width:
            names += ["Sec-CH-Width", "Width", "Sec-CH-Viewport-Width", "Viewport-Width"]
        if self.dpr:
            names += ["Sec-CH-DPR", "DPR"]
        if self.quality:
            names.append("Save-Data")
        return ", ".join(names) or None

    @property
    def accept_ch(self) -> bytes | None:
        """``Accept-CH``: asks the browser for the hints it has."""
        return _ACCEPT_CH if self.width or self.dpr else None

    def client(self, request: Request, ladder: Sequence[int]) -> Client:
        """The client, as far as it matters. Widths are in CSS px, rounded up to a step of ``ladder``."""
        dpr = _up(_number(request, DENSITIES), _DENSITIES) if self.dpr else None
        width = None
        if self.width:
            physical, viewport = _number(request, WIDTHS), _number(request, VIEWPORTS)
            # ``Width`` counts physical px; with dpr_auto, which multiplies again, it is divided first.
            css = physical / (dpr or 1) if physical else viewport
            width = _up(css, sorted(ladder))
        return Client(
            accept_bucket(request.accept) if self.accept else "",
            None if width is None else int(width),
            dpr,
            self.quality and request.hints.get(SAVE_DATA, "").strip().lower() == "on",
        )


def _may_be_auto(asked: Transformation, ext: str | None) -> bool:
    """Conditions are decided for each asset: until then any format that is named may be the one."""
    if asked.conditional:
        return "auto" in (ext, *(component.get(FORMAT) for component in asked))
    return (asked.last(FORMAT) or ext) == "auto"


def resolve(transformation: Transformation, client: Client, own_width: int | None) -> Transformation:
    """The transformation for this client: nothing in it is left to hints.

    ``own_width``: of the original, px; no hint makes a picture wider than that.
    """
    width = client.width
    if width is not None and own_width is not None:
        width = max(1, min(width, int(own_width / (client.dpr or 1))))
    transformation = transformation.with_hints(width, client.dpr)
    if client.saves:
        transformation = Transformation(tuple(map(_lowered, transformation)))
    return transformation


def _lowered(component: Component) -> Component:
    """``q_auto`` one step lower, for clients that save data."""
    parameters = tuple(
        (key, replace(value, level=_ONE_LESS[value.level]) if isinstance(value, AutoQuality) else value)
        for key, value in component.parameters
    )
    return Component(parameters)


def _number(request: Request, names: tuple[str, ...]) -> Decimal | None:
    for name in names:
        text = request.hints.get(name, "").strip()
        if _NUMBER.fullmatch(text) and Decimal(text) > 0:
            return Decimal(text)
    return None


def _up(value: Decimal | None, steps: Sequence[int] | Sequence[Decimal]) -> Decimal | None:
    """The smallest step that is not below, or the largest."""
    if value is None or not steps:
        return None
    return Decimal(next((step for step in steps if step >= value), steps[-1]))
