"""Sets of pictures: as good as pictures made one by one, from one decode where that can be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvips

from renditor.errors import CorruptMedia, Internal, InvalidTransformation
from renditor.images import sets
from renditor.images.base import Rendered, Source
from renditor.images.codecs.loading import load_upright, read_header
from renditor.images.libvips import LibvipsImages
from renditor.images.pipeline.geometry import Size
from renditor.images.sets import SharedDecode
from renditor.images.settings import ImageSettings
from renditor.sandbox.pool import Answer
from renditor.testing import media
from renditor.transformation import parse
from tests.images.pictures import BLUE, GREEN, RED, animation, encoded, quadrants

WIDTHS = (1000, 700, 400, 90)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    media.photo(path, 1600, 1200, orientation=6)
    return path


async def both_ways(images: LibvipsImages, source: Source, wanted: list[tuple[str, str]]) -> Iterator[tuple[Any, Any]]:
    """Each picture of a set beside the one that is made by itself."""
    asked = [(parse(transformation), output) for transformation, output in wanted]
    together = await images.render_set(source, asked)
    apart = [await images.render(source, transformation, output) for transformation, output in asked]
    assert len(together) == len(apart)
    return iter(zip(together, apart, strict=True))


def difference(one: Rendered, other: Rendered) -> float:
    """Mean difference of all bands, of 255; the less opaque, the less a colour counts."""
    pictures = [pyvips.Image.new_from_buffer(each.content, "") for each in (one, other)]
    seen = [each.premultiply() if each.hasalpha() else each.cast("float") for each in pictures]
    return float((seen[0] - seen[1]).abs().avg())


async def test_pictures_of_a_set_are_those_made_one_by_one(images: LibvipsImages, photo: Path) -> None:
    wanted = [(f"c_limit,w_{width}", output) for width in WIDTHS for output in ("jpg", "webp", "png")]
    for together, alone in await both_ways(images, Source(photo, "jpg"), wanted):
        assert (together.width, together.height) == (alone.width, alone.height)
        assert (together.format, together.content_type) == (alone.format, alone.content_type)
        assert difference(together, alone) < 1.5


async def test_answers_come_in_the_order_of_the_questions(images: LibvipsImages, photo: Path) -> None:
    wanted = [(parse(f"w_{width}"), output) for width, output in ((50, "png"), (900, "jpg"), (300, "webp"))]
    made = await images.render_set(Source(photo, "jpg"), wanted)
    assert [(each.width, each.format) for each in made if isinstance(each, Rendered)] == [
        (50, "png"),
        (900, "jpg"),
        (300, "webp"),
    ]
    assert await images.render_set(Source(photo, "jpg"), []) == []


@pytest.mark.parametrize(
    "chains",
    [
        ["ar_1:1,c_fill,w_500", "ar_1:1,c_fill,w_200"],
        ["c_crop,w_300,h_200,x_10,y_20", "w_400", "c_crop,w_300,h_200/w_100"],
        ["c_scale,w_2000,h_100", "c_scale,w_100,h_900", "w_80"],
        ["a_20,w_300", "a_90,w_300", "a_ignore,w_200", "w_250"],
        ["e_grayscale,w_300", "w_300", "c_pad,w_300,h_300,b_red"],
    ],
)
async def test_chains_of_all_kinds_come_out_alike(images: LibvipsImages, photo: Path, chains: list[str]) -> None:
    for together, alone in await both_ways(images, Source(photo, "jpg"), [(chain, "png") for chain in chains]):
        assert (together.width, together.height) == (alone.width, alone.height)
        assert difference(together, alone) < 1.5


async def test_transparency_and_animations_stay(images: LibvipsImages, tmp_path: Path) -> None:
    holes = tmp_path / "holes.png"
    holes.write_bytes(encoded(quadrants(200, 100).bandjoin(pyvips.Image.grey(200, 100, uchar=True)), "png"))
    for together, alone in await both_ways(images, Source(holes, "png"), [("w_100", "png"), ("w_60", "png")]):
        assert pyvips.Image.new_from_buffer(together.content, "").hasalpha()
        assert difference(together, alone) < 1.5
    moving = tmp_path / "moving.gif"
    moving.write_bytes(animation([RED, GREEN, BLUE], 20, 16, "gif"))
    for together, alone in await both_ways(images, Source(moving, "gif"), [("w_10", "gif"), ("w_8", "jpg")]):
        assert together.pages == alone.pages


def test_one_decode_serves_all_smaller_sizes(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decodes = []
    real = load_upright

    def counting(source: int, info: Any, target: Size | None, page: int = 0) -> pyvips.Image:
        decodes.append(target)
        return real(source, info, target, page)

    monkeypatch.setattr(sets, "load_upright", counting)
    source = os.open(photo, os.O_RDONLY)
    try:
        info = read_header(source, "jpg")
        load = SharedDecode()
        for width in (900, 600, 900, 30):
            target = Size(width, width * 4 // 3)
            image = load(source, info, target)
            assert (image.width, image.height) == (target.width, target.height)
        assert decodes == [Size(900, 1200)]
        # Enlarged pictures are no source for others; a larger one is decoded anew, and serves from then on.
        later: list[Size | None] = [Size(2400, 3200), Size(1000, 1300), None, Size(1100, 900)]
        for wanted in later:
            load(source, info, wanted)
        assert decodes[1:] == [Size(2400, 3200), Size(1000, 1300), None]
    finally:
        os.close(source)


async def test_one_that_cannot_be_made_fails_the_set(images: LibvipsImages, photo: Path) -> None:
    wanted = [(parse("w_100"), "jpg"), (parse("c_crop,w_10,h_10,x_9999"), "jpg")]
    with pytest.raises(InvalidTransformation, match="outside"):
        await images.render_set(Source(photo, "jpg"), wanted)
    os.truncate(photo, 20_000)
    with pytest.raises(CorruptMedia):
        await images.render_set(Source(photo, "jpg"), wanted[:1])


class Liar:
    """A decoder that was taken over."""

    def __init__(self, meta: dict[str, Any]) -> None:
        self.meta = meta

    async def call(self, *_: object, **__: object) -> Answer:
        return Answer(self.meta, b"0123456789")


@pytest.mark.parametrize(
    "pictures",
    [
        None,
        [],
        [{}],
        [7],
        [{"width": 1, "height": 1, "pages": 1, "bytes": 11}],
        [{"width": 1, "height": 1, "pages": 1, "bytes": 9}],
        [{"width": 1, "height": 1, "pages": 1, "bytes": -1}],
        [{"width": 1, "height": 1, "pages": 1, "bytes": 10}] * 2,
    ],
)
async def test_what_a_decoder_says_of_a_set_is_checked(photo: Path, pictures: object) -> None:
    images = LibvipsImages(Liar({"pictures": pictures}), ImageSettings())
    with pytest.raises(Internal):
        await images.render_set(Source(photo, "jpg"), [(parse("w_1"), "jpg")])
