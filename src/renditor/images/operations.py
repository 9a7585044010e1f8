"""The pipeline: what happens to the pixels of a picture, as a list of named steps. Runs inside a decoder only.

load (scaled while decoding, upright) -> to sRGB -> for every component: the STEPS below -> join frames -> encode
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyvips

from renditor.errors import InvalidTransformation
from renditor.images.base import ImageInfo
from renditor.images.bounds import Bounds
from renditor.images.formats import FORMATS, check_fits, is_animated
from renditor.images.geometry import Geometry, Size, plan, results
from renditor.images.loading import load_frames, load_upright, resized
from renditor.transformation import Component, Transformation
from renditor.transformation.operations import ANGLE, BACKGROUND
from renditor.transformation.values import TRANSPARENT, Colour

_QUARTERS = {90: "d90", 180: "d180", 270: "d270"}
_OPAQUE = 255


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished picture before encoding: frames one below the other, each ``size`` px."""

    image: pyvips.Image
    size: Size
    frames: int


def cut_region(image: pyvips.Image, geometry: Geometry, _: Component) -> pyvips.Image:
    """c_crop: a region of the entering picture."""
    box = geometry.region
    return image if box is None else image.crop(box.left, box.top, box.width, box.height)


def scale(image: pyvips.Image, geometry: Geometry, _: Component) -> pyvips.Image:
    """To the planned size. Nothing is left to do when the loader already came down to it."""
    return resized(image, geometry.scaled)


def cut_window(image: pyvips.Image, geometry: Geometry, _: Component) -> pyvips.Image:
    """c_fill: what lies inside the box."""
    box = geometry.window
    return image if box is None else image.crop(box.left, box.top, box.width, box.height)


def lay_on_background(image: pyvips.Image, _: Geometry, component: Component) -> pyvips.Image:
    """b: a colour behind the transparent parts."""
    colour = component.get(BACKGROUND)
    if colour is None or not image.hasalpha():
        return image
    if colour.alpha == _OPAQUE:
        return image.flatten(background=_rgb(colour))
    below = image.new_from_image([*_rgb(colour), colour.alpha]).copy(interpretation="srgb")
    return below.composite2(image, "over").cast("uchar")


def place_on_canvas(image: pyvips.Image, geometry: Geometry, component: Component) -> pyvips.Image:
    """c_pad: room around the picture, in the colour of b."""
    canvas = geometry.canvas
    if canvas is None:
        return image
    image, background = _with_background(image, component)
    left, top = geometry.offset
    return image.embed(left, top, canvas.width, canvas.height, extend="background", background=background)


def turn(image: pyvips.Image, _: Geometry, component: Component) -> pyvips.Image:
    """a: mirror, then turn clockwise; corners in the colour of b."""
    wanted = component.get(ANGLE)
    if wanted is None:
        return image
    if wanted.mirrored:
        image = image.fliphor()
    if not wanted.degrees:
        return image
    image = image.copy_memory()  # turning reads columns; the loader gives rows, once
    if wanted.degrees in _QUARTERS:
        return image.rot(_QUARTERS[wanted.degrees])
    image, background = _with_background(image, component)
    bicubic = pyvips.Interpolate.new("bicubic")
    return image.rotate(wanted.degrees, interpolate=bicubic, background=background)


Step = Callable[[pyvips.Image, Geometry, Component], pyvips.Image]

# Within one component, in this order whatever the order in the URL.
STEPS: tuple[Step, ...] = (
    cut_region,
    scale,
    cut_window,
    lay_on_background,
    place_on_canvas,
    turn,
)


def build(source: int, info: ImageInfo, transformation: Transformation, output: str, bounds: Bounds) -> Picture:
    """The whole pipeline up to encoding. libvips is lazy: most decoding happens when the result is written.

    Raises:
        InvalidTransformation: an operation that is not for pictures, or a result beyond the bounds or the format.
        pyvips.Error: see ``loading.load``.
    """
    _check_media(transformation)
    frame_count = info.pages if is_animated(info) and FORMATS[output].animation else 1
    source_size = Size(info.width, info.height)
    sizes = results(source_size, transformation)
    bounds.check_results(sizes, frame_count)
    check_fits(output, sizes[-1], frame_count, alpha=info.has_alpha)
    components = transformation.components or (Component(()),)
    if frame_count == 1:
        first = plan(source_size, components[0])
        frame = _worked(load_upright(source, info, None if first.region else first.scaled), source_size, components)
        return Picture(frame, Size(frame.width, frame.height), 1)
    loaded = load_frames(source, info)
    timing = {name: loaded[0].get(name) for name in ("delay", "loop") if loaded[0].get_typeof(name)}
    # Each frame is finished before the next begins: a thousand open pipelines would hold a gigabyte of line buffers.
    frames = [_worked(frame, source_size, components).copy_memory() for frame in loaded]
    return Picture(_joined(frames, timing), Size(frames[0].width, frames[0].height), frame_count)


def _worked(frame: pyvips.Image, source_size: Size, components: tuple[Component, ...]) -> pyvips.Image:
    """One frame, all components. The first is planned for ``source_size``; the loader may have done its scaling."""
    frame = to_srgb(frame)
    size = source_size
    for component in components:
        geometry = plan(size, component)
        for step in STEPS:
            frame = step(frame, geometry, component)
        size = Size(frame.width, frame.height)
    return frame


def to_srgb(image: pyvips.Image) -> pyvips.Image:
    """sRGB, 8 bits, from whatever the file holds: CMYK, grey, 16 bits, another profile. Alpha stays."""
    if image.get_typeof("icc-profile-data") or image.interpretation == "cmyk":
        # CMYK without a profile is read with the one that is built into libvips.
        try:
            image = image.icc_transform(
                "srgb", embedded=True, intent="relative", black_point_compensation=True, depth=8
            )
        except pyvips.Error:
            # A damaged profile, or one for another kind of picture: browsers show such files as if it were absent.
            image = image.copy()
            image.remove("icc-profile-data")
    return image if image.interpretation == "srgb" and image.format == "uchar" else image.colourspace("srgb")


def _check_media(transformation: Transformation) -> None:
    for component in transformation:
        for operation in component.operations:
            if "image" not in operation.media:
                raise InvalidTransformation(f"{operation.key}_ ({operation.name}) applies to video only")


def _with_background(image: pyvips.Image, component: Component) -> tuple[pyvips.Image, list[int]]:
    """The picture, with alpha if the colour behind it needs one, and that colour in the picture's bands."""
    colour = component.get(BACKGROUND) or TRANSPARENT
    if colour.alpha != _OPAQUE and not image.hasalpha():
        image = image.addalpha()
    return image, [*_rgb(colour), colour.alpha] if image.hasalpha() else _rgb(colour)


def _rgb(colour: Colour) -> list[int]:
    return [colour.red, colour.green, colour.blue]


def _joined(frames: list[pyvips.Image], timing: dict[str, object]) -> pyvips.Image:
    """Frames one below the other, the shape in which libvips writes animations."""
    strip = pyvips.Image.arrayjoin(frames, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", frames[0].height)
    for name, value in timing.items():
        kind = pyvips.GValue.array_int_type if name == "delay" else pyvips.GValue.gint_type
        strip.set_type(kind, name, value)
    return strip
