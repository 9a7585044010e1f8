"""Captions inside of the pictures go into every rung, and are announced; where there are none, that is said."""

from __future__ import annotations

import asyncio
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from renditor.ffmpeg.closed import closed_captions_of
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.streams.playlists import parse_master
from tests import captioned
from tests.video.check.sets import look

ACCESSIBILITY = "{urn:mpeg:dash:schema:mpd:2011}Accessibility"


@pytest.mark.parametrize("field", [0, 1])
def test_every_rung_has_them(field: int, provider: FFmpegVideo, tmp_path: Path) -> None:
    channel = ("CC1", "CC3")[field]
    source = captioned.video(tmp_path / "in.mp4", "640x480", field=field)
    probe = asyncio.run(provider.probe(source, key_frames=True))
    assert probe.key_frames is not None
    assert "closed captions" in (probe.key_frames.fault or "")
    plan = provider.plan(probe, ("hls",), tier="instant")
    assert len(plan.rungs) > 1
    assert not any(rung.copied for rung in plan.rungs)
    (output,) = asyncio.run(provider.run(plan, source, tmp_path, lambda *_: None))
    for rung in plan.rungs:
        assert closed_captions_of(list((output.path / rung.name).glob("*.m4s"))) == (channel,)
    master = parse_master((output.path / "master.m3u8").read_text())
    (entry,) = (entry for entry in master.media if entry.get("TYPE") == "CLOSED-CAPTIONS")
    assert (entry.get("INSTREAM-ID"), entry.link) == (channel, None)
    assert {variant.get("CLOSED-CAPTIONS") for variant in master.variants} == {entry.get("GROUP-ID")}
    manifest = ET.parse(output.path / "manifest.mpd")
    assert {one.get("value") for one in manifest.iter(ACCESSIBILITY)} == {channel}
    assert look(output.path).findings == ()
