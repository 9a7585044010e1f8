"""What is carried out, to the sample: nothing added at the ends, nothing lost, copies that are the same sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from renditor.audio.ffmpeg import FFmpegAudio
from renditor.audio.formats import FORMATS, AudioFormat
from renditor.audio.treatment import Treatment
from renditor.ffmpeg.binaries import Binaries
from renditor.testing import media
from tests.audio.making import describe, make, samples, write_wav

LENGTH = 100_003  # samples; a multiple of no frame size


@pytest.fixture
def track(tmp_path: Path) -> Path:
    """One track of an album without pauses: it begins and ends in the middle of a tone."""
    moments = np.arange(LENGTH) / 44_100
    tone = 0.4 * np.sin(2 * np.pi * 330 * moments + 1)
    return write_wav(tmp_path / "track.wav", np.stack([tone, tone], 1), 44_100)


@pytest.mark.parametrize("source", ["wav", "mp3", "m4a", "opus", "ogg", "flac"])
async def test_gapless(provider: FFmpegAudio, track: Path, tmp_path: Path, folder: Path, source: str) -> None:
    """Encoders put silence before the sound and fill up their last frame; both is signalled, and nothing is left."""
    given = track
    if source != "wav":
        given = tmp_path / f"in.{source}"
        media.ffmpeg("-i", track, "-ar", "48000" if source == "opus" else "44100", given)
    whole = samples(given)
    made = await make(provider, given, folder)
    for container, output in made.items():
        got = samples(output.path, "-ar", "44100")
        # Opus is at 48 kHz: on the way there and back a sample may come or go.
        assert abs(len(got) - LENGTH) <= ("opus" in (container, source)) * 2
        assert output.metadata["copied"] == (container == source)
        if source != "opus":
            quiet = min(abs(got[:100]).max(), abs(got[-100:]).max())
            assert quiet > 0.25, f"there is a pause at an end of the {container}"
            assert np.corrcoef(got[: LENGTH - 2, 0], whole[: LENGTH - 2, 0])[0, 1] > 0.99


async def test_the_signs_of_gapless_playing_are_there(provider: FFmpegAudio, track: Path, folder: Path) -> None:
    made = {name: output.path.read_bytes() for name, output in (await make(provider, track, folder)).items()}
    # LAME's tag: 1105 samples of delay less the decoder's own 529, and what fills up the last frame, in 12 bits each.
    place = made["mp3"].index(b"Info") + 141
    delay, padding = divmod(int.from_bytes(made["mp3"][place : place + 3], "big"), 1 << 12)
    assert delay == 576
    assert (delay + LENGTH + padding) % 1152 == 0
    # The edit list begins after the priming of AAC, 1024 samples.
    edit = made["m4a"].index(b"elst")
    assert int.from_bytes(made["m4a"][edit + 16 : edit + 20], "big") == 1024
    # Pre-skip of Opus (RFC 7845, 5.1).
    head = made["opus"].index(b"OpusHead")
    assert int.from_bytes(made["opus"][head + 10 : head + 12], "little") == 312
    # The last granule position of Vorbis is the number of samples.
    page = made["ogg"].rindex(b"OggS")
    assert int.from_bytes(made["ogg"][page + 6 : page + 14], "little") == LENGTH


@pytest.mark.parametrize("container", ["mp3", "m4a", "opus", "ogg", "flac"])
async def test_what_has_the_codec_already_is_copied(
    provider: FFmpegAudio, tmp_path: Path, folder: Path, container: str
) -> None:
    video = tmp_path / "in.mkv"
    codec = FORMATS[container].encoder
    media.ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=5:duration=2", "-f", "lavfi", "-i", "sine=330:d=2:r=48000"),
        *("-ac", "2", "-c:a", codec, "-c:v", "libx264", video),
    )
    copied = (await make(provider, video, folder, [container]))[container]
    assert copied.metadata["copied"]
    given, got = samples(video), samples(copied.path)
    # Matroska says in milliseconds what is skipped at the ends, and of AAC only at the beginning.
    assert abs(len(given) - len(got)) < 1024
    if container != "m4a":
        shorter = min(len(given), len(got))
        assert (given[:shorter] == got[:shorter]).all()
    for wanted, treatment in (
        (AudioFormat(container, sample_rate=48_000), Treatment()),
        (AudioFormat(container), Treatment(fade_out=1)),
    ):
        encoded = (await make(provider, video, folder, [wanted], treatment))[container]
        assert not encoded.metadata["copied"]


async def test_a_copy_that_is_another_sound_is_encoded_instead(
    provider: FFmpegAudio, tmp_path: Path, folder: Path
) -> None:
    """The edit list of this MP4 begins in the middle of a packet, which FFmpeg's muxer for MP3 cannot say."""
    song = media.song(tmp_path / "in.mp3", 3, "-b:a", "64k")
    media.ffmpeg("-i", song, "-c", "copy", tmp_path / "whole.mp4")
    content = bytearray((tmp_path / "whole.mp4").read_bytes())
    edit = content.index(b"elst") + 4
    entry = edit + 8
    start = int.from_bytes(content[entry + 4 : entry + 8], "big")
    content[entry + 4 : entry + 8] = (start + 20_000).to_bytes(4, "big")
    (tmp_path / "cut.mp4").write_bytes(content)
    made = (await make(provider, tmp_path / "cut.mp4", folder, ["mp3"]))["mp3"]
    assert not made.metadata["copied"]
    assert abs(len(samples(made.path)) - len(samples(tmp_path / "cut.mp4"))) <= 1152


async def test_loud_surround_is_mixed_down_without_clipping(
    provider: FFmpegAudio, tmp_path: Path, folder: Path
) -> None:
    """All channels say the same, near full scale: their sum is 6.7 dB above it."""
    tone = "0.9*sin(2*PI*440*t)"
    for codec in ("pcm_s16le", "pcm_f32le"):
        source = tmp_path / f"{codec}.wav"
        given = f"aevalsrc='{'|'.join([tone] * 6)}':s=48000:d=2:c=5.1"
        media.ffmpeg("-f", "lavfi", "-i", given, "-c:a", codec, source)
        made = await make(provider, source, folder, [AudioFormat("ogg", quality=10), "flac"])
        mixed = samples(made["ogg"].path)
        assert mixed.shape[1] == 2
        assert 0.8 < abs(mixed).max() < 0.92
        # A clipped tone has overtones, a limited one has none.
        spectrum = abs(np.fft.rfft(mixed[24_000:72_000, 0]))
        assert spectrum[1320] < spectrum[440] / 300
        assert (samples(made["flac"].path) == samples(source)).all() or codec == "pcm_f32le"


async def test_quiet_surround_keeps_its_level(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    """What only the front speakers say is as loud in stereo, also where samples are whole numbers."""
    source = tmp_path / "in.wav"
    given = "aevalsrc='0.2*sin(2*PI*440*t)|0.2*sin(2*PI*440*t)|0|0|0|0':s=48000:d=1:c=5.1"
    media.ffmpeg("-f", "lavfi", "-i", given, "-c:a", "pcm_s16le", source)
    made = await make(provider, source, folder, [AudioFormat("ogg", quality=10)])
    assert abs(samples(made["ogg"].path)).max() == pytest.approx(0.2, abs=0.01)


async def test_cut_and_fade(provider: FFmpegAudio, track: Path, folder: Path) -> None:
    whole = samples(track)
    cut = Treatment(start=0.5, end=1.5, fade_in=0.2, fade_out=0.4)
    got = samples((await make(provider, track, folder, ["wav"], cut))["wav"].path)
    assert len(got) == 44_100
    middle = slice(8_820 + 10, 44_100 - 17_640 - 10)
    assert (got[middle] == whole[22_050:66_150][middle]).all()
    for moment, share in ((0, 0.0), (4_410, 0.5), (44_100 - 8_820, 0.5), (44_099, 0.0)):
        near = slice(max(0, moment - 70), moment + 70)
        assert abs(got[near]).max() == pytest.approx(0.4 * share, abs=0.02)


async def test_an_end_that_is_too_late_is_the_end(provider: FFmpegAudio, track: Path, folder: Path) -> None:
    made = await make(provider, track, folder, ["flac"], Treatment(start=2, end=60))
    assert len(samples(made["flac"].path)) == LENGTH - 88_200


async def test_loudness_as_tags_leaves_the_sound_alone(
    provider: FFmpegAudio, binaries: Binaries, tmp_path: Path, folder: Path
) -> None:
    """A sine of 1 kHz at -23 dBFS on both channels has -23 LUFS (EBU Tech 3341, test 1)."""
    source, tone = tmp_path / "in.mp3", f"aevalsrc='{10 ** (-23 / 20)}*sin(2*PI*1000*t)':s=48000:d=5"
    media.ffmpeg("-f", "lavfi", "-i", tone, "-af", "pan=stereo|c0=c0|c1=c0", "-b:a", "256k", source)
    made = await make(provider, source, folder, ["mp3", "flac", "ogg", "opus", "m4a"], Treatment(tag_loudness=True))
    assert made["mp3"].metadata["copied"]
    for container in ("mp3", "flac", "ogg"):
        found = describe(binaries, made[container].path)
        tags = {**found["format"].get("tags", {}), **found["streams"][0].get("tags", {})}
        gain, unit = {name.upper(): value for name, value in tags.items()}["REPLAYGAIN_TRACK_GAIN"].split()
        assert unit == "dB"
        assert float(gain) == pytest.approx(5.0, abs=0.1)
    tags = describe(binaries, made["opus"].path)["streams"][0]["tags"]
    assert int(tags["R128_TRACK_GAIN"]) == pytest.approx(0, abs=30)
    assert any("AAC has no place" in note for note in made["m4a"].metadata["notes"])
