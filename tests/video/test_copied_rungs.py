"""Sources that are fit for streaming: their pictures are taken over to the last bit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import m3u8
import numpy as np
import pytest

from renditor.testing import media
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.plan import plan as make_plan
from tests.video.runs import Describe
from tests.video.seeing import LABELLED, X264, joined, run, samples, times

CLOSED = ("-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-bf", "2", "-preset", "veryfast", "-qp", "24")


def streamable(path: Path, *options: str, size: str = "720x480", seconds: float = 7) -> Path:
    """What a good encoder makes for the web: a beep and a flash at the same moment in it."""
    graph = (
        f"testsrc2=s={size}:r=25:d={seconds},drawbox=t=fill:color=white:enable='between(t,4,4.19)',{LABELLED}[v];"
        f"aevalsrc='0.8*sin(1000*2*PI*t)*between(t,4,4.2)':s=48000:d={seconds}[a]"
    )
    media.ffmpeg("-filter_complex", graph, "-map", "[v]", "-map", "[a]", *X264, *CLOSED, "-c:a", "aac", *options, path)
    return path


@pytest.mark.parametrize("name", ["in.mp4", "in.mkv"])
async def test_a_copied_rung(
    provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path, name: str
) -> None:
    source = streamable(tmp_path / name)
    plan, made = await run(provider, source, folder)
    assert [(rung.name, rung.copied) for rung in plan.rungs] == [("480p", True), ("360p", False)]
    assert plan.key_frames == (0.0, 2.0, 4.0, 6.0)
    assert "rung 480p copied" in plan.notes
    # The same pictures to the last bit, at the same times as those of the encoded rung.
    copied, encoded = (joined(made["hls"].path / rung.name, tmp_path / f"{rung.name}.mp4") for rung in plan.rungs)
    assert checksums(copied) == checksums(source)
    assert times(describe, copied) == pytest.approx(times(describe, encoded), abs=1e-4)
    assert times(describe, copied) == pytest.approx([n / 25 for n in range(175)], abs=1e-4)
    (video,) = describe(copied)["streams"]
    assert (video["color_space"], video["color_transfer"], video["sample_aspect_ratio"]) == ("bt709", "bt709", "1:1")
    assert b"x264" not in copied.read_bytes()  # nor what a camera may have noted
    # Picture and sound stay together.
    assert flash(made["mp4"].path, tmp_path) == pytest.approx(4, abs=0.001)
    beep = np.flatnonzero(np.abs(samples(made["mp4"].path)[:, 0]) > 0.4)[0] / 48_000
    assert beep == pytest.approx(4, abs=0.03)


def checksums(path: Path) -> list[str]:
    """One for each decoded frame."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-map", "0:v", "-f", "framemd5", "-"]
    lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    return [line.rpartition(",")[2] for line in lines if not line.startswith("#")]


def flash(path: Path, folder: Path) -> float:
    """The time of the first white frame, in seconds."""
    media.ffmpeg("-i", path, "-vf", "scale=1:1,format=gray", "-f", "rawvideo", "-fps_mode", "passthrough", folder / "y")
    return float(np.flatnonzero(np.frombuffer((folder / "y").read_bytes(), np.uint8) > 220)[0]) / 25


async def test_key_frames_at_odd_times_are_shared(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    forced = ("-force_key_frames", "0,1.4,2.6,3.2,5.4,6.2", "-g", "250", "-forced-idr", "1")
    plan, made = await run(provider, streamable(tmp_path / "in.mp4", *forced), folder)
    assert plan.rungs[0].copied
    assert plan.key_frames == (0.0, 2.6, 5.4, 6.2)
    lists = [m3u8.load(str(made["hls"].path / rung.name / "index.m3u8")) for rung in plan.rungs]
    lengths = [[segment.duration for segment in playlist.segments] for playlist in lists]
    assert lengths[0] == lengths[1] == [6.2, 0.8]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-g", "125", "-keyint_min", "125"), "key frames 5.0 s apart"),
        (
            ("-x264-params", "open-gop=1:keyint=50:b-adapt=0:bframes=2"),
            "frames after the key frame at 2.00 s belong before it",
        ),
        (("-qp", "2"), "Mbit/s over 1.8"),
        (("-profile:v", "high10", "-pix_fmt", "yuv420p10le"), "profile High 10"),
    ],
)
async def test_what_does_not_comply_is_encoded(
    provider: FFmpegVideo, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    found = await provider.probe(streamable(tmp_path / "in.mp4", *options), key_frames=True)
    plan = make_plan(found, "instant")
    assert not plan.rungs[0].copied
    (note,) = [note for note in plan.notes if note.startswith("copy refused: ")]
    assert reason in note
