"""WebVTT and SRT of people and of attackers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import LimitExceeded, RenditorError, Unprocessable
from renditor.video.subtitles.cues import LONGEST_CUE, LONGEST_RAW, MOST_CUES, Cue, Track
from renditor.video.subtitles.parsing import parse_srt, parse_webvtt
from renditor.video.subtitles.writing import write_captions
from tests.video.subtitles.texts import SRT, WEBVTT, hostile, tracks


def _cues(found: Track) -> list[tuple[int, int, str]]:
    return [(cue.start, cue.end, cue.text) for cue in found.cues]


def test_webvtt_with_all_its_blocks() -> None:
    assert parse_webvtt(WEBVTT).cues == (
        Cue(1000, 2500, "<v Roger Bingham>We are in <i>New York</i></v>", "line:0 position:20%,line-left"),
        Cue(3_600_000, 3_604_000, "two lines\nof text"),
    )


def test_srt_with_positions_and_colours() -> None:
    assert parse_srt(SRT).cues == (
        Cue(1000, 2500, "- Hello <i>you</i>"),
        Cue(3000, 4000, "on top", "line:0"),
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_lines_end_in_any_way(end: str) -> None:
    assert parse_webvtt(WEBVTT.replace("\n", end)) == parse_webvtt(WEBVTT)
    assert parse_srt(SRT.replace("\n", end)) == parse_srt(SRT)


_FIRST, _SECOND = "00:00:01,000 --> 00:00:02,000\n", "00:00:03,000 --> 00:00:04,000\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{_FIRST}no number\n", [(1000, 2000, "no number")]),
        ("1\n0:1:02.5 --> 0:1:03,25\nshort\n", [(62_500, 63_250, "short")]),
        ("1\n01:02,000-->01:03,000\nno hours\n", [(62_000, 63_000, "no hours")]),
        (f"1\n{_FIRST}42\n\n2\n{_SECOND}b", [(1000, 2000, "42"), (3000, 4000, "b")]),
        (f"7\n{_FIRST}a\n8\n{_SECOND}b", [(1000, 2000, "a"), (3000, 4000, "b")]),
        (f"7\n{_FIRST}a\n77\n{_SECOND}b", [(1000, 2000, "a\n77"), (3000, 4000, "b")]),
        (f"1\n{_FIRST}a\n\nb\n\n2\n{_SECOND}c", [(1000, 2000, "a\nb"), (3000, 4000, "c")]),
        (f"\n\n1\n{_FIRST}\n2\n{_SECOND}c", [(3000, 4000, "c")]),
        (f"{_FIRST}a --> b\n", [(1000, 2000, "a --&gt; b")]),
    ],
)
def test_sloppy_srt(text: str, found: list[tuple[int, int, str]]) -> None:
    assert _cues(parse_srt(text)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("WEBVTT", []),
        ("WEBVTT\n00:01.000 --> 00:02.000\nat once\n", [(1000, 2000, "at once")]),
        ("WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n00:01.000 --> 00:02.000\na", [(1000, 2000, "a")]),
        ("WEBVTT\n\nNOTE\n00:01.000 --> 00:02.000\nnot said\n\n00:03.000 --> 00:04.000\nsaid", [(3000, 4000, "said")]),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\nNOTE this is said", [(1000, 2000, "NOTE this is said")]),
        ("WEBVTT\n\n00:01.000 --> 00:02.000\na\n00:03.000 --> 00:04.000\nb", [(1000, 2000, "a"), (3000, 4000, "b")]),
        ("WEBVTT\n\n00:05.000 --> 00:09.000\nb\n\n00:01.000 --> 00:06.000\na", [(1000, 6000, "a"), (5000, 9000, "b")]),
        ("WEBVTT\n\n00:05.000 --> 00:06.000\nb\n\n00:05.000 --> 00:07.000\na", [(5000, 6000, "b"), (5000, 7000, "a")]),
        ("WEBVTT\n\nan id\nof two lines\n\nid\n00:01.000 --> 00:02.000\na", [(1000, 2000, "a")]),
        ("WEBVTT\n\n99:59:59.000 --> 100:00:00.000\nlast", [(359_999_000, 360_000_000, "last")]),
    ],
)
def test_webvtt_as_it_comes(text: str, found: list[tuple[int, int, str]]) -> None:
    assert _cues(parse_webvtt(text)) == found


@pytest.mark.parametrize(
    ("times", "line"),
    [
        ("00:00:02.000 --> 00:00:01.000", 4),
        ("00:00:01.000 --> 00:00:01.000", 4),
        ("-00:00:01,000 --> 00:00:02,000", 4),
        ("00:00:01.000 --> -00:00:02.000", 4),
        ("00:00:01 --> 00:00:02", 4),
        ("00:00:61.000 --> 00:01:02.000", 4),
        ("00:00:01.000 --> soon", 4),
        ("00:00:01.000 --> 100:00:00.001", 4),
        ("999999999:00:00.000 --> 999999999:00:01.000", 4),
        ("99999999999999999999:00:00.000 --> 99999999999999999999:00:01.000", 4),
    ],
)
def test_wrong_times_are_refused_by_line_or_left_out(times: str, line: int) -> None:
    good = "00:00:05.000 --> 00:00:06.000\ngood\n"
    with pytest.raises(Unprocessable, match=f"^Line {line}: ") as refused:
        parse_webvtt(f"WEBVTT\n\nid\n{times}\nbad\n\n{good}")
    assert refused.value.error_code == "bad-captions"
    with pytest.raises(Unprocessable, match=r"^Line 2: "):
        parse_srt(f"1\n{times}\nbad\n\n2\n{good}")
    assert _cues(parse_webvtt(f"WEBVTT\n\nid\n{times}\nbad\n\n{good}", lenient=True)) == [(5000, 6000, "good")]


@pytest.mark.parametrize("text", ["", "WEBVTTX\n", "webvtt\n", " WEBVTT", "hello"])
def test_no_webvtt(text: str) -> None:
    with pytest.raises(Unprocessable, match=r"^Line 1: .*WEBVTT"):
        parse_webvtt(text)


def test_limits_name_the_line() -> None:
    times = "00:00:01.000 --> 00:00:02.000\n"
    with pytest.raises(LimitExceeded, match=r"^Line 3: a line"):
        parse_srt(f"1\n{times}{'x' * (LONGEST_RAW + 1)}")
    with pytest.raises(LimitExceeded, match=r"^Line 2: a cue"):
        parse_srt(f"1\n{times}{'x' * (LONGEST_CUE + 1)}")
    with pytest.raises(LimitExceeded, match=r"^Line 2: a cue"):
        parse_srt(f"1\n{times}" + ("x" * 1000 + "\n") * 11)
    assert parse_srt(f"1\n{times}{'&' * (LONGEST_CUE // 5)}").cues
    with pytest.raises(LimitExceeded, match=f"more than {MOST_CUES:,} cues"):
        parse_srt(f"{times}x\n\n" * (MOST_CUES + 1))


@given(tracks)
def test_what_is_written_is_read_as_it_was(captions: Track) -> None:
    assert parse_webvtt(write_captions(captions)) == captions


@given(st.sampled_from([parse_webvtt, parse_srt]), hostile, st.booleans())
def test_any_text_gives_a_track_or_an_error_with_a_line(parse: object, text: str, lenient: bool) -> None:
    for candidate in (text, f"WEBVTT\n\n{text}"):
        try:
            found = parse(candidate, lenient=lenient)  # type: ignore[operator]
        except RenditorError as error:
            assert error.status == 422
            assert error.detail.startswith("Line ")
        else:
            assert parse_webvtt(write_captions(found)) == found
            assert list(found.cues) == sorted(found.cues, key=lambda cue: cue.start)
