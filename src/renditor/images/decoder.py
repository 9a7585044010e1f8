"""The decoder child of the images room: ``python -m renditor.images.decoder``.

The only process in which libvips touches bytes of users. A request comes with an open descriptor and JSON; see
``libvips.py`` for who sends it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, NoReturn

import pyvips

from renditor.errors import InvalidTransformation
from renditor.images.analysis import faces
from renditor.images.analysis.analyse import analyse
from renditor.images.base import ImageInfo
from renditor.images.bounds import Bounds
from renditor.images.codecs.adapters import warm_up as warm_up_adapters
from renditor.images.codecs.attribution import NOBODY
from renditor.images.codecs.damage import check_damage
from renditor.images.codecs.encode import Origin, encode, keeps_attribution
from renditor.images.codecs.formats import FORMATS
from renditor.images.codecs.loading import attribution_of, read_header, vips_errors
from renditor.images.insight import Insight
from renditor.images.pipeline.build import Job, build
from renditor.images.pipeline.layers import LayerFile, Layers
from renditor.images.pipeline.text import prepare_fonts
from renditor.images.quality import Encoding
from renditor.images.sets import SharedDecode, largest_first
from renditor.sandbox.decoder import cpu_budget, serve
from renditor.transformation import Transformation, parse

# libvips classes of the loaders that ``loading`` names. All others are switched off in the child; the one for SVG is on
# only while an SVG is opened.
_LOADER_CLASSES = (
    "VipsForeignLoadJpeg",
    "VipsForeignLoadUhdr",
    "VipsForeignLoadPng",
    "VipsForeignLoadWebp",
    "VipsForeignLoadHeif",
    "VipsForeignLoadNsgif",
    "VipsForeignLoadTiff",
)
_WARM_UP = Encoding(quality=80, auto_quality={}, webp_effort=0, avif_effort=0)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, its source's header read and found within the bounds. ``layers``: descriptors of more files."""

    request: dict[str, Any]
    source: int
    info: ImageInfo
    bounds: Bounds
    output: BinaryIO
    layers: Sequence[int]

    @property
    def encoding(self) -> Encoding:
        return Encoding(**self.request["encoding"])


def handle(request: dict[str, Any], source: int, output: BinaryIO, layers: Sequence[int] = ()) -> dict[str, Any]:
    """Answer one request.

    Args:
        request: ``do``, one of ``CALLS``; ``format`` of the source; ``bounds``; and what the function there needs.
        source: descriptor of the file, open for reading.
        output: where the finished picture goes.
        layers: descriptors of the files that ``request["layers"]`` names.

    Raises:
        CorruptMedia, LimitExceeded, UnsupportedMedia, InvalidTransformation, NotFound: as the ``ImageProvider`` says.
    """
    bounds = Bounds(**request["bounds"])
    formats = [request["format"], *(one["format"] for one in request.get("layers", ()))]
    for fmt in formats:
        bounds.check_format(fmt)
    # Drawing an SVG can take for ever; what has used up its time ends with the process.
    with cpu_budget(bounds.svg_seconds or 0) if "svg" in formats else contextlib.nullcontext():
        call = Call(request, source, _header(source, request["format"], bounds), bounds, output, layers)
        return CALLS[request["do"]](call)


def _header(source: int, fmt: str, bounds: Bounds) -> ImageInfo:
    info = read_header(source, fmt)
    bounds.check_source(info)
    return info


def _probe(call: Call) -> dict[str, Any]:
    """The fields of ``ImageInfo``."""
    return replace(call.info, flat=check_damage(call.source, call.info)).to_json()


def _analyse(call: Call) -> dict[str, Any]:
    """The fields of ``Analysis``. Needs ``encoding``."""
    with vips_errors():
        return analyse(call.source, call.info, call.encoding).to_json()


def _render(call: Call) -> dict[str, Any]:
    """Size (px) and pages of the result. Needs ``encoding``, ``transformation`` and ``output``; takes ``insight``,
    ``tags``, and ``layers`` (``id``, ``format`` and ``insight`` of each)."""
    with vips_errors():
        content, meta = _finished(call, _job(call, call.request, _layers(call)))
    call.output.write(content)
    return meta


def _render_set(call: Call) -> dict[str, Any]:
    """``pictures``: size, pages and bytes of each, in the order of ``wanted`` (``transformation`` and ``output`` of
    each), and one after the other in the content. The rest as for ``render``."""
    layers, shared = _layers(call), SharedDecode()
    jobs = [replace(_job(call, one, layers), load=shared) for one in call.request["wanted"]]
    contents, pictures = [b""] * len(jobs), [dict[str, Any]()] * len(jobs)
    with vips_errors():
        for place in largest_first(jobs):
            contents[place], meta = _finished(call, jobs[place])
            pictures[place] = meta | {"bytes": len(contents[place])}
    for content in contents:
        call.output.write(content)
    return {"pictures": pictures}


def _job(call: Call, wanted: dict[str, Any], layers: Layers) -> Job:
    output = wanted["output"]
    if output not in FORMATS:
        raise InvalidTransformation(f"Unsupported format {output[:20]}")
    insight = Insight.from_json(call.request.get("insight", {}))
    tags = frozenset(call.request.get("tags", ()))
    return Job(call.source, call.info, parse(wanted["transformation"]), output, insight, layers, tags)


def _finished(call: Call, job: Job) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a picture, and its size (px) and pages."""
    fmt = job.output
    # Read before the picture is opened: both share the position of the descriptor.
    keeps = keeps_attribution(job.transformation)
    origin = Origin(job.info.format, attribution_of(call.source, job.info.format) if keeps else NOBODY)
    picture = build(job, call.bounds)
    encoding = call.encoding.for_picture(job.insight, fmt, picture.size.width * picture.size.height)
    content = encode(picture.image, fmt, picture.transformation, encoding, origin)
    return content, {"width": picture.size.width, "height": picture.size.height, "pages": picture.frames}


def _layers(call: Call) -> Layers:
    """The files of the layers. What holds for sources holds for them."""
    files = {}
    for given, descriptor in zip(call.request.get("layers", ()), call.layers, strict=True):
        info = _header(descriptor, given["format"], call.bounds)
        files[given["id"]] = LayerFile(descriptor, info, Insight.from_json(given["insight"]))
    return Layers(files)


CALLS: dict[str, Callable[[Call], dict[str, Any]]] = {
    "probe": _probe,
    "analyse": _analyse,
    "render": _render,
    "render_set": _render_set,
}


def main() -> NoReturn:
    """Prepare libvips for hostile input, then serve until the pool ends."""
    prepare()
    _warm_up()
    serve(handle)


def prepare() -> None:
    """Set libvips up for one hostile file at a time. For the whole process, and not to be undone."""
    pyvips.cache_set_max(0)  # no request ever sees the same operation again, and cached ones hold memory
    pyvips.concurrency_set(1)  # one core per decoder: the pool has one decoder per core
    pyvips.operation_block_set("VipsForeignLoad", True)
    for name in _LOADER_CLASSES:
        pyvips.operation_block_set(name, False)


def _warm_up() -> None:
    """Use every codec and the colour engine once: what they open or load at first use is out of reach once sealed."""
    picture = pyvips.Image.black(16, 16, bands=3).copy(interpretation="srgb")
    for fmt in FORMATS:
        encode(picture, fmt, Transformation(), _WARM_UP)
    picture.icc_transform("srgb", input_profile="srgb").avg()
    warm_up_adapters()
    prepare_fonts()
    faces.detector()
    picture.icc_transform("cmyk", input_profile="srgb").icc_transform("srgb", input_profile="cmyk").avg()


if __name__ == "__main__":
    main()
