"""Flags: switches that take no place of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from renditor.transformation.faults import NotMade
from renditor.transformation.values import Flag

FLAGS = {
    "animated": "moving pictures stay moving; they do so anyway when the format can",
    "any_format": "q_auto may choose an 8 bit PNG where that is smaller",
    "attachment": "the browser saves the file instead of showing it; attachment:name gives the file name",
    "awebp": "moving pictures become moving WebP",
    "cutter": "the transparency of the layer cuts the picture below",
    "force_strip": "metadata is left out; it is anyway",
    "getinfo": "answers with JSON about what would be delivered",
    "ignore_aspect_ratio": "the side that is not given stays as it is",
    "immutable_cache": "the answer may be kept for ever, as with URLs that have a version",
    "keep_attribution": "author and copyright stay in the file",
    "keep_iptc": "author, copyright and the other IPTC and XMP texts stay in the file, places never",
    "layer_apply": "ends the layer that the nearest l_ or u_ before it opened, and places it",
    "lossy": "GIF and PNG may lose what is hard to see",
    "no_overflow": "what of the layer stands over the edge is cut off, instead of enlarging the picture",
    "png8": "PNG with at most 256 colours",
    "png24": "PNG without transparency",
    "png32": "PNG with transparency",
    "preserve_transparency": "f_auto keeps transparency",
    "progressive": "JPEG and PNG that appear coarse first; progressive:none for those that do not, semi and steep"
    " choose how soon they are sharp",
    "rasterize": "vector graphics become pixels; they do so anyway",
    "region_relative": "the shares of a layer's size are measured by the region that g names, such as a face",
    "relative": "the shares of a layer's size are measured by the picture below",
    "replace_image": "the layer takes the place of the picture",
    "strip_profile": "the colour profile is left out, after the colours were converted to sRGB",
    "text_disallow_overflow": "a text that stands over the edge of the picture answers 400",
    "text_no_trim": "the empty edge that the font leaves around a text stays",
    "tiff8_lzw": "TIFF with 8 bits for each colour and LZW compression",
    "tiled": "the layer is repeated over the whole picture",
}

# Flags that ask for what happens anyway. They are read, and left out of the canonical form.
WITHOUT_EFFECT = frozenset({"animated", "force_strip", "rasterize", "tiff8_lzw"})

# Flags that Cloudinary has and nothing here obeys.
NOT_MADE = frozenset(
    {
        *("alternate", "apng", "c2pa", "clip", "clip_evenodd", "draco", "hlsv3", "keep_dar", "merge"),
        *("mono", "no_stream", "original", "sanitize", "splice", "streaming_attachment", "truncate_ts"),
        *("waveform",),
    }
)

# The name ends in a Content-Disposition header: letters, digits and what file names commonly hold, never quotes,
# slashes or line ends (header injection). 100 characters keep the header small.
_FILE_NAME = re.compile(r"[\w .()\-]{1,100}")
ARGUMENTS: dict[str, re.Pattern[str]] = {
    "attachment": _FILE_NAME,
    "progressive": re.compile("none|semi|steep"),
}


@dataclass(frozen=True, slots=True)
class FlagsKind:
    """A set of switches joined by dots; those of ``ARGUMENTS`` may carry one."""

    options: Mapping[str, str] = field(default_factory=lambda: FLAGS)

    @property
    def expects(self) -> str:
        return "flags joined by dots, out of " + ", ".join(self.options)

    def read(self, text: str) -> frozenset[Flag]:
        flags = [self._read_one(part) for part in text.split(".")]
        if len({flag.name for flag in flags}) < len(set(flags)):
            raise ValueError(text)
        return frozenset(flags)

    def _read_one(self, text: str) -> Flag:
        name, colon, raw = text.partition(":")
        if name in NOT_MADE:
            raise NotMade(text)
        if name not in self.options:
            raise ValueError(text)
        if not colon:
            return Flag(name)
        # A dot would end the flag, so names carry it as %2E; the same escape serves any other character.
        argument = unquote(raw, errors="strict")
        if name in ARGUMENTS and ARGUMENTS[name].fullmatch(argument):
            return Flag(name, argument)
        raise ValueError(text)

    def write(self, value: frozenset[Flag]) -> str:
        return ".".join(
            flag.name + (":" + flag.argument.replace(".", "%2E") if flag.argument else "") for flag in sorted(value)
        )
