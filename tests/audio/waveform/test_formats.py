"""What the two formats have beside their numbers."""

from __future__ import annotations

import io
import json
import struct

import numpy as np

from renditor.audio.waveform.formats import write_dat, write_json
from renditor.audio.waveform.peaks import Peaks

from . import reference

# The example of the documentation, in 16 bit.
PAIRS = [[(-65, 63), (-66, 64)], [(-40, 41), (-39, 45)], [(-55, 43), (-55, 44)]]
EXAMPLE = Peaks(48_000, 512, 3 * 512, np.array(PAIRS, np.int16) * 256)


def test_the_example_of_the_documentation() -> None:
    file = io.BytesIO()
    write_json(EXAMPLE, 8, file)
    assert json.loads(file.getvalue()) == {
        "version": 2,
        "channels": 2,
        "sample_rate": 48000,
        "samples_per_pixel": 512,
        "bits": 8,
        "length": 3,
        "data": [-65, 63, -66, 64, -40, 41, -39, 45, -55, 43, -55, 44],
    }


def test_the_header_of_version_2() -> None:
    file = io.BytesIO()
    write_dat(EXAMPLE, 16, 2, file)
    assert struct.unpack("<iIiiIi", file.getvalue()[:24]) == (2, 0, 48_000, 512, 3, 2)
    assert len(file.getvalue()) == 24 + 3 * 2 * 2 * 2


def test_version_1_has_no_word_on_channels() -> None:
    mono = Peaks(44_100, 64, 128, EXAMPLE.points[:, :1])
    file = io.BytesIO()
    write_dat(mono, 8, 1, file)
    assert file.getvalue() == reference.dat([point[:1] for point in _tuples(mono)], 44_100, 64, 8, version=1)
    assert file.getvalue()[:8] == struct.pack("<iI", 1, 1)
    assert len(file.getvalue()) == 20 + 3 * 2


def test_a_file_of_many_pieces() -> None:
    points = np.random.default_rng(3).integers(-32768, 32768, (70_000, 1, 2), np.int16)
    many = Peaks(8_000, 2, 140_000, points)
    file = io.BytesIO()
    write_json(many, 16, file)
    assert json.loads(file.getvalue())["data"] == points.ravel().tolist()


def _tuples(peaks: Peaks) -> reference.Points:
    return [[(int(low), int(high)) for low, high in point] for point in peaks.points]
