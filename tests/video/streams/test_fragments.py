from __future__ import annotations

import struct
from pathlib import Path

import pytest

from renditor.testing import media
from renditor.video.streams.boxes import boxes
from renditor.video.streams.fragments import Fragment, read_fragments, read_tracks

FRAGMENTED = ("-movflags", "+frag_keyframe+delay_moov+default_base_moof", "-g", "25")


def fragments(data: bytes) -> list[Fragment]:
    tracks = read_tracks(data)
    moofs = [data[box.start : box.end] for box in boxes(data) if box.kind == "moof"]
    return [fragment for moof in moofs for fragment in read_fragments(moof, tracks)]


def test_tracks_and_samples_of_a_real_file(tmp_path: Path) -> None:
    path = media.video(tmp_path / "x.mp4", "320x180", 2, "-preset", "medium", *FRAGMENTED)
    data = path.read_bytes()
    video, audio = read_tracks(data).values()
    assert (video.kind, video.timescale, video.width, video.height) == ("video", 12_800, 320, 180)
    assert (audio.kind, audio.codec, audio.timescale) == ("audio", "mp4a.40.2", 44_100)
    found = [fragment for fragment in fragments(data) if fragment.track == video.number]
    assert [(one.samples, one.duration, one.sync) for one in found] == [(25, 12_800, True)] * 2
    assert [one.start for one in found] == [0, 12_800]
    assert {one.shortest for one in found} == {512}
    # B-frames: the first picture is shown two frames after it is decoded, and the edit list makes good for it.
    assert found[0].shown - video.shift == 0
    assert found[0].shown == 1024


def test_pixels_that_are_not_square(tmp_path: Path) -> None:
    path = media.video(tmp_path / "x.mp4", "320x180", 1, "-vf", "setsar=4/3", *FRAGMENTED, sound=False)
    (track,) = read_tracks(path.read_bytes()).values()
    assert ((track.width, track.height), track.displayed) == ((320, 180), (427, 180))


@pytest.mark.parametrize("data", [b"", b"x", struct.pack(">I4s", 8, b"moov"), struct.pack(">I4s", 9, b"moov")])
def test_what_is_no_header(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"box|track"):
        read_tracks(data)


def test_a_header_cut_anywhere_is_damaged(tmp_path: Path) -> None:
    data = media.video(tmp_path / "x.mp4", "64x36", 1, *FRAGMENTED).read_bytes()
    moov = next(box for box in boxes(data) if box.kind == "moov")
    for end in range(0, moov.end, 7):
        with pytest.raises(ValueError):  # noqa: PT011 - each is another one
            read_tracks(data[:end])


def test_a_fragment_of_an_unknown_track(tmp_path: Path) -> None:
    both = media.video(tmp_path / "both.mp4", "64x36", 1, *FRAGMENTED).read_bytes()
    tracks = dict(read_tracks(both))
    del tracks[2]
    moof = next(both[box.start : box.end] for box in boxes(both) if box.kind == "moof")
    with pytest.raises(ValueError, match="does not declare"):
        read_fragments(moof, tracks)
