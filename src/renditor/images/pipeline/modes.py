"""The resize modes: from one component and the size of a picture to a plan of its pixels. Pure.

What each mode does where Cloudinary's pages leave it open: docs/decisions/0015-resize-modes.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from renditor.errors import InvalidTransformation
from renditor.images.insight import NOTHING_KNOWN, Insight
from renditor.images.pipeline.geometry import Box, Geometry, Size, anchor, directions, pixels, rounded, within
from renditor.images.pipeline.gravity import Region, Target, looks_at_content, target
from renditor.images.pipeline.regions import length
from renditor.transformation import Component
from renditor.transformation.operations import (
    ASPECT_RATIO,
    CROP,
    DPR,
    FLAG,
    GRAVITY,
    HEIGHT,
    WIDTH,
    ZOOM,
    X,
    Y,
)
from renditor.transformation.values import Auto

# Longest side that a picture may be enlarged to, before the window is cut out, in px. A 20000x1 picture filling
# 10000x10000 would have to become 200 000 000 px wide first; and an effect in floats holds 6 KB for each px of a row.
MAX_SCALED_SIDE = 65_535

# Around a face, so that a thumbnail shows hair and chin: the region is this many times the box of the detector.
_THUMB_MARGIN = Fraction(2)

_ONE = Fraction(1)


@dataclass(frozen=True, slots=True)
class _Request:
    """A component's wishes about one picture. Sides in px before ``dpr``; ``None``: follows from the other side.

    ``x`` and ``y`` in px of the entering picture, None where not given. ``sized``: a side was asked for, not only a
    ratio. ``stretch``: a missing side stays as it is.
    """

    source: Size
    width: Fraction | None
    height: Fraction | None
    dpr: Fraction
    zoom: Fraction
    gravity: str
    x: Fraction | None
    y: Fraction | None
    insight: Insight
    ratio: Fraction | None = None
    sized: bool = False
    stretch: bool = False

    @property
    def boxed(self) -> bool:
        return self.width is not None and self.height is not None

    def target(self) -> Size:
        """The box asked for, dpr included."""
        if self.width is None or self.height is None:
            return self.in_proportion()
        return Size(pixels(self.width * self.dpr), pixels(self.height * self.dpr))

    def in_proportion(self) -> Size:
        """The one side that was given, and the other in the proportion of the picture."""
        source = self.source
        if self.width is not None:
            width = pixels(self.width * self.dpr)
            kept = Fraction(width * source.height, source.width)
            return Size(width, source.height if self.stretch else pixels(kept))
        if self.height is None:
            return source
        height = pixels(self.height * self.dpr)
        kept = Fraction(height * source.width, source.height)
        return Size(source.width if self.stretch else pixels(kept), height)

    def factor(self, *, cover: bool) -> Fraction:
        """By which the picture just covers the box, or just fits into it."""
        box = self.target()
        factors = Fraction(box.width, self.source.width), Fraction(box.height, self.source.height)
        return max(factors) if cover else min(factors)

    def focus(self) -> Target | None:
        """What the picture is cut around; None where the gravity names an edge."""
        if self.gravity == "xy_center":
            return Target((float((self.x or 0) / self.source.width), float((self.y or 0) / self.source.height)))
        return target(self.gravity, self.insight) if looks_at_content(self.gravity) else None


def plan(source: Size, component: Component, insight: Insight = NOTHING_KNOWN, *, base: Size | None = None) -> Geometry:
    """What ``component`` does to a picture of size ``source``.

    Args:
        source: size of the picture that enters the component.
        component: concrete, without expressions.
        insight: what is known about the entering picture; places are shares of it as it is now.
        base: what shares such as ``w_0.5`` are parts of, where that is not the picture itself (``fl_relative``).

    Raises:
        InvalidTransformation: the region lies outside the picture, or the picture would become very long.
    """
    mode = component.get(CROP) or "scale"
    geometry = MODES[mode](_request(mode, source, component, insight, base or source))
    if max(geometry.scaled.width, geometry.scaled.height) > max(MAX_SCALED_SIDE, source.width, source.height):
        raise InvalidTransformation(
            f"The picture of {source.width} x {source.height} px would be enlarged to {geometry.scaled.width} x"
            f" {geometry.scaled.height} px: at most {MAX_SCALED_SIDE} px a side are made",
            hint="c_pad or c_fit bring very long pictures into a box",
        )
    return geometry


def gravity_of(component: Component) -> str:
    """What the picture is cut or placed by, where ``g`` does not say it."""
    gravity, mode = component.get(GRAVITY), component.get(CROP)
    if gravity:
        return gravity
    if mode in _BY_CONTENT:
        return "auto"
    offset = component.get(X) is not None or component.get(Y) is not None
    return "north_west" if mode == "crop" and offset else "center"


def _request(mode: str, source: Size, component: Component, insight: Insight, base: Size) -> _Request:
    x, y = length(component.get(X), base.width), length(component.get(Y), base.height)
    given = length(component.get(WIDTH), base.width), length(component.get(HEIGHT), base.height)
    ratio = component.get(ASPECT_RATIO)
    width, height = _by_ratio(source, given, ratio, around=mode in _PADS)
    dpr = component.get(DPR)
    return _Request(
        source=source,
        width=width,
        height=height,
        dpr=_ONE if dpr is None or isinstance(dpr, Auto) else Fraction(dpr),
        zoom=Fraction(component.get(ZOOM) or 1),
        gravity=gravity_of(component),
        x=x,
        y=y,
        insight=insight,
        ratio=ratio,
        sized=given != (None, None),
        stretch=mode == "scale" and any(flag.name == "ignore_aspect_ratio" for flag in component.get(FLAG) or ()),
    )


def _by_ratio(
    source: Size, given: tuple[Fraction | None, Fraction | None], ratio: Fraction | None, *, around: bool
) -> tuple[Fraction | None, Fraction | None]:
    """Width and height asked for; ``ar`` gives the missing one, or both."""
    width, height = given
    if ratio is None or (width is not None and height is not None):
        return given
    if width is not None:
        return width, width / ratio
    if height is not None:
        return height * ratio, height
    wider_than_source = ratio * source.height > source.width
    # Alone: the largest box of this ratio inside the picture; for padding the smallest around it.
    if wider_than_source != around:
        return Fraction(source.width), source.width / ratio
    return source.height * ratio, Fraction(source.height)


# -- the modes --------------------------------------------------------------------------------------------------------


def _scale(request: _Request) -> Geometry:
    return Geometry(scaled=request.target())


def _fit(request: _Request) -> Geometry:
    return Geometry(scaled=_fitting(request))


def _limit(request: _Request) -> Geometry:
    scaled = _fitting(request)
    return Geometry(scaled=request.source if _exceeds(scaled, request.source) else scaled)


def _mfit(request: _Request) -> Geometry:
    scaled = _fitting(request)
    return Geometry(scaled=scaled if _exceeds(scaled, request.source) else request.source)


def _fill(request: _Request) -> Geometry:
    if not request.boxed:
        return Geometry(scaled=request.in_proportion())
    return _cut_to_box(request, request.factor(cover=True))


def _lfill(request: _Request) -> Geometry:
    if not request.boxed:
        return _limit(request)
    return _cut_to_box(request, min(request.factor(cover=True), _ONE))


def _pad(request: _Request) -> Geometry:
    return _padded(request, _fitting(request))


def _lpad(request: _Request) -> Geometry:
    return _padded(request, _limit(request).scaled)


def _mpad(request: _Request) -> Geometry:
    """What is larger than the box stays as it is: there is nothing to pad."""
    if _exceeds(request.source, request.target()):
        return Geometry(scaled=request.source)
    return _padded(request, _fitting(request))


def _fill_pad(request: _Request) -> Geometry:
    """Between fill and pad: as large as the box lets the content be seen."""
    if not request.boxed:
        return Geometry(scaled=request.in_proportion())
    box, content = request.target(), (request.focus() or Target()).content
    wide = Fraction(content.width) * request.source.width
    high = Fraction(content.height) * request.source.height
    showing = min(box.width / wide, box.height / high) * request.zoom
    factor = max(min(showing, request.factor(cover=True)), request.factor(cover=False))
    cut = _cut_to_box(request, factor)
    if cut.placed == box:
        return cut
    free = box.width - cut.placed.width, box.height - cut.placed.height
    return replace(cut, canvas=box, offset=(free[0] // 2, free[1] // 2))


def _crop(request: _Request) -> Geometry:
    """The region is measured in px of the picture; ``dpr`` only enlarges what was cut out."""
    focus = request.focus()
    subject = focus.subject if focus and not request.sized else None
    if focus and subject:
        wide, high = _round_subject(request, subject, _ONE, request.ratio)
        region = _region(request.source, focus, wide, high)
    else:
        region = _cut_out(request, focus)
    return Geometry(scaled=_enlarged(region.size, request.dpr), region=region)


def _auto(request: _Request) -> Geometry:
    """Like fill, but closer by ``zoom``."""
    return _view(request, request.focus(), None)


def _thumb(request: _Request) -> Geometry:
    """A close view of the faces; without faces like fill, but closer by ``zoom``."""
    focus = request.focus()
    return _view(request, focus, focus.subject if focus else None)


def _view(request: _Request, focus: Target | None, subject: Region | None) -> Geometry:
    """``subject``: what is to be seen closely; None: as much of the picture as the box shows."""
    box = request.target() if request.width is not None or request.height is not None else None
    ratio = Fraction(box.width, box.height) if box and request.sized else request.ratio
    if focus and subject:
        wide, high = _round_subject(request, subject, _THUMB_MARGIN, ratio)
    elif box and request.zoom != 1:
        closer = request.factor(cover=True) * request.zoom
        wide, high = _limited(request.source, box.width / closer, box.height / closer, ratio)
    else:
        return _fill(request)
    focus = focus or _compass_point(request.gravity)
    if not box or (subject and not request.sized):
        region = _region(request.source, focus, wide, high)
        return Geometry(scaled=_enlarged(region.size, request.dpr), region=region)
    return _seen_through(request.source, focus, (wide, high), box)


MODES: dict[str, Callable[[_Request], Geometry]] = {
    "scale": _scale,
    "fit": _fit,
    "limit": _limit,
    "mfit": _mfit,
    "fill": _fill,
    "lfill": _lfill,
    "fill_pad": _fill_pad,
    "pad": _pad,
    "lpad": _lpad,
    "mpad": _mpad,
    "crop": _crop,
    "thumb": _thumb,
    "auto": _auto,
    "auto_pad": _fill_pad,
}
_PADS = frozenset({"pad", "lpad", "mpad"})
_BY_CONTENT = frozenset({"auto", "auto_pad", "fill_pad"})


# -- their parts ------------------------------------------------------------------------------------------------------


def _fitting(request: _Request) -> Size:
    """The largest size in the picture's proportion that fits into the box."""
    if not request.boxed:
        return request.in_proportion()
    source, box = request.source, request.target()
    if box.width * source.height <= box.height * source.width:
        return Size(box.width, min(box.height, pixels(Fraction(source.height * box.width, source.width))))
    return Size(min(box.width, pixels(Fraction(source.width * box.height, source.height))), box.height)


def _exceeds(one: Size, other: Size) -> bool:
    return one.width > other.width or one.height > other.height


def _cut_to_box(request: _Request, factor: Fraction) -> Geometry:
    """Scaled by ``factor``; what then lies outside of the box is cut away."""
    source, box = request.source, request.target()
    scaled = Size(pixels(source.width * factor), pixels(source.height * factor))
    window = Size(min(scaled.width, box.width), min(scaled.height, box.height))
    if scaled == window:
        return Geometry(scaled=scaled)
    free = scaled.width - window.width, scaled.height - window.height
    focus = request.focus()
    if focus:
        start = focus.window(window.width / scaled.width, window.height / scaled.height)
        left, top = rounded(Fraction(start[0]) * scaled.width), rounded(Fraction(start[1]) * scaled.height)
    else:
        left, top = anchor(request.gravity, *free)
        across, down = directions(request.gravity)
        left += across * rounded((request.x or 0) * Fraction(scaled.width, source.width))
        top += down * rounded((request.y or 0) * Fraction(scaled.height, source.height))
    return Geometry(scaled=scaled, window=Box(within(left, free[0]), within(top, free[1]), *_sides(window)))


def _padded(request: _Request, scaled: Size) -> Geometry:
    """On a canvas as large as the box."""
    box = request.target()
    if scaled == box:
        return Geometry(scaled=scaled)
    free = box.width - scaled.width, box.height - scaled.height
    left, top = anchor(request.gravity, *free)
    across, down = directions(request.gravity)
    left += across * rounded((request.x or 0) * request.dpr)
    top += down * rounded((request.y or 0) * request.dpr)
    # Never pushed off the canvas.
    return Geometry(scaled=scaled, canvas=box, offset=(within(left, free[0]), within(top, free[1])))


def _cut_out(request: _Request, focus: Target | None) -> Box:
    """The part of the region asked for that the picture has."""
    source, asked = request.source, replace(request, dpr=_ONE).target()
    if focus:
        return _region(source, focus, Fraction(asked.width), Fraction(asked.height))
    left, top = anchor(request.gravity, source.width - asked.width, source.height - asked.height)
    across, down = directions(request.gravity)
    left += across * rounded(request.x or Fraction(0))
    top += down * rounded(request.y or Fraction(0))
    right, bottom = min(left + asked.width, source.width), min(top + asked.height, source.height)
    left, top = max(left, 0), max(top, 0)
    if left >= right or top >= bottom:
        raise InvalidTransformation(f"The region lies outside the picture of {source.width} x {source.height} px")
    return Box(left, top, right - left, bottom - top)


def _round_subject(
    request: _Request, subject: Region, margin: Fraction, ratio: Fraction | None
) -> tuple[Fraction, Fraction]:
    """px of the picture that a view of the subject takes: ``margin`` times its box, wider or higher for ``ratio``."""
    times = margin / request.zoom
    wide = Fraction(subject.width) * request.source.width * times
    high = Fraction(subject.height) * request.source.height * times
    if ratio is not None:
        wide, high = max(wide, high * ratio), max(high, wide / ratio)
    return _limited(request.source, wide, high, ratio)


def _limited(source: Size, wide: Fraction, high: Fraction, ratio: Fraction | None) -> tuple[Fraction, Fraction]:
    """No more than the picture has; with a ratio both sides give way together."""
    across, down = min(_ONE, source.width / wide), min(_ONE, source.height / high)
    if ratio is not None:
        across = down = min(across, down)
    return max(wide * across, _ONE), max(high * down, _ONE)


def _region(source: Size, focus: Target, wide: Fraction, high: Fraction) -> Box:
    size = Size(min(pixels(wide), source.width), min(pixels(high), source.height))
    start = focus.window(size.width / source.width, size.height / source.height)
    left, top = rounded(Fraction(start[0]) * source.width), rounded(Fraction(start[1]) * source.height)
    return Box(within(left, source.width - size.width), within(top, source.height - size.height), *_sides(size))


def _seen_through(source: Size, focus: Target, view: tuple[Fraction, Fraction], box: Size) -> Geometry:
    """The view in the size of the box. Going down in size, the whole picture is scaled first: the loader does that."""
    wide, high = view
    if box.width > wide or box.height > high:
        return Geometry(scaled=box, region=_region(source, focus, wide, high))
    scaled = Size(
        max(box.width, pixels(source.width * box.width / wide)),
        max(box.height, pixels(source.height * box.height / high)),
    )
    return Geometry(scaled=scaled, window=_region(scaled, focus, Fraction(box.width), Fraction(box.height)))


def _compass_point(gravity: str) -> Target:
    """The edge or corner as a point: a window around it comes to lie there."""
    return Target((float(anchor(gravity, 2, 2)[0]) / 2, float(anchor(gravity, 2, 2)[1]) / 2))


def _enlarged(size: Size, dpr: Fraction) -> Size:
    return Size(pixels(size.width * dpr), pixels(size.height * dpr))


def _sides(size: Size) -> tuple[int, int]:
    return size.width, size.height
