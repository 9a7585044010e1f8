"""The provider from end to end: a sealed decoder process, real files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from renditor.errors import (
    CorruptMedia,
    Internal,
    InvalidTransformation,
    LimitExceeded,
    Overloaded,
    RenditorError,
    UnsupportedMedia,
)
from renditor.images.base import ImageInfo, ImageProvider, Rendered, Source
from renditor.images.codecs.formats import FORMATS
from renditor.images.libvips import LibvipsImages
from renditor.images.settings import ImageSettings
from renditor.sandbox.pool import Answer
from renditor.transformation import parse
from tests.images.conftest import MakeImages
from tests.images.pictures import (
    BLUE,
    GREEN,
    RED,
    animation,
    avif_claiming,
    decoded,
    encoded,
    gif_of,
    near,
    noise,
    plain,
    png_claiming,
    quadrants,
)

MIB = 1024**2


def saved(folder: Path, content: bytes) -> Path:
    path = folder / "original"
    path.write_bytes(content)
    return path


def decoder_process() -> psutil.Process:
    """The decoder below our own launcher: a server that other tests share has decoders too, deeper down."""
    (process,) = (
        child
        for launcher in psutil.Process().children()
        for child in launcher.children()
        if child.is_running() and "renditor.images.decoder" in child.cmdline()
    )
    return process


async def test_probe_and_render(images: LibvipsImages, tmp_path: Path) -> None:
    provider: ImageProvider = images
    path = saved(tmp_path, encoded(quadrants(640, 480), "jpg"))
    assert await provider.probe(path, "jpg") == ImageInfo("jpg", 640, 480)
    for output, about in FORMATS.items():
        rendered = await provider.render(Source(path, "jpg"), parse("c_fill,g_west,h_100,w_100"), output)
        assert isinstance(rendered, Rendered)
        assert (rendered.format, rendered.content_type) == (output, about.content_type)
        assert (rendered.width, rendered.height, rendered.pages) == (100, 100, 1)
        picture = decoded(rendered.content, output)
        assert (picture.width, picture.height) == (100, 100)
        assert near(tuple(picture(50, 20))[:3], RED, 12)


async def test_every_source_format_is_read_inside_the_sandbox(images: LibvipsImages, tmp_path: Path) -> None:
    for fmt in ("jpg", "png", "webp", "avif", "gif", "tiff"):
        path = saved(tmp_path, encoded(quadrants(64, 48), fmt))
        assert (await images.probe(path, fmt)).width == 64
        assert (await images.render(Source(path, fmt), parse("a_30,w_32"), "webp")).width > 32


async def test_an_animation_inside_the_sandbox(images: LibvipsImages, tmp_path: Path) -> None:
    path = saved(tmp_path, animation([RED, GREEN, BLUE], 40, 20, "gif"))
    rendered = await images.render(Source(path, "gif"), parse("w_20"), "webp")
    assert (rendered.width, rendered.height, rendered.pages) == (20, 10, 3)


async def test_colour_profiles_work_inside_the_sandbox(images: LibvipsImages, tmp_path: Path) -> None:
    """The profiles are built into libvips; a sealed decoder could open none."""
    colour = (60, 150, 80)
    cmyk = plain(40, 40, colour).icc_transform("cmyk", input_profile="srgb", black_point_compensation=True)
    path = saved(tmp_path, encoded(cmyk, "jpg", Q=95, keep="none"))
    rendered = await images.render(Source(path, "jpg"), parse(""), "png")
    assert near(tuple(decoded(rendered.content, "png")(20, 20)), colour, 8)


async def test_errors_of_the_decoder_reach_the_caller_and_it_lives_on(images: LibvipsImages, tmp_path: Path) -> None:
    good, content = tmp_path / "good", encoded(quadrants(64, 48), "jpg")
    good.write_bytes(content)
    await images.probe(good, "jpg")
    process = decoder_process()
    with pytest.raises(CorruptMedia, match="premature end"):
        await images.probe(saved(tmp_path, content[:-300]), "jpg")
    with pytest.raises(CorruptMedia):
        await images.probe(good, "png")
    with pytest.raises(CorruptMedia):
        await images.probe(good, "heic")
    with pytest.raises(UnsupportedMedia):
        await images.probe(good, "psd")
    with pytest.raises(InvalidTransformation, match="outside the picture of 64 x 48"):
        await images.render(Source(good, "jpg"), parse("c_crop,h_5,w_5,x_500,y_0"), "jpg")
    assert (await images.probe(good, "jpg")).width == 64
    assert decoder_process().pid == process.pid


@pytest.mark.parametrize(
    ("content", "fmt"),
    [
        (png_claiming(65_536, 65_536), "png"),
        (avif_claiming(12_000, 12_000), "avif"),
        (avif_claiming(64, 64, encoded(plain(1200, 1200, RED), "avif")), "avif"),
        (gif_of(100_000), "gif"),
        (gif_of(900, 7000, 7000), "gif"),
    ],
    ids=["png", "avif", "avif that lies", "gif frames", "gif pixels"],
)
async def test_bombs_cost_neither_time_nor_memory(
    images: LibvipsImages, tmp_path: Path, content: bytes, fmt: str
) -> None:
    await images.probe(saved(tmp_path, encoded(quadrants(64, 48), "jpg")), "jpg")
    process, path = decoder_process(), saved(tmp_path, content)
    before, started = process.memory_info().rss, time.perf_counter()
    with pytest.raises(LimitExceeded):
        await images.probe(path, fmt)
    assert time.perf_counter() - started < 1
    with pytest.raises(LimitExceeded):
        await images.render(Source(path, fmt), parse("w_100"), "jpg")
    assert process.memory_info().rss - before < 24 * MIB
    assert decoder_process().pid == process.pid


async def test_running_out_of_memory_is_a_limit_of_ours(make_images: MakeImages, tmp_path: Path) -> None:
    """A progressive JPEG is held as coefficients: 48 million px are 144 MB, more than this decoder has left."""
    images = make_images(memory=256 * MIB)
    path = saved(tmp_path, encoded(plain(8000, 6000, RED), "jpg", interlace=True))
    with pytest.raises(LimitExceeded, match="more memory"):
        await images.probe(path, "jpg")
    with pytest.raises(LimitExceeded, match="more memory"):
        await images.render(Source(path, "jpg"), parse("a_90,w_4000"), "jpg")


async def test_a_render_that_takes_too_long_is_stopped(make_images: MakeImages, tmp_path: Path) -> None:
    images = make_images(render_timeout=0.1)
    path = saved(tmp_path, encoded(noise(1500, 1500), "jpg"))
    # On an idle machine its processor time is used up as soon as its time; on a busy one the clock is first.
    with pytest.raises((LimitExceeded, Overloaded)):
        await images.render(Source(path, "jpg"), parse(""), "gif")
    assert (await images.render(Source(path, "jpg"), parse("w_10"), "jpg")).width == 10


# -- the sample pictures ----------------------------------------------------------------------------------------------


@pytest.fixture
def samples(shared_media: Path) -> Path:
    return shared_media / "images"


@pytest.mark.parametrize(
    ("name", "fmt", "info", "width", "height"),
    [
        ("2569067123_aca715a2ee_o.jpg", "jpg", ImageInfo("jpg", 2725, 2225), 400, 327),
        ("4.webp", "webp", ImageInfo("webp", 1024, 772), 400, 302),
        (
            "Channel_digital_image_CMYK_color.jpg",
            "jpg",
            ImageInfo("jpg", 500, 333, bands=4, colour_space="cmyk", has_icc=True),
            400,
            266,
        ),
        ("Landscape_6.jpg", "jpg", ImageInfo("jpg", 600, 450, orientation=6, has_icc=True), 400, 300),
        ("Portrait_5.jpg", "jpg", ImageInfo("jpg", 450, 600, orientation=5, has_icc=True), 400, 533),
        ("alpha-layer-1-fill.png", "png", ImageInfo("png", 2048, 1536, has_alpha=True, bands=4, flat=True), 400, 300),
        ("gain-map.jpg", "jpg", ImageInfo("jpg", 3840, 2160, has_icc=True, has_gain_map=True), 400, 225),
        ("rotating-squares.gif", "gif", ImageInfo("gif", 80, 80, pages=30, has_alpha=True, bands=4), 400, 400),
        ("sdr_cosmos12920_cicp1-13-6_yuv444_full_qp10.avif", "avif", ImageInfo("avif", 2048, 858), 400, 168),
    ],
)
async def test_sample_pictures(
    images: LibvipsImages, samples: Path, name: str, fmt: str, info: ImageInfo, width: int, height: int
) -> None:
    assert await images.probe(samples / name, fmt) == info
    for output in ("jpg", "webp"):
        rendered = await images.render(Source(samples / name, fmt), parse("w_400"), output)
        assert (rendered.width, rendered.height) == (width, height)
        assert decoded(rendered.content, output).width == width


async def test_the_cmyk_sample_has_green_grass_and_red_shoes(images: LibvipsImages, samples: Path) -> None:
    rendered = await images.render(
        Source(samples / "Channel_digital_image_CMYK_color.jpg", "jpg"), parse("w_400"), "png"
    )
    picture = decoded(rendered.content, "png")
    grass = [picture.crop(20, 190, 60, 30)[band].avg() for band in range(3)]
    shoes = [picture.crop(256, 184, 8, 8)[band].avg() for band in range(3)]
    assert grass[1] > grass[0] + 10
    assert grass[1] > grass[2] + 40
    assert shoes[0] > shoes[1] + 50
    assert shoes[0] > shoes[2] + 50


@pytest.mark.parametrize(
    ("name", "fmt", "error"),
    [
        ("truncated.jpg", "jpg", CorruptMedia),
        ("corrupt-header.jpg", "jpg", CorruptMedia),
        ("65536-uint32-limit.png", "png", LimitExceeded),
        ("made_from_photo.heic", "avif", UnsupportedMedia),
    ],
)
async def test_bad_samples(
    images: LibvipsImages, samples: Path, name: str, fmt: str, error: type[RenditorError]
) -> None:
    with pytest.raises(error):
        await images.probe(samples / name, fmt)


@pytest.mark.parametrize(
    "lie",
    [
        {"width": "9" * 99},
        {"width": -1},
        {"height": 0},
        {"pages": True},
        {"orientation": 9},
        {"bands": 1e9},
        {"width": None},
    ],
)
async def test_a_decoder_that_lies_is_not_believed(lie: dict[str, Any], tmp_path: Path) -> None:
    """A decoder reads hostile bytes: whoever takes it over must not reach the catalog through its answers."""
    truth = {"width": 4, "height": 3, "orientation": 1, "pages": 1, "bands": 3, "bit_depth": 8, "colour_space": "srgb"}

    class Liar:
        async def call(self, *_: object, **__: object) -> Answer:
            return Answer(truth | lie, b"")

    path = tmp_path / "any"
    path.write_bytes(b"x")
    with pytest.raises(Internal):
        await LibvipsImages(Liar(), ImageSettings()).probe(path, "jpg")
