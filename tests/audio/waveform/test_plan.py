"""What may be asked for."""

from __future__ import annotations

import pytest

from renditor.audio.waveform.plan import SET, DataFile, PictureFile, WaveformPlan
from renditor.errors import BadRequest


@pytest.mark.parametrize("samples", [1, 0, -256, 65_537])
def test_samples_per_pixel(samples: int) -> None:
    with pytest.raises(BadRequest, match="between 2 and 65536"):
        DataFile("a.dat", samples)


@pytest.mark.parametrize("wanted", [{"bits": 12}, {"format_version": 3}, {"format_version": 0}])
def test_numbers_of_the_format(wanted: dict[str, int]) -> None:
    with pytest.raises(BadRequest):
        DataFile("a.dat", **wanted)


@pytest.mark.parametrize("size", [{"width": 15}, {"width": 8193}, {"height": 0}, {"height": 2049}])
def test_sizes(size: dict[str, int]) -> None:
    with pytest.raises(BadRequest, match="px"):
        PictureFile("a.png", **size)  # type: ignore[arg-type]


@pytest.mark.parametrize("colour", ["red", "#12345", "1234567", "#12345g", '#123456"/>', "##123456", "123456\n", ""])
def test_colours(colour: str) -> None:
    with pytest.raises(BadRequest, match="colour"):
        PictureFile("a.svg", colour=colour)


def test_version_1_has_one_channel() -> None:
    old = DataFile("a.dat", format_version=1)
    assert WaveformPlan((old,)).files == (old,)
    with pytest.raises(BadRequest, match="one channel"):
        WaveformPlan((old,), split=True)


@pytest.mark.parametrize("samples", [0, 441, 220_500, 10**9])
def test_all_zooms_are_multiples_of_what_is_read(samples: int) -> None:
    finest = SET.finest(samples)
    assert 16 <= finest <= 256
    assert all(file.samples_per_pixel % finest == 0 for file in SET.files if isinstance(file, DataFile))
    odd = WaveformPlan((DataFile("a.dat", 300), DataFile("b.dat", 450), PictureFile("a.png")))
    assert odd.finest(10**9) == 150
