"""Silence and loudness, measured after the fact with FFmpeg's own summary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from renditor.audio.ffmpeg import FFmpegAudio
from renditor.audio.treatment import Treatment
from renditor.errors import BadRequest
from renditor.testing import media
from tests.audio.making import loudness, make, samples, write_wav

RATE = 48_000


def noise(seconds: float, level: float, seed: int) -> NDArray[np.float64]:
    """Low-passed noise at ``level`` dBFS (RMS), the same on both channels."""
    made = np.convolve(np.random.default_rng(seed).standard_normal(round(seconds * RATE)), np.ones(8) / 8, "same")
    scaled = made / np.sqrt(np.mean(made**2)) * 10 ** (level / 20)
    return np.stack([scaled, scaled], 1)


@pytest.fixture(scope="module")
def peaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quiet and loud parts far apart, with clicks near full scale: any gain meets the ceiling at once."""
    parts = [noise(1.5, level, seed) for seed, level in enumerate((-48, -40, -30, -26, -46, -28))]
    sound = np.concatenate(parts)
    random = np.random.default_rng(7)
    for place in random.integers(0, len(sound) - 600, 12):
        moments = np.arange(600)
        click = 0.9 * np.exp(-moments / 50) * np.sin(moments * random.uniform(0.2, 1.5))
        sound[place : place + 600] += click[:, None]
    return write_wav(tmp_path_factory.mktemp("peaky") / "peaky.wav", sound)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing that meets the ceiling."""
    return write_wav(tmp_path_factory.mktemp("speech") / "speech.wav", noise(4, -32, 1))


@pytest.mark.parametrize("target", [-23.0, -16.0])
async def test_the_loudness_that_was_asked_for(
    provider: FFmpegAudio, peaky: Path, speech: Path, tmp_path: Path, target: float
) -> None:
    for number, source in enumerate((peaky, speech)):
        folder = tmp_path / str(number)
        folder.mkdir()
        made = await make(provider, source, folder, treatment=Treatment(loudness=target))
        for container, output in made.items():
            integrated, peak = loudness(output.path)
            assert integrated == pytest.approx(target, abs=0.3), container
            # Codecs round: what they decode to may pass a ceiling that what they were given did not.
            assert peak <= (-0.9 if container in ("wav", "flac") else 1.0), container
            told = output.metadata["loudness"]
            assert told["after"]["integrated"] == pytest.approx(integrated, abs=0.06)
            assert told["limited"] == (source == peaky)
            assert output.metadata["notes"] == []


async def test_without_peaks_it_is_nothing_but_a_gain(provider: FFmpegAudio, speech: Path, folder: Path) -> None:
    made = (await make(provider, speech, folder, ["wav"], Treatment(loudness=-20)))["wav"]
    gain = 10 ** (made.metadata["loudness"]["gain"] / 20)
    assert abs(samples(made.path) - samples(speech) * gain).max() < 2e-4


async def test_peaks_between_samples_are_seen_in_the_result(
    provider: FFmpegAudio, tmp_path: Path, folder: Path
) -> None:
    """Short tones at a quarter of the sample rate, whose samples all miss its peak by 3 dB."""
    moments = np.arange(RATE * 3)
    tone = 0.5 * np.sin(np.pi / 2 * moments + np.pi / 4) * (moments % (RATE * 2 // 5) < RATE // 20)
    source = write_wav(tmp_path / "in.wav", np.stack([tone, tone], 1))
    # The samples have room for this gain below the ceiling, what lies between them has not.
    target = round(loudness(source)[0] + 6.3, 1)
    made = (await make(provider, source, folder, ["flac"], Treatment(loudness=target)))["flac"]
    assert made.metadata["loudness"]["limited"]
    assert loudness(made.path)[1] <= -0.9


async def test_a_limit_to_what_can_be_done_is_told(provider: FFmpegAudio, peaky: Path, folder: Path) -> None:
    made = (await make(provider, peaky, folder, ["wav"], Treatment(loudness=-5)))["wav"]
    integrated, peak = loudness(made.path)
    assert integrated < -5.3
    assert peak <= -0.9
    (note,) = made.metadata["notes"]
    assert note.endswith("instead of -5 LUFS: with its peaks held at -1 dBTP, more gain makes it hardly louder.")


@pytest.mark.parametrize(
    ("sound", "said"),
    [
        (np.zeros((RATE, 2)), "silent"),
        (noise(0.3, -20, 1), "shorter than 0.4 s"),
        (noise(1, -58, 1), "only its noise"),
    ],
)
async def test_what_is_left_alone(
    provider: FFmpegAudio, tmp_path: Path, folder: Path, sound: NDArray[np.float64], said: str
) -> None:
    source = write_wav(tmp_path / "in.wav", sound)
    made = (await make(provider, source, folder, ["wav"], Treatment(loudness=-16)))["wav"]
    assert said in made.metadata["notes"][0]
    assert (samples(made.path) == samples(source)).all()


async def test_surround_and_its_mix_have_the_same_loudness(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    source = tmp_path / "in.wav"
    given = ";".join(f"anoisesrc=d=3:c=pink:a=0.1:seed={number}[n{number}]" for number in range(6))
    joined = "".join(f"[n{number}]" for number in range(6))
    media.ffmpeg("-filter_complex", f"{given};{joined}join=inputs=6:channel_layout=5.1", source)
    made = await make(provider, source, folder, ["flac", "m4a"], Treatment(loudness=-18))
    assert [made[name].metadata["channels"] for name in ("flac", "m4a")] == [6, 2]
    for output in made.values():
        assert loudness(output.path)[0] == pytest.approx(-18, abs=0.3)


async def test_silence_is_cut_off_at_both_ends_and_nowhere_else(
    provider: FFmpegAudio, tmp_path: Path, folder: Path
) -> None:
    parts = [np.zeros((RATE, 2)), noise(1, -30, 1), np.zeros((RATE // 2, 2)), noise(1, -30, 2), np.zeros((RATE, 2))]
    source = write_wav(tmp_path / "in.wav", np.concatenate(parts))
    made = (await make(provider, source, folder, ["wav"], Treatment(trim_silence=True)))["wav"]
    assert abs(len(samples(made.path)) - 2.5 * RATE) < 50
    assert (abs(samples(made.path)[[0, -1]]) > 0.0005).all()


async def test_loudness_is_that_of_what_is_left(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    """Blocks that lie half in silence count, as long as it is there."""
    silence = np.zeros((RATE * 2, 2))
    source = write_wav(tmp_path / "in.wav", np.concatenate([silence, noise(1, -30, 3), silence]))
    treatment = Treatment(trim_silence=True, loudness=-18, fade_out=0.01)
    made = (await make(provider, source, folder, ["wav"], treatment))["wav"]
    assert made.duration == pytest.approx(1.0, abs=0.01)
    assert loudness(made.path)[0] == pytest.approx(-18, abs=0.3)


async def test_nothing_but_silence_is_not_cut_off(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    source = write_wav(tmp_path / "in.wav", np.zeros((RATE, 2)))
    made = (await make(provider, source, folder, ["wav"], Treatment(trim_silence=True)))["wav"]
    assert made.duration == 1.0
    assert "silent from beginning to end" in made.metadata["notes"][0]


async def test_a_start_after_the_end_of_sound_whose_length_nobody_says(
    provider: FFmpegAudio, tmp_path: Path, folder: Path
) -> None:
    video = media.video(tmp_path / "in.mkv", "64x36", 2)
    with pytest.raises(BadRequest, match="ends before the start"):
        await make(provider, video, folder, ["mp3"], Treatment(start=60, fade_out=1))
