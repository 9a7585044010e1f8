"""Folding of samples, against the reference."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.audio.waveform.formats import write_dat, write_json
from renditor.audio.waveform.peaks import Folding, Peaks

from . import reference

NUMBER = st.one_of(st.integers(-32768, 32767), st.sampled_from([-32768, -1, 0, 1, 32767]))
SOUND = st.integers(1, 2).flatmap(lambda channels: st.lists(st.tuples(*[NUMBER] * channels), min_size=1, max_size=200))


def fold(samples: list[tuple[int, ...]], zoom: int, *, split: bool, cut: int = 64, most: int = 2**21) -> Peaks:
    """In pieces of ``cut`` bytes, which may end within a sample."""
    channels = len(samples[0])
    pcm = b"".join(struct.pack(f"<{channels}h", *moment) for moment in samples)
    folding = Folding(channels, zoom, split=split, most=most)
    for start in range(0, len(pcm), cut):
        folding.take(pcm[start : start + cut])
    return folding.finish(48_000)


def listed(points: reference.Points) -> list[list[list[int]]]:
    return [[[*pair] for pair in point] for point in points]


@given(samples=SOUND, zoom=st.integers(2, 20), split=st.booleans(), cut=st.integers(1, 99))
def test_points_are_those_of_the_format(samples: list[tuple[int, ...]], zoom: int, split: bool, cut: int) -> None:
    made = fold(samples, zoom, split=split, cut=cut)
    expected = reference.points(samples, zoom, split=split)
    assert made.frames == len(samples)
    assert made.duration == len(samples) / 48_000
    for bits in (8, 16):
        binary, text = io.BytesIO(), io.BytesIO()
        write_dat(made, bits, 2, binary)
        write_json(made, bits, text)
        assert binary.getvalue() == reference.dat(expected, 48_000, zoom, bits)
        assert text.getvalue() == reference.json(expected, 48_000, zoom, bits)


@given(samples=SOUND, zoom=st.integers(2, 9), factor=st.integers(1, 9))
def test_a_zoom_is_what_a_decode_of_its_own_would_give(samples: list[tuple[int, ...]], zoom: int, factor: int) -> None:
    coarse = fold(samples, zoom, split=False).at(zoom * factor)
    alone = fold(samples, zoom * factor, split=False)
    assert coarse.samples_per_pixel == alone.samples_per_pixel
    assert np.array_equal(coarse.points, alone.points)


@given(samples=SOUND, most=st.integers(2, 9), split=st.booleans())
def test_a_long_sound_gets_coarser_and_loses_nothing(samples: list[tuple[int, ...]], most: int, split: bool) -> None:
    made = fold(samples, 2, split=split, most=most, cut=8)
    assert len(made.points) <= most
    zoom = made.samples_per_pixel
    assert zoom & (zoom - 1) == 0
    assert made.points.tolist() == [
        [[*pair] for pair in point] for point in reference.points(samples, zoom, split=split)
    ]
    assert made.frames == len(samples)


def test_a_zoom_that_is_finer_than_what_is_left_is_doubled() -> None:
    made = fold([(1,)] * 4000, 16, split=False, most=64)
    assert made.samples_per_pixel == 64
    assert [made.at(zoom).samples_per_pixel for zoom in (16, 48, 64, 128, 192)] == [64, 192, 64, 128, 192]


def test_many_pieces_of_a_long_sound() -> None:
    """Some megabytes, so that blocks are folded on the way: the same as at once."""
    values = np.random.default_rng(7).integers(-32768, 32768, (700_000, 2), np.int16)
    folding = Folding(2, 256, split=False)
    pcm = values.astype("<i2").tobytes()
    for start in range(0, len(pcm), 65_535):
        folding.take(pcm[start : start + 65_535])
    made = folding.finish(44_100)
    expected = reference.points([(int(left), int(right)) for left, right in values[-256 * 9 - 96 :]], 256, split=False)
    assert len(made.points) == -(-700_000 // 256)
    assert made.points[-10:].tolist() == listed(expected)


@pytest.mark.parametrize("count", [1, 3, 10, 64])
def test_columns_of_a_picture(count: int) -> None:
    made = fold([(number,) for number in range(20)], 2, split=False)
    columns = made.columns(count)
    assert columns.shape == (count, 1, 2)
    assert (columns[0, 0, 0], columns[-1, 0, 1]) == (0, 19)
    assert (np.diff(columns[:, 0, 0]) >= 0).all()
