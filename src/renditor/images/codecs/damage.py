"""Finding damage: one cheap full decode at upload, strict enough for truncation, mild on what cameras get wrong."""

from __future__ import annotations

import os

import pyvips

from renditor.errors import CorruptMedia
from renditor.images.base import ImageInfo
from renditor.images.codecs.flatness import is_flat
from renditor.images.codecs.formats import is_animated
from renditor.images.codecs.loading import load, vips_errors

# A warning of libjpeg that leaves every pixel intact: padding between segments, common in camera files.
_HARMLESS = "extraneous bytes before marker"
_EIGHTH = 8
_HEAD = 4096  # bytes in which the first chunks of a WebP stand
_DRAWN = 1000  # px, longest side of an SVG drawn to see whether it can be drawn


def check_damage(source: int, info: ImageInfo) -> bool:
    """Decode everything once, keep nothing.

    Returns:
        Whether the (first) picture is flat graphics: it costs next to nothing while all pixels pass by.

    Raises:
        CorruptMedia: truncated or damaged.
        LimitExceeded: decoding needs more memory than this process may have.
    """
    if info.format == "gif":
        check_gif_blocks(source)
    with vips_errors():
        if info.format == "jpg":
            _check_jpeg(source, _eighth(info))
        elif is_animated(info):
            load(source, info.format, n=-1).avg()
        elif info.format == "svg":
            # At its own size a drawing shows no more damage than small: what it costs is bounded by svg_seconds.
            return is_flat(load(source, "svg", scale=min(1.0, _DRAWN / max(info.width, info.height))))
        elif info.format in {"avif", "heic"}:
            load(source, info.format).avg()
        elif info.format == "webp" and not _is_lossless(source):
            load(source, "webp", scale=1 / _eighth(info)).avg()
        else:
            return is_flat(load(source, info.format))
    return False


def _eighth(info: ImageInfo) -> int:
    """By how much to shrink while decoding: all entropy-coded data is read, 1/64 of the pixels are made."""
    return _EIGHTH if min(info.width, info.height) >= _EIGHTH else 1


def _is_lossless(source: int) -> bool:
    """True for a WebP that keeps every pixel (VP8L, perhaps behind the chunks of the extended format)."""
    return b"VP8L" in os.pread(source, _HEAD, 0)


def _check_jpeg(source: int, shrink: int) -> None:
    """Bad entropy-coded data is only a warning to libjpeg, so warnings count; the harmless one does not."""
    try:
        load(source, "jpg", shrink=shrink, fail_on="warning").avg()
    except pyvips.Error as error:
        if _HARMLESS not in str(error):
            raise
        load(source, "jpg", shrink=shrink).avg()


def check_gif_blocks(source: int) -> None:
    """Walk the blocks of a GIF to its end: libvips shows the frames of a truncated one as if they were all.

    A missing trailer alone is accepted, as in browsers. Source: GIF89a, sections 15-27.

    Raises:
        CorruptMedia: a block ends beyond the end of the file.
    """
    data = _Blocks(source)
    data.skip(10)  # signature, version, screen size
    flags = data.byte()
    data.skip(2 + data.table(flags))
    while (kind := data.byte(end=_TRAILER)) != _TRAILER:
        if kind == _EXTENSION:
            data.skip(1)
        elif kind == _IMAGE:
            data.skip(8)
            data.skip(data.table(data.byte()) + 1)
        else:
            return  # bytes after the last block: browsers stop here too
        while size := data.byte():
            data.skip(size)


_TRAILER, _EXTENSION, _IMAGE = 0x3B, 0x21, 0x2C


class _Blocks:
    """A cursor over a file; stepping over its end is damage."""

    def __init__(self, source: int) -> None:
        self._data = os.pread(source, os.fstat(source).st_size, 0)
        self._at = 0

    def byte(self, *, end: int | None = None) -> int:
        """The next byte; ``end`` at the end of the file."""
        if self._at >= len(self._data):
            if end is None:
                raise CorruptMedia("The picture is truncated")
            return end
        self._at += 1
        return self._data[self._at - 1]

    def skip(self, count: int) -> None:
        self._at += count
        if self._at > len(self._data):
            raise CorruptMedia("The picture is truncated")

    @staticmethod
    def table(flags: int) -> int:
        """Bytes of the colour table that a flags byte announces."""
        return 3 << (flags & 7) + 1 if flags & 0x80 else 0
