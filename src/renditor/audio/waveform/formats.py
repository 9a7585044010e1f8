"""The files of BBC audiowaveform, version 2 (JSON and binary) and 1 (binary).

Source: github.com/bbc/audiowaveform, doc/DataFormat.md. 8 bit numbers are 16 bit ones divided by 256 and rounded
towards zero.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from renditor.audio.waveform.peaks import Peaks

_EIGHT_BIT: Final = 1  # of the flags
_PIECE_POINTS: Final = 32_768  # as Python's integers they take ten times their room


def write_dat(peaks: Peaks, bits: int, version: int, file: BinaryIO) -> None:
    """The binary format. ``version`` 1 is for one channel."""
    flags = _EIGHT_BIT if bits == 8 else 0
    numbers = [version, flags, peaks.sample_rate, peaks.samples_per_pixel, len(peaks.points)]
    file.write(struct.pack("<iIiiI", *numbers))
    if version == 2:
        file.write(struct.pack("<i", peaks.channels))
    file.writelines(piece.astype("i1" if bits == 8 else "<i2").tobytes() for piece in _pieces(peaks, bits))


def write_json(peaks: Peaks, bits: int, file: BinaryIO) -> None:
    """The JSON format, as audiowaveform writes it: in one line, without spaces."""
    head = (
        f'{{"version":2,"channels":{peaks.channels},"sample_rate":{peaks.sample_rate},'
        f'"samples_per_pixel":{peaks.samples_per_pixel},"bits":{bits},"length":{len(peaks.points)},"data":['
    )
    file.write(head.encode())
    for number, piece in enumerate(_pieces(peaks, bits)):
        file.write(b"," if number else b"")
        file.write(",".join(map(str, piece.ravel().tolist())).encode())
    file.write(b"]}\n")


def _pieces(peaks: Peaks, bits: int) -> Iterator[NDArray[np.int16]]:
    for start in range(0, len(peaks.points), _PIECE_POINTS):
        piece = peaks.points[start : start + _PIECE_POINTS]
        yield np.trunc(piece / 256).astype(np.int16) if bits == 8 else piece
