"""The whole pipeline: orientation, pages, animations, what the loader is told, and eyes where nobody has looked."""

from __future__ import annotations

from itertools import product

import pytest
import pyvips

from renditor.errors import InvalidTransformation
from renditor.images.insight import Face, Insight
from renditor.images.pipeline.carry import UPRIGHT_TURNS, is_sideways
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.layers import Layers
from renditor.images.pipeline.operations import Pixels
from renditor.images.pipeline.walk import facts_of, walk
from renditor.transformation import parse
from tests.images.oracle import coordinates, faults, view
from tests.images.pictures import BLUE, GREEN, RED, Pixel, animation, encoded, near, pixel, plain, render
from tests.images.portraits import portrait

WIDTH, HEIGHT = 200, 120
LOSSLESS: dict[str, dict[str, object]] = {
    "png": {},
    "tiff": {},
    "webp": {"lossless": True},
    "jpg": {"Q": 100, "subsample_mode": "off"},
}


def stored(orientation: int, fmt: str) -> bytes:
    """The coordinates picture as a camera held that way stores it."""
    turn = UPRIGHT_TURNS[orientation]
    image = coordinates(WIDTH, HEIGHT).copy_memory()
    image = image.rot(f"d{-turn.degrees % 360}")
    image = image.fliphor() if turn.mirrored else image
    image = image.copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return encoded(image, fmt, **LOSSLESS[fmt])


@pytest.mark.parametrize(("orientation", "fmt"), list(product(range(1, 9), LOSSLESS)))
def test_every_orientation_of_every_format_shows_the_same_picture(orientation: int, fmt: str) -> None:
    content = stored(orientation, fmt)
    for mode, gravity, asked in (
        ("crop", "north_east", (50, 30)),
        ("fill", "west", (40, 60)),
        ("fit", "center", (90, 90)),
    ):
        made = render(content, fmt, f"c_{mode},g_{gravity},h_{asked[1]},w_{asked[0]}")
        assert (
            faults(made.image, view(mode, (WIDTH, HEIGHT), asked, gravity), (0, 0, 0), noise=8 if fmt == "jpg" else 2)
            == []
        ), (mode, orientation)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_camera_may_be_ignored_and_places_follow(orientation: int) -> None:
    """The face is told for the upright picture, and found in the one as stored."""
    face = Insight(faces=(Face(0.1, 0.2, 0.1, 0.2),))
    made = render(stored(orientation, "png"), "png", "a_ignore/c_crop,g_face", insight=face)
    assert (made.image.width, made.image.height) == ((24, 20) if is_sideways(orientation) else (20, 24))
    red, green = made.image[0], made.image[1]
    assert (red.min(), red.max(), green.min(), green.max()) == pytest.approx((20, 39, 24, 47), abs=1)


class Loader:
    """Remembers what size it was told."""

    def __init__(self) -> None:
        self.told: list[Size | None] = []

    def __call__(self, target: Size | None) -> pyvips.Image:
        self.told.append(target)
        image = coordinates(WIDTH, HEIGHT)
        return image if target is None else image.resize(target.width / WIDTH, vscale=target.height / HEIGHT)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("w_50", Size(50, 30)),
        ("c_fill,h_30,w_30", Size(50, 30)),
        ("c_limit,w_100", Size(100, 60)),
        ("f_auto,q_auto/w_50", Size(50, 30)),
        ("fl_progressive/w_100/w_20", Size(100, 60)),
        ("c_thumb,g_face,h_20,w_20", Size(100, 60)),
        ("e_grayscale/w_50", Size(50, 30)),
        ("e_grayscale/e_sepia/c_fill,h_30,w_30", Size(50, 30)),
        ("e_blur:300/w_50", None),
        ("e_grayscale,r_10/w_50", None),
        ("c_crop,h_50,w_50", None),
        ("a_90/w_50", None),
        ("q_auto", None),
        ("l_text:Arial_20:Hi/fl_layer_apply/w_50", None),
    ],
)
def test_the_loader_scales_as_soon_as_it_may(text: str, told: Size | None) -> None:
    loader, size = Loader(), Size(WIDTH, HEIGHT)
    insight = Insight(faces=(Face(0.2, 0.2, 0.1, 0.167),))
    pixels = Pixels(size, loader, Layers())
    walk(pixels, parse(text), facts_of(size, insight), insight)
    assert pixels.image.width >= 1
    assert loader.told == [told]


def test_effects_that_waited_are_still_done() -> None:
    made = render(encoded(plain(100, 100, (200, 0, 0)), "png"), "png", "e_grayscale/w_50")
    assert len(set(made.at(0.5, 0.5))) == 1


# -- pages and frames -------------------------------------------------------------------------------------------------

FRAMES: list[Pixel] = [RED, GREEN, BLUE]


def pages(fmt: str) -> bytes:
    if fmt != "tiff":
        return animation(FRAMES, 40, 20, fmt)
    strip = pyvips.Image.arrayjoin([plain(40, 20, colour) for colour in FRAMES], across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", 20)
    return encoded(strip, "tiff")


@pytest.mark.parametrize("fmt", ["gif", "webp", "tiff"])
@pytest.mark.parametrize("page", [1, 2, 3])
def test_one_page_or_frame(fmt: str, page: int) -> None:
    made = render(pages(fmt), fmt, f"pg_{page}/w_20", "webp")
    assert made.meta == {"width": 20, "height": 10, "pages": 3 if fmt != "tiff" and page == 1 else 1}
    assert near(made.at(0.5, 0.5)[:3], FRAMES[page - 1], 16)


def test_a_page_that_is_not_there() -> None:
    with pytest.raises(InvalidTransformation, match="no page 4: the picture has 3"):
        render(pages("tiff"), "tiff", "pg_4")
    with pytest.raises(InvalidTransformation, match="no page 2"):
        render(stored(1, "png"), "png", "pg_2")


def test_the_time_each_frame_is_shown() -> None:
    assert render(pages("gif"), "gif", "dl_250", "webp", n=-1).image.get("delay") == [250] * 3


@pytest.mark.parametrize("text", ["e_trim", "b_auto,c_pad,h_40,w_40", "r_max,w_30", "a_30", "e_blur:1/w_20"])
def test_all_frames_get_the_same_treatment(text: str) -> None:
    inner = [plain(20, 10, colour).embed(10, 5, 40, 20, extend="white") for colour in FRAMES]
    strip = pyvips.Image.arrayjoin(inner, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", 20)
    made = render(encoded(strip, "webp", lossless=True), "webp", text, "webp", n=-1)
    height = made.meta["height"]
    assert made.image.get_n_pages() == 3
    for number, colour in enumerate(FRAMES):
        middle = pixel(made.image, made.image.width // 2, number * height + height // 2)
        assert near(middle[:3], colour, 60)


def test_a_layer_over_every_frame() -> None:
    made = render(pages("gif"), "gif", "l_text:Arial_18_bold:MM,co_white/fl_layer_apply", "webp", n=-1)
    for number in range(3):
        frame = made.image.crop(0, number * 20, 40, 20)
        assert min(frame[band].max() for band in range(3)) > 200


# -- variables and conditions on what the whole chain means -----------------------------------------------------------


@pytest.mark.parametrize(("fmt", "text", "says"), [
    ("tiff", "$p_2/pg_$p", "pg_2"),
    ("tiff", "if_pc_gt_5,pg_2", ""),
    ("tiff", "w_10/if_iw_lt_50/pg_3/if_end", "w_10/pg_3"),
    ("gif", "if_pc_eq_3/pg_2/if_end", "pg_2"),
    ("gif", "if_pc_gt_3/pg_2/if_end", ""),
    ("gif", "$t_250/dl_$t", "dl_250"),
    ("gif", "if_w_gt_40,dl_250", ""),
])  # fmt: skip
def test_a_decided_chain_makes_what_its_plain_form_makes(fmt: str, text: str, says: str) -> None:
    assert render(pages(fmt), fmt, text, "webp", n=-1).content == render(pages(fmt), fmt, says, "webp", n=-1).content


@pytest.mark.parametrize(("text", "says"), [
    ("$q_20/q_$q", "q_20"),
    ("if_w_gt_200,q_20", ""),
    ("w_150/if_w_lt_200,q_20", "w_150/q_20"),
    ("if_w_lt_200,fl_progressive", ""),
    ("$a_!ignore!/a_$a", "a_ignore"),
])  # fmt: skip
def test_encoders_are_told_what_was_decided(text: str, says: str) -> None:
    content = stored(6, "jpg")  # 200 x 120 px as displayed
    assert render(content, "jpg", text, "jpg").content == render(content, "jpg", says, "jpg").content


# -- eyes -------------------------------------------------------------------------------------------------------------


def test_faces_are_looked_for_when_nobody_has() -> None:
    content = encoded(portrait(900, 600, (0.2, 0.6, 0.5)), "jpg", Q=90)
    made = render(content, "jpg", "c_thumb,g_face,h_200,w_200")
    assert (made.image.width, made.image.height) == (200, 200)
    skin = made.at(0.5, 0.5)
    assert skin[0] > skin[2] + 40, "the middle of the thumbnail is skin, not background"
    known = render(content, "jpg", "c_thumb,g_face,h_200,w_200", insight=Insight(faces=(Face(0.12, 0.35, 0.16, 0.45),)))
    assert near(known.at(0.5, 0.5), skin, 40)


@pytest.mark.parametrize(("text", "says"), [
    ("$g_!face!/c_thumb,g_$g,h_200,w_200", "c_thumb,g_face,h_200,w_200"),
    ("$s_900/e_blur_faces:$s", "e_blur_faces:900"),
    ("$e_!pixelate_faces!/e_$e", "e_pixelate_faces"),
])  # fmt: skip
def test_a_variable_may_stand_for_faces(text: str, says: str) -> None:
    content = encoded(portrait(900, 600, (0.2, 0.6, 0.5)), "jpg", Q=90)
    made = render(content, "jpg", text).content
    assert made == render(content, "jpg", says).content
    assert made != render(content, "jpg", says.replace("face", "center") if "thumb" in says else "").content


def test_what_draws_the_eye_is_looked_for_where_there_is_no_face() -> None:
    spot = plain(60, 60, (255, 40, 40))
    content = encoded(plain(600, 200, (90, 100, 110)).insert(spot, 500, 70), "png")
    for text in ("c_fill,g_auto,h_200,w_200", "c_auto,h_200,w_200", "c_fill,g_face,h_200,w_200"):
        made = render(content, "png", text)
        assert made.image[0].max() > 240, text
        assert made.image.width == 200
