from __future__ import annotations

from dataclasses import replace

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.video.streams.playlists import Header, Segment, clean_media, is_master, parse_master, parse_media

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
    header = Header("init.mp4")
    assert found.segments == (Segment("1.m4s", 6.006, None, header), Segment("2.m4s", 3.92, (100, 40), header))
    assert found.duration == pytest.approx(9.926)
    cleaned = clean_media(MEDIA)
    assert "comment" not in cleaned
    assert parse_media(cleaned) == replace(found, target=6)


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


def test_faults_are_told_and_reading_goes_on() -> None:
    faults: list[tuple[str, str]] = []
    text = MEDIA.replace("TARGETDURATION:7", "TARGETDURATION:soon").replace("#EXTINF:6.006,", "#EXTINF:nan,")
    found = parse_media(text, lambda code, message: faults.append((code, message)))
    assert [code for code, _ in faults] == ["bad-tag", "bad-tag"]
    assert faults[0][1].startswith("line 4:")
    assert [segment.uri for segment in found.segments] == ["1.m4s", "2.m4s"]
    faults.clear()
    broken = MASTER.replace("480p/index.m3u8\n", "").replace('URI="audio', 'URI="a",URI="audio')
    parse_master(broken, lambda code, message: faults.append((code, message)))
    assert [code for code, _ in faults] == ["bad-tag", "bad-tag"]
    for kept in (text, broken):
        with pytest.raises(ValueError, match="bad-tag"):
            (parse_master if kept is broken else parse_media)(kept)


def test_ranges_without_an_offset_follow_each_other() -> None:
    first, more = "#EXTINF:2,\n#EXT-X-BYTERANGE:100@0\na.ts\n", "#EXTINF:2,\n#EXT-X-BYTERANGE:100\na.ts\n"
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{first}{more}{more}"
    with pytest.raises(ValueError, match="bad-tag"):
        parse_media(text.replace(first, more))
    assert [segment.byte_range for segment in parse_media(text).segments] == [(100, 0), (100, 100), (100, 200)]


def test_marks_of_segments() -> None:
    text = MEDIA.replace("#EXTINF:3.920,", '#EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXTINF:3.920,')
    text = text.replace('URI="init.mp4"', 'URI="init.mp4",BYTERANGE="40@0"')
    first, second = parse_media(text).segments
    assert (first.discontinuity, first.encrypted, second.discontinuity, second.encrypted) == (False, False, True, True)
    assert first.header == Header("init.mp4", (40, 0))


def test_masters_and_media_are_told_apart() -> None:
    assert is_master(MASTER)
    assert not is_master(MEDIA)
