"""Files that ask the server to open something else: another owner's video, a file of the machine, an address."""

from __future__ import annotations

import io
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from renditor.testing import media
from tests.client import Client
from tests.server import RunningServer

# The colour of the victim's video and picture: whoever sees it in a result of his own has read another's file.
MAGENTA = "0xff00ff"
NAMES = ("mp4", "mov", "mkv", "webm", "avi", "flv", "ts", "mpg", "wmv", "mp3", "m4a", "wav", "ogg", "flac", "aac",
         "jpg", "png", "gif", "webp", "avif", "heic", "tiff", "bmp", "ico")  # fmt: skip


@pytest.fixture(scope="module")
def victim(owner: Client, attacked: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps the video of somebody else. The attacker is told: names are no protection."""
    folder = tmp_path_factory.mktemp("victim")
    path = folder / "victim.mp4"
    # Its index comes first: with what it points to taken out, it is an index of a file that can be put in its place.
    media.ffmpeg(
        *("-f", "lavfi", "-i", f"color={MAGENTA}:size=160x90:rate=10:duration=2", "-pix_fmt", "yuv420p"),
        *("-c:v", "libx264", "-movflags", "+faststart", path),
    )
    assert owner.done(owner.upload(path).json()["id"])["status"] == "completed"
    stored = attacked.data / "storage" / "originals"
    (found,) = (kept for kept in stored.rglob("*") if kept.is_file() and kept.read_bytes() == path.read_bytes())
    return found


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """An address that nobody may ask."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made
        with pytest.raises(BlockingIOError):
            made.accept()


Check = Callable[[httpx.Response], None]


@pytest.fixture
def harmless(owner: Client, listener: socket.socket) -> Check:
    """What may come of such a file: a plain refusal, a plain failure, or a result that holds nothing of others."""

    def check(response: httpx.Response) -> None:
        assert response.status_code in (201, 202, 400, 415, 422), response.text
        if response.status_code >= 400:
            assert response.headers["content-type"] == "application/problem+json"
            assert "root:" not in response.text
            return
        asset = owner.done(response.json()["id"])
        if asset["status"] == "completed":
            expect_nothing_of_others(owner, asset)
        owner.call("DELETE", f"/media/{asset['id']}")

    return check


def expect_nothing_of_others(owner: Client, asset: dict[str, Any]) -> None:
    urls = [asset[name] for name in ("url", "poster_url", "mp4_url") if asset.get(name)]
    assert urls
    for url in urls:
        answer = owner.get(url)
        assert b"root:" not in answer.content
        if answer.headers["content-type"].startswith("image/"):
            with Image.open(io.BytesIO(answer.content)) as picture:
                colours = picture.convert("RGB").getcolors(1 << 24) or []
            assert not any(red > 200 and green < 60 and blue > 200 for _, (red, green, blue) in colours)  # type: ignore[misc]


def playlists(target: str) -> dict[str, bytes]:
    """Everything by which a media file names another. ``target``: a path or an address."""
    dash = (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT2S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
        f'bandwidth="1"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>'
    )
    hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{target}\n#EXT-X-ENDLIST\n"
    texts = {
        "hls": hls,
        "hls, a key": hls.replace("#EXTINF", f'#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF'),
        "hls, a map": hls.replace("#EXTINF", f'#EXT-X-MAP:URI="{target}"\n#EXTINF'),
        "hls, variants": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n",
        "dash": dash,
        "ffconcat": f"ffconcat version 1.0\nfile '{target}'\nduration 2\n",
        "concat by name": f"concat:{target}|{target}",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "smil": f'<smil><body><video src="{target}"/></body></smil>',
        "asx": f'<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
        "ram": f"{target}\n",
        "avisynth": f'DirectShowSource("{target}")\n',
        "vapoursynth": f"import vapoursynth\nopen({target!r})\n",
        "imf": f'<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2013"><x href="{target}"/>',
        "subtitles of images": f"# VobSub index file, v7\nid: en, index: 0\nfile: {target}\n",
        "mvg": f"push graphic-context\nviewbox 0 0 64 64\nimage over 0,0 64,64 '{target}'\npop graphic-context\n",
        "msl": f'<?xml version="1.0"?><image><read filename="{target}"/><write filename="/tmp/planted.png"/></image>',
        "postscript": f"%!PS\n({target}) (r) file 1000 string readstring pop show showpage\n",
        "pdf": f"%PDF-1.4\n1 0 obj<</Type/Filespec/F({target})>>endobj\n",
        "xbm that is a path": f"@{target}\n",
        "html": f'<!doctype html><img src="{target}"><video src="{target}">',
    }
    found = {name: text.encode() for name, text in texts.items()}
    # Behind the first bytes of a container: what looks at those only would let it through.
    disguises = {"mp4": b"\0\0\0\x18ftypisom\0\0\2\0isommp41", "matroska": b"\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01",
                 "mp3": b"ID3\4\0\0\0\0\0\0", "mpeg-ts": b"G\x40\0\x10\0", "riff": b"RIFF\xff\xff\0\0AVI LIST",
                 "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0", "gif": b"GIF89a"}  # fmt: skip
    found |= {f"hls behind {name}": head + b"\n" + hls.encode() for name, head in disguises.items()}
    found |= {f"ffconcat behind {name}": head + b"\n" + found["ffconcat"] for name, head in disguises.items()}
    return found


KINDS = tuple(playlists("x"))


@pytest.mark.parametrize("kind", KINDS)
def test_cross_asset_reads(owner: Client, victim: Path, harmless: Check, kind: str) -> None:
    """By the path where the server keeps it, as a path, as a URL, and as a way from the spool and the job folder."""
    for target in (str(victim), victim.as_uri(), f"../storage/originals/{victim.parent.name}/{victim.name}"):
        harmless(owner.upload(playlists(target)[kind], "film.mp4"))


@pytest.mark.parametrize("kind", KINDS)
def test_reading_files_of_the_machine(owner: Client, harmless: Check, kind: str) -> None:
    for target in ("/etc/passwd", "file:///proc/self/environ"):
        harmless(owner.upload(playlists(target)[kind], "photo.jpg"))


@pytest.mark.parametrize("kind", KINDS)
def test_network_access(owner: Client, listener: socket.socket, harmless: Check, kind: str) -> None:
    """The listener sees nothing, whatever protocol is named."""
    port = listener.getsockname()[1]
    for scheme in ("http", "tcp", "rtmp", "ftp", "crypto+http", "async:http", "subfile,,start,0,end,9,,:http"):
        harmless(owner.upload(playlists(f"{scheme}://127.0.0.1:{port}/x.ts")[kind], "film.mkv"))


@pytest.mark.parametrize("name", NAMES)
def test_a_playlist_under_every_name(owner: Client, victim: Path, name: str) -> None:
    for kind in ("hls", "dash", "ffconcat", "sdp", "html"):
        response = owner.upload(playlists(str(victim))[kind], f"file.{name}")
        assert (response.status_code, response.json()["code"]) == (415, "unsupported-media"), (kind, response.text)


SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" height="64">{}</svg>'
)
REFERENCES = {
    "image": '<image href="{0}" width="64" height="64"/>',
    "image by xlink": '<image xlink:href="{0}" width="64" height="64"/>',
    "use": '<use xlink:href="{0}#a" width="64" height="64"/>',
    "style": '<style>@import url("{0}"); rect {{ fill: url({0}#a) }}</style><rect width="64" height="64"/>',
    "font": '<style>@font-face {{ font-family: x; src: url("{0}") }}</style><text font-family="x" y="20">A</text>',
    "filter": '<filter id="f"><feImage xlink:href="{0}"/></filter><rect width="64" height="64" filter="url(#f)"/>',
    "pattern": '<pattern id="p" xlink:href="{0}#x" width="9" height="9"/><rect width="64" height="64" fill="url(#p)"/>',
    "include": '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{0}" parse="text"/>',
    "script": '<script xlink:href="{0}"/><rect width="9" height="9"/>',
    "foreign object": '<foreignObject width="64" height="64">'
    '<iframe xmlns="http://www.w3.org/1999/xhtml" src="{0}"/></foreignObject>',
    "style sheet": '</svg><?xml-stylesheet href="{0}"?><svg xmlns="http://www.w3.org/2000/svg">',
}  # fmt: skip


@pytest.mark.parametrize("name", [*REFERENCES, "entity"])
def test_svg_references(
    owner: Client, victim: Path, listener: socket.socket, harmless: Check, tmp_path: Path, name: str
) -> None:
    """SVG is allowed on this server. It is drawn without what it refers to, and never sent as it is."""
    secret = tmp_path / "secret.png"
    Image.new("RGB", (64, 64), (255, 0, 255)).save(secret)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/x.png"
    for target in (str(secret), secret.as_uri(), str(victim), "/etc/passwd", "file:///etc/passwd", address):
        if name == "entity":
            text = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "{target}">]>' + SVG.format('<text y="20">&x;</text>')
        else:
            text = SVG.format(REFERENCES[name].format(target))
        response = owner.call(
            "POST", "/media/upload", content=text, headers={"content-type": "image/svg+xml", "x-filename": "a.svg"}
        )
        if response.status_code == 201:
            assert owner.get(response.json()["url"]).headers["content-type"] != "image/svg+xml"
        harmless(response)


# -- MP4 and Matroska -------------------------------------------------------------------------------------------------


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content


def with_reference(film: bytes, entry: bytes) -> bytes:
    """The film with blank frames and another data reference, which says where they are (ISO/IEC 14496-12, 8.7.2)."""
    parents = (b"moov", b"trak", b"mdia", b"minf", b"dinf")

    def rewritten(content: bytes) -> bytes:
        made, at = b"", 0
        while at < len(content):
            size, kind = struct.unpack(">I4s", content[at : at + 8])
            inner = content[at + 8 : at + size]
            if kind in parents:
                inner = rewritten(inner)
            elif kind == b"dref":
                inner = struct.pack(">II", 0, 1) + entry
            elif kind == b"mdat":
                inner = bytes(len(inner))
            made += box(kind, inner)
            at += size
        return made

    return rewritten(film)


def alias(path: str) -> bytes:
    """QuickTime's alias record, which names a file by its path (QuickTime File Format, Alias data references)."""
    name = path.rpartition("/")[2].encode()[:63]
    volume = b"\0" * 10 + bytes([0]) + bytes(27) + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0")
    text = path.encode()
    extended = struct.pack(">HH", 2, len(text)) + text + b"\0" * (len(text) % 2) + struct.pack(">HH", 0xFFFF, 0)
    return box(b"alis", bytes(4) + volume + bytes(16) + struct.pack(">HH", 1, 1) + bytes(16) + extended)


@pytest.mark.parametrize("kind", ["url", "urn", "alis", "rsrc"])
def test_a_film_whose_frames_are_in_another_file(owner: Client, victim: Path, harmless: Check, kind: str) -> None:
    """It has the index of the victim's film and none of its frames: if they are seen, they were read from there."""
    film = victim.read_bytes()
    for target in (str(victim), victim.as_uri(), f"../../storage/originals/{victim.parent.name}/{victim.name}"):
        entry = {
            "url": box(b"url ", bytes(4) + target.encode() + b"\0"),
            "urn": box(b"urn ", bytes(4) + b"x\0" + target.encode() + b"\0"),
            "alis": alias(target),
            "rsrc": alias(target).replace(b"alis", b"rsrc"),
        }[kind]
        for name in ("film.mp4", "film.mov"):
            response = owner.upload(with_reference(film, entry), name)
            harmless(response)


def test_a_matroska_file_with_parts_elsewhere(
    owner: Client, victim: Path, listener: socket.socket, harmless: Check, tmp_path: Path
) -> None:
    """Attachments, and tags and chapters that name files: nothing of it is opened or handed on."""
    path = tmp_path / "film.mkv"
    attachment = tmp_path / "list.m3u8"
    attachment.write_bytes(playlists(str(victim))["hls"])
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    media.ffmpeg(
        *("-f", "lavfi", "-i", "color=green:size=160x90:rate=10:duration=1", "-attach", attachment),
        *("-metadata:s:t", "mimetype=application/x-mpegURL", "-metadata", f"NEXT_FILENAME={victim}"),
        *("-metadata", f"url={address}", "-c:v", "libx264", path),
    )
    response = owner.upload(path)
    assert response.status_code == 202
    asset = owner.done(response.json()["id"])
    assert asset["status"] == "completed"
    delivered = owner.get(asset["mp4_url"]).content
    assert b"m3u8" not in delivered
    assert str(victim).encode() not in delivered
    harmless(response)


def test_a_song_with_a_cover_from_elsewhere(
    owner: Client, listener: socket.socket, harmless: Check, tmp_path: Path
) -> None:
    """ID3 may hold an address in place of a cover (frame APIC with the type "-->")."""
    song = media.song(tmp_path / "song.mp3", 1).read_bytes()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/cover.jpg".encode()
    picture = b"\0-->\0\3\0" + address
    frame = b"APIC" + struct.pack(">I", len(picture)) + b"\0\0" + picture
    size = bytes((len(frame) >> shift) & 127 for shift in (21, 14, 7, 0))
    response = owner.upload(b"ID3\3\0\0" + size + frame + song, "song.mp3")
    assert response.status_code == 202, response.text
    asset = owner.done(response.json()["id"])
    assert asset["status"] == "completed"
    owner.call("DELETE", f"/media/{asset['id']}")
