"""The local images provider: every picture is read and made by a sealed decoder process, never by this one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from renditor.images.base import ImageInfo, Rendered
from renditor.images.formats import FORMATS
from renditor.images.settings import ImageSettings
from renditor.sandbox.pool import Decoder
from renditor.transformation import Transformation


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
        return ImageInfo(**answer.meta)

    async def render(self, source: Path, fmt: str, transformation: Transformation, output: str) -> Rendered:
        """See ``ImageProvider.render``."""
        request = {
            "do": "render",
            "format": fmt,
            "bounds": self._bounds,
            "transformation": str(transformation),
            "output": output,
            "encoding": self._encoding,
        }
        with _opened(source) as descriptor:
            answer = await self._decoder.call(request, descriptor, timeout=self._settings.render_timeout)
        return Rendered(
            content=answer.content,
            content_type=FORMATS[output].content_type,
            format=output,
            width=int(answer.meta["width"]),
            height=int(answer.meta["height"]),
            pages=int(answer.meta["pages"]),
        )


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
