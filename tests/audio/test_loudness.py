from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.audio.loudness import (
    CEILING,
    EXACT,
    GainSearch,
    Loudness,
    correction,
    gain_tags,
    left_alone,
    missed,
    read_loudness,
    too_high,
)


def loud(integrated: float | None = -20.0, peak: float | None = -6.0) -> Loudness:
    return Loudness(integrated, 5.0, peak)


def test_the_last_word_of_the_meter_counts() -> None:
    lines = [
        "M=-20", "frame:1 pts:0 pts_time:0", "lavfi.r128.I=-70.000", "lavfi.r128.true_peak=0.100",
        "frame:2 pts:4800 pts_time:0.1", "lavfi.r128.I=-16.250", "lavfi.r128.LRA=17.5", "lavfi.r128.LRA.low=-40",
        "lavfi.r128.true_peaks_ch0=0.250", "lavfi.r128.true_peaks_ch1=0.501", "lavfi.r128.junk=x", "",
    ]  # fmt: skip
    heard = read_loudness(lines)
    assert (heard.integrated, heard.range) == (-16.25, 17.5)
    assert heard.peak == pytest.approx(20 * math.log10(0.5015))


@pytest.mark.parametrize("value", ["-70.000", "nan", "-inf"])
def test_silence_has_no_loudness(value: str) -> None:
    assert read_loudness([f"lavfi.r128.I={value}", "lavfi.r128.sample_peak=0.000"]) == Loudness(None, 0.0, None)
    assert read_loudness([]) == Loudness(None, 0.0, None)


@given(st.lists(st.text(max_size=60)))
def test_any_text_can_be_read(lines: list[str]) -> None:
    heard = read_loudness([*lines, *(f"lavfi.r128.{line}" for line in lines)])
    assert heard.integrated is None or -70 < heard.integrated < math.inf


def test_what_is_left_alone() -> None:
    assert left_alone(loud(-30), 10, -16) is None
    assert "silent" in (left_alone(loud(None), 10, -16) or "")
    assert "shorter than 0.4 s" in (left_alone(loud(None), 0.3, -16) or "")
    assert "noise" in (left_alone(loud(-47), 10, -16) or "")


@given(st.floats(-45, -1), st.floats(-40, 3), st.floats(-40, -5), st.floats(0, 1))
def test_the_search_finds_the_gain(loudness: float, peak: float, target: float, softness: float) -> None:
    """Behind a limiter that takes off a growing part of what is above the ceiling."""

    def limited(gain: float) -> float:
        above = max(0.0, peak + gain - CEILING)
        return loudness + gain - softness * 0.5 * above**2 / (above + 10)

    search = GainSearch(target, loudness, peak)
    rounds = 0
    while not search.settled:
        search.heard(limited(search.gain))
        rounds += 1
    assert rounds <= 4
    if not rounds:
        assert loudness + search.gain == pytest.approx(target)
        assert peak + search.gain <= CEILING
        assert search.limited == (peak + search.gain > CEILING - 1.5)
    else:
        flattened = peak + search.gain >= CEILING + 19.9
        assert abs(limited(search.gain) - target) <= EXACT or flattened


def test_a_limiter_that_gives_nothing_back_ends_the_search_with_the_least_gain() -> None:
    search = GainSearch(-5.0, -30.0, 0.0)
    first = search.gain
    for _ in range(4):
        if not search.settled:
            search.heard(-12.0)
    assert search.settled
    assert (search.gain, search.reached) == (first, -12.0)


@given(st.floats(-45, -1), st.floats(-40, 3), st.floats(-40, -5), st.lists(st.floats(-45, -1), min_size=4, max_size=4))
def test_whatever_a_limiter_does_the_search_ends_with_the_best_that_was_heard(
    loudness: float, peak: float, target: float, answers: list[float]
) -> None:
    search = GainSearch(target, loudness, peak)
    heard: dict[float, float] = {}
    while not search.settled:
        heard[search.gain] = found = answers[len(heard)]
        search.heard(found)
    if search.gain in heard:
        best = min(abs(target - found) for found in heard.values())
        assert search.reached == heard[search.gain]
        assert abs(target - search.reached) <= best + 0.1
    elif heard and search.limited:
        # Only the last step, and only near the target where the limiter does little, is not listened to.
        assert abs(target - heard[list(heard)[-1]]) <= 0.7


def test_results_that_are_not_as_wanted() -> None:
    def said(integrated: float | None, reached: float = -16.0, *, lossless: bool = False) -> str | None:
        return missed(loud(integrated), -16, reached, lossless=lossless)

    assert said(-16.2) is None
    assert said(-18, -18) == (
        "Its loudness is -18.0 instead of -16 LUFS: with its peaks held at -1 dBTP, more gain makes it hardly louder."
    )
    assert (said(-17) or "").endswith("its codec makes it quieter.")
    assert (said(-15, -18) or "").endswith("its codec makes it louder.")
    assert (said(-17, lossless=True) or "").endswith("holding its peaks at -1 dBTP makes it quieter.")
    assert said(None) is None
    assert correction(loud(-16.2), -16, -16) == 0
    assert correction(loud(-17), -16, -16) == 1
    assert correction(loud(-17), -16, -17) == 0
    assert correction(loud(-20), -16, -16) == 0
    assert correction(loud(None), -16, -16) == 0
    assert too_high(loud(peak=-0.5))
    assert not too_high(loud(peak=-1.0))
    assert not too_high(loud(peak=None))


def test_tags_for_players() -> None:
    """ReplayGain 2.0 has -18 LUFS as its reference, RFC 7845 -23 LUFS in 1/256 dB."""
    assert gain_tags(loud(-20.0, -6.0206), "flac") == {
        "REPLAYGAIN_TRACK_GAIN": "+2.00 dB",
        "REPLAYGAIN_TRACK_PEAK": "0.500000",
    }
    assert gain_tags(loud(-20.0), "opus") == {"R128_TRACK_GAIN": "-768"}
    assert gain_tags(loud(None), "mp3") == {}
