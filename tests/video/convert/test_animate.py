"""Animated GIF and WebP from real videos."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from renditor.errors import BadRequest, LimitExceeded
from renditor.testing import media
from renditor.video.convert.animate import AnimationOptions, plan_animation
from renditor.video.convert.clip import Clip
from renditor.video.ffmpeg import FFmpegVideo
from tests.video.films import film
from tests.video.probes import audio, probe, video
from tests.video.runs import names
from tests.video.similarity import ssim


@pytest.mark.parametrize(
    "wrong", [{"format": "apng"}, {"format": "gif", "max_width": 1}, {"format": "webp", "max_height": 0}]
)
def test_what_is_out_of_range_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRequest):
        AnimationOptions(**wrong)  # type: ignore[arg-type]  # what a caller might send


@pytest.mark.parametrize(
    ("box", "size"),
    [((None, None), (480, 270)), ((None, 90), (160, 90)), ((640, None), (640, 360)), ((9999, 9999), (1280, 720))],
)
def test_size(box: tuple[int | None, int | None], size: tuple[int, int]) -> None:
    options = AnimationOptions("gif", *box, clip=Clip(0, 2))
    plan = plan_animation(probe(video(), audio()), options)
    assert plan.size == size
    assert plan.source.audio == ()
    assert plan.source.moving.frame_rate == "25/2"


def test_what_would_be_too_large_is_refused() -> None:
    long = probe(video(duration=61.0), duration=61.0)
    with pytest.raises(LimitExceeded, match="61"):
        plan_animation(long, AnimationOptions("gif"))
    assert plan_animation(long, AnimationOptions("gif", clip=Clip(2))).source.length == 59
    with pytest.raises(LimitExceeded, match="1280 x 720"):
        plan_animation(long, AnimationOptions("gif", 1280, 720, Clip(0, 20)))


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("container", ["mkv", "ts"])
async def test_a_part_of_a_film(provider: FFmpegVideo, tmp_path: Path, folder: Path, kind: str, container: str) -> None:
    source = film(tmp_path)
    if container == "ts":
        media.ffmpeg("-i", source, "-map", "0:v", "-c", "copy", tmp_path / "film.ts")
        source = tmp_path / "film.ts"
    plan = plan_animation(await provider.probe(source), AnimationOptions(kind, max_width=240, clip=Clip(3, 5)))
    told: list[float] = []
    output = await provider.animate(plan, source, folder, lambda done, _: told.append(done))
    assert names(folder) == [f"video.{kind}"]
    assert told == sorted(told)
    assert (output.width, output.height, output.content_type) == (240, 136, f"image/{kind}")
    made = pyvips.Image.new_from_file(str(output.path), n=-1)
    assert (made.width, made.get("page-height"), made.get("n-pages")) == (240, 136, 25)
    assert made.get("delay") == [80] * 25
    assert made.get("loop") == 0
    # The picture of a film's moment is that of the animation.
    at = 3.0 + 10 * 0.08 + (0.08 if container == "ts" else 0)  # its pictures begin two frames after the file
    media.ffmpeg("-ss", str(at), "-i", tmp_path / "film.mkv", "-frames:v", "1", tmp_path / "frame.png")
    frame = made.crop(0, 136 * 10, 240, 136)
    frame = frame.flatten() if frame.hasalpha() else frame
    others = [made.crop(0, 136 * number, 240, 136) for number in (5, 15)]
    assert ssim(frame, tmp_path / "frame.png") > 0.65
    assert all(ssim(tmp_path / "frame.png", other) < ssim(tmp_path / "frame.png", frame) for other in others)


async def test_pictures_that_never_move(provider: FFmpegVideo, tmp_path: Path, folder: Path) -> None:
    media.ffmpeg("-f", "lavfi", "-i", "color=red:s=64x36:d=1", "-pix_fmt", "yuv420p", tmp_path / "red.mp4")
    for kind in ("gif", "webp"):
        plan = plan_animation(await provider.probe(tmp_path / "red.mp4"), AnimationOptions(kind))
        output = await provider.animate(plan, tmp_path / "red.mp4", folder, lambda *_: None)
        assert output.duration == pytest.approx(1.0, abs=0.09)
