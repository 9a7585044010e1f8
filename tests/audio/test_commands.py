from __future__ import annotations

import re

import pytest

from renditor.audio.commands import FINE, FINEST, PLAIN, Decided, Mix, copy, encode, listen, measure
from renditor.audio.formats import FORMATS, AudioFormat
from renditor.audio.plan import AudioPlan, plan_audio
from renditor.audio.treatment import Treatment
from tests.audio.probes import song, sound

IN = ["-i", "in"]


def planned(*containers: str, treatment: Treatment | None = None, **stream: object) -> AudioPlan:
    return plan_audio(song(sound(**stream)), [AudioFormat(name) for name in containers or FORMATS], treatment)


def arguments(
    plan: AudioPlan, *mixes: Mix, start: float = 0.0, length: float | None = None, **given: object
) -> list[str]:
    plain = mixes or tuple(Mix(count) for count in {file.channels for file in plan.files})
    decided = Decided(start, length, {mix.channels: mix for mix in plain}, **given)  # type: ignore[arg-type]
    return encode(plan, plan.files, decided, IN, cover=False)


def graph(given: list[str]) -> str:
    return given[given.index("-filter_complex") + 1]


def test_one_decode_feeds_every_format() -> None:
    given = arguments(planned())
    assert given.count("-i") == 1
    assert "asplit=6" in graph(given)
    assert given.count("-map_metadata") == 6


def test_each_number_of_channels_has_its_chain() -> None:
    given = graph(arguments(planned(channels=6)))
    assert "asplit=2[m2][m6]" in given
    assert given.count("channel_layouts=stereo") == 1
    assert "[m6]aresample=async=1,asetpts=PTS-STARTPTS,asplit=2" in given


def test_untreated_sound_passes_no_filter_that_changes_it() -> None:
    given = graph(arguments(planned("flac")))
    assert re.findall(r"[a-z]+(?==)", given) == ["asplit", "aresample", "async", "asetpts", "asplit", "aresample"]


def test_cut_loudness_and_fades_come_in_this_order() -> None:
    plan = planned("wav", treatment=Treatment(start=1, fade_in=0.5, fade_out=2, loudness=-16))
    given = graph(arguments(plan, Mix(2, 7.5, FINE), start=1.25, length=4.0))
    order = [
        "atrim=start=1.250000:end=5.250000",
        "volume=7.500dB",
        "alimiter",
        "afade=t=in:d=0.5",
        "afade=t=out:st=2.0",
    ]
    places = [given.index(part) for part in order]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("times", "rate", "seen"),
    [(FINE, 44_100, 88_200), (FINE, 48_000, 96_000), (FINEST, 44_100, 176_400), (FINEST, 96_000, 192_000)],
)
def test_the_limiter_sees_what_lies_between_the_samples(times: int, rate: int, seen: int) -> None:
    given = graph(arguments(planned("wav", sample_rate=rate), Mix(2, 1.0, times)))
    assert f"aresample={seen},alimiter=limit=0.860994:level=disabled:latency=1,aresample={rate}" in given


@pytest.mark.parametrize(("times", "rate"), [(PLAIN, 44_100), (FINE, 96_000), (FINE, 192_000), (FINEST, 192_000)])
def test_a_limiter_at_the_rate_of_the_sound_needs_no_other_one(times: int, rate: int) -> None:
    given = graph(arguments(planned("wav", sample_rate=rate), Mix(2, 1.0, times)))
    assert "volume=1.000dB,alimiter=limit=0.860994:level=disabled:latency=1,asplit" in given


def test_a_fade_is_no_longer_than_the_sound() -> None:
    plan = planned("wav", treatment=Treatment(fade_in=60, fade_out=60))
    assert "afade=t=in:d=10.000000" in graph(arguments(plan))
    assert "afade=t=in:d=3.000000,afade=t=out:st=0.000000:d=3.000000" in graph(arguments(plan, length=3.0))


def test_what_an_encoder_takes_off_is_given_back_where_the_loudness_matters() -> None:
    plan = planned("mp3", "m4a")
    assert "volume" not in graph(arguments(plan))
    given = graph(arguments(plan, Mix(2, -3.0), corrections={"audio.m4a": (0.3, 0.2)}))
    assert "aresample=44100,volume=0.260dB[a0]" in given
    assert "aresample=44100,volume=0.500dB[a1]" in given


def test_how_each_format_is_written() -> None:
    given = " ".join(arguments(planned(bit_depth=24)))
    for part in (
        "-c:a libmp3lame -b:a 192000",
        "-c:a aac -b:a 160000",
        "-c:a libopus -b:a 128000",
        "-c:a libvorbis -q:a 5",
        "-c:a flac -sample_fmt s32 -bits_per_raw_sample 24",
        "-c:a pcm_s24le",
    ):
        assert part in given
    assert "-rf64" not in given


def test_a_cover_goes_only_where_it_can() -> None:
    plan = plan_audio(song(cover=1), [AudioFormat(name) for name in FORMATS])
    given = encode(plan, plan.files, Decided(0.0, None, {2: Mix(2)}), IN, cover=True)
    outputs = {file.container: given[: given.index(file.name)][-30:] for file in plan.files}
    with_picture = {name for name, part in outputs.items() if "attached_pic" in part[part.index("-c:a") :]}
    with_block = {name for name, part in outputs.items() if "2" in part[part.index("-c:a") :]}
    assert (with_picture, with_block) == ({"mp3", "m4a", "flac"}, {"opus", "ogg"})


def test_tags_are_arguments_and_not_a_language() -> None:
    plan = plan_audio(song(tags={"title": "a;b -y 'c'"}), [AudioFormat("mp3")])
    given = arguments(plan)
    assert given[given.index("-metadata") + 1] == "title=a;b -y 'c'"
    assert "a;b" not in graph(given)


def test_a_copy_decodes_nothing() -> None:
    plan = planned("flac")
    given = copy(plan, plan.files[0], Decided(0.0, None, {2: Mix(2)}), IN, cover=False)
    assert given[given.index("-c:a") + 1] == "copy"
    assert "-filter_complex" not in given


def test_only_what_is_asked_for_is_measured() -> None:
    first = Decided(0.0, None, {})
    for treatment, parts in (
        (Treatment(fade_out=1), set()),
        (Treatment(trim_silence=True), {"silencedetect"}),
        (Treatment(loudness=-16), {"ebur128"}),
        (Treatment(trim_silence=True, tag_loudness=True), {"silencedetect", "ebur128"}),
    ):
        given = graph(measure(planned("wav", treatment=treatment), Mix(2), first, IN))
        assert {part for part in ("silencedetect", "ebur128") if part in given} == parts
    assert "ebur128" not in " ".join(listen(IN, loudness=False))
    assert "peak=true" in " ".join(listen(IN, loudness=True))
