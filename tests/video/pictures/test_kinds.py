"""The pictures of whole runs: made of the encoded rungs, whatever the source was."""

from __future__ import annotations

from pathlib import Path

import pytest

from renditor.errors import ProcessingFailed
from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.pictures import kinds
from renditor.video.pictures.checks import parse_cues, read_webp
from renditor.video.plan import plan
from tests.video.pictures.test_storyboard import TO_PQ
from tests.video.probes import probe
from tests.video.runs import corners, make, pixel, quadrants


async def test_a_run_makes_all_of_them(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    made = await make(provider, media.video(tmp_path / "in.mp4", "640x360", 5), folder)
    assert set(kinds.KINDS) <= set(made.outputs)
    cues = parse_cues((folder / "storyboard" / "storyboard.vtt").read_text())
    assert [cue.start for cue in cues] == [0, 2000, 4000]  # the key frames of the rungs
    assert cues[-1].end == round(made.plan.length * 1000)
    assert len(read_webp((folder / "preview.webp").read_bytes()).frames) == 40
    poster = made.outputs["poster"]
    assert (poster.width, poster.height) == (640, 360)
    assert 0 <= poster.metadata["at"] <= 5
    assert poster.metadata["score"] > 0.2


async def test_those_of_a_phone_stand_upright(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    flat = quadrants(tmp_path / "flat.mp4", (640, 360), "-pix_fmt", "yuv420p", "-qp", "4")
    media.ffmpeg("-display_rotation", "-90", "-i", flat, "-c", "copy", tmp_path / "phone.mp4")
    await make(provider, tmp_path / "phone.mp4", folder)
    for path in (folder / "poster.jpg", folder / "storyboard" / "storyboard-1.jpg", folder / "preview.webp"):
        assert corners(path) == [2, 0, 3, 1]


async def test_those_of_hdr_have_ordinary_colours(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    """The same in all three; darker than in SDR, because there is room above for what is brighter than white."""
    still, source = tmp_path / "still.png", tmp_path / "hdr.mp4"
    media.quadrants(640, 360).write_to_file(str(still))
    colours = "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
    hevc = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", colours, "-tag:v", "hvc1")
    media.ffmpeg("-loop", "1", "-t", "0.4", "-i", still, "-vf", TO_PQ, *hevc, source)
    await make(provider, source, folder)
    for place, colour in zip(((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)), media.QUADRANTS, strict=True):
        poster = pixel(folder / "poster.jpg", *place)
        assert poster.index(max(poster)) == colour.index(max(colour))
        assert max(poster) - min(poster) > 60
        assert max(poster) > 90
        for other in (folder / "storyboard" / "storyboard-1.jpg", folder / "preview.webp"):
            assert pixel(other, *place) == pytest.approx(poster, abs=14)


async def test_a_rung_that_cannot_be_read_back_is_our_fault(toolbox: Toolbox, folder: Path) -> None:
    planned = plan(probe())
    (folder / "work").mkdir()
    (folder / "work" / f"{planned.rungs[-1].name}.mp4").write_bytes(b"\0" * 1000)
    for kind in kinds.KINDS:
        with pytest.raises(ProcessingFailed):
            await kinds.make(toolbox, planned, kind, folder)


def test_encoders_and_names() -> None:
    assert kinds.encoders(plan(probe(), outputs=("hls", "preview"))) == ["libwebp_anim"]
    assert kinds.names() == ["poster.jpg", "storyboard", "preview.webp"]
