from __future__ import annotations

from fractions import Fraction

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.video.playlists import (
    Segment,
    clean_media,
    finish_manifest,
    manifest_files,
    parse_master,
    parse_media,
    peak_and_average,
)

MASTER = """#EXTM3U
## Generated with a packager
#EXT-X-INDEPENDENT-SEGMENTS

#EXT-X-MEDIA:TYPE=AUDIO,URI="audio/index.m3u8",GROUP-ID="audio",NAME="Main",DEFAULT=NO,CHANNELS="2"

#EXT-X-STREAM-INF:BANDWIDTH=992644,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=854x480,AUDIO="audio"
480p/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1769348,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,AUDIO="audio"
720p/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=233296,CODECS="avc1.64001f",RESOLUTION=1280x720,URI="720p/iframe.m3u8"
"""
MEDIA = """#EXTM3U
#EXT-X-VERSION:6
## a comment
#EXT-X-TARGETDURATION:7
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI="init.mp4"
#EXTINF:6.006,
1.m4s
#EXTINF:3.920,
#EXT-X-BYTERANGE:100@40
2.m4s
#EXT-X-ENDLIST
"""


def test_a_master_playlist_is_read_and_written() -> None:
    found = parse_master(MASTER)
    assert [entry.uri for entry in found.variants] == ["480p/index.m3u8", "720p/index.m3u8"]
    assert found.variants[0].get("CODECS") == "avc1.64001e,mp4a.40.2"
    assert found.variants[0].get("FRAME-RATE") is None
    changed = found.variants[0].with_attributes(FRAME_RATE="25.000", BANDWIDTH="5")
    assert (changed.get("FRAME-RATE"), changed.get("BANDWIDTH")) == ("25.000", "5")
    again = m3u8.loads(str(found))
    assert [playlist.stream_info.resolution for playlist in again.playlists] == [(854, 480), (1280, 720)]
    assert again.media[0].uri == "audio/index.m3u8"
    assert again.iframe_playlists[0].uri == "720p/iframe.m3u8"
    assert again.is_independent_segments
    assert parse_master(str(found)) == found


def test_a_media_playlist_is_read() -> None:
    found = parse_media(MEDIA)
    assert (found.target, found.header, found.ended, found.key_frames_only) == (7, "init.mp4", True, False)
    assert found.segments == (Segment("1.m4s", 6.006), Segment("2.m4s", 3.92, (100, 40)))
    assert found.duration == pytest.approx(9.926)
    cleaned = clean_media(MEDIA)
    assert "comment" not in cleaned
    assert parse_media(cleaned) == found


@pytest.mark.parametrize(
    "link", ["/etc/passwd", "../../secret", "http://example.com/1.m4s", "a/../b", "1.m4s?x", "A.m4s", ".hidden", "a//b"]
)
def test_links_that_leave_the_folder_are_refused(link: str) -> None:
    with pytest.raises(ValueError, match="link"):
        parse_media(MEDIA.replace("1.m4s", link))
    with pytest.raises(ValueError, match="link"):
        parse_media(MEDIA.replace("init.mp4", link))
    with pytest.raises(ValueError, match="link"):
        parse_master(MASTER.replace("480p/index.m3u8", link))


@pytest.mark.parametrize(
    "text", ["", "hello", "#EXTM3U\n1.m4s", "#EXTM3U\n#EXTINF:x,\n1.m4s", "#EXTM3U\n#EXT-X-ENDLIST"]
)
def test_what_is_no_media_playlist(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each is another one
        parse_media(text)


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    for read in (parse_master, parse_media):
        for given_text in (text, f"#EXTM3U\n{text}"):
            try:
                read(given_text)
            except ValueError:
                continue


@pytest.mark.parametrize(
    ("segments", "peak", "average"),
    [
        ([(600, 6.0), (1200, 6.0), (300, 6.0)], 1600, 934),
        ([(600, 6.0), (600, 6.0), (100, 0.1)], 919, 860),  # a last segment of a few frames does not count alone
        ([(600, 6.0), (600, 4.0)], 1200, 960),
        ([(100, 1.0)], 800, 800),
        ([], 0, 0),
    ],
)
def test_bit_rates(segments: list[tuple[int, float]], peak: int, average: int) -> None:
    assert peak_and_average(segments, 6) == (peak, average)


@given(st.lists(st.tuples(st.integers(0, 10**7), st.floats(0.01, 7)), max_size=30))
def test_the_peak_is_never_below_the_average(segments: list[tuple[int, float]]) -> None:
    peak, average = peak_and_average(segments, 6)
    assert peak >= average


MANIFEST = """<?xml version="1.0"?>
<!--Generated with a packager-->
<MPD><AdaptationSet maxFrameRate="12800/512"><Representation frameRate="16384/3276800">
<SegmentTemplate timescale="1" initialization="480p/init.mp4" media="480p/$Number$.m4s" startNumber="1">
</SegmentTemplate></Representation></AdaptationSet></MPD>"""


def test_a_manifest_is_finished() -> None:
    text = finish_manifest(MANIFEST, Fraction(30000, 1001))
    assert "Generated" not in text
    assert 'maxFrameRate="30000/1001"' in text
    assert ' frameRate="30000/1001"' in text
    assert manifest_files(text, {"480p": 2}) == {"480p/init.mp4", "480p/1.m4s", "480p/2.m4s"}
