"""Recipes as settings declare them, read as a server reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from renditor import config
from renditor.config import Settings
from renditor.errors import BadRequest
from renditor.video.plan import OUTPUTS


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(toml: str) -> Settings:
    Path("renditor.toml").write_text(toml)
    return config.load()


def test_without_settings_there_is_one_recipe_for_each_type() -> None:
    recipes = load("").recipes
    assert set(recipes.video) == {"video"}
    assert set(recipes.audio) == {"audio"}
    video, audio = recipes.video["video"], recipes.audio["audio"]
    assert (video.tier, video.ladder, video.outputs, video.first_playable) == (None, "default", OUTPUTS, True)
    assert (audio.formats, audio.bitrate, audio.opus_bitrate) == (("mp3", "m4a", "opus"), 192_000, 96_000)
    assert (audio.loudness, audio.waveform, audio.hls) == (None, True, True)


def test_recipes_and_ladders_of_ones_own() -> None:
    settings = load("""
[[video.ladders.phone]]
short_side = 360
crf = 26
maxrate = 600_000
[[video.ladders.phone]]
short_side = 540
crf = 24
maxrate = 1_200_000

[recipes.video.clip]
tier = "instant"
ladder = "phone"
outputs = ["hls", "poster"]
first_playable = false

[recipes]
opus_bitrate = 64_000

[recipes.audio.podcast]
formats = ["mp3", "opus"]
bitrate = 96_000
loudness = -16
""")
    clip, podcast = settings.recipes.video["clip"], settings.recipes.audio["podcast"]
    assert (clip.tier, clip.outputs, clip.first_playable) == ("instant", ("hls", "poster"), False)
    assert [step.short_side for step in settings.video.ladders[clip.ladder]] == [540, 360]
    assert (podcast.formats, podcast.loudness) == (("mp3", "opus"), -16.0)
    assert (podcast.bitrate, podcast.opus_bitrate) == (96_000, 64_000)
    assert set(settings.recipes.video) == {"video", "clip"}
    assert set(settings.video.ladders) == {"default", "phone"}


def test_the_default_recipes_can_be_replaced() -> None:
    recipes = load('[recipes.video.video]\noutputs = ["mp4"]\n[recipes.audio.audio]\nwaveform = false\n').recipes
    assert recipes.video["video"].outputs == ("mp4",)
    assert not recipes.audio["audio"].waveform


def test_recipes_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDITOR_RECIPES__VIDEO", '{"clip": {"outputs": ["poster"]}}')
    monkeypatch.setenv("RENDITOR_RECIPES__AUDIO__SONG__LOUDNESS", "-14")
    recipes = load("").recipes
    assert recipes.video["clip"].outputs == ("poster",)
    assert recipes.audio["song"].loudness == -14


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (
            'recipes.video.clip.ladder = "tall"',
            "'recipes.video.clip.ladder' names a ladder that does not exist: 'tall'",
        ),
        ('recipes.video.clip.tier = "slow"', "'recipes.video.clip.tier' is wrong"),
        ('recipes.video.clip.outputs = ["gif"]', "'recipes.video.clip.outputs.0' is wrong"),
        ("recipes.video.clip.outputs = []", "'recipes.video.clip.outputs' is wrong"),
        ('recipes.video.clip.outputs = ["hls", "hls"]', "an output is named twice"),
        ("recipes.video.clip.crf = 20", "There is no setting 'recipes.video.clip.crf'"),
        ("recipes.video.Clip.first_playable = true", "'Clip' cannot be the name of a recipe"),
        ("recipes.video.analysis.first_playable = true", "'analysis' cannot be the name of a recipe"),
        ("recipes.video.audio.first_playable = true", "'audio' names a recipe for video and one for audio"),
        ("recipes.audio.song.loudness = 3", "'recipes.audio.song.loudness' is wrong"),
        ('recipes.audio.song.formats = ["mp3", "mp3"]', "a format is named twice"),
        ("recipes.audio.song = { formats = [], waveform = false, hls = false }", "nothing would be made"),
    ],
)
def test_what_is_wrong_is_named(toml: str, said: str) -> None:
    with pytest.raises(BadRequest) as error:
        load(toml)
    assert said in error.value.detail
    assert error.value.error_code == "bad-settings"


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[ffmpeg]\nmemory = 1", "'ffmpeg.memory' is wrong: .* greater than or equal to 536870912"),
        ("[ffmpeg]\ntimeout_factor = inf", "'ffmpeg.timeout_factor' is wrong: .* finite"),
        ("[ffmpeg]\ncpu_factor = nan", "'ffmpeg.cpu_factor' is wrong: .* finite"),
        ("[ffmpeg]\ncpu_floor = 1e300", "'ffmpeg.cpu_floor' is wrong: .* less than or equal to 31536000"),
        ("[ffmpeg]\nframe_factor = -0.0", "'ffmpeg.frame_factor' is wrong: .* greater than or equal to 1"),
        ("[ffmpeg]\ntimeout_floor = 60\ntimeout_ceiling = 59", "timeout_floor is above timeout_ceiling"),
        ("[events]\nstream_seconds = inf", "'events.stream_seconds' is wrong: .* finite"),
        ("[jobs]\nkeep_days = inf", "'jobs.keep_days' is wrong: .* less than or equal to 36500"),
        ("[recipes.audio.x]\nloudness = nan", "'recipes.audio.x.loudness' is wrong: .* finite"),
    ],
)
def test_numbers_that_mean_no_limit_are_refused(toml: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        load(toml)
