"""Pixels: what each operation does to pictures whose every part is known."""

from __future__ import annotations

import pytest
import pyvips

from renditor.errors import InvalidTransformation
from tests.images.pictures import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    Made,
    Pixel,
    animation,
    decoded,
    encoded,
    near,
    pixel,
    plain,
    quadrants,
    render,
)

SQUARES = encoded(quadrants(400, 200), "png")
CORNERS = ((0.02, 0.02), (0.98, 0.02), (0.02, 0.98), (0.98, 0.98))


def corners(made: Made) -> list[Pixel]:
    """Top left, top right, bottom left, bottom right."""
    return [made.at(*corner)[:3] for corner in CORNERS]


def all_near(found: list[Pixel], expected: list[Pixel], tolerance: int = 6) -> bool:
    return all(near(one, other, tolerance) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("gravity", "kept"),
    [
        ("west", [RED, RED, BLUE, BLUE]),
        ("east", [GREEN, GREEN, YELLOW, YELLOW]),
        ("north_west", [RED, RED, BLUE, BLUE]),
        ("south_east", [GREEN, GREEN, YELLOW, YELLOW]),
        ("center", [RED, GREEN, BLUE, YELLOW]),
        ("north", [RED, GREEN, BLUE, YELLOW]),
        ("south", [RED, GREEN, BLUE, YELLOW]),
    ],
)
def test_fill_keeps_the_side_that_gravity_names(gravity: str, kept: list[Pixel]) -> None:
    made = render(SQUARES, "png", f"c_fill,g_{gravity},h_100,w_100")
    assert (made.image.width, made.image.height) == (100, 100)
    assert all_near(corners(made), kept)


@pytest.mark.parametrize(
    ("gravity", "kept"),
    [
        ("north", [RED, GREEN, RED, GREEN]),
        ("south", [BLUE, YELLOW, BLUE, YELLOW]),
        ("north_east", [RED, GREEN, RED, GREEN]),
        ("center", [RED, GREEN, BLUE, YELLOW]),
    ],
)
def test_fill_of_a_flat_box_cuts_top_and_bottom(gravity: str, kept: list[Pixel]) -> None:
    made = render(SQUARES, "png", f"c_fill,g_{gravity},h_20,w_200")
    assert all_near(corners(made), kept)


@pytest.mark.parametrize(
    ("gravity", "colour"),
    [("north_west", RED), ("north_east", GREEN), ("south_west", BLUE), ("south_east", YELLOW)],
)
def test_crop_takes_the_corner_that_gravity_names(gravity: str, colour: Pixel) -> None:
    made = render(SQUARES, "png", f"c_crop,g_{gravity},h_100,w_200")
    assert (made.image.width, made.image.height) == (200, 100)
    assert [made.image.min(), made.image.max()] == [min(colour), max(colour)]
    assert pixel(made.image, 100, 50) == colour


def test_crop_by_coordinates_is_exact_to_the_pixel() -> None:
    made = render(SQUARES, "png", "c_crop,h_4,w_4,x_198,y_98")
    rows = [[pixel(made.image, x, y) for x in range(4)] for y in range(4)]
    assert rows == [[RED, RED, GREEN, GREEN]] * 2 + [[BLUE, BLUE, YELLOW, YELLOW]] * 2


def test_pad_puts_its_colour_exactly_around_the_picture() -> None:
    made = render(SQUARES, "png", "b_rgb:010203,c_pad,g_north,h_100,w_100")
    inside = made.image.crop(0, 0, 100, 50)
    outside = made.image.crop(0, 50, 100, 50)
    assert [outside[band].min() for band in range(3)] == [1, 2, 3]
    assert [outside[band].max() for band in range(3)] == [1, 2, 3]
    alone = render(SQUARES, "png", "c_fit,h_100,w_100").image
    assert (inside - alone).abs().max() == 0


def test_pad_without_a_colour_is_transparent_where_it_can_be_and_else_white() -> None:
    made = render(SQUARES, "png", "c_pad,g_south_west,h_100,w_100")
    assert pixel(made.image, 50, 20) == (0, 0, 0, 0)
    assert made.at(0.02, 0.98) == (*BLUE, 255)
    assert near(render(SQUARES, "png", "c_pad,h_100,w_100", "jpg").at(0.5, 0.1), (255, 255, 255), 2)


def test_pad_with_a_half_transparent_colour() -> None:
    made = render(SQUARES, "png", "b_rgb:ff000080,c_pad,h_100,w_100")
    assert pixel(made.image, 50, 10) == (255, 0, 0, 128)


def test_nothing_is_enlarged_by_limit() -> None:
    made = render(SQUARES, "png", "c_limit,h_900,w_900")
    assert (made.image.width, made.image.height) == (400, 200)
    assert (made.image - decoded(SQUARES, "png")).abs().max() == 0


@pytest.mark.parametrize(
    ("angle", "size", "expected"),
    [
        ("90", (200, 400), [BLUE, RED, YELLOW, GREEN]),
        ("180", (400, 200), [YELLOW, BLUE, GREEN, RED]),
        ("270", (200, 400), [GREEN, YELLOW, RED, BLUE]),
        ("-90", (200, 400), [GREEN, YELLOW, RED, BLUE]),
        ("hflip", (400, 200), [GREEN, RED, YELLOW, BLUE]),
        ("vflip", (400, 200), [BLUE, YELLOW, RED, GREEN]),
        ("hflip.90", (200, 400), [YELLOW, GREEN, BLUE, RED]),
        ("90.hflip", (200, 400), [RED, BLUE, GREEN, YELLOW]),
        ("90.270", (400, 200), [RED, GREEN, BLUE, YELLOW]),
    ],
)
def test_quarter_turns_and_flips(angle: str, size: tuple[int, int], expected: list[Pixel]) -> None:
    made = render(SQUARES, "png", f"a_{angle}")
    assert (made.image.width, made.image.height) == size
    assert made.meta == {"width": size[0], "height": size[1], "pages": 1}
    assert corners(made) == expected


@pytest.mark.parametrize(("angle", "right"), [("45", GREEN), ("-45", YELLOW), ("135", RED)])
def test_other_angles_turn_clockwise_around_the_middle(angle: str, right: Pixel) -> None:
    """After 45 degrees clockwise the top right corner points to the right."""
    made = render(encoded(quadrants(200, 200), "png"), "png", f"a_{angle}")
    assert made.image.width in range(281, 286)
    assert near(made.at(0.9, 0.5), (*right, 255))
    assert made.at(0.01, 0.01)[3] == 0


def test_corners_of_a_turned_picture_take_the_background() -> None:
    made = render(SQUARES, "png", "a_30,b_rgb:123456")
    assert made.image.bands == 3
    assert pixel(made.image, 0, 0) == (0x12, 0x34, 0x56)
    assert near(render(SQUARES, "png", "a_30", "jpg").at(0, 0), (255, 255, 255), 2)


def test_a_chain_works_on_the_result_before() -> None:
    made = render(SQUARES, "png", "a_90/c_crop,g_north,h_100/c_scale,h_30,w_60")
    assert (made.image.width, made.image.height) == (60, 30)
    assert all_near(corners(made), [BLUE, RED, BLUE, RED])


def test_resizing_comes_before_turning_within_one_component() -> None:
    made = render(SQUARES, "png", "a_90,h_10,w_100")
    assert (made.image.width, made.image.height) == (10, 100)


def test_transparent_colours_do_not_bleed_into_the_edges() -> None:
    """Half of the picture is invisible red beside opaque green; the seam falls inside a pixel of the result."""
    red, green = plain(95, 200, (255, 0, 0, 0)), plain(105, 200, (0, 200, 0, 255))
    content = encoded(red.join(green, "horizontal"), "png")
    for transformation in ("w_10", "w_333", "a_10,w_50", "c_fill,h_20,w_11"):
        made = render(content, "png", transformation)
        visible = made.image[3] > 40
        assert (made.image[0] * (visible / 255)).max() < 12, transformation


def test_alpha_survives_resizing() -> None:
    made = render(encoded(plain(200, 100, (10, 200, 30, 128)), "png"), "png", "w_50")
    assert made.image.bands == 4
    assert near(made.at(0.5, 0.5), (10, 200, 30, 128), 2)


def test_a_background_shows_through_transparency() -> None:
    content = encoded(plain(20, 20, (0, 200, 0, 0)), "png")
    assert near(render(content, "png", "", "jpg").at(0.5, 0.5), (255, 255, 255), 1)
    assert near(render(content, "png", "b_rgb:ff0000", "jpg").at(0.5, 0.5), (254, 0, 0), 2)
    assert render(content, "png", "b_rgb:ff0000", "png").at(0.5, 0.5) == (255, 0, 0)
    assert near(render(content, "png", "b_rgb:ff000080", "png").at(0.5, 0.5), (255, 0, 0, 128), 1)


def test_operations_of_videos_are_refused() -> None:
    with pytest.raises(InvalidTransformation, match=r"so_ \(start offset\) applies to video only"):
        render(SQUARES, "png", "w_10/so_5")


def test_results_beyond_the_limits_are_refused_before_anything_is_decoded() -> None:
    broken = SQUARES[: len(SQUARES) // 2]
    with pytest.raises(InvalidTransformation, match="makes 200,000,000 px"):
        render(broken, "png", "h_10000,w_10000/h_10000,w_10000")
    with pytest.raises(InvalidTransformation, match="too large for avif"):
        render(broken, "png", "h_5000,w_5000", "avif")


# -- colours ----------------------------------------------------------------------------------------------------------

PATCHES: list[Pixel] = [(200, 40, 40), (60, 150, 80), (70, 90, 150), (240, 240, 240), (120, 120, 120), (20, 20, 20)]


def patches() -> pyvips.Image:
    return pyvips.Image.arrayjoin([plain(40, 40, colour) for colour in PATCHES], across=6).copy_memory()


def patch_colours(made: Made) -> list[Pixel]:
    return [made.at((number + 0.5) / 6, 0.5) for number in range(6)]


@pytest.mark.parametrize("with_profile", [True, False])
def test_cmyk_comes_out_in_the_colours_of_the_picture(with_profile: bool) -> None:
    cmyk = patches().icc_transform("cmyk", input_profile="srgb", black_point_compensation=True)
    assert cmyk.bands == 4
    content = encoded(cmyk, "jpg", Q=95, keep="icc" if with_profile else "none")
    for transformation in ("", "w_120", "a_90.270"):
        assert all_near(patch_colours(render(content, "jpg", transformation)), PATCHES, 12), transformation


def test_a_wide_gamut_profile_is_converted_to_srgb() -> None:
    wide = patches().icc_transform("p3", input_profile="srgb")
    assert not near(pixel(wide, 60, 20), PATCHES[1], 6), "the numbers of Display P3 differ, or this test shows nothing"
    for fmt in ("jpg", "png", "webp", "avif", "tiff"):
        options = {"Q": 95} if fmt in {"jpg", "webp", "avif"} else {}
        content = encoded(wide, fmt, keep="icc", **options)
        made = render(content, fmt, "w_240")
        assert all_near(patch_colours(made), PATCHES, 8), fmt
        assert not made.image.get_typeof("icc-profile-data")


def test_a_broken_profile_is_ignored() -> None:
    image = patches().copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", b"no profile at all" * 20)
    assert all_near(patch_colours(render(encoded(image, "png", keep="icc"), "png", "")), PATCHES, 1)


def test_a_profile_for_colours_on_a_grey_picture_is_ignored() -> None:
    profile = patches().icc_transform("srgb", input_profile="srgb").get("icc-profile-data")
    grey = plain(40, 40, (128,)).copy(interpretation="b-w")
    grey.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    assert near(render(encoded(grey, "jpg", keep="icc"), "jpg", "").at(0.5, 0.5), (128, 128, 128), 2)


@pytest.mark.parametrize("fmt", ["jpg", "png", "tiff"])
def test_grey_stays_grey(fmt: str) -> None:
    grey = plain(40, 40, (77,)).copy(interpretation="b-w")
    made = render(encoded(grey, fmt), fmt, "b_rgb:ff0000,c_pad,h_40,w_80")
    assert near(made.at(0.5, 0.5), (77, 77, 77), 2)
    assert made.at(0.02, 0.5) == (255, 0, 0)


def test_grey_with_alpha() -> None:
    image = plain(40, 40, (77, 128)).copy(interpretation="b-w")
    assert near(render(encoded(image, "png"), "png", "w_20").at(0.5, 0.5), (77, 77, 77, 128), 2)


@pytest.mark.parametrize("profile", [None, "p3"])
def test_sixteen_bits_become_eight(profile: str | None) -> None:
    deep = patches().addalpha().colourspace("rgb16")
    if profile:
        deep = deep.icc_transform(profile, input_profile="srgb", depth=16)
    assert deep.format == "ushort"
    content = encoded(deep, "png", keep="icc")
    for transformation in ("", "w_120"):
        made = render(content, "png", transformation)
        assert made.image.format == "uchar"
        assert all_near(patch_colours(made), [(*colour, 255) for colour in PATCHES], 3)


def test_a_palette_is_unfolded() -> None:
    content = encoded(patches(), "png", palette=True)
    assert all_near(patch_colours(render(content, "png", "w_240")), PATCHES, 2)


@pytest.mark.parametrize("text", ["", "w_60", "c_crop,h_20,w_40,x_0,y_0"])
def test_a_palette_with_transparent_colours(text: str) -> None:
    half = plain(60, 40, (*BLUE, 255)).join(plain(60, 40, (*RED, 0)), "horizontal")
    content = encoded(half, "png", palette=True)
    assert b"PLTE" in content
    assert b"tRNS" in content
    made = render(content, "png", text)
    assert near(made.at(0.1, 0.5), (*BLUE, 255), 2)
    assert made.at(0.98, 0.5)[3] == (255 if "crop" in text else 0)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_of_any_depth(depth: int) -> None:
    steps = plain(30, 20, (0,)).join(plain(30, 20, (255,)), "horizontal").copy(interpretation="b-w")
    image = (steps.cast("ushort") * 257).copy(interpretation="grey16") if depth == 16 else steps
    content = encoded(image, "png", bitdepth=depth)
    made = render(content, "png", "w_30")
    assert [made.at(0.1, 0.5)[:3], made.at(0.9, 0.5)[:3]] == [(0, 0, 0), (255, 255, 255)]


def test_cutting_and_scaling_happen_in_the_colours_of_the_picture_alike() -> None:
    """The same wide-gamut and CMYK pixels whether a region is cut before scaling or a window after it."""
    for space in ("p3", "cmyk"):
        content = encoded(
            patches().icc_transform(space, input_profile="srgb", black_point_compensation=True), "tiff", keep="icc"
        )
        for text in ("c_fill,g_west,h_40,w_120", "c_crop,g_west,h_40,w_120", "c_thumb,g_west,h_20,w_60"):
            made = render(content, "tiff", text)
            found = [made.at((number + 0.5) / 3, 0.5) for number in range(3)]
            assert all_near(found, PATCHES[:3], 12), (space, text)


def test_lab_in_a_tiff() -> None:
    content = encoded(patches().colourspace("lab"), "tiff")
    assert all_near(patch_colours(render(content, "tiff", "")), PATCHES, 2)


# -- animations -------------------------------------------------------------------------------------------------------

FRAMES: list[Pixel] = [RED, GREEN, BLUE, YELLOW]


@pytest.mark.parametrize("source", ["gif", "webp"])
@pytest.mark.parametrize("output", ["gif", "webp"])
@pytest.mark.parametrize(
    ("transformation", "size"),
    [("", (40, 20)), ("w_80", (80, 40)), ("c_fill,h_10,w_10", (10, 10)), ("a_90/w_10", (10, 20))],
)
def test_an_animation_stays_one(source: str, output: str, transformation: str, size: tuple[int, int]) -> None:
    content = animation(FRAMES, 40, 20, source)
    made = render(content, source, transformation, output, n=-1)
    width, height = size
    assert made.meta == {"width": width, "height": height, "pages": 4}
    assert (made.image.width, made.image.get_page_height(), made.image.get_n_pages()) == (width, height, 4)
    assert made.image.get("delay") == [120] * 4
    assert made.image.get("loop") == 3
    for number, colour in enumerate(FRAMES):
        middle = pixel(made.image, width // 2, number * height + height // 2)
        assert near(middle[:3], colour, 24 if output == "gif" else 10)


def test_padding_an_animation() -> None:
    made = render(animation(FRAMES, 40, 20, "gif"), "gif", "b_rgb:000000,c_pad,h_40,w_40", "webp", n=-1)
    assert made.image.get_n_pages() == 4
    for number in range(4):
        assert near(pixel(made.image, 20, number * 40 + 3)[:3], (0, 0, 0), 8)
        assert near(pixel(made.image, 20, number * 40 + 20)[:3], FRAMES[number], 12)


@pytest.mark.parametrize("output", ["jpg", "png", "avif"])
def test_other_formats_show_the_first_frame(output: str) -> None:
    made = render(animation(FRAMES, 40, 20, "gif"), "gif", "w_80", output)
    assert made.meta == {"width": 80, "height": 40, "pages": 1}
    assert (made.image.width, made.image.height) == (80, 40)
    assert near(made.at(0.5, 0.5)[:3], RED, 12)


def test_an_animation_too_large_for_its_format_is_refused() -> None:
    content = animation(FRAMES, 40, 20, "gif")
    with pytest.raises(InvalidTransformation, match="5000 x 2500 px in 4 frames is too large for gif"):
        render(content, "gif", "w_5000", "gif")


def test_what_an_effect_made_transparent_shows_the_background() -> None:
    made = render(SQUARES, "png", "b_rgb:000,e_gradient_fade:50")
    assert not made.image.hasalpha() or made.image[3].min() == 255
    assert near(made.at(0.3, 0.0)[:3], (0, 0, 0), 40)
    assert near(made.at(0.25, 0.9)[:3], BLUE, 12)
