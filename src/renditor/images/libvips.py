"""The local images provider: every picture is read and made by a sealed decoder process, never by this one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from renditor.errors import Internal, InvalidTransformation
from renditor.images.analysis.findings import Analysis
from renditor.images.base import ImageInfo, RemoteURL, Rendered, Source
from renditor.images.codecs.formats import FORMATS
from renditor.images.settings import ImageSettings
from renditor.sandbox.frames import MAX_LAYERS
from renditor.sandbox.pool import Answer, Decoder
from renditor.transformation import Transformation

# Pictures of one call: a request is one packet, and the decoder is busy for as long as all of them take.
_SET = 24
_WORD = re.compile(r"[a-z0-9_-]{1,20}")


class LibvipsImages:
    """Answers the ``ImageProvider`` seam with libvips in decoder processes.

    Args:
        decoder: a ``DecoderPool("renditor.images.decoder")`` or a client of the machine's renderer.
        settings: limits, qualities, timeouts.
    """

    def __init__(self, decoder: Decoder, settings: ImageSettings) -> None:
        self._decoder = decoder
        self._settings = settings
        self._bounds = asdict(settings.bounds())
        self._encoding = asdict(settings.encoding())

    async def probe(self, source: Path, fmt: str) -> ImageInfo:
        """See ``ImageProvider.probe``."""
        request = {"do": "probe", "format": fmt, "bounds": self._bounds}
        with _opened(source) as descriptor:
            answer = await self._decoder.call(request, descriptor, timeout=self._settings.probe_timeout)
        return _read_info(answer.meta, fmt)

    async def render(self, source: Source, transformation: Transformation, output: str) -> Rendered:
        """See ``ImageProvider.render``."""
        request = {"do": "render", **_ordered(transformation, output)}
        answer = await self._answer(source, request, self._settings.render_timeout)
        return _rendered(answer.meta, output, answer.content)

    async def render_set(
        self, source: Source, wanted: Sequence[tuple[Transformation, str]]
    ) -> list[Rendered | RemoteURL]:
        """See ``ImageProvider.render_set``. Every ``_SET`` pictures are one call."""
        made: list[Rendered | RemoteURL] = []
        for start in range(0, len(wanted), _SET):
            part = wanted[start : start + _SET]
            request = {"do": "render_set", "wanted": [_ordered(*one) for one in part]}
            answer = await self._answer(source, request, self._settings.render_timeout * len(part))
            made += _apart(answer, [output for _, output in part])
        return made

    async def _answer(self, source: Source, request: dict[str, Any], seconds: float) -> Answer:
        layers = list(source.layers.items())
        if len(layers) > MAX_LAYERS:
            raise InvalidTransformation(f"A picture takes at most {MAX_LAYERS} layers")
        known = {
            "format": source.format,
            "bounds": self._bounds,
            "insight": source.insight.to_json(),
            "tags": source.tags,
            "layers": [{"id": public_id, "format": one.format, "insight": _places(one)} for public_id, one in layers],
            "encoding": self._encoding,
        }
        with ExitStack() as stack:
            descriptor, *more = (stack.enter_context(_opened(one.path)) for one in (source, *source.layers.values()))
            return await self._decoder.call(request | known, descriptor, timeout=seconds, layers=more)

    async def analyse(self, source: Source) -> Analysis:
        """See ``ImageProvider.analyse``."""
        request = {"do": "analyse", "format": source.format, "bounds": self._bounds, "encoding": self._encoding}
        with _opened(source.path) as descriptor:
            answer = await self._decoder.call(request, descriptor, timeout=self._settings.render_timeout)
        return Analysis.from_json(answer.meta)


def _ordered(transformation: Transformation, output: str) -> dict[str, str]:
    return {"transformation": str(transformation), "output": output}


def _rendered(meta: dict[str, Any], output: str, content: bytes) -> Rendered:
    return Rendered(
        content=content,
        content_type=FORMATS[output].content_type,
        format=output,
        width=_number(meta, "width"),
        height=_number(meta, "height"),
        pages=_number(meta, "pages"),
    )


def _apart(answer: Answer, outputs: Sequence[str]) -> Iterator[Rendered]:
    """The pictures of a set, which lie one behind the other in the content."""
    pictures = answer.meta.get("pictures")
    if not isinstance(pictures, list) or len(pictures) != len(outputs):
        raise _senseless()
    start = 0
    for meta, output in zip(pictures, outputs, strict=True):
        end = start + _number(meta if isinstance(meta, dict) else {}, "bytes", most=len(answer.content) - start)
        yield _rendered(meta, output, answer.content[start:end])
        start = end
    if start != len(answer.content):
        raise _senseless()


def _places(layer: Source) -> dict[str, Any]:
    """What is known about a layer: all but the curves, which only the whole picture needs."""
    return replace(layer.insight, curves={}).to_json()


def _read_info(meta: dict[str, Any], fmt: str) -> ImageInfo:
    """What a decoder says of a picture. It has read hostile bytes: nothing but plausible values goes any further."""
    space = meta.get("colour_space")
    return ImageInfo(
        format=fmt,
        width=_number(meta, "width"),
        height=_number(meta, "height"),
        orientation=_number(meta, "orientation", most=8),
        pages=_number(meta, "pages"),
        has_alpha=meta.get("has_alpha") is True,
        bands=_number(meta, "bands"),
        bit_depth=_number(meta, "bit_depth", most=64),
        colour_space=space if isinstance(space, str) and _WORD.fullmatch(space) else "unknown",
        has_icc=meta.get("has_icc") is True,
        has_gain_map=meta.get("has_gain_map") is True,
        flat=meta.get("flat") is True,
    )


def _number(meta: dict[str, Any], name: str, *, most: int = 10_000_000) -> int:
    value = meta.get(name)
    if type(value) is not int or not 1 <= value <= most:
        raise _senseless()
    return value


def _senseless() -> Internal:
    return Internal("A decoder gave an answer that makes no sense.")


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
