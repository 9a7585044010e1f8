from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from renditor.ffmpeg.progress import ProgressReader

REAL = """frame=0
fps=0.00
out_time_us=N/A
out_time=N/A
progress=continue
frame=50
out_time_us=2000000
progress=continue
frame=60
out_time_us=1900000
progress=continue
frame=100
out_time_us=4040000
progress=end""".splitlines()


def test_it_follows_the_encoder() -> None:
    seen: list[float] = []
    reader = ProgressReader(4.0, seen.append)
    for line in REAL:
        reader.feed(line)
    assert seen == [0.5, 1.0]
    assert (reader.frames, reader.seconds, reader.ended) == (100, 4.04, True)


def test_more_than_expected_is_not_done_before_the_end() -> None:
    seen: list[float] = []
    reader = ProgressReader(1.0, seen.append)
    for line in ("out_time_us=9000000", "progress=continue"):
        reader.feed(line)
    assert seen == [0.999]


def test_without_a_duration_only_the_end_is_told() -> None:
    seen: list[float] = []
    reader = ProgressReader(None, seen.append)
    for line in REAL:
        reader.feed(line)
    assert seen == [1.0]


@given(st.lists(st.text(max_size=40)), st.lists(st.integers(-(10**15), 10**15)))
def test_it_never_goes_back_and_never_fails(noise: list[str], times: list[int]) -> None:
    seen: list[float] = []
    reader = ProgressReader(100.0, seen.append)
    for line in noise:
        reader.feed(line)
    for time in times:
        reader.feed(f"out_time_us={time}")
        reader.feed("progress=continue")
    assert seen == sorted(set(seen))
    assert all(0 < fraction <= 1 for fraction in seen)
