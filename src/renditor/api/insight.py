"""What is known about a picture, as the API shows it: for people and programs, not for the engine."""

from __future__ import annotations

from typing import Any

from renditor.images.insight import Face, Insight
from renditor.models import Asset

# What the engine keeps for itself in an asset's metadata.
_INNER = ("curves", "custom_point", "analysis")
# Shown of every picture; null until somebody has looked at it.
_FOUND = ("faces", "focal_point", "thumbhash", "colors", "phash")


def shown_metadata(asset: Asset) -> dict[str, Any]:
    """An asset's metadata. Places of pictures are shares (0-1) of the upright picture, and px of it under ``px``."""
    metadata = {name: value for name, value in asset.metadata.items() if name not in _INNER}
    if asset.media_type != "image":
        return metadata
    insight = Insight.from_json(asset.metadata)
    size = (asset.width or 0, asset.height or 0)
    colours = asset.metadata.get("colors")
    return (
        dict.fromkeys(_FOUND)
        | metadata
        | {
            "faces": None if insight.faces is None else [_face(face, size) for face in insight.faces],
            "focal_point": _focal_point(insight, size),
            "colors": None if colours is None else [{"hex": colour, "share": share} for colour, share in colours],
        }
    )


def _face(face: Face, size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    return {
        "x": face.x,
        "y": face.y,
        "width": face.width,
        "height": face.height,
        "score": face.score,
        "px": {
            "x": round(face.x * width),
            "y": round(face.y * height),
            "width": round(face.width * width),
            "height": round(face.height * height),
        },
    }


def _focal_point(insight: Insight, size: tuple[int, int]) -> dict[str, Any] | None:
    """The point that counts; ``custom``: the owner set it."""
    point = insight.custom_point or insight.focal_point
    if point is None:
        return None
    px = {"x": round(point[0] * size[0]), "y": round(point[1] * size[1])}
    return {"x": point[0], "y": point[1], "px": px, "custom": insight.custom_point is not None}
