"""What is known about a picture beyond its header: faces, the point that matters, how much quality it needs. Pure.

Found once, in the background, after the upload; kept in the asset's ``metadata``. All places are shares (0-1) of the
upright picture, so they hold for every size.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from renditor.transformation import Transformation

# What in the canonical text of a transformation looks at faces and points, and what at the curves. A variable may bring
# in any word, so any variable counts as both.
_LOOKS_AT_PLACES = re.compile(
    r"\bg_(auto|face|custom)|\bc_(auto|thumb)|_faces\b|(?:^|[_/,:!])(?:fc|face_count)(?:$|[_/,:!])|\$"
)
_LOOKS_AT_CURVES = re.compile(r"\bq_auto|\$")


@dataclass(frozen=True, slots=True)
class Face:
    """A box around a face; ``score`` is the detector's confidence, 0-1."""

    x: float
    y: float
    width: float
    height: float
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Insight:
    """``faces``: largest first; None while nobody has looked. ``focal_point``: the point of interest that was found;
    ``custom_point``: the one the owner set, which wins. ``curves``: see ``quality``; format -> points."""

    faces: tuple[Face, ...] | None = None
    focal_point: tuple[float, float] | None = None
    custom_point: tuple[float, float] | None = None
    curves: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Insight:
        """Read ``to_json`` back, or the ``metadata`` of an asset that nobody has looked at yet."""
        faces = values.get("faces")
        return cls(
            faces=None if faces is None else tuple(Face(**face) for face in faces),
            focal_point=_point(values.get("focal_point")),
            custom_point=_point(values.get("custom_point")),
            curves=values.get("curves") or {},
        )


NOTHING_KNOWN = Insight()


def is_provisional(insight: Insight, transformation: Transformation) -> bool:
    """Whether ``transformation`` depends on what nobody has looked at yet: soon it will give another picture."""
    return insight.focal_point is None and any(_looks_at(str(transformation)))


def fingerprint(insight: Insight, transformation: Transformation) -> str:
    """Stands for the parts of ``insight`` that the result of ``transformation`` depends on; "" where it needs none.

    Part of the key of a stored picture: one that was made before the analysis, or before the owner moved the focal
    point, is another picture.
    """
    places, curves = _looks_at(str(transformation))
    parts: list[Any] = []
    if places:
        parts += [insight.faces, insight.focal_point, insight.custom_point]
    if curves:
        parts.append(insight.curves)
    return hashlib.blake2s(repr(parts).encode(), digest_size=8).hexdigest() if parts else ""


@functools.lru_cache(maxsize=4096)
def _looks_at(text: str) -> tuple[bool, bool]:
    return _LOOKS_AT_PLACES.search(text) is not None, _LOOKS_AT_CURVES.search(text) is not None


def _point(value: Any) -> tuple[float, float] | None:
    return None if value is None else (float(value[0]), float(value[1]))
