"""Captions and chapters as they are published."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from renditor.ffmpeg.probe import Chapter
from renditor.video.subtitles.chapters import make_chapters
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


def test_chapters_are_titled() -> None:
    chapters = [
        Chapter(0.0, 5.0, "First\n--> one"),
        Chapter(5.0, 8.0, "Second <b>&"),
        Chapter(8.0, 8.0, "no time"),
        Chapter(8.0, 9.5004, " \u200b\x07"),
        Chapter(9.5, 10.0, "\u2028"),
    ]
    assert write_chapters(chapters) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:05.000\nFirst --&gt; one\n\n"
        "00:00:05.000 --> 00:00:08.000\nSecond &lt;b&gt;&amp;\n\n"
        "00:00:08.000 --> 00:00:09.500\n\u200b\n\n"
        "00:00:09.500 --> 00:00:10.000\nChapter 5\n"
    )


_times = st.floats(0, 1e7, allow_nan=False)


@given(st.lists(st.builds(Chapter, _times, _times, hostile), max_size=10))
def test_any_chapters_can_be_read_back(chapters: list[Chapter]) -> None:
    found = parse_webvtt(write_chapters(chapters)).cues
    assert all("\n" not in cue.text and "<" not in cue.text for cue in found)


def test_the_output_is_one_file(tmp_path: Path) -> None:
    output = make_chapters([Chapter(0.0, 5.0, "One"), Chapter(5.0, 9.0, "Two")], tmp_path)
    assert (output.kind, output.path, output.content_type) == ("chapters", tmp_path / "chapters.vtt", "text/vtt")
    assert output.bytes == output.path.stat().st_size
    assert [cue.text for cue in parse_webvtt(output.path.read_text()).cues] == ["One", "Two"]
