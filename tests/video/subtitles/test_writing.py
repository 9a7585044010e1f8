"""Captions and chapters as they are published."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from renditor.ffmpeg.probe import Chapter
from renditor.video.subtitles.cues import Cue, Track
from renditor.video.subtitles.parsing import parse_webvtt
from renditor.video.subtitles.writing import write_captions, write_chapters
from tests.video.subtitles.texts import hostile


def test_captions_carry_their_place_on_the_time_line() -> None:
    text = write_captions(Track((Cue(1000, 3_661_001, "a\nb", "line:0"), Cue(2000, 3000, "c"))))
    assert text == (
        "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n"
        "00:00:01.000 --> 01:01:01.001 line:0\na\nb\n\n"
        "00:00:02.000 --> 00:00:03.000\nc\n"
    )


def test_chapters_are_titled_in_order_and_end_with_the_video() -> None:
    chapters = [
        Chapter(5.0, 99.0, "Second <b>&"),
        Chapter(0.0, 6.0, "First\n--> one"),
        Chapter(8.0, 12.0, " "),
        Chapter(20.0, 30.0, "beyond"),
    ]
    assert write_chapters(chapters, 10.0) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:05.000\nFirst --&gt; one\n\n"
        "00:00:05.000 --> 00:00:08.000\nSecond &lt;b&gt;&amp;\n\n"
        "00:00:08.000 --> 00:00:10.000\nChapter 3\n"
    )


_times = st.floats(0, 1e7, allow_nan=False)


@given(st.lists(st.builds(Chapter, _times, _times, hostile), max_size=10), _times)
def test_any_chapters_can_be_read_back(chapters: list[Chapter], length: float) -> None:
    found = parse_webvtt(write_chapters(chapters, length)).cues
    assert all(first.end <= second.start for first, second in itertools.pairwise(found))
    assert all(cue.end <= round(length * 1000) for cue in found)
