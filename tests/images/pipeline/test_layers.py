"""Layers on pictures whose every part is known; where they stand is worked out here by plain arithmetic."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

from renditor.errors import CorruptMedia, InvalidTransformation, LimitExceeded, NotFound, UnsupportedMedia
from renditor.images.base import Source
from renditor.images.decoder import handle
from renditor.images.insight import NOTHING_KNOWN, Face, Insight
from renditor.images.libvips import LibvipsImages
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.lettering import TextLook, beside_text, text_look
from renditor.images.pipeline.placement import placement
from renditor.sandbox.frames import MAX_LAYERS
from renditor.transformation import parse, structure
from renditor.transformation.layers import TextLayer, TextStyle
from renditor.transformation.looks import Border
from renditor.transformation.operations import OVERLAY
from renditor.transformation.values import BLACK, Colour
from tests.images.pictures import BLUE, GREEN, RED, animation, decoded, encoded, near, pixel, plain, request

WIDE, HIGH = 200, 120  # the base
ACROSS, DOWN = 40, 30  # the layer
BASE = encoded(plain(WIDE, HIGH, BLUE), "png")
LOGO = encoded(plain(ACROSS, DOWN, RED), "png")


def descriptor(content: bytes) -> int:
    number = os.memfd_create("picture")
    os.write(number, content)
    return number


def rendered(
    transformation: str,
    base: bytes = BASE,
    fmt: str = "png",
    output: str = "png",
    layers: Mapping[str, tuple[bytes, str]] | None = None,
    **more: Any,
) -> bytes:
    files = {"logo": (LOGO, "png")} if layers is None else layers
    opened = [descriptor(base), *(descriptor(content) for content, _ in files.values())]
    named = [{"id": name, "format": kind, "insight": {}} for name, (_, kind) in files.items()]
    asked = request("render", fmt, transformation=transformation, output=output, layers=named, **more)
    answer = io.BytesIO()
    try:
        handle(asked, opened[0], answer, opened[1:])
    finally:
        for number in opened:
            os.close(number)
    return answer.getvalue()


def picture(transformation: str, **options: Any) -> pyvips.Image:
    return decoded(rendered(transformation, **options), "png")


def pixels(image: pyvips.Image) -> Any:
    return image.numpy().astype(int)


def box_of(image: pyvips.Image, colour: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, width and height of all that has this colour."""
    there = (np.abs(pixels(image)[..., :3] - colour) <= 2).all(axis=2)
    ys, xs = np.nonzero(there)
    assert there[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].all()
    return int(xs.min()), int(ys.min()), int(xs.max() - xs.min() + 1), int(ys.max() - ys.min() + 1)


MIDDLE_X, MIDDLE_Y = (WIDE - ACROSS) // 2, (HIGH - DOWN) // 2
FAR_X, FAR_Y = WIDE - ACROSS, HIGH - DOWN


@pytest.mark.parametrize(
    ("gravity", "left", "top", "inwards"),
    [
        ("north_west", 0, 0, (1, 1)),
        ("north", MIDDLE_X, 0, (1, 1)),
        ("north_east", FAR_X, 0, (-1, 1)),
        ("west", 0, MIDDLE_Y, (1, 1)),
        ("center", MIDDLE_X, MIDDLE_Y, (1, 1)),
        ("east", FAR_X, MIDDLE_Y, (-1, 1)),
        ("south_west", 0, FAR_Y, (1, -1)),
        ("south", MIDDLE_X, FAR_Y, (1, -1)),
        ("south_east", FAR_X, FAR_Y, (-1, -1)),
    ],
)
def test_gravity_and_offsets(gravity: str, left: int, top: int, inwards: tuple[int, int]) -> None:
    assert box_of(picture(f"l_logo/fl_layer_apply,g_{gravity}"), RED) == (left, top, ACROSS, DOWN)
    moved = left + inwards[0] * 10, top + inwards[1] * 7
    assert box_of(picture(f"l_logo,g_{gravity},x_10,y_7"), RED) == (*moved, ACROSS, DOWN)
    shares = left + inwards[0] * 20, top + inwards[1] * 6  # of 200 and 120 px
    assert box_of(picture(f"l_logo,g_{gravity},x_0.1,y_0.05"), RED) == (*shares, ACROSS, DOWN)


def test_without_a_gravity_it_stands_in_the_middle() -> None:
    assert box_of(picture("l_logo"), RED)[:2] == (MIDDLE_X, MIDDLE_Y)


def test_xy_center_is_where_the_middle_of_the_layer_stands() -> None:
    assert box_of(picture("l_logo,g_xy_center,x_50,y_40"), RED)[:2] == (50 - ACROSS // 2, 40 - DOWN // 2)
    assert box_of(picture("l_logo,g_xy_center,x_0.5,y_0.5"), RED)[:2] == (MIDDLE_X, MIDDLE_Y)


@pytest.mark.parametrize(
    ("transformation", "canvas", "base", "layer"),
    [
        ("l_logo,g_west,x_-15", (WIDE + 15, HIGH), (15, 0), (0, MIDDLE_Y)),
        ("l_logo,g_south_east,x_-15,y_-9", (WIDE + 15, HIGH + 9), (0, 0), (FAR_X + 15, FAR_Y + 9)),
        ("l_logo,g_north,y_-20", (WIDE, HIGH + 20), (0, 20), (MIDDLE_X, 0)),
        ("l_logo,g_east,x_-100", (WIDE + 100, HIGH), (0, 0), (FAR_X + 100, MIDDLE_Y)),
    ],
)
def test_what_stands_over_the_edge_enlarges_the_picture(
    transformation: str, canvas: tuple[int, int], base: tuple[int, int], layer: tuple[int, int]
) -> None:
    image = picture(transformation)
    assert (image.width, image.height) == canvas
    assert box_of(image, RED) == (*layer, ACROSS, DOWN)
    alpha = pixels(image)[..., 3]
    for y, x in np.ndindex(*alpha.shape):
        in_base = 0 <= x - base[0] < WIDE and 0 <= y - base[1] < HIGH
        in_layer = 0 <= x - layer[0] < ACROSS and 0 <= y - layer[1] < DOWN
        assert alpha[y, x] == (255 if in_base or in_layer else 0)


def test_no_overflow_cuts_it_off() -> None:
    image = picture("l_logo,g_east,x_-15,fl_no_overflow")
    assert (image.width, image.height, image.bands) == (WIDE, HIGH, 3)
    assert box_of(image, RED) == (WIDE - ACROSS + 15, MIDDLE_Y, ACROSS - 15, DOWN)
    assert not (pixels(picture("l_logo,g_east,x_-40,fl_no_overflow")) - BLUE).any()


@pytest.mark.parametrize("corner", ["x_500", "y_-200", "x_65535,y_65535"])
def test_a_layer_wholly_outside_is_nowhere(corner: str) -> None:
    for placing in ("l_logo", "u_logo"):
        assert not (pixels(picture(f"{placing},{corner},fl_no_overflow"))[..., :3] - BLUE).any()
    for cutting in ("fl_cutter.no_overflow", "e_mask,fl_no_overflow"):
        assert not pixels(picture(f"l_logo,{corner},{cutting}"))[..., 3].any()


def test_an_underlay_larger_than_the_picture_enlarges_it() -> None:
    image = picture("u_logo/c_scale,w_300,h_150/fl_layer_apply")
    assert (image.width, image.height) == (300, 150)
    assert box_of(image, BLUE) == (50, 15, WIDE, HIGH)
    assert tuple(pixels(image)[0, 0][:3]) == RED
    assert not (pixels(picture("u_logo")) - BLUE).any()  # a smaller one is out of sight


@pytest.mark.parametrize(
    ("transformation", "size"),
    [
        ("l_logo,w_20", (20, 15)),
        ("l_logo/c_scale,w_20,h_20/fl_layer_apply", (20, 20)),
        ("l_logo/c_scale,w_0.5/fl_layer_apply", (20, 15)),
        ("l_logo/c_scale,w_0.5,fl_relative/fl_layer_apply", (100, 75)),
        ("l_logo,w_0.5,h_0.5,fl_relative", (100, 60)),
        ("c_scale,w_100/l_logo/c_scale,w_0.5,fl_relative/fl_layer_apply", (50, 38)),
        ("l_logo/c_crop,w_10,h_8/a_90/fl_layer_apply", (8, 10)),
    ],
)
def test_the_layer_is_worked_on_before_it_is_laid(transformation: str, size: tuple[int, int]) -> None:
    assert box_of(picture(transformation), RED)[2:] == size


def test_what_follows_the_layer_works_on_all_of_it() -> None:
    image = picture("l_logo,g_north_west/c_scale,w_100")
    assert (image.width, image.height) == (100, 60)
    assert near(pixel(image, 5, 5), RED)
    assert near(pixel(image, 17, 12), RED, 12)
    assert near(pixel(image, 23, 5), BLUE, 12)
    assert near(pixel(image, 5, 18), BLUE, 12)


def test_tiles_cover_the_picture_and_keep_its_size() -> None:
    two = plain(20, 20, RED).insert(plain(10, 20, GREEN), 10, 0)
    image = picture("l_tile,fl_tiled", layers={"tile": (encoded(two, "png"), "png")})
    assert (image.width, image.height) == (WIDE, HIGH)
    expected = [RED if x % 20 < 10 else GREEN for x in range(WIDE)]
    assert all(tuple(pixels(image)[y, x]) == expected[x] for y in (0, 57, HIGH - 1) for x in range(WIDE))


def test_a_million_tiles_are_no_trouble() -> None:
    dot = {"dot": (encoded(plain(1, 1, RED), "png"), "png")}
    image = picture("c_scale,w_2000,h_2000/l_dot,fl_tiled", layers=dot)
    assert (image.width, image.height) == (2000, 2000)
    assert box_of(image, RED) == (0, 0, 2000, 2000)


def test_opacity_and_blending_follow_the_formulas() -> None:
    base, logo = encoded(plain(60, 60, (100, 150, 200)), "png"), encoded(plain(60, 60, (200, 50, 100)), "png")
    layers = {"logo": (logo, "png")}

    def middle(transformation: str) -> Any:
        return pixels(picture(transformation, base=base, layers=layers))[30, 30]

    below, above = np.array((100, 150, 200)), np.array((200, 50, 100))
    assert np.abs(middle("l_logo,o_25") - (below * 0.75 + above * 0.25)).max() <= 1
    assert np.abs(middle("l_logo,e_multiply") - below * above / 255).max() <= 1
    assert np.abs(middle("l_logo,e_screen") - (255 - (255 - below) * (255 - above) / 255)).max() <= 1
    light = np.where(below < 128, 2 * below * above / 255, 255 - 2 * (255 - below) * (255 - above) / 255)
    assert np.abs(middle("l_logo,e_overlay") - light).max() <= 2
    assert (middle("l_logo,o_0") == below).all()


def test_half_transparent_layers_on_half_transparent_pictures() -> None:
    """Porter and Duff's "over", by hand: colours weighted by their alpha."""
    base = encoded(plain(10, 10, (0, 0, 255, 128)), "png")
    logo = encoded(plain(10, 10, (255, 0, 0, 64)), "png")
    found = pixels(picture("l_logo", base=base, layers={"logo": (logo, "png")}))[5, 5]
    above, below = 64 / 255, 128 / 255
    alpha = above + below * (1 - above)
    expected = np.array([255 * above / alpha, 0, 255 * below * (1 - above) / alpha, 255 * alpha])
    assert np.abs(found - expected).max() <= 1


def test_a_cutter_keeps_what_lies_under_the_layer() -> None:
    alpha = pixels(picture("l_logo,fl_cutter,g_north_west"))[..., 3]
    assert (alpha[:DOWN, :ACROSS] == 255).all()
    assert alpha.sum() == 255 * ACROSS * DOWN


def test_a_layer_in_place_of_the_picture() -> None:
    image = picture("l_logo,fl_replace_image")
    assert (image.width, image.height) == (ACROSS, DOWN)
    assert not (pixels(image) - RED).any()


def test_a_mask_lets_through_as_much_as_it_is_bright() -> None:
    ramp = pyvips.Image.identity().embed(0, 0, 200, 120, extend="copy").copy(interpretation="b-w")
    alpha = pixels(picture("l_ramp,e_mask", layers={"ramp": (encoded(ramp, "png"), "png")}))[..., 3]
    assert np.abs(alpha[60, :200] - np.arange(200)).max() <= 2


def test_blending_belongs_to_placing() -> None:
    """Where a layer only begins, and while a variable hides what it is, there is nothing to blend with."""
    plain_layer = pixels(picture("l_logo,o_50/fl_layer_apply"))
    for text in ("l_logo,e_multiply,o_50/w_40/fl_layer_apply", "$e_!screen!/l_logo,e_$e,o_50/fl_layer_apply"):
        assert (pixels(picture(text)) == plain_layer).all()


def test_layers_within_layers() -> None:
    image = picture(
        "l_outer/l_inner/fl_layer_apply,g_south_east/fl_layer_apply,g_north_west,x_5,y_5",
        layers={"outer": (LOGO, "png"), "inner": (encoded(plain(8, 6, GREEN), "png"), "png")},
    )
    assert box_of(image, GREEN) == (5 + ACROSS - 8, 5 + DOWN - 6, 8, 6)


FACES = {
    "faces": [{"x": 0.1, "y": 0.2, "width": 0.1, "height": 0.2}, {"x": 0.7, "y": 0.5, "width": 0.08, "height": 0.1}]
}


def test_layers_on_faces() -> None:
    image = picture("l_logo,w_4,h_4,g_face", insight=FACES)
    assert box_of(image, RED) == (30 - 2, 36 - 2, 4, 4)  # the middle of the largest face
    both = pixels(picture("l_logo,w_4,h_4,g_faces", insight=FACES))
    assert tuple(both[36, 30]) == tuple(both[66, 148]) == RED
    assert ((both == RED).all(axis=2)).sum() == 2 * 16
    relative = picture("l_logo/c_scale,w_1.5,h_1.5,fl_region_relative/fl_layer_apply,g_face", insight=FACES)
    assert box_of(relative, RED)[2:] == (30, 36)


@pytest.mark.parametrize("output", ["webp", "gif"])
def test_every_frame_of_an_animation_gets_the_layer(output: str) -> None:
    moving = animation([BLUE, GREEN, BLUE], 64, 48, "gif")
    made = rendered("l_logo,w_20,g_north_west", base=moving, fmt="gif", output=output)
    strip = decoded(made, output, n=-1)
    assert strip.height == 3 * 48
    for number, colour in enumerate([BLUE, GREEN, BLUE]):
        frame = pixels(strip)[48 * number : 48 * (number + 1), :, :3]
        assert np.abs(frame[5, 5] - RED).max() <= 12
        assert np.abs(frame[40, 50] - colour).max() <= 12


def test_a_layer_counts_once_for_all_frames() -> None:
    """200 frames and a layer of a million px: one million to make, not two hundred."""
    base = animation([RED, GREEN] * 100, 60, 40, "gif")
    large = {"logo": (encoded(plain(1000, 1000, BLUE), "png"), "png")}
    for text in ("l_logo,w_10,g_north_west", "l_logo/w_500/w_10/fl_layer_apply,g_north_west"):
        made = decoded(rendered(text, base, "gif", "webp", large), "webp", n=-1)
        assert made.get_n_pages() == 200
        assert near(pixel(made, 3, made.height - 37)[:3], BLUE, 20)


def test_of_an_animated_layer_the_first_frame_is_laid() -> None:
    moving = {"logo": (animation([RED, GREEN], ACROSS, DOWN, "gif"), "gif")}
    image = picture("l_logo,g_north_west", layers=moving)
    assert box_of(image, RED) == (0, 0, ACROSS, DOWN)


def test_layers_are_turned_upright_and_their_colours_converted() -> None:
    turned = plain(DOWN, ACROSS, RED).copy()
    turned.set_type(pyvips.GValue.gint_type, "orientation", 6)
    image = picture("l_logo,g_north_west", layers={"logo": (encoded(turned, "jpg", Q=100), "jpg")})
    there = np.abs(pixels(image) - RED).max(axis=2) < 8
    assert there[:DOWN, :ACROSS].all()
    assert there.sum() == ACROSS * DOWN
    ink = plain(ACROSS, DOWN, RED).icc_transform("cmyk", input_profile="srgb")
    image = picture("l_logo,g_north_west", layers={"logo": (encoded(ink, "jpg", Q=100), "jpg")})
    assert np.abs(pixels(image)[5, 5] - RED).max() < 40  # red ink is not quite as red as the screen
    grey = encoded(plain(ACROSS, DOWN, RED).colourspace("b-w"), "png")
    image = picture("l_logo,g_north_west", layers={"logo": (grey, "png")})
    assert len(set(pixels(image)[5, 5])) == 1


def test_text_layers() -> None:
    image = picture("l_text:Arial_40_bold:HHH,co_rgb:dc1e1e,g_south_west")
    there = (pixels(image) == RED).all(axis=2)
    ys, xs = np.nonzero(there)
    assert xs.min() <= 2
    assert ys.max() >= HIGH - 2
    assert 25 <= ys.max() - ys.min() <= 31  # capitals of 40 px
    wrapped = picture("l_text:Arial_20:one%20two%20three%20four%20five,c_fit,w_80,co_rgb:dc1e1e,g_north_west")
    assert np.nonzero((pixels(wrapped) == RED).all(axis=2))[1].max() <= 82
    scaled = picture("l_text:Arial_20:III,co_rgb:dc1e1e,c_scale,w_50,h_40,g_north_west")
    ys, xs = np.nonzero((np.abs(pixels(scaled) - BLUE) > 40).any(axis=2))
    assert (xs.max() + 1, ys.max() + 1) == (50, 40)


def test_text_on_a_background_with_a_border() -> None:
    image = pixels(picture("l_text:Arial_20:H,b_rgb:00ff00,bo_3px_solid_rgb:dc1e1e,g_north_west"))
    assert tuple(image[0, 0]) == RED
    assert tuple(image[4, 4]) in {(0, 255, 0), (0, 0, 0)}
    assert (image == (0, 255, 0)).all(axis=2).sum() > 50


@pytest.mark.parametrize(
    ("transformation", "error", "says"),
    [
        ("l_nobody", NotFound, "Resource not found - nobody"),
        ("l_folder:nobody", NotFound, "Resource not found - folder/nobody"),
        ("l_fetch:aHR0cHM6Ly9leGFtcGxlLm9yZy94LnBuZw", InvalidTransformation, "l_fetch"),
        ("l_video:dog", InvalidTransformation, "l_video"),
        ("l_subtitles:talk.srt", InvalidTransformation, "l_subtitles"),
        ("l_text:saved_style:Hello", InvalidTransformation, "saved_style"),
        ("l_text:Arial_150:Hello,fl_text_disallow_overflow", InvalidTransformation, "over the edge"),
        ("l_text:Arial_1000:" + "x" * 500, InvalidTransformation, "too large"),
        ("l_logo/c_scale,w_9000,h_9000/fl_layer_apply", InvalidTransformation, "px"),
        ("l_logo,x_60000,y_60000", InvalidTransformation, "px"),
    ],
)
def test_what_cannot_be_laid_is_said(transformation: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error) as caught:
        rendered(transformation)
    assert says in caught.value.detail  # type: ignore[attr-defined]


def test_limits_of_sources_are_those_of_layers() -> None:
    with pytest.raises(LimitExceeded):
        picture("l_logo", layers={"logo": (encoded(plain(20_000, 20_000, RED), "png", compression=1), "png")})
    with pytest.raises(CorruptMedia):
        picture("l_logo", layers={"logo": (LOGO[:60], "png")})
    with pytest.raises(UnsupportedMedia):
        picture("l_logo", layers={"logo": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg")})


async def test_as_many_layers_as_a_request_carries(images: LibvipsImages, tmp_path: Path) -> None:
    assert structure.MAX_LAYERS == MAX_LAYERS
    path = tmp_path / "base.png"
    path.write_bytes(BASE)
    logo = Source(path, "png")
    for count in (MAX_LAYERS, MAX_LAYERS + 1):
        source = Source(path, "png", layers={f"logo{number}": logo for number in range(count)})
        chain = parse("/".join(f"l_logo{number},w_9/fl_layer_apply,x_{number}" for number in range(MAX_LAYERS)))
        if count <= MAX_LAYERS:
            assert (await images.render(source, chain, "png")).width == WIDE
        else:
            with pytest.raises(InvalidTransformation, match="at most"):
                await images.render(source, chain, "png")


async def test_text_in_a_sealed_decoder(images: LibvipsImages, tmp_path: Path) -> None:
    """The real process, which can open no file: fonts of all kinds, in more sizes than stay open by themselves."""
    path = tmp_path / "base.png"
    path.write_bytes(BASE)
    chain = "l_text:{}_{}:Gr%C3%B6%C3%9Fe%20%E6%BC%A2,fl_no_overflow"
    fonts = ("Arial", "Times", "Courier")
    first = [await images.render(Source(path, "png"), parse(chain.format(font, 30)), "png") for font in fonts]
    for size in range(10, 280):
        await images.render(Source(path, "png"), parse(chain.format("Arial", size)), "png")
    again = [await images.render(Source(path, "png"), parse(chain.format(font, 30)), "png") for font in fonts]
    assert [one.content for one in first] == [one.content for one in again]
    here = [rendered(chain.format(font, 30), layers={}) for font in fonts]
    assert [one.content for one in first] == here


# -- the pure parts ---------------------------------------------------------------------------------------------------


def component(text: str) -> Any:
    return parse(text).components[-1]


def test_placement_on_faces_without_faces_is_the_middle() -> None:
    apply = component("l_logo,g_face")
    found = placement(Size(WIDE, HIGH), Size(ACROSS, DOWN), apply, NOTHING_KNOWN)
    assert found.layers == ((MIDDLE_X, MIDDLE_Y),)
    face = Insight(faces=(Face(0.0, 0.0, 0.1, 0.1),))
    found = placement(Size(WIDE, HIGH), Size(ACROSS, DOWN), apply, face)
    assert (found.canvas, found.base) == (Size(WIDE + 10, HIGH + 9), (10, 9))


STYLE = TextStyle("Arial", 20)


def test_what_a_component_says_about_its_text() -> None:
    opening = parse("l_text:Arial_20:Hello,c_fit,w_100,h_50,co_red,bo_2px_solid_blue,b_white").components[0]
    layer = opening.get(OVERLAY)
    assert isinstance(layer, TextLayer)
    assert text_look(opening, STYLE) == TextLook(Colour(255, 0, 0), 100, 50)
    assert {key for key, _ in beside_text(opening, layer).parameters} == {"l", "bo", "b"}
    stroked = TextStyle("Arial", 20, stroke=True)
    assert text_look(opening, stroked).outline == Border(2, Colour(0, 0, 255))
    assert {key for key, _ in beside_text(opening, TextLayer(stroked, "Hello")).parameters} == {"l", "b"}
    scaled = parse("l_text:Arial_20:Hello,c_scale,w_100").components[0]
    assert text_look(scaled, STYLE) == TextLook(BLACK)
    assert {"w"} <= {key for key, _ in beside_text(scaled, layer).parameters}
