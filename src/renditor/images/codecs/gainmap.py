"""Ultra HDR: a JPEG with a second, small picture inside that says how much brighter an HDR screen shows each place.

The base picture is an ordinary JPEG, and all that most clients and all other formats ever see. JPEG to JPEG keeps the
gain map, as long as a chain only chooses and scales: a map of other pixels would light up the wrong places.
Source: Ultra HDR Image Format 1.1 (Android), ISO 21496-1.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyvips

_HEAD = 64 * 1024  # bytes; the marks stand in the application segments before the picture
_MARKS = (b"http://ns.adobe.com/hdr-gain-map/1.0/", b"urn:iso:std:iso:ts:21496:-1")
_DATA = "gainmap-data"
_QUALITY = 85  # of the map itself: it is small, and its errors show as light


@dataclass(frozen=True, slots=True)
class GainMap:
    """``picture``: the map as stored (not upright). ``fields``: how it is meant, as libvips names it."""

    picture: pyvips.Image
    fields: Mapping[str, Any]


def has_gain_map(source: int) -> bool:
    """Whether a JPEG says that it carries one. It may still be damaged: see ``read_gain_map``."""
    head = os.pread(source, _HEAD, 0)
    return any(mark in head for mark in _MARKS)


def has_gain_map_attached(image: pyvips.Image) -> bool:
    return bool(image.get_typeof(_DATA))


def read_gain_map(source: int) -> GainMap | None:
    """The gain map of a JPEG; None where there is none that can be read. The base picture is not decoded."""
    os.lseek(source, 0, os.SEEK_SET)
    try:
        base = pyvips.Image.uhdrload_source(pyvips.Source.new_from_descriptor(source))
        picture = pyvips.Image.jpegload_buffer(base.get(_DATA), fail_on="error")
        # A hostile map may claim any size; one finer than its picture says nothing.
        if picture.width > base.width or picture.height > base.height:
            return None
        picture = picture.copy_memory()
    except pyvips.Error:
        return None
    names = [name for name in base.get_fields() if name.startswith("gainmap-") and name != _DATA]
    return GainMap(picture, {name: (base.get_typeof(name), base.get(name)) for name in names})


def attached(image: pyvips.Image, shown: pyvips.Image, gain_map: GainMap) -> pyvips.Image:
    """``image`` with its gain map, which ``jpegsave`` writes when told to keep ``gainmap``.

    Args:
        image: the finished base picture.
        shown: the map after the same geometry as the picture.
        gain_map: where it came from.
    """
    image = image.copy()
    for name, (kind, value) in gain_map.fields.items():
        image.set_type(kind, name, value)
    image.set_type(pyvips.GValue.blob_type, _DATA, shown.jpegsave_buffer(Q=_QUALITY, keep="none"))
    return image
