from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from renditor.images.codecs.attribution import NOBODY, Attribution, read_attribution, with_attribution
from tests.images.pictures import Made, plain, render

ANN = Attribution(caption="Käthe & <b>", artist="Ann (née B)", copyright="© 2026 Müller, all rights")


def written(attribution: Attribution, *, iptc: bytes = b"") -> bytes:
    """A JPEG with these texts, and with a place and a serial number that must never leave."""
    picture = with_attribution(plain(32, 32, (9, 90, 200)), attribution)
    picture.set_type(pyvips.GValue.gstr_type, "exif-ifd3-GPSLatitude", "52/1 31/1 0/1")
    picture.set_type(
        pyvips.GValue.gstr_type, "exif-ifd2-BodySerialNumber", "SERIAL-4711 (_, ASCII, 1 components, 1 bytes)"
    )
    if iptc:
        picture.set_type(pyvips.GValue.blob_type, "iptc-data", iptc)
    content: bytes = picture.jpegsave_buffer(keep="exif:iptc" if iptc else "exif")
    assert b"SERIAL-4711" in content
    return content


def exif(made: Made) -> dict[str, str]:
    return {name: made.image.get(name) for name in made.image.get_fields() if name.startswith("exif-ifd")}


@pytest.mark.parametrize("flag", ["fl_keep_attribution", "fl_keep_iptc"])
@pytest.mark.parametrize("output", ["jpg", "png", "webp", "avif"])
def test_names_stay_and_places_go(flag: str, output: str) -> None:
    made = render(written(ANN), "jpg", f"{flag},w_16", output)
    # Exif is ASCII by its standard, so the accents were gone in the source.
    assert read_attribution(made.image).artist == "Ann (nee B)"
    assert b"<rdf:li>Ann (nee B)<" in bytes(made.image.get("xmp-data"))
    assert b"SERIAL-4711" not in made.content
    assert not [name for name in exif(made) if name.startswith(("exif-ifd3", "exif-ifd1")) or "Serial" in name]


def test_cameras_that_write_utf_8() -> None:
    content = written(ANN).replace(b"nee", "né".encode())
    made = render(content, "jpg", "fl_keep_attribution", "jpg")
    assert "Ann (né B)".encode() in bytes(made.image.get("xmp-data"))


def test_a_tiff_has_them_as_xmp() -> None:
    assert b"dc:creator" in render(written(ANN), "jpg", "fl_keep_attribution", "tiff").content


@pytest.mark.parametrize("output", ["jpg", "png", "webp", "avif", "tiff", "gif"])
def test_nothing_stays_unasked(output: str) -> None:
    made = render(written(ANN), "jpg", "", output)
    assert b"Ann" not in made.content
    assert not [name for name in exif(made) if "Artist" in name]


def test_agencies_write_iptc() -> None:
    def data_set(number: int, text: bytes) -> bytes:
        return b"\x1c\x02" + bytes([number]) + len(text).to_bytes(2, "big") + text

    data = data_set(80, b"Bea") + data_set(116, "© Bea".encode()) + data_set(120, b"A dog") + data_set(90, b"Berlin")
    block = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + len(data).to_bytes(4, "big") + data
    made = render(written(NOBODY, iptc=block), "jpg", "fl_keep_attribution", "jpg")
    found = read_attribution(made.image)
    assert (found.artist, found.caption) == ("Bea", "A dog")
    assert "© Bea".encode() in made.content
    assert b"Berlin" not in made.content


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_gives_a_packet_that_can_be_read(artist: str, caption: str) -> None:
    source = plain(4, 4, (1, 2, 3)).copy()
    source.set_type(pyvips.GValue.blob_type, "iptc-data", iptc(80, artist) + iptc(120, caption))
    found = read_attribution(source)
    packet = with_attribution(source, found).get("xmp-data")
    root = ET.fromstring(packet)
    texts = {"".join(node.itertext()) for node in root.iter() if node.tag.endswith("li")}
    assert texts == {text.replace("\r\n", "\n").replace("\r", "\n") for text in (found.artist, found.caption) if text}


def iptc(number: int, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    return b"\x1c\x02" + bytes([number]) + len(data).to_bytes(2, "big") + data
