"""Text tracks in a set: playlists and manifests with them, without them, and with others."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.testing import media
from renditor.video.base import VideoProvider
from renditor.video.check.checker import check
from renditor.video.check.reading import FolderReader
from renditor.video.streams.package import MANIFEST, MASTER
from renditor.video.streams.playlists import MasterPlaylist, parse_master, parse_media
from renditor.video.subtitles.cues import Cue, Track
from renditor.video.subtitles.sets import SetTrack, add_to_folder, files, in_manifest, in_master
from renditor.video.tracks import TextTrack
from tests.video.runs import Describe, make

_MASTER = """#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,URI="audio/index.m3u8",GROUP-ID="audio",NAME="Main",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2"
#EXT-X-STREAM-INF:BANDWIDTH=500,CODECS="avc1.64000d,mp4a.40.2",AUDIO="audio",CLOSED-CAPTIONS=NONE
360p/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900,CODECS="avc1.64000d,mp4a.40.2",AUDIO="audio",CLOSED-CAPTIONS=NONE
720p/index.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100,CODECS="avc1.64000d",URI="360p/iframe.m3u8"
"""
_MANIFEST = """<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT8S">
  <Period id="0">
    <AdaptationSet id="0" contentType="video">
      <Representation id="0" bandwidth="37700"/>
    </AdaptationSet>
  </Period>
</MPD>
"""
_NAMESPACE = {"": "urn:mpeg:dash:schema:mpd:2011"}
_ENGLISH = SetTrack("text-en", "text-en", "English", language="en", default=True, bytes=100)
_GERMAN = SetTrack("text-de", "text-de-x1", "Deutsch & <co>", "captions", "de", bytes=1000)
_FORCED = SetTrack("text", "text", "Signs", forced=True)

_tracks = st.lists(st.sampled_from([_ENGLISH, _GERMAN, _FORCED]), unique=True)


def _media(master: MasterPlaylist) -> list[dict[str, str]]:
    return [entry.attributes for entry in master.media if entry.get("TYPE") == "SUBTITLES"]


def test_the_master_playlist_offers_the_tracks_with_every_quality() -> None:
    found = parse_master(in_master(_MASTER, [_GERMAN, _ENGLISH, _FORCED]))
    deaf = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
    german = 'LANGUAGE="de",NAME="Deutsch & <co>",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO'
    assert [str(entry).removeprefix("#EXT-X-MEDIA:TYPE=SUBTITLES,") for entry in found.media[1:]] == [
        'URI="text-en/index.m3u8",GROUP-ID="text",LANGUAGE="en",NAME="English",DEFAULT=YES,AUTOSELECT=YES,FORCED=NO',
        f'URI="text-de-x1/index.m3u8",GROUP-ID="text",{german},CHARACTERISTICS="{deaf}"',
        'URI="text/index.m3u8",GROUP-ID="text",NAME="Signs",DEFAULT=NO,AUTOSELECT=YES,FORCED=YES',
    ]
    assert [entry.get("SUBTITLES") for entry in found.variants] == ["text", "text"]
    assert found.media[0].get("TYPE") == "AUDIO"


def test_of_two_tracks_that_are_alike_players_choose_one_by_themselves() -> None:
    again = SetTrack("text-en-2", "text-en-2", "English 2", language="en")
    found = _media(parse_master(in_master(_MASTER, [again, _ENGLISH])))
    assert [(one["NAME"], one["AUTOSELECT"]) for one in found] == [('"English"', "YES"), ('"English 2"', "NO")]


def test_the_manifest_names_the_same_file() -> None:
    period = ET.fromstring(in_manifest(_MANIFEST, [_ENGLISH, _GERMAN, _FORCED], 8.0)).find("Period", _NAMESPACE)
    assert period is not None
    sets = [one for one in period.findall("AdaptationSet", _NAMESPACE) if one.get("contentType") == "text"]
    assert [(one.get("mimeType"), one.get("lang")) for one in sets] == [
        ("text/vtt", "en"),
        ("text/vtt", "de"),
        ("text/vtt", None),
    ]
    assert [one.findtext("Label", None, _NAMESPACE) for one in sets] == ["English", "Deutsch & <co>", "Signs"]
    roles = [[role.get("value") for role in one.findall("Role", _NAMESPACE)] for one in sets]
    assert roles == [["subtitle", "main"], ["caption"], ["forced-subtitle"]]
    shown = [one.find("Representation", _NAMESPACE) for one in sets]
    assert [one.get("bandwidth") for one in shown if one is not None] == ["100", "1000", "1"]
    assert [one.findtext("BaseURL", None, _NAMESPACE) for one in shown if one is not None] == [
        "text-en/captions.vtt",
        "text-de-x1/captions.vtt",
        "text/captions.vtt",
    ]


@given(_tracks, _tracks)
def test_what_there_was_before_leaves_no_trace(before: list[SetTrack], after: list[SetTrack]) -> None:
    assert in_master(in_master(_MASTER, before), after) == in_master(_MASTER, after)
    assert in_manifest(in_manifest(_MANIFEST, before, 8.0), after, 8.0) == in_manifest(_MANIFEST, after, 8.0)
    assert in_master(in_master(_MASTER, before), []) == _MASTER
    assert in_manifest(in_manifest(_MANIFEST, before, 8.0), [], 8.0) == _MANIFEST


@pytest.mark.parametrize("text", ["", "<MPD/>", _MANIFEST.replace("</MPD>", "  <Period>\n  </Period>\n</MPD>")])
def test_a_manifest_of_another_shape_is_not_touched(text: str) -> None:
    with pytest.raises(ValueError, match="one period"):
        in_manifest(text, [_ENGLISH], 8.0)


def test_the_one_file_of_captions_is_the_only_segment_of_its_playlist() -> None:
    found = files(_GERMAN, Track((Cue(0, 1000, "Grüße"),)), 8.4)
    assert list(found) == ["text-de-x1/captions.vtt", "text-de-x1/index.m3u8"]
    assert found["text-de-x1/captions.vtt"].decode().endswith("00:00:00.000 --> 00:00:01.000\nGrüße\n")
    playlist = parse_media(found["text-de-x1/index.m3u8"].decode())
    assert (playlist.target, playlist.kind, playlist.ended) == (8, "VOD", True)
    assert [(one.uri, one.duration) for one in playlist.segments] == [("captions.vtt", 8.4)]


def test_a_track_is_plain_json_and_back() -> None:
    assert SetTrack.from_json(_GERMAN.to_json()) == _GERMAN


async def test_a_packaged_set_with_captions_passes_the_checker_and_plays(
    provider: VideoProvider, folder: Path, tmp_path: Path, describe: Describe
) -> None:
    source = media.video(tmp_path / "clip.mp4", seconds=3)
    made = await make(provider, source, folder)
    hls = made.outputs["hls"].path
    captions = [
        (TextTrack("text-en", 2, "en", "English", default=True), Track((Cue(500, 2500, "Hello"),))),
        (TextTrack("text-de", 3, "de", "Deutsch", kind="captions"), Track((Cue(500, 2500, "Hallo"),))),
    ]
    tracks = add_to_folder(hls, captions, 3.0)
    assert [track.name for track in tracks] == ["text-en", "text-de"]
    assert [track.bytes for track in tracks] == [
        sum(file.stat().st_size for file in (hls / name).iterdir()) for name in ("text-en", "text-de")
    ]
    report = await check(FolderReader(hls), [MASTER, MANIFEST])
    assert [finding for finding in report.findings if finding.severity == "error"] == []
    # FFmpeg's own reader of HLS finds them.
    streams = describe(hls / MASTER, "-allowed_extensions", "ALL", "-extension_picky", "0")["streams"]
    assert [stream["codec_name"] for stream in streams if stream["codec_type"] == "subtitle"] == ["webvtt", "webvtt"]
