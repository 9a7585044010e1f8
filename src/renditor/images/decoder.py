"""The decoder child of the images room: ``python -m renditor.images.decoder``.

The only process in which libvips touches bytes of users. A request comes with an open descriptor and JSON; see
``libvips.py`` for who sends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO, NoReturn

import pyvips

from renditor.errors import InvalidTransformation
from renditor.images.bounds import Bounds
from renditor.images.damage import check_damage
from renditor.images.encode import encode
from renditor.images.formats import FORMATS
from renditor.images.loading import read_header, vips_errors
from renditor.images.operations import build
from renditor.images.quality import Encoding
from renditor.sandbox.decoder import serve
from renditor.transformation import Transformation, parse

# libvips classes of the loaders that ``loading`` names. All others are switched off in the child.
_LOADER_CLASSES = (
    "VipsForeignLoadJpeg",
    "VipsForeignLoadPng",
    "VipsForeignLoadWebp",
    "VipsForeignLoadHeif",
    "VipsForeignLoadNsgif",
    "VipsForeignLoadTiff",
)
_WARM_UP = Encoding(quality=80, auto_quality={}, webp_effort=0, avif_effort=0)


def handle(request: dict[str, Any], source: int, output: BinaryIO, _layers: Sequence[int] = ()) -> dict[str, Any]:
    """Answer one request.

    Args:
        request: ``{"do": "probe" | "render", "format": ..., "bounds": ...}``, and for ``render`` also
            ``transformation``, ``output`` and ``encoding``.
        source: descriptor of the file, open for reading.
        output: where the finished picture goes.

    Returns:
        ``probe``: the fields of ``ImageInfo``. ``render``: ``width``, ``height`` (px) and ``pages`` of the result.

    Raises:
        CorruptMedia, LimitExceeded, UnsupportedMedia, InvalidTransformation: as the ``ImageProvider`` says.
    """
    bounds = Bounds(**request["bounds"])
    _, info = read_header(source, request["format"])
    bounds.check_source(info)
    if request["do"] == "probe":
        check_damage(source, info)
        return info.to_json()
    fmt = request["output"]
    if fmt not in FORMATS:
        raise InvalidTransformation(f"Unsupported format {fmt[:20]}")
    transformation = parse(request["transformation"])
    with vips_errors():
        picture = build(source, info, transformation, fmt, bounds)
        output.write(encode(picture.image, fmt, transformation, Encoding(**request["encoding"])))
    return {"width": picture.size.width, "height": picture.size.height, "pages": picture.frames}


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
    picture.icc_transform("cmyk", input_profile="srgb").icc_transform("srgb", input_profile="cmyk").avg()


if __name__ == "__main__":
    main()
