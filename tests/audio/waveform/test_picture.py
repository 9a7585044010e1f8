"""Pictures of waveforms, looked at px by px."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray

from renditor.audio.waveform.peaks import Peaks
from renditor.audio.waveform.picture import write_png, write_svg
from renditor.audio.waveform.plan import PictureFile

WIDTH, HEIGHT = 64, 40

Draw = Callable[..., bytes]


def peaks(*channels: list[tuple[int, int]]) -> Peaks:
    return Peaks(8_000, 256, 256 * len(channels[0]), np.array(channels, np.int16).swapaxes(0, 1))


# Full up in the first quarter, silence in the second, full down in the third, half of both in the last.
STAIRS = peaks([(0, 32767), (0, 0), (-32768, 0), (-16384, 16384)])


def opacity(data: bytes) -> NDArray[np.int64]:
    """How opaque each px is, 0 to 255."""
    picture = pyvips.Image.new_from_buffer(data, "")
    assert (picture.width, picture.height, picture.bands) == (WIDTH, HEIGHT, 4)
    return np.asarray(picture[3].numpy(), np.int64)


def png(found: Peaks, **options: str) -> bytes:
    file = io.BytesIO()
    write_png(found, PictureFile("a.png", WIDTH, HEIGHT, **options), file)
    return file.getvalue()


def svg(found: Peaks, **options: str) -> bytes:
    file = io.BytesIO()
    write_svg(found, PictureFile("a.svg", WIDTH, HEIGHT, **options), file)
    return file.getvalue()


@pytest.mark.parametrize("draw", [png, svg])
def test_what_is_drawn(draw: Draw) -> None:
    shown = opacity(draw(STAIRS))
    up, silence, down, both = (shown[:, column] for column in (8, 24, 40, 56))
    assert (up[1:20] == 255).all()
    assert (up[21:] == 0).all()
    assert silence.sum() == pytest.approx(255, abs=6)  # a line of one px
    assert silence[19:21].sum() == silence.sum()
    assert (down[:20] == 0).all()
    assert (down[20:] == 255).all()
    assert (both[10:30] == 255).all()
    assert both.sum() == 255 * 20


@pytest.mark.parametrize("draw", [png, svg])
def test_split_channels_have_lanes(draw: Draw) -> None:
    shown = opacity(draw(peaks([(-32768, 32767)] * 4, [(0, 0)] * 4)))
    assert (shown[1:20] == 255).all()
    assert (shown[21:28] == 0).all()
    assert (shown[29:31].sum(axis=0) >= 250).all()
    assert (shown[32:] == 0).all()


@pytest.mark.parametrize("draw", [png, svg])
@pytest.mark.parametrize("colour", ["1F6feb", "#1F6feb"])
def test_the_colour(draw: Draw, colour: str) -> None:
    picture = pyvips.Image.new_from_buffer(draw(STAIRS, colour=colour), "")
    assert picture(8, 10)[:3] == pytest.approx([0x1F, 0x6F, 0xEB], abs=1)


def test_both_pictures_are_the_same() -> None:
    wave = (np.sin(np.arange(200) / 9) * 30_000).astype(int)
    sound = peaks([(min(0, int(value)), max(0, int(value))) for value in wave])
    difference = np.abs(opacity(png(sound)) - opacity(svg(sound)))
    assert difference.max() <= 40  # of 255: heights in the SVG are rounded to tenths


def test_an_svg_takes_the_colour_of_its_text_and_any_size() -> None:
    text = svg(STAIRS).decode()
    assert 'fill="currentColor"' in text
    assert f'viewBox="0 0 {WIDTH} {HEIGHT}"' in text
    assert text.count("<path") == 1
    path = re.search(r' d="([^"]*)"', text)
    assert path
    assert re.fullmatch(r"M0 [\d.]+(?:[hv]-?[\d.]+)+V[\d.]+(?:[hv]-?[\d.]+)+Z", path[1])
    assert len(path[1]) < 80  # four columns of sound are four steps, however wide it is


def test_more_columns_than_points() -> None:
    shown = opacity(png(peaks([(-32768, 32767)])))
    assert (shown[1:39] == 255).all()
