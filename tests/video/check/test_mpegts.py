from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.testing import media
from renditor.video.check import mpegts


def test_what_a_real_stream_holds(tmp_path: Path) -> None:
    path = media.video(tmp_path / "x.ts", "320x180", 2, "-f", "mpegts")
    video, audio = mpegts.read(path.read_bytes())
    assert (video.kind, video.codec[:5], video.sync, len(video.times)) == ("video", "avc1.", True, 50)
    assert max(video.times) - min(video.times) == 49 * mpegts.TICKS // 25
    assert (audio.kind, audio.codec) == ("audio", "mp4a.40.2")


def test_hevc_and_mp3(tmp_path: Path) -> None:
    coding = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-c:a", "libmp3lame")
    path = media.video(tmp_path / "x.ts", "320x180", 1, *coding, "-f", "mpegts")
    video, audio = mpegts.read(path.read_bytes())
    assert (video.codec, video.sync, len(video.times)) == ("hvc1", True, 25)
    assert audio.codec == "mp4a.40.34"


@pytest.mark.parametrize("data", [b"", b"G" * 187, b"x" * 188, (b"G" + bytes(187)) * 3])
def test_what_is_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"transport stream|segment"):
        mpegts.read(data)


@given(st.lists(st.binary(min_size=187, max_size=187), min_size=1, max_size=6))
def test_any_packets_are_survived(packets: list[bytes]) -> None:
    try:
        mpegts.read(b"".join(b"G" + packet for packet in packets))
    except ValueError:
        return
