"""Who made a picture and what it shows: the only metadata that may travel with a delivered file, and only when asked.

Everything else (places, serial numbers, names of people in the picture, editing history) stays in the original.
Sources: Exif 3.0 (tags 010E, 013B, 8298); IPTC-IIM 4.2 (data sets 2:80, 2:116, 2:120), which older agencies' files
carry instead; XMP (ISO 16684-1), which is written as well because libvips reduces Exif texts to ASCII.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pyvips

_MOST = 2000  # characters of one field; a hostile file may bring megabytes
_DATA_SET = b"\x1c\x02"  # the start of an IPTC data set of the application record

# libvips shows an Exif text twice: "Ann (Ann, ASCII, 4 components, 4 bytes)".
_SHOWN = re.compile(r"(.*), ASCII, \d+ components, \d+ bytes\)", re.DOTALL)
_TAIL = " (_, ASCII, 1 components, 1 bytes)"  # and drops this much of what it is given to write
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
# XML 1.0 knows no other control characters than these three; their presence would make the packet unreadable.
_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" rdf:about="">{}</rdf:Description>'
    "</rdf:RDF></x:xmpmeta>"
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Texts as the source has them; empty where it has none."""

    caption: str = ""
    artist: str = ""
    copyright: str = ""


# attribute -> libvips' name of the Exif field, IPTC data set, XMP property and its list type
_FIELDS = {
    "caption": ("exif-ifd0-ImageDescription", 120, "description", "Alt"),
    "artist": ("exif-ifd0-Artist", 80, "creator", "Seq"),
    "copyright": ("exif-ifd0-Copyright", 116, "rights", "Alt"),
}
NOBODY = Attribution()


def read_attribution(image: pyvips.Image) -> Attribution:
    """What the header of a source says: Exif first, else IPTC."""
    iptc = bytes(image.get("iptc-data")) if image.get_typeof("iptc-data") else b""
    found = {name: _exif(image, exif) or _iptc(iptc, number) for name, (exif, number, _, _) in _FIELDS.items()}
    return Attribution(**{name: _CONTROL.sub("", text)[:_MOST] for name, text in found.items()})


def with_attribution(image: pyvips.Image, attribution: Attribution) -> pyvips.Image:
    """The picture with these texts as Exif and XMP, and no other metadata of either kind."""
    image = image.copy()
    for name in image.get_fields():
        if name.startswith(("exif-", "xmp-")) or name == "orientation":
            image.remove(name)
    properties = ""
    for name, (exif, _, xmp, kind) in _FIELDS.items():
        text: str = getattr(attribution, name)
        if not text:
            continue
        image.set_type(pyvips.GValue.gstr_type, exif, text + _TAIL)
        language = ' xml:lang="x-default"' if kind == "Alt" else ""
        item = f"<rdf:li{language}>{text.translate(_ESCAPES)}</rdf:li>"
        properties += f"<dc:{xmp}><rdf:{kind}>{item}</rdf:{kind}></dc:{xmp}>"
    image.set_type(pyvips.GValue.blob_type, "xmp-data", _PACKET.format(properties).encode())
    return image


def _exif(image: pyvips.Image, field: str) -> str:
    if not image.get_typeof(field):
        return ""
    shown = _SHOWN.fullmatch(image.get(field))
    return shown[1][: (len(shown[1]) - len(" (")) // 2].strip() if shown else ""


def _iptc(data: bytes, number: int) -> str:
    at = data.find(_DATA_SET + bytes([number]))
    if at < 0:
        return ""
    size = int.from_bytes(data[at + 3 : at + 5], "big")
    return data[at + 5 : at + 5 + size].decode("utf-8", "replace").strip()
