from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from renditor.video.colour import Colour
from renditor.video.pictures.sampling import Footage, Sample, most, note, pick, read_samples
from renditor.video.plan import plan
from tests.video.probes import audio, probe, video

PRINTED = """frame:0    pts:-21000  pts_time:-0.021
sample=1
lavfi.signalstats.YAVG=115.953
lavfi.blur=-nan
frame:1    pts:5312031 pts_time:5.312031
lavfi.signalstats.YAVG=16
lavfi.entropy.normalized_entropy.normal.Y=0.5
sample=1
"""


def test_times_and_measures_are_read() -> None:
    first, second = read_samples(PRINTED)
    assert first == Sample(0.0, {"signalstats.YAVG": 115.953})  # no time before the beginning, no measure without value
    assert second.time == 5.312031
    assert second.measures == {"signalstats.YAVG": 16, "entropy.normalized_entropy.normal.Y": 0.5}


@given(st.text())
def test_nothing_else_is_a_sample(text: str) -> None:
    assert read_samples(text.replace("frame:", "")) == ()


@given(st.floats(0.01, 30_000), st.floats(0.1, 3600))
def test_how_many_there_can_be(length: float, interval: float) -> None:
    count = most(length, interval)
    assert count >= 1
    assert (count - 1) * interval <= length


def test_a_source_is_read_as_it_is() -> None:
    stream = video(index=3, interlaced=True, duration=8.0)
    footage = Footage.of_source(Path("in.mkv"), probe(stream, audio(duration=10.0)), stream)
    assert footage.path.is_absolute()
    assert footage.reads == (footage.path,)
    assert (footage.stream, footage.length) == (3, 10.0)  # as long as a player says, sound included
    assert footage.scaled(192, 108, tone_mapping=True)[0].startswith("field=")


def test_a_rung_needs_no_repair() -> None:
    made = plan(probe(video(interlaced=True, transfer="smpte2084", primaries="bt2020")))
    footage = Footage.of_rung(made, made.rungs[-1])
    assert footage.reads == ()
    assert footage.colour == Colour("sdr", "bt709", full_range=False)
    assert not footage.interlaced


# --- on real media ---


async def sampled(toolbox: Toolbox, source: Path, folder: Path, interval: float, *, key_frames: bool) -> list[float]:
    """The times of the frames that are let through."""
    found = await toolbox.probe(source)
    assert found.video is not None
    footage = Footage.of_source(source, found, found.video)
    (folder / "work").mkdir(exist_ok=True)
    filters = ",".join([pick(interval, key_frames=key_frames), *note(PurePosixPath("work/notes.txt"))])
    arguments = [*footage.sampled(toolbox, key_frames=key_frames), "-vf", filters, "-f", "null", "-"]
    await toolbox.ffmpeg(arguments, folder=folder, reads=footage.reads, budget=toolbox.budget(10, 0))
    return [sample.time for sample in read_samples((folder / "work/notes.txt").read_text())]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 s at 29.97 frames a second, a key frame every 60 frames: at 0, 2.002, 4.004 ... seconds."""
    path = tmp_path_factory.mktemp("clip") / "in.mp4"
    return media.video(path, "160x90", 12, "-g", "60", "-bf", "2", "-sc_threshold", "0", rate="30000/1001")


@pytest.mark.parametrize(
    ("interval", "places"),
    [(0.5, [0, 1, 2, 3, 4, 5]), (2, [0, 1, 2, 3, 4, 5]), (4, [0, 2, 4]), (5, [0, 3, 5]), (60, [0])],
)
async def test_the_first_key_frame_of_each_stretch(
    toolbox: Toolbox, clip: Path, folder: Path, interval: float, places: list[int]
) -> None:
    times = await sampled(toolbox, clip, folder, interval, key_frames=True)
    assert times == pytest.approx([place * 2.002 for place in places], abs=1e-6)


async def test_all_frames_where_key_frames_do_not_do(toolbox: Toolbox, clip: Path, folder: Path) -> None:
    times = await sampled(toolbox, clip, folder, 0.5, key_frames=False)
    assert len(times) == 24
    assert all(place * 0.5 - 0.001 <= time < place * 0.5 + 0.05 for place, time in enumerate(times))


COPIED = ("-c", "copy")
MPEG2 = ("-an", "-c:v", "mpeg2video", "-g", "60", "-bf", "2", "-sc_threshold", "1000000000")


@pytest.mark.parametrize(
    ("name", "options"),
    [("in.ts", COPIED), ("in.mkv", COPIED), ("in.avi", COPIED), ("in.flv", COPIED), ("in.mpg", MPEG2)],
)
async def test_times_count_from_the_beginning_of_the_file(
    toolbox: Toolbox, clip: Path, tmp_path: Path, folder: Path, name: str, options: tuple[str, ...]
) -> None:
    """A transport stream begins at 1.4 s of its own clock, and AVI has no times of its own."""
    source = tmp_path / name
    media.ffmpeg("-i", clip, *options, source)
    times = await sampled(toolbox, source, folder, 2, key_frames=True)
    assert [time - times[0] for time in times[:6]] == pytest.approx([place * 2.002 for place in range(6)], abs=0.002)
    assert times[0] == pytest.approx(0, abs=0.08)  # the sound begins a little earlier


async def test_every_codec_lets_key_frames_through_alone(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    for number, options in enumerate(
        (
            ("-c:v", "libx265", "-x265-params", "log-level=error:keyint=50:min-keyint=50:scenecut=0"),
            ("-c:v", "libvpx-vp9", "-g", "50", "-deadline", "realtime", "-cpu-used", "8"),
            ("-c:v", "libsvtav1", "-g", "50", "-preset", "12"),
            ("-c:v", "mpeg4", "-g", "50"),
            ("-c:v", "mpeg2video", "-g", "50", "-sc_threshold", "1000000000"),
            ("-c:v", "libx264", "-x264-params", "keyint=50:min-keyint=50:scenecut=0:open-gop=1"),
        )
    ):
        source = media.video(tmp_path / f"{number}.mkv", "160x90", 6, *options, sound=False)
        times = await sampled(toolbox, source, folder, 0.1, key_frames=True)
        assert times == pytest.approx([0, 2, 4], abs=0.041), options
