"""Moving pictures in and out: every frame, its time and its transparency, read back by another library."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageDraw, ImageSequence

from tests.images.pictures import RED, near, probe, render

DELAYS = [40, 100, 250, 1000]  # ms
SIZE = (60, 40)


def frames() -> list[Image.Image]:
    """A red box that wanders from left to right over nothing."""
    made = []
    for step in range(len(DELAYS)):
        frame = Image.new("RGBA", SIZE, (0, 0, 0, 0))
        ImageDraw.Draw(frame).rectangle((step * 15, 5, step * 15 + 10, 30), fill=(*RED, 255))
        made.append(frame)
    return made


def moving(fmt: str, **options: object) -> bytes:
    first, *others = frames()
    file = io.BytesIO()
    if fmt == "gif":
        options = {"disposal": 2, **options}
    if fmt == "webp":
        options = {"lossless": True, **options}
    first.save(file, fmt.upper(), save_all=True, append_images=others, duration=DELAYS, **options)
    return file.getvalue()


def boxes(content: bytes) -> list[list[bool]]:
    """For every frame: at which of the four places the box stands."""
    shown = []
    with Image.open(io.BytesIO(content)) as file:
        for frame in ImageSequence.Iterator(file):
            alpha = frame.convert("RGBA").getchannel("A").tobytes()
            row = frame.height // 2 * frame.width
            places = [round((place * 15 + 5) * frame.width / SIZE[0]) for place in range(4)]
            shown.append([alpha[row + place] > 128 for place in places])
    return shown


WANDERING = [[place == step for place in range(4)] for step in range(4)]


@pytest.mark.parametrize("source", ["gif", "webp"])
@pytest.mark.parametrize("output", ["gif", "webp"])
@pytest.mark.parametrize("transformation", ["", "w_30", "c_crop,g_center,h_30,w_60", "fl_awebp", "fl_animated,w_120"])
def test_frames_times_and_transparency(source: str, output: str, transformation: str) -> None:
    made = render(moving(source, loop=0), source, transformation, output, n=-1)
    assert made.meta["pages"] == len(DELAYS)
    assert boxes(made.content) == WANDERING
    assert made.image.get("delay") == DELAYS


@pytest.mark.parametrize(
    ("source", "options", "repeats"),
    [
        ("gif", {"loop": 0}, 0),
        ("gif", {"loop": 5}, 5),
        ("gif", {}, None),
        ("webp", {"loop": 6}, 5),
        ("webp", {"loop": 0}, 0),
    ],
)
def test_how_often_it_plays(source: str, options: dict[str, int], repeats: int | None) -> None:
    """A GIF counts the repeats after the first time (and has no number for none), a WebP the times."""
    content = moving(source, **options)
    with Image.open(io.BytesIO(render(content, source, "w_30", "gif").content)) as gif:
        assert gif.info.get("loop") == repeats
    with Image.open(io.BytesIO(render(content, source, "w_30", "webp").content)) as webp:
        assert webp.info["loop"] == {0: 0, None: 1}.get(repeats, (repeats or 0) + 1)


@pytest.mark.parametrize("output", ["jpg", "png", "avif", "tiff"])
def test_the_first_frame_where_a_format_does_not_move(output: str) -> None:
    made = render(moving("gif"), "gif", "", output)
    assert (made.meta["pages"], made.image.width, made.image.height) == (1, *SIZE)
    assert near(made.at(0.1, 0.5)[:3], RED, 12)


def test_one_frame_by_its_number() -> None:
    for output in ("png", "gif", "webp"):
        made = render(moving("gif"), "gif", "pg_3", output)
        assert made.meta["pages"] == 1
        assert near(made.at(35 / 60, 0.5)[:3], RED, 12)


def test_an_avif_that_moves_shows_its_first_frame() -> None:
    content = moving("avif", quality=90)
    assert probe(content, "avif")["pages"] == 1
    assert near(render(content, "avif").at(0.1, 0.5)[:3], RED, 20)


def test_pages_of_a_tiff_differ_in_size() -> None:
    file = io.BytesIO()
    first, second = Image.new("RGB", (40, 30), RED), Image.new("RGB", (20, 60), (30, 60, 200))
    first.save(file, "TIFF", save_all=True, append_images=[second])
    assert probe(file.getvalue(), "tiff")["pages"] == 2
    assert render(file.getvalue(), "tiff").meta == {"width": 40, "height": 30, "pages": 1}
    assert render(file.getvalue(), "tiff", "pg_2,w_10").meta == {"width": 10, "height": 30, "pages": 1}
