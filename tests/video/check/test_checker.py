"""A good set made by the real pipeline; each thing broken in turn; the checker names exactly that."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from renditor.video.check.findings import CODES
from tests.video.check.sets import Break, append, both, codes, edit, later, look, not_sync, patch

MASTER, MANIFEST = "master.m3u8", "manifest.mpd"
BIG, SMALL, SOUND = "480p/index.m3u8", "360p/index.m3u8", "audio/index.m3u8"
KEYS = "480p/iframe.m3u8"
TRUN, TFDT = "moof/traf/trun", "moof/traf/tfdt"

# What is broken, and what has to be found: nothing less and nothing more.
MUTATIONS: dict[str, tuple[Break, set[str]]] = {
    "no tag at the top": (edit(BIG, "#EXTM3U\n", ""), {"not-a-playlist"}),
    "text that is none": (lambda root: (root / BIG).write_bytes(b"\xff\xfe\0"), {"not-a-playlist", "extra-file"}),
    "an attribute without a value": (
        edit(MASTER, "RESOLUTION=480x480,F", "RESOLUTION=,F"),
        {"bad-tag", "no-resolution"},
    ),
    "a duration that is no number": (
        edit(SOUND, "#EXTINF:0.986", "#EXTINF:soon"),
        {"bad-tag", "segment-duration", "bandwidth-exceeded"},
    ),
    "no target duration": (edit(BIG, "#EXT-X-TARGETDURATION:6\n", ""), {"missing-tag", "target-duration"}),
    "two target durations": (
        edit(BIG, "#EXT-X-TARGETDURATION:6\n", "#EXT-X-TARGETDURATION:6\n" * 2),
        {"duplicate-tag"},
    ),
    "a target duration too short": (
        edit(BIG, "#EXT-X-TARGETDURATION:6", "#EXT-X-TARGETDURATION:5"),
        {"target-duration"},
    ),
    "a version too low": (edit(BIG, "#EXT-X-VERSION:6", "#EXT-X-VERSION:5"), {"version-too-low"}),
    "no end": (edit(BIG, "#EXT-X-ENDLIST\n", ""), {"no-end"}),
    "live": (edit(BIG, "#EXT-X-PLAYLIST-TYPE:VOD\n", "", 1), set()),
    "live and open": (both(edit(BIG, "#EXT-X-PLAYLIST-TYPE:VOD\n", ""), edit(BIG, "#EXT-X-ENDLIST\n", "")), {"live"}),
    "no header": (edit(BIG, '#EXT-X-MAP:URI="init.mp4"\n', ""), {"no-map"}),
    "a segment is gone": (lambda root: (root / "480p/2.m4s").unlink(), {"missing-file"}),
    "a header is gone": (lambda root: (root / "audio-de/init.mp4").unlink(), {"missing-file"}),
    "a playlist is gone": (lambda root: (root / SOUND).unlink(), {"missing-file", "manifests-differ"}),
    "an empty segment": (lambda root: (root / "audio/2.m4s").write_bytes(b""), {"unreadable"}),
    "a segment cut off": (lambda root: _cut(root / "audio/2.m4s", -100), {"unreadable"}),
    "a file too many": (lambda root: (root / "480p/3.m4s").write_bytes(b"more"), {"extra-file"}),
    "a link to the system": (edit(BIG, "\n2.m4s", "\n/etc/passwd"), {"uri-outside", "misaligned"}),
    "a link above the folder": (edit(BIG, "\n2.m4s", "\n../../2.m4s"), {"uri-outside", "misaligned"}),
    "a link to a file": (edit(BIG, "\n2.m4s", "\nfile:///etc/passwd"), {"uri-outside", "misaligned"}),
    "a link to another server": (edit(BIG, "\n2.m4s", "\nhttps://example.com/2.m4s"), {"uri-outside", "misaligned"}),
    "a header elsewhere": (edit(BIG, 'URI="init.mp4"', 'URI="/init.mp4"'), {"uri-outside", "no-map"}),
    "another declared length": (edit(SOUND, "#EXTINF:0.986", "#EXTINF:0.900"), {"segment-duration"}),
    "samples are missing": (lambda root: _drop_fragment(root / "audio/1.m4s"), {"segment-duration", "timeline-gap"}),
    "a gap between segments": (patch("audio/2.m4s", TFDT, later(0.5, 44_100)), {"timeline-gap"}),
    "a gap within a segment": (patch("audio/1.m4s", TFDT, later(0.5, 44_100), first=1), {"timeline-gap"}),
    "sound that begins late": (
        both(patch("audio/1.m4s", TFDT, later(0.3, 44_100)), patch("audio/2.m4s", TFDT, later(0.3, 44_100))),
        {"starts-apart", "timeline-gap"},  # the manifest says when each segment begins
    ),
    "no key frame first": (patch("480p/2.m4s", TRUN, not_sync), {"not-independent", "no-key-frame", "not-a-key-frame"}),
    "no key frame, and none promised": (
        both(patch("480p/2.m4s", TRUN, not_sync), edit(MASTER, "#EXT-X-INDEPENDENT-SEGMENTS\n", "")),
        {"no-key-frame", "not-a-key-frame", "no-independent-segments"},
    ),
    "a key frame beyond its file": (edit(KEYS, "BYTERANGE:", "BYTERANGE:99999"), {"range-outside"}),
    "a key frame that is not there": (edit(KEYS, "@40", "@36"), {"unreadable"}),
    "half a key frame": (lambda root: _halve(root / KEYS), {"not-a-key-frame"}),
    "key frames that are not told": (edit(KEYS, "#EXT-X-I-FRAMES-ONLY\n", ""), {"missing-tag", "unreadable"}),
    "no key-frame playlists": (
        lambda root: _drop_lines(root / MASTER, "I-FRAME"),
        {"no-key-frame-playlist", "extra-file"},
    ),
    "no bandwidth": (edit(MASTER, "INF:BANDWIDTH=", "INF:X-BANDWIDTH=", 1), {"missing-attribute"}),
    "a bandwidth too low": (lambda root: _scale(root, "BANDWIDTH", 0.9), {"bandwidth-exceeded"}),
    "a bandwidth too high": (lambda root: _scale(root, "BANDWIDTH", 1.2), {"bandwidth-overstated"}),
    "a wrong average": (lambda root: _scale(root, "AVERAGE-BANDWIDTH", 0.85), {"average-bandwidth"}),
    "no average": (edit(MASTER, "AVERAGE-BANDWIDTH", "X-AVERAGE", 1), {"no-average-bandwidth"}),
    "no codecs": (edit(MASTER, 'CODECS="avc1.64001e,mp4a.40.2"', 'X-CODECS=""'), {"no-codecs"}),
    "another profile": (edit(MASTER, "avc1.64001e,mp4a", "avc1.4d001e,mp4a"), {"codecs-wrong"}),
    "sound that is not declared": (edit(MASTER, "avc1.64001e,mp4a.40.2", "avc1.64001e"), {"codecs-wrong"}),
    "sound that is not there": (edit(MASTER, 'avc1.64001e"', 'avc1.64001e,ac-3"'), {"codecs-wrong"}),
    "another size": (edit(MASTER, "RESOLUTION=480x480,F", "RESOLUTION=640x480,F"), {"resolution-wrong"}),
    "no size": (edit(MASTER, "RESOLUTION=480x480,F", "F"), {"no-resolution"}),
    "another frame rate": (edit(MASTER, "FRAME-RATE=25.000", "FRAME-RATE=30.000"), {"frame-rate-wrong"}),
    "no frame rate": (edit(MASTER, "FRAME-RATE=25.000,", "", 1), {"no-frame-rate"}),
    "no promise of independence": (edit(MASTER, "#EXT-X-INDEPENDENT-SEGMENTS\n", ""), {"no-independent-segments"}),
    "captions left open": (edit(MASTER, ",CLOSED-CAPTIONS=NONE", ""), {"captions-unclear"}),
    "a group that is not there": (
        edit(MASTER, 'AUDIO="audio"', 'AUDIO="sound"', 1),
        {"group-missing", "codecs-wrong", "bandwidth-overstated", "average-bandwidth"},
    ),
    "two defaults": (edit(MASTER, "DEFAULT=NO", "DEFAULT=YES"), {"group-default"}),
    "a default that is never chosen": (edit(MASTER, "AUTOSELECT=YES", "AUTOSELECT=NO", 1), {"group-default"}),
    "no default": (edit(MASTER, "DEFAULT=YES", "DEFAULT=NO"), {"group-no-default"}),
    "two tracks of one name": (edit(MASTER, 'NAME="German"', 'NAME="English"'), {"group-names"}),
    "a track of no name": (edit(MASTER, 'NAME="German",', ""), {"missing-attribute"}),
    "a track of no language": (edit(MASTER, 'LANGUAGE="de",', ""), {"no-language"}),
    "a variant without a link": (
        lambda root: _drop_lines(root / MASTER, "480p/index"),
        {"bad-tag", "missing-attribute", "extra-file"},
    ),
    "a link without a variant": (append(MASTER, "480p/index.m3u8\n"), {"bad-tag"}),
    "a master in a master": (lambda root: shutil.copy(root / MASTER, root / SMALL), {"nested-master", "extra-file"}),
    "segments of other lengths": (
        both(edit(SMALL, "6.000", "5.960"), edit(SMALL, "1.000", "1.040")),
        {"segments-differ"},
    ),
    "fewer segments": (lambda root: _drop_last(root / SMALL), {"misaligned"}),
    "pictures at other times": (
        both(patch("480p/1.m4s", TFDT, later(0.08, 12_800)), patch("480p/2.m4s", TFDT, later(0.08, 12_800))),
        {"misaligned", "timeline-gap"},
    ),
    "encrypted": (edit(SOUND, "#EXTINF:6", '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:6'), {"encrypted"}),
    "a manifest that is no XML": (append(MANIFEST, "<"), {"not-a-manifest"}),
    "a manifest with entities": (edit(MANIFEST, "<MPD", '<!DOCTYPE x [<!ENTITY a "aaaa">]><MPD'), {"not-a-manifest"}),
    "noise": (lambda root: (root / "audio/2.m4s").write_bytes(b"noise" * 2000), {"unreadable"}),
    "another document": (lambda root: (root / MANIFEST).write_text("<html/>"), {"not-a-manifest"}),
    "a manifest of another length": (edit(MANIFEST, "PT7.000S", "PT9S"), {"manifest-duration"}),
    "a manifest of no length": (edit(MANIFEST, ' mediaPresentationDuration="PT7.000S"', ""), {"manifest-duration"}),
    "a live manifest": (edit(MANIFEST, 'type="static"', 'type="dynamic"'), {"live"}),
    "a manifest without a buffer": (edit(MANIFEST, ' minBufferTime="PT2S"', ""), {"bad-manifest"}),
    "a manifest of no period": (
        lambda root: (root / MANIFEST).write_text(
            '<MPD profiles="x" minBufferTime="PT2S" mediaPresentationDuration="PT0S"/>'
        ),
        {"bad-manifest"},
    ),
    "a representation too low": (lambda root: _set(root / MANIFEST, "bandwidth", "50000"), {"manifest-bandwidth"}),
    "a representation of no rate": (edit(MANIFEST, ' bandwidth="', ' x="', 1), {"bad-manifest"}),
    "a representation of another profile": (edit(MANIFEST, "avc1.64001e", "avc1.4d001e"), {"codecs-wrong"}),
    "a representation of no codecs": (edit(MANIFEST, 'codecs="avc1.64001e"', ""), {"no-codecs"}),
    "a representation of another size": (edit(MANIFEST, ' width="360"', ' width="362"'), {"resolution-wrong"}),
    "a representation of another rate": (edit(MANIFEST, 'frameRate="25"', 'frameRate="50"', 1), {"frame-rate-wrong"}),
    "a segment that the manifest lacks": (lambda root: _drop_lines(root / MANIFEST, 'd="12800"'), {"manifests-differ"}),
    "a segment at another time": (edit(MANIFEST, 't="265216"', 't="285216"', 1), {"timeline-gap"}),
    "a segment of another length": (edit(MANIFEST, 'd="43484"', 'd="33484"', 1), {"segment-duration"}),
    "a file that is not there": (edit(MANIFEST, "480p/init.mp4", "480p/start.mp4"), {"missing-file"}),
    "a manifest that leads elsewhere": (
        edit(MANIFEST, "480p/init.mp4", "https://example.com/i.mp4"),
        {"uri-outside", "no-map"},
    ),
}


def _cut(path: Path, end: int) -> None:
    path.write_bytes(path.read_bytes()[:end])


def _drop_fragment(path: Path) -> None:
    """The second of the fragments of a segment."""
    data = path.read_bytes()
    starts = [place - 4 for place in range(len(data)) if data.startswith(b"moof", place)]
    path.write_bytes(data[: starts[1]] + data[starts[2] :])


def _halve(path: Path) -> None:
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if line.startswith("#EXT-X-BYTERANGE:"):
            length, _, offset = line.partition(":")[2].partition("@")
            lines[number] = f"#EXT-X-BYTERANGE:{int(length) - 10}@{offset}"
    path.write_text("\n".join(lines) + "\n")


def _drop_lines(path: Path, text: str) -> None:
    path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if text not in line))


def _drop_last(path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:-3], lines[-1]]))


def _scale(root: Path, attribute: str, factor: float) -> None:
    """Of the largest variant."""
    lines = (root / MASTER).read_text().splitlines()
    number = lines.index("480p/index.m3u8") - 1
    parts = lines[number].partition(":")[2].split(",")
    scaled = [
        f"{attribute}={round(int(part.partition('=')[2]) * factor)}" if part.startswith(f"{attribute}=") else part
        for part in parts
    ]
    lines[number] = "#EXT-X-STREAM-INF:" + ",".join(scaled)
    (root / MASTER).write_text("\n".join(lines) + "\n")


def _set(path: Path, attribute: str, value: str) -> None:
    head, _, rest = path.read_text().partition(f'{attribute}="')
    path.write_text(f'{head}{attribute}="{value}"{rest.partition(chr(34))[2]}')


def test_our_own_set_is_faultless(ours: Path) -> None:
    report = look(ours)
    assert report.findings == ()
    assert report.passed
    hls, dash = report.streams
    assert (hls.form, dash.form) == ("hls", "dash")
    assert {one.where: (one.kind, one.samples) for one in hls.renditions if not one.key_frames_only} == {
        BIG: ("video", 175),
        SMALL: ("video", 175),
        SOUND: ("audio", 303),
        "audio-de/index.m3u8": ("audio", 303),
    }
    assert dash.length == 7.0


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_fault_is_named(name: str, copy: Path) -> None:
    apply, expected = MUTATIONS[name]
    apply(copy)
    report = look(copy)
    assert codes(report) == expected, report.findings
    assert report.passed == all(CODES[code][0] == "warning" for code in expected)
    assert all(str(copy) not in finding.message for finding in report.findings)
