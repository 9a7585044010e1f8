from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.audio.formats import FORMATS, AudioFormat
from renditor.audio.plan import AudioPlan, plan_audio
from renditor.audio.treatment import Treatment
from renditor.errors import BadRequest, CorruptMedia, NoSuchStream, UnsupportedMedia
from renditor.ffmpeg.probe import MediaProbe
from tests.audio.probes import song, sound

ALL = [AudioFormat(container) for container in FORMATS]

streams = st.builds(
    sound,
    codec=st.sampled_from(["mp3", "aac", "opus", "vorbis", "flac", "pcm_s16le", "pcm_f32le", "truehd", "amr_nb"]),
    channels=st.integers(1, 8),
    sample_rate=st.integers(1, 800_000),
    bit_depth=st.sampled_from([None, 8, 16, 20, 24, 32]),
    duration=st.none() | st.floats(0.01, 20_000),
)
probes = st.builds(
    song,
    streams,
    format=st.sampled_from(["wav", "flac", "mp4", "ogg", "matroska"]),
    duration=st.none() | st.floats(0.01, 20_000),
    bytes=st.just(10**9),
    cover=st.none() | st.integers(0, 5),
)
treatments = st.builds(
    Treatment,
    end=st.none() | st.floats(0.1, 1000),
    trim_silence=st.booleans(),
    loudness=st.none() | st.floats(-40, -5),
    fade_out=st.floats(0, 100),
)
formats = st.lists(st.sampled_from(ALL), min_size=1, max_size=8)


@given(probes, formats, treatments)
def test_a_plan_is_json_and_every_file_can_be_written(
    probe: MediaProbe, wanted: list[AudioFormat], treatment: Treatment
) -> None:
    plan = plan_audio(probe, wanted, treatment)
    again = AudioPlan.from_json(json.loads(json.dumps(plan.to_json())))
    assert again == plan
    assert again.digest == plan.digest
    assert len({file.name for file in plan.files}) == len(wanted)
    for file in plan.files:
        fmt = file.format
        assert fmt.rates is None or file.sample_rate in fmt.rates
        assert file.channels == plan.channels or file.channels == 2 < plan.channels
        assert (file.bitrate is None) == (fmt.bitrates is None)
        assert file.bitrate is None or 0 < file.bitrate <= fmt.highest_bitrate(file.sample_rate, file.channels)
        assert (file.bit_depth in (16, 24)) == fmt.lossless
        assert not (file.copied and treatment.changes)


def test_names_do_not_collide() -> None:
    wanted = [AudioFormat("mp3"), AudioFormat("m4a"), AudioFormat("mp3", 64_000), AudioFormat("mp3")]
    names = [file.name for file in plan_audio(song(), wanted).files]
    assert names == ["audio.mp3", "audio.m4a", "audio-2.mp3", "audio-3.mp3"]


def test_mono_stays_mono_and_takes_fewer_bits() -> None:
    for channels, bits in ((1, [96_000, 96_000, 64_000]), (2, [192_000, 160_000, 128_000])):
        plan = plan_audio(song(sound(channels=channels)), ALL[:3])
        assert [file.bitrate for file in plan.files] == bits
        assert {file.channels for file in plan.files} == {channels}


def test_surround_stays_where_nothing_is_lost() -> None:
    plan = plan_audio(song(sound(channels=6, layout="5.1")), ALL)
    assert {file.container: file.channels for file in plan.files} == {
        "mp3": 2, "m4a": 2, "opus": 2, "ogg": 2, "flac": 6, "wav": 6,
    }  # fmt: skip
    assert plan.notes == ("6 channels are mixed down to stereo in MP3, AAC, Opus, Vorbis.",)


@pytest.mark.parametrize(("depth", "kept"), [(None, 16), (8, 16), (16, 16), (20, 24), (24, 24), (32, 24)])
def test_bit_depths(depth: int | None, kept: int) -> None:
    flac, wav = plan_audio(song(sound(bit_depth=depth)), [AudioFormat("flac"), AudioFormat("wav")]).files
    assert (flac.bit_depth, wav.bit_depth, wav.codec) == (kept, kept, f"pcm_s{kept}le")


@pytest.mark.parametrize(("rate", "most"), [(8_000, 64_000), (22_050, 160_000), (44_100, 320_000)])
def test_low_rates_take_fewer_bits_and_it_is_said(rate: int, most: int) -> None:
    plan = plan_audio(song(sound(sample_rate=rate)), [AudioFormat("mp3", 320_000)])
    assert plan.files[0].bitrate == most
    assert bool(plan.notes) == (most < 320_000)


def test_opus_at_another_rate_is_said() -> None:
    plan = plan_audio(song(), [AudioFormat("opus", None, 44_100)])
    assert (plan.files[0].sample_rate, plan.notes) == (48_000, ("Opus always has 48000 Hz.",))


@pytest.mark.parametrize(
    ("codec", "container"), [("mp3", "mp3"), ("aac", "m4a"), ("vorbis", "ogg"), ("flac", "flac"), ("pcm_s16le", "wav")]
)
def test_what_is_copied(codec: str, container: str) -> None:
    probe = song(sound(codec=codec))

    def copied(wanted: AudioFormat, treatment: Treatment | None = None, source: MediaProbe = probe) -> bool:
        return plan_audio(source, [wanted], treatment).files[0].copied

    assert copied(AudioFormat(container))
    assert copied(AudioFormat(container), Treatment(tag_loudness=True))
    assert not copied(AudioFormat(container), Treatment(end=1))
    assert not copied(AudioFormat(container, sample_rate=44_100))
    assert not copied(AudioFormat("mp3" if container != "mp3" else "m4a"))
    assert copied(AudioFormat(container), source=song(sound(codec=codec, channels=6))) == (container in ("flac", "wav"))


def test_four_gigabytes_of_wav() -> None:
    for seconds, rate, large in ((3600.0, 44_100, False), (20_000.0, 96_000, True), (None, 8_000, True)):
        source = song(sound(sample_rate=rate, bit_depth=24), duration=seconds, bytes=10**9)
        assert plan_audio(source, [AudioFormat("wav")]).files[0].large == large


def test_tracks() -> None:
    probe = song(
        sound(index=1, language="ger"), sound(index=2, language="eng", default=True), sound(index=4), video=None
    )

    def stream(track: str | None) -> int:
        return plan_audio(probe, ALL[:1], None, track).stream

    assert [stream(track) for track in (None, "1", "3", "de", "deu", "EN")] == [2, 1, 4, 1, 1, 2]
    for wrong in ("0", "4", "fr", "x" * 100, "", "-1", "²"):
        with pytest.raises(NoSuchStream, match="no such sound track") as caught:
            stream(wrong)
        assert caught.value.hint == "It has 1 (de), 2 (en), 3 (no language)."


def test_no_sound() -> None:
    with pytest.raises(NoSuchStream, match=r"^The file has no sound\.$"):
        plan_audio(song(audio=()), ALL)


@pytest.mark.parametrize(
    ("treatment", "length"),
    [({}, 10.0), ({"start": 4.0}, 6.0), ({"end": 4.0}, 4.0), ({"start": 2.0, "end": 99.0}, 8.0)],
)
def test_lengths(treatment: dict[str, float], length: float) -> None:
    assert plan_audio(song(), ALL, Treatment(**treatment)).length == length  # type: ignore[arg-type]


def test_a_start_after_the_end() -> None:
    with pytest.raises(BadRequest, match=r"lasts only 10\.0 seconds"):
        plan_audio(song(), ALL, Treatment(start=10))


def test_the_length_of_one_of_several_streams_is_not_that_of_the_file() -> None:
    both: tuple[Any, ...] = (sound(), sound(index=1, duration=3.0))
    assert plan_audio(song(*both), ALL).length is None
    assert plan_audio(song(*both), ALL, None, "2").length == 3.0
    assert not plan_audio(song(*both), ALL, None, "2").exact


def test_lengths_that_no_file_of_its_size_can_have() -> None:
    with pytest.raises(CorruptMedia, match="which its 26,000 bytes cannot hold"):
        plan_audio(song(duration=20_000.0, bytes=26_000), ALL)


def test_a_crowd_of_channels() -> None:
    with pytest.raises(UnsupportedMedia, match="12 channels"):
        plan_audio(song(sound(channels=12)), ALL)
    assert plan_audio(song(sound(channels=12, layout="7.1.4")), ALL).files[-1].channels == 2
