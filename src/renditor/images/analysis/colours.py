"""The dominant colours of a picture, in a space where distance is difference as people see it (CIELAB). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

Lab = tuple[float, float, float]
RGB = tuple[int, int, int]

SIDE = 64  # px, the long side that is looked at: more px change shares by less than 1 %
_MOST = 6
# CIELAB distance within which two colours are one to a person who names colours. 2.3 is just visible.
_SAME = 20.0
# Edge of the boxes in which px are counted first; well below ``_SAME``.
_BOX = 8.0
_LEAST_SHARE = 0.02


@dataclass(slots=True)
class _Cluster:
    """Px of about one colour: how many, and the sums of their values."""

    count: int = 0
    lab: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    rgb: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])

    def add(self, other: _Cluster) -> None:
        self.count += other.count
        for band in range(3):
            self.lab[band] += other.lab[band]
            self.rgb[band] += other.rgb[band]

    def distance(self, other: _Cluster) -> float:
        pairs = zip(self.lab, other.lab, strict=True)
        return float(sum((mine / self.count - its / other.count) ** 2 for mine, its in pairs) ** 0.5)

    @property
    def hex(self) -> str:
        return "#" + "".join(f"{round(value / self.count):02x}" for value in self.rgb)


def dominant_colours(pixels: Iterable[tuple[Lab, RGB]]) -> tuple[tuple[str, float], ...]:
    """At most six colours as ``#rrggbb`` with their share (0-1) of ``pixels``, largest first.

    Px are counted in small boxes of CIELAB; then each box, from the fullest on, joins the nearest colour found so far,
    or starts one of its own where that is too far.
    """
    boxes: dict[tuple[int, ...], _Cluster] = {}
    for lab, rgb in pixels:
        box = boxes.setdefault(tuple(int(value // _BOX) for value in lab), _Cluster())
        box.add(_Cluster(1, list(lab), [float(value) for value in rgb]))
    found: list[_Cluster] = []
    for box in sorted(boxes.values(), key=lambda box: -box.count):
        nearest = min(found, key=box.distance, default=None)
        if nearest is not None and nearest.distance(box) < _SAME:
            nearest.add(box)
        else:
            found.append(box)
    total = sum(box.count for box in found)
    found.sort(key=lambda box: -box.count)
    shares = ((box.hex, round(box.count / total, 3)) for box in found[:_MOST])
    return tuple((colour, share) for colour, share in shares if share >= _LEAST_SHARE)
