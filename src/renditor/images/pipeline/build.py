"""From an open file to a finished picture: look, plan, load, walk, join. Runs inside a decoder only."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pyvips

from renditor.errors import InvalidTransformation
from renditor.images.analysis import faces
from renditor.images.analysis.focus import focal_point
from renditor.images.base import ImageInfo
from renditor.images.bounds import Bounds
from renditor.images.codecs.formats import FORMATS, check_fits, is_animated
from renditor.images.codecs.gainmap import attached, read_gain_map
from renditor.images.codecs.loading import load_frames, load_upright, read_header, resized, turned_upright
from renditor.images.insight import NOTHING_KNOWN, Insight
from renditor.images.pipeline import carry
from renditor.images.pipeline.geometry import Box, Size
from renditor.images.pipeline.gravity import looks_at_content
from renditor.images.pipeline.layers import Layers
from renditor.images.pipeline.modes import gravity_of
from renditor.images.pipeline.operations import Pixels
from renditor.images.pipeline.srgb import to_srgb
from renditor.images.pipeline.walk import Sketch, Stage, check_media, facts_of, walk
from renditor.transformation import Component, Transformation
from renditor.transformation.expressions import Deferred, Facts
from renditor.transformation.operations import ANGLE, CONDITION, DELAY, EFFECT, PAGE, VARIABLES
from renditor.transformation.unfold import unfold
from renditor.transformation.values import Turn

_STORED_UPRIGHT = 1
_OF_FACES = frozenset({"blur_faces", "pixelate_faces"})
# fc, the number of faces, in a condition or an expression.
_FACE_COUNT = re.compile(r"(?<![a-zA-Z])fc(?![a-zA-Z])")


@dataclass(frozen=True, slots=True)
class Job:
    """What to make, and of what.

    ``source``: descriptor of the original. ``info``: its header. ``output``: a concrete format. ``tags``: of the asset.
    ``load``: what reads a still picture.
    """

    source: int
    info: ImageInfo
    transformation: Transformation
    output: str
    insight: Insight = NOTHING_KNOWN
    layers: Layers = field(default_factory=Layers)
    tags: frozenset[str] = frozenset()
    load: Callable[[int, ImageInfo, Size | None, int], pyvips.Image] = load_upright


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture before encoding: frames one below the other, each ``size`` px. ``transformation``: the chain
    that made it, variables and conditions decided."""

    image: pyvips.Image
    size: Size
    frames: int
    transformation: Transformation


def build(job: Job, bounds: Bounds) -> Picture:
    """The whole pipeline up to encoding. libvips is lazy: most decoding happens when the result is written.

    Raises:
        InvalidTransformation: an operation that is not for pictures, or a result beyond the bounds or the format.
        LimitExceeded: the page asked for is larger than the source may be.
        pyvips.Error: see ``loading.load``.
    """
    check_media(job.transformation)
    view = _view(job)
    page = _page(job, view)
    info, insight = _as_asked(job, view, page, bounds)
    insight = _looked_at(job, info, insight, page)
    moving = is_animated(info) and FORMATS[job.output].animation and view.last(PAGE) is None
    frame_count = info.pages if moving else 1
    size = Size(info.width, info.height)
    facts = _facts(job, info, insight)
    sketch = Sketch(size, job.layers.measure)
    decided = walk(sketch, job.transformation, facts, insight)
    bounds.check_results(sketch.made or [size], frame_count, sketch.of_layers)
    check_fits(job.output, sketch.size, frame_count, alpha=info.has_alpha)
    if not moving:
        pixels = Pixels(size, lambda target: job.load(job.source, info, target, page), job.layers)
        walk(pixels, job.transformation, facts, insight)
        image, made = pixels.image, pixels.size
        if info.has_gain_map and job.output == "jpg":
            image = _with_gain_map(image, job.source, info, sketch)
    else:
        frames = load_frames(job.source, info)
        pixels = Pixels(size, lambda _: frames[0], job.layers)
        walk(pixels, job.transformation, facts, insight)
        image, made = _animated(pixels, frames, decided.last(DELAY)), pixels.size
    check_fits(job.output, made, frame_count, alpha=image.hasalpha())
    return Picture(image, made, frame_count, decided)


def _facts(job: Job, info: ImageInfo, insight: Insight) -> Facts:
    return facts_of(Size(info.width, info.height), insight, pages=info.pages, tags=job.tags)


def _view(job: Job) -> Transformation:
    """The pages and turns of the chain alone, decided. They say how the file is opened, which comes before all else:
    for conditions on the way to them every size is that of the original's first page."""
    kept = {key.key for key in (ANGLE, CONDITION, PAGE, VARIABLES)}
    parameters = (tuple(pair for pair in component.parameters if pair[0] in kept) for component in job.transformation)
    chain = Transformation(tuple(map(Component, parameters)))
    return Transformation(tuple(unfold(chain, _facts(job, job.info, job.insight))))


def _page(job: Job, view: Transformation) -> int:
    """The page that is shown, from 0."""
    page = view.last(PAGE) or 1
    if page > job.info.pages:
        raise InvalidTransformation(f"There is no page {page}: the picture has {job.info.pages}")
    return page - 1


def _as_asked(job: Job, view: Transformation, page: int, bounds: Bounds) -> tuple[ImageInfo, Insight]:
    """The header of the page that is shown, and what is known about it; as stored where ``a_ignore`` says so."""
    info, insight = job.info, job.insight
    if page:
        info, insight = read_header(job.source, info.format, page), NOTHING_KNOWN
        bounds.check_source(info)
    if all(component.get(ANGLE) != "ignore" for component in view):
        return info, insight
    upright = Size(info.width, info.height)
    stored = upright.turned() if carry.is_sideways(info.orientation) else upright
    insight = carry.as_stored(insight, upright, info.orientation)
    return replace(info, width=stored.width, height=stored.height, orientation=_STORED_UPRIGHT), insight


# -- looking at the picture, where nobody has -------------------------------------------------------------------------


def _looked_at(job: Job, info: ImageInfo, insight: Insight, page: int) -> Insight:
    """With faces and the point of interest, where the transformation needs them and the analysis after the upload has
    not been there yet: from a small picture, which costs a few ms."""
    if not _needs_eyes(job.transformation):
        return insight
    point = insight.custom_point or insight.focal_point
    if insight.faces is not None and (insight.faces or point):
        return insight
    longer = max(info.width, info.height)
    share = min(1.0, faces.SIDE / longer)
    small = Size(max(1, round(info.width * share)), max(1, round(info.height * share)))
    image = to_srgb(job.load(job.source, info, small, page)).copy_memory()
    found = insight.faces if insight.faces is not None else faces.detect(image) or ()
    return replace(insight, faces=found, focal_point=insight.focal_point or focal_point(image, found))


def _needs_eyes(transformation: Transformation) -> bool:
    for component in transformation:
        # What a variable stands for is not known yet.
        gravity, effect = gravity_of(component), component.get(EFFECT)
        if isinstance(gravity, Deferred) or looks_at_content(gravity):
            return True
        if isinstance(effect, Deferred) or (effect is not None and effect.name in _OF_FACES):
            return True
    text = str(transformation)
    return bool(_FACE_COUNT.search(text)) or transformation.flag("region_relative") is not None


# -- animations -------------------------------------------------------------------------------------------------------


def _animated(pixels: Pixels, frames: list[pyvips.Image], delay: int | None) -> pyvips.Image:
    """The other frames through the same acts, and all one below the other, the shape in which libvips writes them."""
    timing = {name: frames[0].get(name) for name in ("delay", "loop") if frames[0].get_typeof(name)}
    if delay is not None:
        timing["delay"] = [delay] * len(frames)
    # Each frame is finished before the next begins: a thousand open pipelines would hold a gigabyte of line buffers.
    finished = [pixels.image.copy_memory()]
    for frame in frames[1:]:
        image = to_srgb(frame)
        for act in pixels.acts:
            image = act(image)
        finished.append(image.copy_memory())
    strip = pyvips.Image.arrayjoin(finished, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", finished[0].height)
    for name, value in timing.items():
        kind = pyvips.GValue.array_int_type if name == "delay" else pyvips.GValue.gint_type
        strip.set_type(kind, name, value)
    return strip


# -- gain maps --------------------------------------------------------------------------------------------------------


def _with_gain_map(image: pyvips.Image, source: int, info: ImageInfo, sketch: Sketch) -> pyvips.Image:
    """With the gain map of an Ultra HDR original, cut like the picture. Anything but cutting and scaling drops it: a
    map of other pixels would light up the wrong places."""
    gain_map = read_gain_map(source) if all(map(_only_cuts, sketch.stages)) and not sketch.layered else None
    if gain_map is None:
        return image
    shown = turned_upright(gain_map.picture, info.orientation)
    for stage in sketch.stages:
        shown = _cut_alike(shown, stage.source, stage.geometry.region)
        shown = _cut_alike(shown, stage.geometry.scaled, stage.geometry.window)
    # Its proportions are those of the picture; finer than the picture it says no more.
    share = min(1.0, shown.width / image.width, shown.height / image.height)
    fitting = Size(max(1, round(image.width * share)), max(1, round(image.height * share)))
    return attached(image, resized(shown, fitting), gain_map)


def _only_cuts(stage: Stage) -> bool:
    geometry = stage.geometry
    return not stage.paints and geometry.canvas is None and stage.before == stage.after == Turn()


def _cut_alike(shown: pyvips.Image, size: Size, box: Box | None) -> pyvips.Image:
    """The part of the map that belongs to a box in a picture of that size."""
    if box is None:
        return shown
    across, down = shown.width / size.width, shown.height / size.height
    left, top = min(round(box.left * across), shown.width - 1), min(round(box.top * down), shown.height - 1)
    wide = min(max(1, round(box.width * across)), shown.width - left)
    high = min(max(1, round(box.height * down)), shown.height - top)
    return shown.crop(left, top, wide, high)
