"""What must be seen: from a gravity and what is known about a picture to the place of a window. Pure.

All places and sizes are shares (0-1) of the picture at hand, so one rule holds for every size of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from renditor.images.insight import Face, Insight

# A face this much smaller than the largest is a passer-by or a poster on the wall.
_SMALLEST_FACE = 0.1
# Eyes sit above the middle of a good portrait: the middle of the faces stands at 45 % of the window's height.
_FACE_LINE = 0.45
# Faces that decide: choosing among them takes the cube of their number, and a crowd has hundreds.
_MOST_FACES = 24
# Around a face, in faces: hair, chin and some air.
_FACE_MARGIN = 0.5
# Without faces this share of each side counts as the content, around the point that matters.
_CONTENT = 0.7

# What each word of a gravity looks at, in this order, until something is found.
_LOOKS_AT: dict[str, tuple[str, ...]] = {
    "face": ("face", "point"),
    "faces": ("faces", "point"),
    "auto": ("owner", "faces", "point"),
    "custom": ("owner",),
    "center": (),
}


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in shares of the picture."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def middle(self) -> tuple[float, float]:
        return self.left + self.width / 2, self.top + self.height / 2

    def grown(self, by: float) -> Region:
        """With a margin on each side, in shares of itself; may reach over the edges of the picture."""
        across, down = self.width * by, self.height * by
        return Region(self.left - across, self.top - down, self.width + 2 * across, self.height + 2 * down)


@dataclass(frozen=True, slots=True)
class Target:
    """What a window is placed around: faces, or else a point."""

    point: tuple[float, float] = (0.5, 0.5)
    faces: tuple[Face, ...] = ()

    def window(self, width: float, height: float) -> tuple[float, float]:
        """Top left corner of a window of this size, inside the picture where it fits."""
        if self.faces:
            left, top = _around(self.faces, width, height)
        else:
            left, top = self.point[0] - width / 2, self.point[1] - height / 2
        return _inside(left, width, 0, 1), _inside(top, height, 0, 1)

    @property
    def subject(self) -> Region | None:
        """The box around the faces; None where there are none."""
        return _union([_box(face) for face in self.faces]) if self.faces else None

    @property
    def content(self) -> Region:
        """What should not be cut away: the faces with some air, or most of the picture around the point."""
        if self.faces:
            grown = _union([_box(face).grown(_FACE_MARGIN) for face in self.faces])
            left, top = max(grown.left, 0.0), max(grown.top, 0.0)
            return Region(left, top, min(grown.right, 1.0) - left, min(grown.bottom, 1.0) - top)
        left, top = self.window(_CONTENT, _CONTENT)
        return Region(left, top, _CONTENT, _CONTENT)


def looks_at_content(gravity: str) -> bool:
    """True where the place depends on what the picture shows."""
    return gravity.partition(":")[0] in {"face", "faces", "auto", "custom"}


def target(gravity: str, insight: Insight) -> Target:
    """What ``gravity`` (``face``, ``auto:faces``, ``custom:face``, ``face:center``, ...) means for this picture.

    ``face``: the largest one; ``faces``: all; ``auto``: the owner's point, the faces, the point of interest;
    ``custom``: the owner's point. After a colon stands what to look at more closely (``auto:face``) or what to turn to
    when there is nothing (``custom:faces``, ``face:center``). Plain ``face`` and ``faces`` turn to the point of
    interest.
    """
    word, _, second = gravity.partition(":")
    order = _LOOKS_AT[word]
    if second:
        order = _LOOKS_AT.get(second, order) if word == "auto" else order[:1] + _LOOKS_AT.get(second, ())
    for look in order:
        found = _found(look, insight)
        if found is not None:
            return found
    return Target()


def faces_of(gravity: str, insight: Insight) -> tuple[tuple[float, float], ...]:
    """The middles of the faces that ``gravity`` means: a layer is placed on each of them."""
    faces = target(gravity, insight).faces
    return tuple((face.x + face.width / 2, face.y + face.height / 2) for face in faces)


def _found(look: str, insight: Insight) -> Target | None:
    faces = [face for face in insight.faces or () if _weight(face) > 0]  # a face of no px weighs nothing
    if look == "owner":
        return Target(insight.custom_point) if insight.custom_point else None
    if look == "point":
        point = insight.custom_point or insight.focal_point
        return Target(point) if point else None
    if not faces:
        return None
    largest = max(faces, key=_area)
    return Target(faces=(largest,) if look == "face" else _kept(faces, _area(largest)))


def _kept(faces: Sequence[Face], largest: float) -> tuple[Face, ...]:
    ranked = sorted(faces, key=_area, reverse=True)
    return tuple(face for face in ranked if _area(face) >= _SMALLEST_FACE * largest)[:_MOST_FACES]


def _around(faces: tuple[Face, ...], width: float, height: float) -> tuple[float, float]:
    """Where a window around faces begins: around all of them, else around the heaviest group that fits, else on the
    middle of the one face that outweighs it."""
    group, heaviest = _heaviest_group(faces, width, height), max(faces, key=_weight)
    if sum(map(_weight, group)) < _weight(heaviest):
        x, y = _box(heaviest).middle
        return x - width / 2, y - height / 2
    box = _union([_box(face) for face in group])
    weight = sum(map(_weight, group))
    x = sum((face.x + face.width / 2) * _weight(face) for face in group) / weight
    y = sum((face.y + face.height / 2) * _weight(face) for face in group) / weight
    # The weighted middle leans towards the large faces, but no face of the group is cut for it.
    left = min(max(x - width / 2, box.right - width), box.left)
    top = min(max(y - height * _FACE_LINE, box.bottom - height), box.top)
    return left, top


def _heaviest_group(faces: tuple[Face, ...], width: float, height: float) -> tuple[Face, ...]:
    """The faces of most weight that one window holds. Some best window has a face at its left and one at its top."""
    best: tuple[Face, ...] = ()
    for left in {face.x for face in faces}:
        column = [face for face in faces if face.x >= left and face.x + face.width <= left + width]
        for top in {face.y for face in column}:
            group = tuple(face for face in column if face.y >= top and face.y + face.height <= top + height)
            if sum(map(_weight, group)) > sum(map(_weight, best)):
                best = group
    return best


def _box(face: Face) -> Region:
    return Region(face.x, face.y, face.width, face.height)


def _union(boxes: Sequence[Region]) -> Region:
    left, top = min(box.left for box in boxes), min(box.top for box in boxes)
    return Region(left, top, max(box.right for box in boxes) - left, max(box.bottom for box in boxes) - top)


def _inside(start: float, length: float, low: float, high: float) -> float:
    """Moved into the picture. What is longer than the picture stands in the middle of it."""
    if length >= high - low:
        return (low + high - length) / 2
    return min(max(start, low), high - length)


def _area(face: Face) -> float:
    return face.width * face.height


def _weight(face: Face) -> float:
    return _area(face) * max(face.score, 0.01)  # a score of nothing must not divide by nothing
