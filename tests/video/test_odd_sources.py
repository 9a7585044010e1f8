"""Sources of every odd kind through the provider: what comes out is what one saw and heard in the source."""

from __future__ import annotations

import itertools
from pathlib import Path

import m3u8
import numpy as np
import pytest
import pyvips

from renditor.errors import UnsupportedMedia
from renditor.testing import media
from renditor.video.ffmpeg import FFmpegVideo
from renditor.video.pictures.storyboard import StoryboardOptions
from tests.video.runs import Describe, names
from tests.video.seeing import LABELLED, X264, alike, joined, moving, pitch, run, samples, still, times
from tests.video.similarity import ssim

# --- sizes and directions ---


@pytest.mark.parametrize(
    ("turn", "size"),
    [
        (("-display_rotation", "-90"), (180, 320)),
        (("-display_rotation", "180"), (320, 180)),
        (("-display_hflip",), (320, 180)),
    ],
    ids=["portrait", "upside-down", "mirrored"],
)
async def test_turned_pictures(
    provider: FFmpegVideo, tmp_path: Path, folder: Path, turn: tuple[str, ...], size: tuple[int, int]
) -> None:
    media.ffmpeg(*turn, "-i", moving(tmp_path / "flat.mp4"), "-c", "copy", tmp_path / "in.mp4")
    plan, made = await run(provider, tmp_path / "in.mp4", folder)
    assert [(rung.width, rung.height, rung.copied) for rung in plan.rungs] == [(*size, False)]
    assert alike(made["mp4"].path, tmp_path / "in.mp4") > 0.95
    assert alike(made["mp4"].path, tmp_path / "flat.mp4") < 0.9


@pytest.mark.parametrize(("size", "expected"), [("161x121", (160, 120)), ("91x160", (90, 160)), ("17x17", (16, 16))])
async def test_odd_sizes(
    provider: FFmpegVideo, tmp_path: Path, folder: Path, size: str, expected: tuple[int, int]
) -> None:
    source = media.video(tmp_path / "in.mp4", size, 1, "-c:v", "libx264", "-pix_fmt", "yuv444p", sound=False)
    _, made = await run(provider, source, folder)
    assert (made["mp4"].width, made["mp4"].height) == expected
    assert alike(made["mp4"].path, source) > 0.9


async def test_pixels_of_four_to_three(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    source = moving(tmp_path / "in.mp4", "-aspect", "16:9", size="240x180")
    plan, made = await run(provider, source, folder)
    assert (made["mp4"].width, made["mp4"].height) == (320, 180)
    assert "copy refused: rotated, mirrored, cropped or without square pixels" in plan.notes
    assert alike(made["mp4"].path, source, "-vf", "scale=320:180,setsar=1") > 0.95


# --- times ---


async def test_film(provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path) -> None:
    source = moving(tmp_path / "in.mkv", rate="24000/1001", seconds=2)
    plan, made = await run(provider, source, folder)
    assert plan.moving.frame_rate == "24000/1001"
    shown = times(describe, made["mp4"].path)
    assert shown == pytest.approx([n * 1001 / 24000 for n in range(len(shown))], abs=1e-4)
    assert len(shown) == 48


async def test_twice_too_many_frames(provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path) -> None:
    source = moving(tmp_path / "in.mp4", rate="120")
    plan, made = await run(provider, source, folder)
    assert plan.moving.frame_rate == "60"
    assert "frame rate brought from 120 to 60" in plan.notes
    assert len(times(describe, made["mp4"].path)) == 60
    assert alike(made["mp4"].path, source) > 0.95


async def test_uneven_frames(provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path) -> None:
    """Every second frame missing in one half, as phones do in the dark: each stays until the next."""
    drop = ("-vf", "select='lt(t,1)+not(mod(n,2))'", "-fps_mode", "vfr")
    source = media.video(tmp_path / "in.mp4", "320x180", 2, *X264, *drop, rate="30", sound=False)
    plan, made = await run(provider, source, folder)
    assert plan.moving.frame_rate == "30"
    assert not plan.moving.variable
    shown = times(describe, made["mp4"].path)
    assert {round(after - before, 4) for before, after in itertools.pairwise(shown)} == {0.0333}
    assert 59 <= len(shown) <= 60
    assert alike(made["mp4"].path, source, at=(0.5, 1.0, 1.6)) > 0.93


async def test_interlaced_pictures(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    lines = ("-flags", "+ildct+ilme", "-x264-params", "tff=1")
    source = moving(tmp_path / "in.mp4", "-vf", f"scroll=h=0.03,interlace,{LABELLED}", *lines, rate="50")
    plan, made = await run(provider, source, folder)
    assert plan.moving.deinterlace
    assert "copy refused: interlaced" in plan.notes
    whole = moving(tmp_path / "whole.mp4", "-vf", f"scroll=h=0.03,{LABELLED}", rate="50")
    shown = alike(made["mp4"].path, whole, at=(0.2, 0.6))
    assert shown > 0.75
    assert shown > alike(source, whole, at=(0.2, 0.6)) + 0.02


@pytest.mark.parametrize(("seconds", "frames"), [(0.1, 3), (0.04, 1)])
async def test_very_short(
    provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path, seconds: float, frames: int
) -> None:
    source = media.video(tmp_path / "in.mp4", "160x90", seconds)
    plan, made = await run(provider, source, folder, ("hls", "mp4", "poster"))
    assert len(times(describe, made["mp4"].path)) == frames
    assert made["poster"].bytes > 500
    assert plan.length == pytest.approx(seconds, abs=0.05)


# --- colours ---


@pytest.mark.parametrize("pixels", ["yuv420p10le", "yuv444p", "yuv422p", "yuvj420p", "gbrp"])
async def test_kinds_of_pixels(
    provider: FFmpegVideo, describe: Describe, tmp_path: Path, folder: Path, pixels: str
) -> None:
    span = "pc" if pixels == "yuvj420p" else "tv"
    coded = ("-vf", f"scale=out_color_matrix=bt709:out_range={span}", "-pix_fmt", pixels)
    coding = ("-c:v", "libx264rgb") if pixels == "gbrp" else coded
    source = media.video(tmp_path / "in.mp4", "320x180", 1, *coding, "-qp", "12", sound=False)
    _, made = await run(provider, source, folder)
    (video,) = describe(made["mp4"].path)["streams"]
    assert (video["pix_fmt"], video["color_range"], video["profile"]) == ("yuv420p", "tv", "High")
    assert alike(made["mp4"].path, source) > 0.95


@pytest.mark.parametrize(
    ("transfer", "name", "lights"), [("smpte2084", "PQ", 203), ("arib-std-b67", "HLG", 1000)], ids=["pq", "hlg"]
)
async def test_high_dynamic_range(
    provider: FFmpegVideo, tmp_path: Path, folder: Path, transfer: str, name: str, lights: int
) -> None:
    """An ordinary picture put into HDR, with white at 203 nits (ITU-R BT.2408), comes out nearly as it was."""
    plain = moving(tmp_path / "plain.mp4")
    wide = (
        f"zscale=t=linear:npl={lights},format=gbrpf32le,zscale=p=bt2020:t={transfer}:m=bt2020nc:r=tv:npl={lights},"
        "format=yuv420p10le"
    )
    labels = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    hdr = tmp_path / "hdr.mp4"
    media.ffmpeg("-i", plain, "-vf", wide, "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", labels, hdr)
    plan, made = await run(provider, hdr, folder, ("hls", "mp4", "poster"))
    assert f"tone-mapped from {name}" in plan.notes
    shown = still(made["mp4"].path, 0.5, tmp_path / "shown.png")
    meant = still(plain, 0.5, tmp_path / "meant.png")
    flat = still(hdr, 0.5, tmp_path / "flat.png")
    assert ssim(shown, meant) > 0.8
    (light, colour), (meant_light, meant_colour), (_, flat_colour) = map(look, (shown, meant, flat))
    assert light == pytest.approx(meant_light, rel=0.25)
    assert colour == pytest.approx(meant_colour, rel=0.25)
    assert flat_colour < 0.6 * meant_colour  # untreated it is grey


def dolby_vision(path: Path, profile: int, base: int) -> Path:
    """HEVC whose sample entry says that it is Dolby Vision; ``base``: what its base layer is to others (0: nothing)."""
    labels = ("-preset", "ultrafast", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p10le")
    media.video(path, "160x90", 0.2, "-c:v", "libx265", *labels, "-tag:v", "hvc1", sound=False)
    content = path.read_bytes()
    said = bytes([1, 0, profile << 1, 1 << 3 | 0b101, base << 4]).ljust(24, b"\0")  # level 1, with notes, a base layer
    box = (8 + len(said)).to_bytes(4, "big") + (b"dvcC" if profile <= 7 else b"dvvC") + said
    end = content.index(b"hvcC") - 4
    larger = bytearray(content[:end] + box + content[end:])  # the index stands behind the frames: they do not move
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"):
        start = content.index(name, content.index(b"moov") if name != b"hvc1" else content.index(b"stsd")) - 4
        size = int.from_bytes(larger[start : start + 4], "big") + len(box)
        larger[start : start + 4] = size.to_bytes(4, "big")
    path.write_bytes(larger)
    return path


async def test_dolby_vision_alone_is_refused_wherever_its_colours_would_be_shown(
    provider: FFmpegVideo, tmp_path: Path, folder: Path
) -> None:
    source = dolby_vision(tmp_path / "in.mp4", 5, 0)
    found = await provider.probe(source, key_frames=True)
    assert found.to_json()["hdr"] == "dolby-vision"
    with pytest.raises(UnsupportedMedia, match="profile 5"):
        provider.plan(found)
    with pytest.raises(UnsupportedMedia, match="profile 5"):
        await provider.frame(source, folder, 0)
    with pytest.raises(UnsupportedMedia, match="profile 5"):
        await provider.stills.storyboard(found, source, folder, StoryboardOptions(), lambda *_: None)
    assert names(folder) == []


async def test_dolby_vision_with_a_base_layer(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    source = dolby_vision(tmp_path / "in.mp4", 8, 4)
    plan, _ = await run(provider, source, folder, ("mp4",))
    assert "Dolby Vision profile 8: its base layer is taken" in plan.notes


def look(path: Path) -> tuple[float, float]:
    """Mean lightness and mean colourfulness (CIE LCh) of a picture."""
    bands = pyvips.Image.new_from_file(str(path)).colourspace("lch")
    return bands[0].avg(), bands[1].avg()


# --- sound ---


async def test_loud_surround_sound_is_not_clipped(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    """Six channels in phase near full scale: their sum is 7 dB above it."""
    loud = "|".join(["0.9*sin(440*2*PI*t)"] * 6)
    picture = moving(tmp_path / "picture.mp4", seconds=2)
    graph = ("-f", "lavfi", "-i", f"aevalsrc={loud}:c=5.1:s=48000:d=2")
    media.ffmpeg("-i", picture, *graph, "-c:v", "copy", "-c:a", "flac", tmp_path / "in.mkv")
    plan, made = await run(provider, tmp_path / "in.mkv", folder)
    assert plan.audio[0].mixed_down
    heard = samples(made["mp4"].path)
    assert heard.shape[1] == 2
    assert 0.7 < np.abs(heard).max() < 1.0
    assert pitch(heard, 48_000) == pytest.approx(440, abs=2)
    # A clipped wave has overtones.
    spectrum = np.abs(np.fft.rfft(heard[24_000:72_000, 0]))
    assert spectrum[1300:1340].max() < 0.01 * spectrum[430:450].max()


async def test_quiet_surround_sound_stays_as_loud_as_it_was(
    provider: FFmpegVideo, tmp_path: Path, folder: Path
) -> None:
    graph = ("-f", "lavfi", "-i", "aevalsrc=0.2*sin(440*2*PI*t)|0|0|0|0|0:c=5.1:s=48000:d=1")
    media.ffmpeg("-i", moving(tmp_path / "p.mp4"), *graph, "-c:v", "copy", "-c:a", "flac", tmp_path / "in.mkv")
    _, made = await run(provider, tmp_path / "in.mkv", folder)
    heard = samples(made["mp4"].path)[9_600:38_400]
    assert np.abs(heard[:, 0]).max() == pytest.approx(0.2, rel=0.05)
    assert np.abs(heard[:, 1]).max() < 0.01


async def test_every_language_is_there(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    tones = [part for hertz in (300, 500, 700) for part in ("-f", "lavfi", "-i", f"sine=frequency={hertz}:duration=1")]
    maps = [part for number in range(4) for part in ("-map", str(number))]
    said = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu", "-metadata:s:a:2", "language=eng")
    kinds = ("-disposition:a:0", "0", "-disposition:a:1", "default", "-disposition:a:2", "comment")
    picture = moving(tmp_path / "picture.mp4")
    media.ffmpeg("-i", picture, *tones, *maps, "-c:v", "copy", "-c:a", "aac", *said, *kinds, tmp_path / "in.mkv")
    plan, made = await run(provider, tmp_path / "in.mkv", folder)
    assert [(track.name, track.label) for track in plan.audio] == [
        ("audio", "German"),
        ("audio-en", "English"),
        ("audio-en-2", "English (commentary)"),
    ]
    folders = [made["hls"].path / track.name for track in plan.audio]
    heard = [pitch(samples(joined(each, tmp_path / f"{each.name}.mp4")), 44_100) for each in folders]
    assert heard == pytest.approx([500, 300, 700], abs=2)
    master = m3u8.load(str(made["hls"].path / "master.m3u8"))
    tracks = [(entry.language, entry.default, entry.uri) for entry in master.media if entry.type == "AUDIO"]
    assert sorted(tracks, key=str) == sorted(
        [("de", "YES", "audio/index.m3u8"), ("en", "NO", "audio-en/index.m3u8"), ("en", "NO", "audio-en-2/index.m3u8")],
        key=str,
    )
    assert pitch(samples(made["mp4"].path, 0), 44_100) == pytest.approx(500, abs=2)


async def test_no_sound(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    plan, made = await run(provider, moving(tmp_path / "in.mp4"), folder)
    assert plan.audio == ()
    assert m3u8.load(str(made["hls"].path / "master.m3u8")).media == []


async def test_sound_alone_with_a_cover(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    cover = media.photo(tmp_path / "cover.jpg", 64, 64)
    song = media.song(tmp_path / "song.mp3", 2)
    kept = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v", "attached_pic")
    media.ffmpeg("-i", song, "-i", cover, *kept, tmp_path / "in.mp3")
    plan, made = await run(provider, tmp_path / "in.mp3", folder)
    assert plan.picture is None
    assert set(made) == {"hls"}
    master = m3u8.load(str(made["hls"].path / "master.m3u8"))
    assert [entry.stream_info.codecs for entry in master.playlists] == ["mp4a.40.2", "mp4a.40.2"]
    heard = samples(joined(made["hls"].path / "audio", tmp_path / "heard.mp4"))
    assert pitch(heard, 44_100) == pytest.approx(330, abs=2)
