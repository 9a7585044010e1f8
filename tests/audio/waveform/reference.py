"""The formats of audiowaveform written down a second time, from its documentation, sample by sample and byte by byte.

Source: github.com/bbc/audiowaveform, doc/DataFormat.md and its manual: stereo is converted to mono by averaging.
"""

from __future__ import annotations

import struct

Points = list[list[tuple[int, int]]]  # by point, channel: minimum, maximum


def points(samples: list[tuple[int, ...]], samples_per_pixel: int, *, split: bool) -> Points:
    """``samples``: one tuple for each moment, with a number for each channel."""
    found: Points = []
    for start in range(0, len(samples), samples_per_pixel):
        group = samples[start : start + samples_per_pixel]
        if not split:
            group = [(toward_zero(sum(moment), len(moment)),) for moment in group]
        found.append([(min(channel), max(channel)) for channel in zip(*group, strict=True)])
    return found


def toward_zero(number: int, divisor: int) -> int:
    """Division as C has it."""
    return -(-number // divisor) if number < 0 else number // divisor


def dat(found: Points, rate: int, samples_per_pixel: int, bits: int, version: int = 2) -> bytes:
    written = struct.pack("<i", version) + struct.pack("<I", 1 if bits == 8 else 0)
    written += struct.pack("<i", rate) + struct.pack("<i", samples_per_pixel) + struct.pack("<I", len(found))
    if version == 2:
        written += struct.pack("<i", len(found[0]))
    for point in found:
        for pair in point:
            for number in pair:
                written += struct.pack("<b", toward_zero(number, 256)) if bits == 8 else struct.pack("<h", number)
    return written


def json(found: Points, rate: int, samples_per_pixel: int, bits: int) -> bytes:
    numbers = [number for point in found for pair in point for number in pair]
    shown = ",".join(str(toward_zero(number, 256) if bits == 8 else number) for number in numbers)
    return (
        f'{{"version":2,"channels":{len(found[0])},"sample_rate":{rate},"samples_per_pixel":{samples_per_pixel},'
        f'"bits":{bits},"length":{len(found)},"data":[{shown}]}}\n'
    ).encode()


def moments(pcm: bytes, channels: int) -> list[tuple[int, ...]]:
    """Samples out of 16 bit little-endian bytes."""
    return list(struct.iter_unpack(f"<{channels}h", pcm))
