"""Captions of real files: every codec of text, several languages, other beginnings, damage and bombs."""

from pathlib import Path

import pytest

from renditor.ffmpeg.run import Toolbox
from renditor.testing import media
from renditor.video.subtitles.cues import Cue, Track
from renditor.video.subtitles.extraction import extract
from renditor.video.tracks import TextTrack, text_tracks
from tests.video.subtitles.texts import SRT

_ASS = """[Script Info]
ScriptType: v4.00+
[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,20,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,2,2,10,10,10,1
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.50,Default,Bob,0,0,0,,{\\pos(10,10)}Hallo {\\i1}du{\\i0}\\N<script>alert(1)</script>zwei
Dialogue: 0,0:00:02.00,0:00:03.00,Default,,0,0,0,,und
"""
_WEBVTT = "WEBVTT\n\n00:01.000 --> 00:02.500\n<v Bob>Bonjour\n\n00:03.000 --> 00:04.000\na & b --> c\n"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.video(tmp_path_factory.mktemp("clip") / "clip.mp4", seconds=5)


def _with(clip: Path, target: Path, texts: dict[str, str], *options: str) -> Path:
    """The clip with these texts (by file name) as streams of captions, in their order."""
    inputs: list[str | Path] = []
    maps: list[str] = []
    for number, (name, text) in enumerate(texts.items(), 1):
        file = target.with_name(name)
        file.write_text(text)
        inputs += ["-i", file]
        maps += ["-map", str(number)]
    media.ffmpeg("-i", clip, *inputs, "-map", "0", *maps, "-c", "copy", *options, target)
    return target


async def _extract(source: Path, folder: Path, toolbox: Toolbox) -> tuple[dict[str, Track], list[str]]:
    (folder / "work").mkdir()
    tracks = text_tracks(await toolbox.probe(source), [])
    found, notes = await extract(tracks, source, folder, toolbox, 5.0)
    return {track.name: captions for track, captions in found}, notes


async def test_every_language_and_codec_of_a_film(clip: Path, folder: Path, tmp_path: Path, toolbox: Toolbox) -> None:
    source = _with(
        clip,
        tmp_path / "film.mkv",
        {"en.srt": SRT, "de.ass": _ASS, "fr.vtt": _WEBVTT},
        *("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger", "-metadata:s:s:2", "language=fre"),
    )
    found, notes = await _extract(source, folder, toolbox)
    assert notes == []
    assert found == {
        "text-en": Track((Cue(1000, 2500, "- Hello <i>you</i>"), Cue(3000, 4000, "on top"))),
        "text-de": Track((Cue(1000, 2500, "Hallo <i>du</i>\nzwei"), Cue(2000, 3000, "und"))),
        "text-fr": Track((Cue(1000, 2500, "Bonjour"), Cue(3000, 4000, "a &amp; b --&gt; c"))),
    }


async def test_mp4(clip: Path, folder: Path, tmp_path: Path, toolbox: Toolbox) -> None:
    source = _with(clip, tmp_path / "film.mp4", {"en.srt": SRT}, "-c:s", "mov_text", "-metadata:s:s:0", "language=eng")
    found, notes = await _extract(source, folder, toolbox)
    assert notes == []
    assert [(cue.start, cue.end, cue.text) for cue in found["text-en"].cues] == [
        (1000, 2500, "- Hello <i>you</i>"),
        (3000, 4000, "on top"),
    ]


async def test_times_count_from_the_beginning_of_the_pictures(
    clip: Path, folder: Path, tmp_path: Path, toolbox: Toolbox
) -> None:
    whole = _with(clip, tmp_path / "whole.mkv", {"en.srt": SRT}, "-output_ts_offset", "10")
    found, _ = await _extract(whole, folder, toolbox)
    assert [cue.start for cue in found["text"].cues] == [1000, 3000]


async def test_an_empty_track_is_left_out_with_a_note(
    clip: Path, folder: Path, tmp_path: Path, toolbox: Toolbox
) -> None:
    nothing = "1\n00:00:01,000 --> 00:00:02,000\n<b></b>\n"
    source = _with(clip, tmp_path / "film.mkv", {"en.srt": SRT, "de.srt": nothing})
    found, notes = await _extract(source, folder, toolbox)
    assert list(found) == ["text"]
    assert notes == ["subtitle stream 3 left out: it says nothing"]


async def test_a_stream_of_captions_that_is_a_bomb_takes_no_other_with_it(
    clip: Path, folder: Path, tmp_path: Path, toolbox: Toolbox
) -> None:
    line = "x" * 1000 + "\n"
    bomb = "".join(f"{n}\n00:00:01,{n % 1000:03} --> 00:00:02,000\n{line * 8}\n" for n in range(1, 400))
    wall = f"1\n00:00:01,000 --> 00:00:02,000\n{line * 50}\n"
    source = _with(clip, tmp_path / "film.mkv", {"a.srt": bomb, "b.srt": SRT, "c.srt": wall})
    found, notes = await _extract(source, folder, toolbox)
    assert list(found) == ["text-2"]
    assert len(found["text-2"].cues) == 2
    assert [note.split(":")[0] for note in notes] == ["subtitle stream 2 left out", "subtitle stream 4 left out"]
    assert "budget of output size" in notes[0]
    assert "a cue may have" in notes[1]


async def test_a_stream_that_is_not_there_takes_no_other_with_it(
    clip: Path, folder: Path, tmp_path: Path, toolbox: Toolbox
) -> None:
    source = _with(clip, tmp_path / "film.mkv", {"en.srt": SRT})
    (folder / "work").mkdir()
    tracks = [TextTrack("text-en", 2, "en"), TextTrack("text-fr", 77, "fr")]
    found, notes = await extract(tracks, source, folder, toolbox, 5.0)
    assert [track.name for track, _ in found] == ["text-en"]
    assert notes == ["subtitle stream 77 left out: The file has no such stream."]


async def test_no_tracks_no_run(folder: Path, toolbox: Toolbox) -> None:
    assert await extract([], Path("/does/not/exist"), folder, toolbox, 5.0) == ([], [])


async def test_a_real_sample(shared_media: Path, folder: Path, toolbox: Toolbox) -> None:
    found, notes = await _extract(shared_media / "exo_sample_with_srt.mkv", folder, toolbox)
    assert notes == []
    assert found == {"text-en": Track((Cue(0, 1234, "This is the first subtitle."),))}
