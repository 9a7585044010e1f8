"""Waveforms as pictures: a column of px for each stretch of time, around a middle line; split channels one below the
other."""

from __future__ import annotations

from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from renditor.audio.waveform.peaks import Peaks
from renditor.audio.waveform.plan import DEFAULT_COLOUR, PictureFile

_FULL: Final = 32_768  # the highest value a sample can have, and one more
_LINE: Final = 1.0  # px; silence is a line, not nothing


def write_svg(peaks: Peaks, wanted: PictureFile, file: BinaryIO) -> None:
    """One path for each channel, to be scaled to any size."""
    fill = f"#{wanted.colour.removeprefix('#')}" if wanted.colour else "currentColor"
    paths = "".join(f'<path d="{_outline(spans)}"/>' for spans in _spans(peaks, wanted))
    file.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wanted.width}" height="{wanted.height}" '
        f'viewBox="0 0 {wanted.width} {wanted.height}" preserveAspectRatio="none" '
        f'fill="{fill}">{paths}</svg>\n'.encode()
    )


def write_png(peaks: Peaks, wanted: PictureFile, file: BinaryIO) -> None:
    """On a transparent background; ends of columns are as opaque as they fill their px."""
    opacity = np.zeros((wanted.height, wanted.width), np.uint8)
    for top, bottom in _spans(peaks, wanted):
        for row in range(int(top.min()), min(int(np.ceil(bottom.max())), wanted.height)):
            covered = np.minimum(bottom, row + 1) - np.maximum(top, row)
            opacity[row] = np.maximum(opacity[row], np.clip(covered * 255, 0, 255))
    picture = Image.fromarray(opacity, "L")
    # Palette of one colour in 256 opacities: a byte for each px.
    picture.putpalette(bytes.fromhex((wanted.colour or DEFAULT_COLOUR).removeprefix("#")) * 256)
    picture.save(file, "PNG", transparency=bytes(range(256)))


def _spans(peaks: Peaks, wanted: PictureFile) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """For each channel the top and the bottom of each column, in px."""
    columns = peaks.columns(wanted.width)
    lane = wanted.height / peaks.channels
    spans = []
    for channel in range(peaks.channels):
        middle = lane * (channel + 0.5)
        top, bottom = (middle - columns[:, channel, side] / _FULL * lane / 2 for side in (1, 0))
        # A column reaches the middle at least where it is thinner than a line.
        missing = np.clip(_LINE - (bottom - top), 0, None) / 2
        spans.append((np.clip(top - missing, 0, None), np.clip(bottom + missing, None, wanted.height)))
    return spans


def _outline(spans: tuple[NDArray[np.float64], NDArray[np.float64]]) -> str:
    """Along the tops to the right, along the bottoms back: steps of whole columns, heights to a tenth of a px."""
    top, bottom = (np.rint(edge * 10).astype(int) for edge in spans)
    drawn = [f"M0 {_tenths(top[0])}", *_steps(top, 1)]
    drawn += [f"V{_tenths(bottom[-1])}", *_steps(bottom[::-1], -1), "Z"]
    return "".join(drawn)


def _steps(edge: NDArray[np.int64], direction: int) -> list[str]:
    """``h2v-3.5``...: equal neighbours share one step."""
    changes = np.flatnonzero(np.diff(edge)) + 1
    lengths = np.diff(np.concatenate(([0], changes, [len(edge)])))
    rises = [*np.diff(edge)[changes - 1].tolist(), 0]
    return [
        f"h{length * direction}{f'v{_tenths(rise)}' if rise else ''}"
        for length, rise in zip(lengths.tolist(), rises, strict=True)
    ]


def _tenths(value: int) -> str:
    return f"{value / 10:g}"
