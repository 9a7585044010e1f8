"""Playlists as other people write them: what is allowed is no fault, and what is not is named."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from renditor.video.check.decoding import decode
from renditor.video.check.reading import FolderReader
from renditor.video.streams.boxes import boxes
from tests.video.check.sets import Break, codes, edit, look

PLAYLIST, MASTER = "index.m3u8", "master.m3u8"
ENTRY = (
    '#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS="{}",RESOLUTION=160x90,FRAME-RATE=25{}\nindex.m3u8\n'
)
CODING = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac")
WISHES = {"no-key-frame-playlist", "no-independent-segments", "captions-unclear"}


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A playlist of three transport streams, the times of which begin anew within the second one."""
    place = tmp_path_factory.mktemp("plain")
    listed = (
        "-f",
        "hls",
        "-hls_time",
        "2",
        "-hls_playlist_type",
        "vod",
        "-output_ts_offset",
        str((1 << 33) / 90_000 - 4.4),
    )
    media.ffmpeg("-i", media.video(place / "in.mp4", "160x90", 6), *CODING, *listed, place / "set.m3u8")
    made = place / "set"
    made.mkdir()
    for path in place.glob("set*.ts"):
        path.rename(made / path.name.replace("set", "index"))
    (made / PLAYLIST).write_text((place / "set.m3u8").read_text().replace("\nset", "\nindex"))
    return made


@pytest.fixture
def other(plain: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(plain, tmp_path / "set"))


def before_first(text: str) -> Break:
    return edit(PLAYLIST, "#EXTINF", f"{text}\n#EXTINF", 1)


def gap(root: Path) -> None:
    edit(PLAYLIST, "index1.ts", "#EXT-X-GAP\nindex1.ts")(root)
    (root / "index1.ts").unlink()


def variables(root: Path) -> None:
    edit(PLAYLIST, "\nindex", "\n{$name}")(root)
    edit(PLAYLIST, "#EXT-X-TARGET", '#EXT-X-DEFINE:NAME="name",VALUE="index"\n#EXT-X-TARGET')(root)


def encrypted(root: Path) -> None:
    before_first('#EXT-X-KEY:METHOD=AES-128,URI="key.bin",IV=0x00000000000000000000000000000001')(root)
    (root / "key.bin").write_bytes(bytes(16))


def in_bytes(root: Path, name: str, old: bytes, new: bytes) -> None:
    path = root / name
    path.write_bytes(path.read_bytes().replace(old, new))


STYLES: dict[str, tuple[Break, set[str]]] = {
    "as it is": (lambda _: None, set()),
    "lines of Windows": (lambda root: in_bytes(root, PLAYLIST, b"\n", b"\r\n"), set()),
    "other line ends in a title": (edit(PLAYLIST, ",\n", ",one\u2028two\x0bthree\n"), set()),
    "comments": (before_first("\n# a remark\n#EXT-X-OF-SOMEBODY:a=b"), set()),
    "a segment that is not there": (gap, set()),
    "variables": (variables, set()),
    "keys of its own": (encrypted, {"encrypted"}),
    "an end of encryption": (before_first("#EXT-X-KEY:METHOD=NONE"), set()),
    "a date": (before_first("#EXT-X-PROGRAM-DATE-TIME:2026-11-23T02:50:00.000+01:00"), set()),
    "parts of low latency": (
        before_first('#EXT-X-PART-INF:PART-TARGET=0.3\n#EXT-X-PART:DURATION=0.3,URI="p.ts"'),
        set(),
    ),
    "a byte order mark": (
        lambda root: in_bytes(root, PLAYLIST, b"#EXTM3U", b"\xef\xbb\xbf#EXTM3U"),
        {"byte-order-mark"},
    ),
    "an unknown variable": (edit(PLAYLIST, "\nindex1", "\n{$other}index1"), {"bad-tag"}),
    "a variable defined twice": (before_first('#EXT-X-DEFINE:NAME="a",VALUE="b"\n' * 2), {"bad-tag"}),
    "a key without a link": (before_first("#EXT-X-KEY:METHOD=AES-128"), {"bad-tag", "encrypted"}),
    "another way to encrypt": (before_first('#EXT-X-KEY:METHOD=ROT13,URI="https://a/k"'), {"bad-tag", "encrypted"}),
    "a number below zero": (edit(PLAYLIST, "SEQUENCE:0", "SEQUENCE:-1"), {"bad-tag"}),
    "another type": (edit(PLAYLIST, "TYPE:VOD", "TYPE:FILM"), {"bad-tag"}),
    "two versions": (before_first("#EXT-X-VERSION:3"), {"duplicate-tag"}),
    "no date": (before_first("#EXT-X-PROGRAM-DATE-TIME:yesterday"), {"bad-tag"}),
    "a range from nowhere": (before_first("#EXT-X-BYTERANGE:1880"), {"bad-tag"}),
    "a segment twice": (edit(PLAYLIST, "index1.ts", "index0.ts"), {"timeline-gap", "extra-file"}),
}


@pytest.mark.parametrize("name", STYLES)
def test_styles(name: str, other: Path) -> None:
    change, expected = STYLES[name]
    change(other)
    report = look(other)
    assert codes(report) - {"version-too-low"} == expected, report.findings


def write_master(root: Path, codecs: str = "avc1.42c00b,mp4a.40.2", more: str = "", media: str = "") -> set[str]:
    """A master playlist above it; what is found beyond wishes, with bit rates that are right."""
    (rendition,) = look(root).streams[0].renditions
    rate = round(sum(size for size, _ in rendition.loads) * 8 / rendition.duration)
    entry = ENTRY.format(rate, rate, codecs, more)
    (root / MASTER).write_text(f"#EXTM3U\n{media}{entry}")
    return codes(look(root)) - WISHES - {"bandwidth-exceeded", "bandwidth-overstated"}


@pytest.mark.parametrize("codecs", ["avc1.42c00b,mp4a.40.5", "avc1.66.11,mp4a.40.2", "avc1.42C00B,mp4a.40.2,wvtt"])
def test_names_of_codecs_that_are_right(other: Path, codecs: str) -> None:
    """HE-AAC looks like AAC-LC from outside; the names of the first years; captions beside the variant."""
    assert write_master(other, codecs) == set()


CAPTIONS = '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="English"{}\n'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (CAPTIONS.format(',INSTREAM-ID="CC1"'), set()),
        (CAPTIONS.format(""), {"missing-attribute"}),
        (CAPTIONS.format(',INSTREAM-ID="CC1",URI="index.m3u8"'), {"bad-tag"}),
        (CAPTIONS.format(",INSTREAM-ID=CC1"), {"bad-tag"}),
        ('#EXT-X-MEDIA:TYPE=FILMS,GROUP-ID="cc",NAME="A"\n' + CAPTIONS.format(',INSTREAM-ID="CC1"'), {"bad-tag"}),
    ],
    ids=["right", "no channel", "a link", "no quotation marks", "another type"],
)
def test_captions_in_the_pictures(other: Path, line: str, expected: set[str]) -> None:
    assert write_master(other, more=',CLOSED-CAPTIONS="cc"', media=line) == expected


def test_a_bit_rate_of_fractions(other: Path) -> None:
    write_master(other)
    edit(MASTER, ",AVERAGE", ".5,AVERAGE")(other)
    assert "bad-tag" in codes(look(other))


def test_variables_of_the_master_playlist(other: Path) -> None:
    write_master(other, media='#EXT-X-DEFINE:NAME="name",VALUE="index"\n')
    edit(MASTER, "\nindex.m3u8", "\n{$name}.m3u8")(other)
    edit(PLAYLIST, "\nindex", "\n{$name}")(other)
    before_first('#EXT-X-DEFINE:IMPORT="name"')(other)
    assert codes(look(other)) - WISHES <= {"bandwidth-exceeded", "bandwidth-overstated"}


def test_variables_that_swell(other: Path) -> None:
    """A megabyte of references to a long value: bounded, and a finding."""
    before_first(f'#EXT-X-DEFINE:NAME="a",VALUE="{"x" * 100_000}"\n' + "{$a}" * 250_000)(other)
    assert not look(other).passed


def test_a_header_without_an_offset(plain: Path, tmp_path: Path) -> None:
    kind = ("-f", "hls", "-hls_segment_type", "fmp4", "-hls_flags", "single_file", "-hls_playlist_type", "vod")
    media.ffmpeg("-i", plain / PLAYLIST, "-an", "-c", "copy", *kind, tmp_path / PLAYLIST)
    edit(PLAYLIST, '@0"', '"', 1)(tmp_path)
    assert look(tmp_path).findings == ()


MANIFEST = "manifest.mpd"
DASH = ("-f", "dash", "-seg_duration", "2")


@pytest.fixture
def manifest(plain: Path, tmp_path: Path) -> Path:
    media.ffmpeg("-t", "2", "-i", plain.parent / "in.mp4", *CODING, *DASH, tmp_path / MANIFEST)
    assert look(tmp_path).findings == ()
    return tmp_path


def write_periods(root: Path, first: str, second: str) -> None:
    """The same twice, each with these attributes."""
    text = (root / MANIFEST).read_text()
    begin, end = text.index("<Period"), text.index("</Period>") + len("</Period>")
    period = text[text.index(">", begin) : end]
    whole = re.sub(r'mediaPresentationDuration="[^"]*"', 'mediaPresentationDuration="PT4S"', text[:begin])
    (root / MANIFEST).write_text(f"{whole}<Period {first}{period}<Period {second}{period}{text[end:]}")


@pytest.mark.parametrize(
    "periods",
    [('duration="PT2S"', ""), ('start="PT0S"', 'start="PT2S"'), ('duration="PT2S"', 'duration="P0Y0M0DT2S"')],
    ids=["a duration", "starts", "durations"],
)
def test_periods_follow_each_other(manifest: Path, periods: tuple[str, str]) -> None:
    write_periods(manifest, *periods)
    assert look(manifest).findings == ()
    edit(MANIFEST, "mediaPresentationDuration", "other")(manifest)
    assert ("manifest-duration" in codes(look(manifest))) == (periods[1].find("duration") < 0)


def test_addresses_within_addresses(manifest: Path) -> None:
    (manifest / "a/b").mkdir(parents=True)
    for path in manifest.glob("*.m4s"):
        path.rename(manifest / "a/b" / path.name)
    edit(MANIFEST, "<Period", "<BaseURL>a/</BaseURL><Period")(manifest)
    edit(MANIFEST, "<SegmentTemplate", "<BaseURL>b/</BaseURL><SegmentTemplate")(manifest)
    assert look(manifest).findings == ()


def test_times_that_do_not_begin_at_zero(plain: Path, manifest: Path) -> None:
    """FFmpeg writes them as an edit of nothing, and leaves the fragments at 0."""
    later = ("-output_ts_offset", "50", *DASH, manifest / MANIFEST)
    media.ffmpeg("-t", "2", "-i", plain.parent / "in.mp4", *CODING, *later)
    assert look(manifest).findings == ()


def test_pictures_for_scrubbing(manifest: Path) -> None:
    (manifest / "1.jpg").write_bytes(b"\xff\xd8\xff\xe0 a picture of tiles")
    tiles = '<SegmentTemplate media="$Number$.jpg" duration="2"/><Representation id="t" bandwidth="90"/>'
    edit(MANIFEST, "</Period>", f'<AdaptationSet mimeType="image/jpeg">{tiles}</AdaptationSet></Period>')(manifest)
    assert look(manifest).findings == ()


def test_encrypted_samples(plain: Path, tmp_path: Path, toolbox: Toolbox, folder: Path) -> None:
    """Common encryption: the codec stands inside, and nobody tries to decode."""
    secret = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "0" * 31 + "1", "-encryption_kid", "0" * 32)
    fragmented = ("-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4")
    media.ffmpeg("-i", plain / "index0.ts", "-an", "-c", "copy", *secret, *fragmented, tmp_path / "all.mp4")
    data = (tmp_path / "all.mp4").read_bytes()
    start = next(box.start for box in boxes(data) if box.kind == "moof")
    listed = (
        f'#EXT-X-MAP:URI="all.mp4",BYTERANGE="{start}@0"\n#EXTINF:2,\n#EXT-X-BYTERANGE:{len(data) - start}@{start}\n'
    )
    head = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n"
    (tmp_path / PLAYLIST).write_text(f"{head}{listed}all.mp4\n#EXT-X-ENDLIST\n")
    report = look(tmp_path)
    assert codes(report) == {"encrypted"}
    assert report.streams[0].renditions[0].codecs == {"avc1.42c00b"}
    assert asyncio.run(decode(report.streams, FolderReader(tmp_path), toolbox, folder)) == ()


def test_a_manifest_of_nothing(manifest: Path) -> None:
    edit(MANIFEST, "Representation", "Other")(manifest)
    assert "bad-manifest" in codes(look(manifest))


def test_rungs_of_other_segments(other: Path, plain: Path) -> None:
    """Nothing says that those of all rungs have the same lengths; switching is only cheaper then."""
    longer = ("-f", "hls", "-hls_time", "4", "-hls_playlist_type", "vod", other / "long.m3u8")
    media.ffmpeg("-i", plain.parent / "in.mp4", *CODING, "-output_ts_offset", str((1 << 33) / 90_000 - 4.4), *longer)
    found = write_master(other)
    (other / MASTER).write_text((other / MASTER).read_text() + ENTRY.format(1, 1, "avc1", "") + "long.m3u8\n")
    edit(MASTER, "index.m3u8\nlong", "long")(other)
    assert found == set()
    assert {one.code for one in look(other).findings if one.where == "long.m3u8"} >= {"segments-differ"}
    assert "misaligned" not in codes(look(other))


def test_live_playlists_are_read_one_after_the_other(other: Path) -> None:
    """Meanwhile they have gone on."""
    edit(PLAYLIST, "#EXT-X-ENDLIST", "")(other)
    edit(PLAYLIST, "#EXT-X-PLAYLIST-TYPE:VOD\n", "")(other)
    first = (other / PLAYLIST).read_text()
    begin = first.index("#EXTINF")
    later = first[:begin] + first[first.index("#EXTINF", begin + 1) :]
    (other / "later.m3u8").write_text(later)
    entry = ENTRY.format(900_000, 900_000, "avc1.42c00b,mp4a.40.2", "")
    (other / MASTER).write_text(f"#EXTM3U\n{entry}{entry.replace('index', 'later')}")
    assert not codes(look(other)) & {"misaligned", "segments-differ", "starts-apart"}
