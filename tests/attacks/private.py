"""Files that tell of the people in and behind them, in every place that their formats have for it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pillow_heif
from PIL import Image, ImageCms, PngImagePlugin

from renditor.testing import media
from tests.video.seeing import LABELLED

# Begins every text that must not come through; what follows it says where it was.
MARK = "Mrs-Private-52.5200N"
# What is fit for streaming is taken over without being encoded anew, and with it what lies among its pictures.
STREAMABLE = ("-vf", LABELLED, "-g", "50", "-sc_threshold", "0", "-preset", "veryfast", "-qp", "24")
_UUID = "086f3693-b7b3-4f2c-9653-21492feee5b8"
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # XMP specification, part 3, 1.2.7.1


def mark(place: str) -> str:
    return f"{MARK}/{place}"


def marked(place: str) -> bytes:
    return mark(place).encode()


def photo(fmt: str, **options: object) -> bytes:
    made = io.BytesIO()
    Image.linear_gradient("L").resize((48, 32)).convert("RGB").save(made, fmt, **options)
    return made.getvalue()


def exif() -> bytes:
    """With a place, names, a serial number, the maker's own notes, a comment and a small picture."""
    made = Image.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x8298, 0x9C9C, 0x9C9D):
        made[tag] = mark(f"exif-{tag:x}")
    places = made.get_ifd(0x8825)
    places[1], places[2], places[3], places[4] = "N", (52.0, 31.0, 12.0), "E", (13.0, 24.0, 18.0)
    places[0x1B] = marked("gps-method")
    inner = made.get_ifd(0x8769)
    inner[0x927C], inner[0x9286] = marked("maker-note"), marked("user-comment")
    inner[0xA430], inner[0xA431], inner[0xA435] = mark("owner"), mark("serial"), mark("lens")
    return made.tobytes()


def xmp(place: str = "xmp") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:creator="{mark(place)}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def iptc() -> bytes:
    """As Photoshop keeps it: resource 0x0404 with the data set "caption" (IPTC-NAA IIM 4, 2:120)."""
    text = marked("iptc")
    record = b"\x1c\x02\x78" + struct.pack(">H", len(text)) + text
    return b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record + bytes(len(record) % 2)


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def jpeg() -> bytes:
    """Also with a second picture behind the first, as phones append small ones and gain maps (CIPA DC-007)."""
    plain = photo("JPEG", exif=exif(), xmp=xmp(), comment=marked("comment"), icc_profile=profile())
    extended = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + struct.pack(">II", 300, 0) + xmp("extended-xmp")
    more = segment(0xE1, extended) + segment(0xED, iptc()) + segment(0xE2, b"MPF\0" + marked("mpf"))
    more += segment(0xE5, marked("app5")) + segment(0xEC, b"Ducky" + marked("app12")) + segment(0xEB, marked("app11"))
    behind = photo("JPEG", comment=marked("second-picture"), exif=exif())
    return plain[:2] + more + plain[2:] + behind + marked("behind-the-end")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png() -> bytes:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", mark("text"))
    texts.add_text("Comment", mark("ztxt"), zip=True)
    texts.add_itxt("XML:com.adobe.xmp", xmp().decode())
    texts.add_itxt("Title", mark("itxt"), zip=True)
    made = photo("PNG", pnginfo=texts, exif=exif(), icc_profile=profile())
    return made[:-12] + chunk(b"tIME", bytes(7)) + chunk(b"prVt", marked("private-chunk")) + made[-12:] + marked("end")


def gif() -> bytes:
    made = photo("GIF", comment=marked("comment"))
    packet = b"!\xff\x0bXMP DataXMP" + xmp() + b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    return made[:-1] + packet + made[-1:]


def tiff() -> bytes:
    return photo("TIFF", exif=exif(), tiffinfo={700: xmp(), 33723: marked("iptc"), 34377: iptc(), 65000: mark("own")})


def heic() -> bytes:
    made = io.BytesIO()
    picture = pillow_heif.from_pillow(Image.new("RGB", (64, 48), (10, 120, 200)))
    picture.save(made, exif=exif(), xmp=xmp())
    return made.getvalue()


PICTURES: dict[str, Callable[[], bytes]] = {
    "jpg": jpeg, "png": png, "gif": gif, "tiff": tiff, "heic": heic,
    "webp": lambda: photo("WEBP", exif=exif(), xmp=xmp(), icc_profile=profile()),
    "avif": lambda: photo("AVIF", exif=exif(), xmp=xmp()),
}  # fmt: skip


# -- films and songs --------------------------------------------------------------------------------------------------


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def in_moov(film: bytes, more: bytes) -> bytes:
    """More boxes in ``moov``, which lies at the end of the file: no offset changes."""
    at = film.rindex(b"moov") - 4
    size = struct.unpack_from(">I", film, at)[0]
    assert at + size == len(film)
    return film[:at] + struct.pack(">I", size + len(more)) + film[at + 4 :] + more


def user_data() -> bytes:
    """3GPP's place (TS 26.244, 8.1), QuickTime's place and device, and boxes of makers."""
    loci = bytes(4) + b"\x15\xc7" + marked("loci") + b"\0" + bytes([0]) + struct.pack(">iii", 13 << 16, 52 << 16, 0)
    loci += b"earth\0" + marked("loci-notes") + b"\0"
    texts = b"".join(
        box(b"\xa9" + kind, struct.pack(">HH", len(marked(kind.decode())), 0x15C7) + marked(kind.decode()))
        for kind in (b"xyz", b"too", b"cmt", b"mak", b"mod", b"swr", b"aut")
    )
    makers = box(b"GPMF", marked("gpmf")) + box(b"CAME", marked("came")) + box(b"SNum", marked("serial"))
    return box(b"udta", box(b"loci", loci) + texts + makers) + box(b"uuid", _XMP_UUID + xmp())


def film(folder: Path, name: str) -> Path:
    """A film that is fit for streaming; in QuickTime's form also a track of samples that tell where the camera was."""
    plain = media.video(folder / "plain.mp4", "720x480", 4, *STREAMABLE)
    place, path = folder / "place.bin", folder / name
    place.write_bytes(b"GPS5" + marked("track") * 8)
    words = {"location": "location", "comment": "comment", "com.apple.quicktime.location.ISO6709": "mdta",
             "com.apple.quicktime.make": "make", "com.android.capture.fps": "android"}  # fmt: skip
    texts = [word for key, value in words.items() for word in ("-metadata", f"{key}={mark(value)}")]
    texts += ["-metadata:s:v", f"handler_name={mark('handler')}", "-metadata:s:v", f"comment={mark('of-stream')}"]
    track = ("-f", "data", "-i", place, "-map", "0", "-map", "1", "-tag:d", "gpmd") if path.suffix == ".mov" else ()
    inside = f"h264_metadata=sei_user_data={_UUID}+{mark('sei')}"
    media.ffmpeg("-i", plain, *track, "-c", "copy", "-bsf:v", inside, *texts, "-movflags", "use_metadata_tags", path)
    path.write_bytes(in_moov(path.read_bytes(), user_data()) + box(b"free", marked("free")) + box(b"skip", xmp("skip")))
    return path


def matroska(folder: Path) -> Path:
    plain, path, note = media.video(folder / "plain.mp4", seconds=2), folder / "a.mkv", folder / "note.txt"
    note.write_bytes(marked("attachment"))
    cover = folder / "cover.jpg"
    cover.write_bytes(jpeg())
    media.ffmpeg(
        *("-i", plain, "-map", "0", "-c", "copy", "-attach", note, "-metadata:s:t:0", "mimetype=text/plain"),
        *("-attach", cover, "-metadata:s:t:1", "mimetype=image/jpeg", "-metadata", f"location={mark('tag')}"),
        *("-metadata", f"comment={mark('comment')}", "-metadata:s:v", f"device={mark('device')}", path),
    )
    return path


def frame(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack(">I", len(content)) + b"\0\0" + content


def id3() -> bytes:
    """ID3v2.3, with frames for anything and anybody."""
    frames = b"".join(
        (
            frame(b"GEOB", b"\0text/plain\0a\0b\0" + marked("geob")),
            frame(b"PRIV", b"owner\0" + marked("priv")),
            frame(b"COMM", b"\0eng\0" + marked("comm")),
            frame(b"TXXX", b"\0place\0" + marked("txxx")),
            frame(b"UFID", b"http://example.com\0" + marked("ufid")),
            frame(b"TOWN", b"\0" + marked("owner")),
            frame(b"WXXX", b"\0a\0" + marked("address")),
            frame(b"APIC", b"\0image/jpeg\0\3" + marked("apic") + b"\0" + jpeg()),
        )
    )
    size = bytes((len(frames) >> shift) & 127 for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + size + frames


def song(folder: Path, name: str) -> Path:
    """With a cover that was photographed somewhere."""
    path, cover, plain = folder / name, folder / "cover.jpg", media.song(folder / "plain.wav", 2)
    cover.write_bytes(jpeg())
    texts = [word for key in ("comment", "description", "location", "encoded_by", "copyright_owner")
             for word in ("-metadata", f"{key}={mark(key)}")]  # fmt: skip
    if path.suffix == ".mp3":
        media.ffmpeg("-i", plain, "-write_xing", "0", "-id3v2_version", "0", path)
        path.write_bytes(id3() + path.read_bytes() + b"TAG" + marked("id3v1").ljust(125, b"\0"))
    elif path.suffix in (".flac", ".m4a"):
        picture = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
        media.ffmpeg("-i", plain, "-i", cover, *picture, *texts, path)
    else:
        media.ffmpeg("-i", plain, *texts, path)
    if path.suffix == ".wav":
        content = path.read_bytes() + b"".join(
            kind + struct.pack("<I", len(text)) + text + bytes(len(text) % 2)
            for kind, text in ((b"iXML", xmp("ixml")), (b"bext", marked("bext").ljust(602, b"\0")), (b"_PMX", xmp()))
        )
        path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    return path


FILMS: dict[str, Callable[[Path], Path]] = {
    "mp4": lambda folder: film(folder, "a.mp4"),
    "mov": lambda folder: film(folder, "a.mov"),
    "mkv": matroska,
}
SONGS = ("mp3", "flac", "m4a", "opus", "ogg", "wav", "aiff")
