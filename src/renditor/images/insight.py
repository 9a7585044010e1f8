"""What is known about a picture beyond its header: faces, the point that matters, how much quality it needs. Pure.

Found once, in the background, after the upload; kept in the asset's ``metadata``. All places are shares (0-1) of the
upright picture, so they hold for every size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


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


def _point(value: Any) -> tuple[float, float] | None:
    return None if value is None else (float(value[0]), float(value[1]))
