"""Which streams of sound and captions become tracks, and their names."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from renditor.ffmpeg.probe import AudioStream, SubtitleStream
from renditor.video.tracks import AudioTrack, TextTrack, audio_tracks, text_tracks
from tests.video.probes import audio, probe


def sound(*streams: AudioStream) -> tuple[tuple[AudioTrack, ...], list[str]]:
    notes: list[str] = []
    return audio_tracks(probe(None, *streams), notes), notes


def text(*streams: SubtitleStream) -> tuple[tuple[TextTrack, ...], list[str]]:
    notes: list[str] = []
    return text_tracks(probe(None, subtitles=streams), notes), notes


def subtitle(index: int, codec: str = "subrip", **changes: Any) -> SubtitleStream:
    return SubtitleStream(index, codec, **changes)


def named(tracks: tuple[AudioTrack, ...] | tuple[TextTrack, ...]) -> list[tuple[str, int, str | None, str]]:
    return [(track.name, track.stream, track.language, track.label) for track in tracks]


def test_every_language_is_kept_and_the_default_leads() -> None:
    tracks, notes = sound(
        audio(index=1, language="eng"), audio(index=2, language="ger", default=True), audio(index=3, language="fra")
    )
    assert named(tracks) == [
        ("audio", 2, "de", "German"),
        ("audio-en", 1, "en", "English"),
        ("audio-fr", 3, "fr", "French"),
    ]
    assert [track.default for track in tracks] == [True, False, False]
    assert notes == []


def test_the_same_twice_is_kept_once() -> None:
    tracks, notes = sound(audio(index=1, language="eng"), audio(index=4, language="en", channels=6))
    assert named(tracks) == [("audio", 1, "en", "English")]
    assert notes == ["audio stream 4 left out: the same as stream 1"]


def test_a_commentary_is_kept_but_never_leads() -> None:
    tracks, _ = sound(
        audio(index=1, language="eng", commentary=True, default=True),
        audio(index=2, language="eng"),
        audio(index=3, language="eng", commentary=True, title="Director's commentary"),
    )
    assert named(tracks) == [
        ("audio", 2, "en", "English"),
        ("audio-en", 1, "en", "English (commentary)"),
        ("audio-en-2", 3, "en", "Director's commentary"),
    ]
    assert [track.default for track in tracks] == [True, False, False]


def test_a_commentary_alone_is_the_sound() -> None:
    tracks, _ = sound(audio(index=1, commentary=True))
    assert [(track.name, track.default) for track in tracks] == [("audio", True)]


def test_tracks_without_language_are_told_apart_by_their_titles() -> None:
    tracks, notes = sound(
        audio(index=1, title="Desktop"), audio(index=2, title="Microphone"), audio(index=3), audio(index=4)
    )
    assert named(tracks) == [
        ("audio", 1, None, "Desktop"),
        ("audio-2", 2, None, "Microphone"),
        ("audio-3", 3, None, "Main"),
    ]
    assert notes == ["audio stream 4 left out: the same as stream 3"]


def test_there_is_a_limit() -> None:
    tracks, notes = sound(*(audio(index=number, title=f"Take {number}") for number in range(1, 12)))
    assert len(tracks) == 8
    assert notes[0] == "audio stream 9 left out: more than 8 tracks"
    assert len(notes) == 3
    captions, notes = text(*(subtitle(number) for number in range(40)))
    assert len(captions) == 32
    assert len(notes) == 8


def test_more_channels_than_two_are_mixed_down() -> None:
    (track,), notes = sound(audio(index=1, channels=6))
    assert (track.channels, track.mixed_down) == (2, True)
    assert notes == ["audio stream 1: 6 channels mixed down to stereo"]
    assert not sound(audio(index=1, channels=1))[0][0].mixed_down


def test_captions_that_are_text_become_tracks() -> None:
    tracks, notes = text(
        subtitle(2, "mov_text", language="eng", default=True),
        subtitle(3, "hdmv_pgs_subtitle", language="eng"),
        subtitle(4, "ass", language="eng", forced=True, default=True),
        subtitle(5, "webvtt", language="eng", hearing_impaired=True),
        subtitle(6, "eia_608"),
        subtitle(7, title="Signs & songs"),
        subtitle(8),
    )
    assert named(tracks) == [
        ("text-en", 2, "en", "English"),
        ("text-en-2", 4, "en", "English (forced)"),
        ("text-en-3", 5, "en", "English (SDH)"),
        ("text", 7, None, "Signs & songs"),
        ("text-2", 8, None, "Captions"),
    ]
    assert [track.default for track in tracks] == [True, False, False, False, False]
    assert [track.forced for track in tracks] == [False, True, False, False, False]
    assert notes == [
        "subtitle stream 3 (hdmv_pgs_subtitle) left out: pictures, not text",
        "subtitle stream 6 (eia_608) left out: not a codec of captions that is read",
    ]


def test_titles_are_labels_without_syntax() -> None:
    tracks, _ = sound(audio(index=1, title='A",URI="http://x",B\n#EXT \u202e<b>é 日本</b>' + "x" * 90))
    assert tracks[0].label.startswith("A URI http://x B EXT b é 日本 /b x")
    assert len(tracks[0].label) == 60


LANGUAGES = st.none() | st.sampled_from(["eng", "en", "de", "ger", "und", "zh-Hant", "x-y"]) | st.text(max_size=8)
TITLES = st.none() | st.sampled_from(["Main", "English", "English 2"]) | st.text(max_size=80)
AUDIO = st.builds(audio, language=LANGUAGES, title=TITLES, default=st.booleans(), commentary=st.booleans())
SUBTITLES = st.builds(
    SubtitleStream,
    index=st.integers(0, 99),
    codec=st.sampled_from(["subrip", "ass", "hdmv_pgs_subtitle"]) | st.text(max_size=9),
    language=LANGUAGES,
    title=TITLES,
    default=st.booleans(),
    forced=st.booleans(),
    hearing_impaired=st.booleans(),
)


@given(st.lists(AUDIO, max_size=12), st.lists(SUBTITLES, max_size=40))
def test_names_and_labels_are_unique_and_harmless(sounds: list[AudioStream], captions: list[SubtitleStream]) -> None:
    heard, _ = sound(*sounds)
    assert [track.default for track in heard] == [number == 0 for number in range(len(heard))]
    assert bool(heard) == bool(sounds)
    shown, _ = text(*captions)
    assert sum(track.default for track in shown) <= 1
    for tracks in (heard, shown):
        assert len({track.name for track in tracks}) == len({track.label for track in tracks}) == len(tracks)
        for track in tracks:
            assert re.fullmatch(r"(audio|text)(-[a-z0-9-]+)?", track.name)
            assert track.label
            assert not set('",=<>;{}[]$%\\\n\r\t') & set(track.label)
