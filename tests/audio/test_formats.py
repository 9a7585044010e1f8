from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.audio.formats import FORMATS, HIGHEST_RATE, LOWEST_RATE, SAMPLE_RATES, AudioFormat
from renditor.errors import BadRequest


@pytest.mark.parametrize("container", FORMATS)
def test_every_format_can_be_asked_for_as_it_comes(container: str) -> None:
    assert AudioFormat(container).as_it_comes


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("doc",), r"\.doc"),
        (("mp3", 1_000), "MP3 must lie between 8k and 320k"),
        (("mp3", 512_000), "MP3 must lie between 8k and 320k"),
        (("opus", 600_000), "Opus must lie"),
        (("flac", 192_000), "FLAC takes no bit rate: nothing of the sound is thrown away"),
        (("wav", 192_000), "WAV takes no bit rate"),
        (("ogg", 192_000), "Vorbis takes no bit rate: it is written by quality"),
        (("ogg", None, None, 11), "quality of Vorbis goes from -1"),
        (("ogg", None, None, float("nan")), "quality of Vorbis"),
        (("mp3", None, None, 2), "MP3 takes no quality"),
        (("flac", None, None, 5), "FLAC takes no quality"),
        (("mp3", None, 44_000), "44000 is not a sample rate of MP3"),
        (("m4a", None, 96_000), "96000 is not a sample rate of AAC"),
        (("opus", None, 12_345), "12345 is not a sample rate of Opus"),
        (("wav", None, 200_000), "200000 is not a sample rate of WAV"),
        (("flac", None, 0), "0 is not a sample rate of FLAC"),
    ],
)
def test_what_a_format_cannot_do_is_refused_by_name(wrong: tuple[object, ...], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        AudioFormat(*wrong)  # type: ignore[arg-type]  # the cases are of many types


@pytest.mark.parametrize(
    ("container", "wanted", "source", "rate"),
    [
        ("opus", 44_100, 44_100, 48_000),
        ("opus", None, 8_000, 48_000),
        ("mp3", None, 44_100, 44_100),
        ("mp3", None, 96_000, 48_000),
        ("mp3", None, 7_350, 8_000),
        ("mp3", None, 37_800, 44_100),
        ("m4a", None, 88_200, 44_100),
        ("m4a", 22_050, 44_100, 22_050),
        ("flac", None, 96_000, 96_000),
        ("flac", None, 352_800, 176_400),
        ("wav", None, 384_000, 192_000),
        ("wav", None, 4_000, 8_000),
        ("wav", 11_127, 44_100, 11_127),
    ],
)
def test_sample_rates(container: str, wanted: int | None, source: int, rate: int) -> None:
    assert AudioFormat(container, None, wanted).format.sample_rate(wanted, source) == rate


@given(st.sampled_from(list(FORMATS)), st.integers(1, 2**31))
def test_every_rate_is_one_that_the_encoder_takes(container: str, source: int) -> None:
    rate = FORMATS[container].sample_rate(None, source)
    if FORMATS[container].rates is None:
        assert LOWEST_RATE <= rate <= HIGHEST_RATE
    else:
        assert rate in SAMPLE_RATES


def test_the_defaults_are_within_what_can_be_asked_for() -> None:
    for container, fmt in FORMATS.items():
        if fmt.bitrates:
            for channels, bits in enumerate(fmt.default, 1):
                assert AudioFormat(container, bits).bitrate == bits <= fmt.highest_bitrate(48_000, channels)
