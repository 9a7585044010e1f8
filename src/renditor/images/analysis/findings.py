"""What is found out about a picture after its upload, as values: kept with the asset, checked before it is believed.

Pure: ``analyse`` does the looking, in the sealed decoder.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from renditor.errors import Internal
from renditor.images.insight import Face
from renditor.images.quality import CURVE_FORMATS

# Kept with each analysis; one that another version made is not shared with other assets.
VERSION = 1
_HEX_COLOUR, _HEX64 = re.compile(r"#[0-9a-f]{6}"), re.compile(r"[0-9a-f]{16}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{8,60}={0,2}")
_MOST_FACES, _MOST_COLOURS, _MOST_CURVES, _MOST_POINTS = 2000, 16, 4, 16


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was found. Places are shares (0-1) of the upright picture.

    ``faces``: largest first; None where no detector is installed. ``colors``: ``#rrggbb`` and share. ``thumbhash``:
    base64. ``phash``: 16 hexadecimal digits. ``curves``: see ``quality.Curve``; and ``origin``, the quality of a JPEG.
    """

    faces: tuple[Face, ...] | None
    focal_point: tuple[float, float]
    thumbhash: str
    colors: tuple[tuple[str, float], ...]
    phash: str
    curves: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The form in which it is kept in an asset's ``metadata``; ``analysis`` is the version that made it."""
        return asdict(self) | {"analysis": VERSION}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Analysis:
        """Read what a decoder says. It has read hostile bytes: nothing but plausible values goes any further.

        Raises: Internal: it makes no sense.
        """
        try:
            found = values["faces"]
            return cls(
                faces=None if found is None else tuple(_face(face) for face in _list(found, _MOST_FACES)),
                focal_point=_point(values["focal_point"]),
                thumbhash=_text(values["thumbhash"], _BASE64),
                colors=tuple(
                    (_text(colour, _HEX_COLOUR), _share(share))
                    for colour, share in _list(values["colors"], _MOST_COLOURS)
                ),
                phash=_text(values["phash"], _HEX64),
                curves=_curves(values["curves"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Internal("A decoder gave an answer that makes no sense.") from error


def _face(values: Mapping[str, Any]) -> Face:
    return Face(**{name: _share(values[name]) for name in ("x", "y", "width", "height", "score")})


def _point(value: Any) -> tuple[float, float]:
    x, y = value
    return _share(x), _share(y)


def _share(value: Any) -> float:
    return _number(value, 1.0)


def _number(value: Any, most: float) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or not 0 <= value <= most:
        raise ValueError(value)
    return float(value)


def _text(value: Any, shape: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise ValueError(value)
    return value


def _list(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(value)
    return value


def _curves(values: Mapping[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for fmt in CURVE_FORMATS:
        if fmt in values:
            read[fmt] = [_curve(entry) for entry in _list(values[fmt], _MOST_CURVES)]
    if "origin" in values:
        read["origin"] = {"quality": _count(values["origin"]["quality"]), "pixels": _count(values["origin"]["pixels"])}
    return read


def _curve(entry: Mapping[str, Any]) -> dict[str, Any]:
    points = [[_count(quality), _number(likeness, 100)] for quality, likeness in _list(entry["points"], _MOST_POINTS)]
    if not points:
        raise ValueError(entry)
    return {"pixels": _count(entry["pixels"]), "points": points}


def _count(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 10**10:
        raise ValueError(value)
    return value
