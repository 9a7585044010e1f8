from __future__ import annotations

import m3u8

from renditor.deliver.playlists import rebase_manifest, rebase_playlist

MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,URI="audio/audio.m3u8",GROUP-ID="a",NAME="stream_0"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="720p/iframes.m3u8"
#EXT-X-SESSION-DATA:DATA-ID="x",URI="https://elsewhere.example/x.json"

#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"
720p/video.m3u8
"""


def test_every_relative_link_gets_the_folder() -> None:
    made = m3u8.loads(rebase_playlist(MASTER, "/main/files/r/"))
    assert made.playlists[0].uri == "/main/files/r/720p/video.m3u8"
    assert made.media[0].uri == "/main/files/r/audio/audio.m3u8"
    assert made.iframe_playlists[0].uri == "/main/files/r/720p/iframes.m3u8"


def test_what_is_absolute_stays() -> None:
    assert 'URI="https://elsewhere.example/x.json"' in rebase_playlist(MASTER, "/base/")


def test_a_manifest_gets_its_base_once_and_first() -> None:
    made = rebase_manifest('<?xml version="1.0"?>\n<MPD xmlns="x" type="static">\n <Period/>\n</MPD>', "/b/")
    assert made.count("<BaseURL>/b/</BaseURL>") == 1
    assert made.index("<BaseURL>") < made.index("<Period")
