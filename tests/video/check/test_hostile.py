"""Playlists made to fill memory, to run for ever, or to read what is not theirs: a finding, soon."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from renditor.errors import LimitExceeded, NotFound
from renditor.video.check.checker import check
from renditor.video.check.findings import CODES
from renditor.video.check.reading import FolderReader
from tests.video.check.sets import codes, look

HEAD = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:6\n"
MPD = '<MPD type="static" profiles="x" minBufferTime="PT2S" mediaPresentationDuration="{}"><Period>{}</Period></MPD>'
REPRESENTATION = (
    '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1" codecs="avc1.64001f">{}'
    "</Representation></AdaptationSet>"
)

TIMELINE = (
    '<SegmentTemplate media="$Number$" timescale="1"><SegmentTimeline><S t="0" d="1" r="{}"/></SegmentTimeline>'
    "</SegmentTemplate>"
)


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def put(folder: Path, name: str, content: str | bytes) -> Path:
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_a_playlist_of_many_megabytes(tmp_path: Path) -> None:
    root = put(tmp_path, "index.m3u8", HEAD + "#EXTINF:6,\n1.m4s\n" * 400_000)
    assert codes(look(root)) == {"too-large", "extra-file"}


def test_more_segments_than_any_film_has(tmp_path: Path) -> None:
    names = [f"{name}.m3u8" for name in "abc"]
    lines = "".join(f"#EXT-X-STREAM-INF:BANDWIDTH=1\n{name}\n" for name in names)
    put(tmp_path, "master.m3u8", "#EXTM3U\n" + lines)
    for name in names:
        put(tmp_path, name, HEAD + "#EXTINF:6,\nx\n" * 100_000)
    found = codes(look(tmp_path))
    assert {"too-large", "missing-file"} <= found


def test_variants_without_end(tmp_path: Path) -> None:
    lines = "".join(f"#EXT-X-STREAM-INF:BANDWIDTH=1\n{number}.m3u8\n" for number in range(50_000))
    report = look(put(tmp_path, "master.m3u8", "#EXTM3U\n" + lines))
    assert {"too-large", "missing-file"} <= codes(report)
    assert len(report.findings) <= 210


def test_playlists_that_lead_to_each_other(tmp_path: Path) -> None:
    put(tmp_path, "master.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nother.m3u8\n")
    put(tmp_path, "other.m3u8", "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nmaster.m3u8\n")
    assert "nested-master" in codes(look(tmp_path))
    put(tmp_path, "other.m3u8", HEAD + "#EXTINF:6,\nother.m3u8\n")
    assert "unreadable" in codes(look(tmp_path))


@pytest.mark.parametrize(
    "link",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "../outside.txt",
        "%2e%2e/outside.txt",
        "a/../../outside.txt",
        "link",
        "http://x/",
    ],
)
def test_nothing_outside_is_read(tmp_path: Path, link: str) -> None:
    root = tmp_path / "set"
    root.mkdir()
    put(tmp_path, "outside.txt", b"\x47" * 188)
    (root / "link").symlink_to(tmp_path / "outside.txt")
    report = look(put(root, "index.m3u8", f"{HEAD}#EXTINF:6,\n{link}\n#EXT-X-ENDLIST\n"))
    assert codes(report) & {"uri-outside", "missing-file"}
    assert not codes(report) & {"unreadable"}
    assert "root:" not in str(report)


def test_numbers_that_are_too_long(tmp_path: Path) -> None:
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:{'9' * 1_000_000}\n#EXTINF:{'9' * 1_000_000},\nx\n#EXT-X-BYTERANGE:1@-5\n"
    assert "bad-tag" in codes(look(put(tmp_path, "index.m3u8", text)))


@pytest.mark.parametrize(
    "inside",
    [
        TIMELINE.format("999999999999"),
        '<SegmentTemplate media="$Number$" timescale="1000000" duration="1"/>',
        '<SegmentTemplate media="$Number%099999d$" timescale="1000" duration="1"/>',
        TIMELINE.format("-1"),
    ],
)
def test_timelines_without_end(tmp_path: Path, inside: str) -> None:
    put(tmp_path, "manifest.mpd", MPD.format("PT999999H", REPRESENTATION.format(inside)))
    found = codes(look(tmp_path))
    assert found & {"too-large", "missing-file"}


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]><MPD/>',
        "<MPD>" + "<a/>" * 300_000 + "</MPD>",
        "<MPD>" + "<a>" * 150_000,
        "<MPD",
        "<MPD/>",
    ],
)
def test_manifests_that_swell(tmp_path: Path, text: str) -> None:
    assert codes(look(put(tmp_path, "manifest.mpd", text))) & {"not-a-manifest", "too-large", "bad-manifest"}


@pytest.mark.parametrize(
    "content",
    [
        box(b"styp") * 100_000,
        struct.pack(">I4sQ", 1, b"moof", 1 << 60),
        box(b"moof", box(b"traf", box(b"tfhd", bytes(8)) + box(b"trun", struct.pack(">II", 0, 1 << 31)))),
        box(b"moof", box(b"traf")),
        box(b"moof", bytes(5 * 1024**2)),
        b"\0\0\0\0moof",
    ],
)
def test_segments_that_lie(copy: Path, content: bytes) -> None:
    put(copy, "480p/2.m4s", content)
    assert codes(look(copy)) & {"unreadable", "range-outside"}


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    put(tmp_path, "index.m3u8", f"{HEAD}#EXTINF:6,\n1.ts\n#EXT-X-ENDLIST\n")
    with (tmp_path / "1.ts").open("wb") as file:
        file.write(b"G")
        file.truncate(10 * 1024**3)
    assert codes(look(tmp_path)) == {"too-large"}


def test_what_is_no_file(tmp_path: Path) -> None:
    put(
        tmp_path, "index.m3u8", f"{HEAD}#EXTINF:6,\npipe\n#EXTINF:6,\nfolder\n#EXTINF:6,\n{'x' * 300}\n#EXT-X-ENDLIST\n"
    )
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (finding,) = [one for one in look(tmp_path).findings if one.code == "missing-file"]
    assert finding.count == 3


async def test_an_empty_folder_and_a_deadline(ours: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await check(FolderReader(tmp_path))
    with pytest.raises(LimitExceeded):
        await check(FolderReader(ours), seconds=0)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300), st.sampled_from([HEAD, "#EXTM3U\n", "<MPD>", ""]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_any_text_ends_in_findings(tmp_path: Path, text: str, head: str) -> None:
    for name in ("index.m3u8", "manifest.mpd"):
        put(tmp_path, name, head + text)
    assert codes(look(tmp_path)) <= set(CODES)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_any_damage_ends_in_findings(copy: Path, data: st.DataObject) -> None:
    """Bytes of a header and of a segment are overwritten anywhere in their boxes."""
    for name in ("480p/init.mp4", "audio/2.m4s", "360p/2.m4s"):
        content = bytearray((copy / name).read_bytes())
        for place in data.draw(st.lists(st.integers(0, min(len(content), 900) - 1), max_size=8)):
            content[place] = data.draw(st.integers(0, 255))
        put(copy, name, bytes(content))
    assert codes(look(copy)) <= set(CODES)
