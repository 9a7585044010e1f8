"""The packets of streams that could be copied, and of those that could not: what FFmpeg prints, and real files."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.ffmpeg.packets import NotToBeCopied, PacketReader, read_key_frames
from renditor.ffmpeg.probe import KeyFrames
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.testing import media

# --- the printed text ---

HEAD = ["#software: Lavf", "#tb 0: 1/1000", "#tb 1: 1/1000", "#tb 2: 1/1000", "#codec_id 0: h264"]
RATE = Fraction(25)


def packet(stream: int, dts: int, pts: int, size: int = 100, more: str = "") -> str:
    return f"{stream}, {dts:10}, {pts:10},       40, {size:8}, 0x12345678{more}"


def group(begin: int, order: Sequence[int], size: int = 100) -> list[str]:
    """A closed GOP at the place ``begin``; the first packet is the key frame, the rest as in ``order``."""
    lines = [packet(0, begin * 40 - 80, begin * 40, size), packet(1, begin * 40 - 80, begin * 40, size)]
    for number, place in enumerate(order, begin + 1):
        lines.append(packet(0, number * 40 - 80, (begin + place) * 40, size, ", F=0x0"))
    return lines


def read(lines: Sequence[str], most: int = 10_000, rate: Fraction = RATE) -> KeyFrames:
    reader = PacketReader(rate, most)
    feed(reader, "".join(f"{line}\n" for line in (*HEAD, *lines)).encode())
    return reader.finish()


def feed(reader: PacketReader, *parts: bytes) -> None:
    try:
        for part in parts:
            reader.feed(part)
    except NotToBeCopied:
        assert reader.finish() == KeyFrames(fault=reader.fault)


def test_a_regular_stream() -> None:
    found = read([*group(0, [2, 1, 3]), *group(4, [1, 2, 3, 4, 5]), *group(10, [])])
    assert found == KeyFrames(rate=RATE, times=(0.0, 0.16, 0.4), length=0.44, peak=20_000, average=20_000)


def test_the_peak_is_taken_over_six_seconds() -> None:
    quiet = [line for begin in range(0, 500, 50) for line in group(begin, range(1, 50), 100)]
    loud = [line for begin in range(500, 650, 50) for line in group(begin, range(1, 50), 1000)]
    found = read([*quiet, *loud, *(line for begin in range(650, 900, 50) for line in group(begin, range(1, 50), 100))])
    assert found.peak == 1000 * 8 * 25
    assert found.average == (750 * 100 + 150 * 1000) * 8 * 25 // 900


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ([], "not every key frame is one at which a decoder can begin"),
        ([*group(0, [1]), packet(0, 0, 80)], "not every key frame is one at which a decoder can begin"),
        ([*group(0, [1]), packet(0, 0, 80), packet(1, 5, 80)], "not every key frame"),
        (group(2, [1]), "the first key frame comes at 0.08 s"),
        (group(0, [1, 3]), "frames are missing after 0.00 s"),
        ([*group(0, [1, 2]), *group(4, [1])], "frames are missing after 0.00 s"),
        ([*group(0, [1]), *group(3, [-1])], "frames after the key frame at 0.12 s belong before it"),
        (group(0, [1, 1]), "two frames at 0.04 s"),
        ([packet(0, 0, 0), packet(1, 0, 0), packet(0, 40, 58, 1, ", F=0x0")], "a frame lies at 0.058 s"),
        ([packet(0, 0, -40)], "a frame lies at -0.040 s"),
        ([packet(0, 0, 0, 1, ", F=0x5")], "cut away"),
        ([packet(0, 0, 0, 1, ", S=1, Encryption info, 8, 0x1")], "side data"),
        ([packet(2, 0, 0, 30), packet(2, 40, 40, 31)], "its parameters change"),
        (["Segmentation fault"], "cannot be read"),
        (["x" * 2000], "cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_copied(lines: list[str], fault: str) -> None:
    assert fault in (read(lines).fault or "")


def test_reading_is_bounded() -> None:
    assert read(group(0, range(1, 50)), most=49).fault == "it has more than 49 packets"
    assert read(group(0, range(1, 50)), most=50).fault is None


GROUPS = st.lists(
    st.integers(0, 12).flatmap(lambda count: st.permutations(range(1, count + 1))), min_size=1, max_size=8
)


@given(GROUPS, st.lists(st.integers(1, 400), max_size=6))
def test_closed_groups_in_any_order_of_decoding(orders: list[list[int]], cuts: list[int]) -> None:
    begins = list(itertools.accumulate((len(order) + 1 for order in orders), initial=0))
    lines = [line for begin, order in zip(begins, orders, strict=False) for line in group(begin, order)]
    text = "".join(f"{line}\n" for line in (*HEAD, *lines)).encode()
    reader = PacketReader(RATE, 10_000)
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    feed(reader, *(text[start:end] for start, end in itertools.pairwise(edges)))
    found = reader.finish()
    assert found.fault is None
    assert found.times == tuple(round(begin / 25, 6) for begin in begins[:-1])
    assert found.length == round(begins[-1] / 25, 6)


@given(GROUPS, st.data())
def test_a_missing_frame_is_noticed(orders: list[list[int]], data: st.DataObject) -> None:
    begins = list(itertools.accumulate((len(order) + 1 for order in orders), initial=0))
    lines = [line for begin, order in zip(begins, orders, strict=False) for line in group(begin, order)]
    last = f"{(begins[-1] - 1) * 40:10}"  # nothing shows that the very last frame is missing
    inner = [at for at, line in enumerate(lines) if line.startswith("0") and line.split(",")[2] != " " + last]
    if not inner:
        return
    del lines[data.draw(st.sampled_from(inner))]
    assert read(lines).fault


@given(st.binary(max_size=300), st.fractions(1, 60))
def test_any_text_ends_in_an_answer(text: bytes, rate: Fraction) -> None:
    reader = PacketReader(rate, 100)
    feed(reader, text)
    assert reader.finish().fault or reader.finish().length > 0


# --- real files ---

X264 = ("-c:v", "libx264", "-preset", "ultrafast")
UNEVEN = ("-fps_mode", "passthrough", "-enc_time_base", "1/1000", "-bf", "0")


async def facts(toolbox: Toolbox, path: Path) -> KeyFrames:
    video = (await toolbox.probe(path)).video
    assert video
    return await read_key_frames(toolbox, path, video, video.frame_rate)


@pytest.mark.parametrize("name", ["regular.mp4", "regular.mkv", "regular.mov"])
@pytest.mark.parametrize("rate", ["25", "24000/1001", "60"])
async def test_regular_files(toolbox: Toolbox, tmp_path: Path, name: str, rate: str) -> None:
    source = media.video(tmp_path / name, "160x90", 3, "-bf", "2", "-g", "24", rate=rate)
    found = await facts(toolbox, source)
    count = int(Fraction(rate) * 3 + Fraction(999, 1000))
    assert found.fault is None
    assert found.times == tuple(round(float(place / Fraction(rate)), 6) for place in range(0, count, 24))
    assert found.length == pytest.approx(count / Fraction(rate), abs=1e-6)
    assert found.average == pytest.approx(found.peak, rel=0.01)
    assert 0.5 < found.average * 3 / 8 / source.stat().st_size < 1


@pytest.mark.parametrize(
    ("name", "options", "fault"),
    [
        ("open.mp4", ("-bf", "3", "-x264-params", "open-gop=1:keyint=25:b-adapt=0"), "decoder can begin"),
        ("refresh.mp4", ("-bf", "0", "-x264-params", "intra-refresh=1:keyint=25"), "decoder can begin"),
        ("gap.mp4", ("-vf", "select='not(between(n,30,40))'", "-fps_mode", "passthrough"), "frames are missing after"),
        ("uneven.mp4", ("-vf", "settb=1/1000,setpts='PTS+mod(N,2)*18'", *UNEVEN), "frames are missing after"),
        ("late.mp4", ("-vf", "setpts=PTS+0.4/TB", "-fps_mode", "passthrough"), "the first key frame comes at 0.40 s"),
    ],
)  # fmt: skip
async def test_irregular_files(
    toolbox: Toolbox, tmp_path: Path, name: str, options: tuple[str, ...], fault: str
) -> None:
    source = media.video(tmp_path / name, "160x90", 3, *X264, *options)
    assert fault in ((await facts(toolbox, source)).fault or "")


async def test_what_the_container_cuts_away(toolbox: Toolbox, tmp_path: Path) -> None:
    whole = media.video(tmp_path / "whole.mp4", "160x90", 4, "-g", "50")
    media.ffmpeg("-ss", "1", "-i", whole, "-c", "copy", tmp_path / "cut.mp4")
    assert (await facts(toolbox, tmp_path / "cut.mp4")).fault


async def test_parameters_that_change_on_the_way(toolbox: Toolbox, tmp_path: Path) -> None:
    for name, size in (("a.h264", "160x90"), ("b.h264", "128x72")):
        media.video(tmp_path / name, size, 1, sound=False)
    (tmp_path / "both.h264").write_bytes((tmp_path / "a.h264").read_bytes() + (tmp_path / "b.h264").read_bytes())
    media.ffmpeg("-fflags", "+genpts", "-r", "25", "-i", tmp_path / "both.h264", "-c", "copy", tmp_path / "both.mkv")
    assert "its parameters change" in ((await facts(toolbox, tmp_path / "both.mkv")).fault or "")


async def test_encrypted_pictures(toolbox: Toolbox, tmp_path: Path) -> None:
    key = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "0" * 32, "-encryption_kid", "1" * 32)
    source = media.video(tmp_path / "locked.mp4", "160x90", 1, *key)
    video = (await toolbox.probe(media.video(tmp_path / "open.mp4", "160x90", 1))).video
    assert video
    assert (await read_key_frames(toolbox, source, video, RATE)).fault


async def test_reading_takes_no_longer_than_probing_may(toolbox: Toolbox, tmp_path: Path) -> None:
    source = media.video(tmp_path / "slow.mp4", "160x90", 3)
    hurried = Toolbox(toolbox._launcher, toolbox.binaries, FFmpegSettings(probe_timeout=0.001))
    video = (await toolbox.probe(source)).video
    assert video
    assert (await read_key_frames(hurried, source, video, RATE)).fault == "its packets cannot be read: limit-exceeded"
