"""From samples to minima and maxima, in constant memory however long the sound is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

# 3 hours at 48 000 Hz and 256 samples per point; 8 MB a channel. A sound that is longer, or says so, gets coarser.
MOST_POINTS: Final = 2**21
_BLOCK_BYTES: Final = 512 * 1024  # samples that are folded at once: fits into the cache of a core
_SAMPLE_BYTES: Final = 2


@dataclass(frozen=True, slots=True)
class Peaks:
    """The lowest and the highest sample of each stretch of ``samples_per_pixel`` samples; the last may be shorter.

    ``points`` is 16 bit, by point, channel, (minimum, maximum). ``sample_rate`` in Hz; ``frames``: samples of one
    channel in all.
    """

    sample_rate: int
    samples_per_pixel: int
    frames: int
    points: NDArray[np.int16]

    @property
    def channels(self) -> int:
        return int(self.points.shape[1])

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.sample_rate

    def at(self, samples_per_pixel: int) -> Peaks:
        """The same coarser, or as it is: doubled until it is a multiple of what there is."""
        zoom = samples_per_pixel
        while zoom % self.samples_per_pixel:
            zoom *= 2
        if zoom == self.samples_per_pixel:
            return self
        starts = np.arange(0, len(self.points), zoom // self.samples_per_pixel)
        return replace(self, samples_per_pixel=zoom, points=self._over(starts))

    def columns(self, count: int) -> NDArray[np.int16]:
        """Exactly ``count`` points over the whole length, for a picture; of fewer, some stand there twice."""
        return self._over(np.arange(count) * len(self.points) // count)

    def _over(self, starts: NDArray[np.int64]) -> NDArray[np.int16]:
        low = np.minimum.reduceat(self.points[..., 0], starts, axis=0)
        high = np.maximum.reduceat(self.points[..., 1], starts, axis=0)
        return np.stack((low, high), axis=-1)


class Folding:
    """Takes samples as they come (signed 16 bit, little-endian, channels interleaved) and keeps their peaks.

    Channels are averaged into one, rounded towards zero, as audiowaveform does; with ``split`` they stay apart. When
    ``most`` points are there, pairs of them become one and ``samples_per_pixel`` doubles.
    """

    def __init__(self, channels: int, samples_per_pixel: int, *, split: bool, most: int = MOST_POINTS) -> None:
        self._channels = channels
        self._split = split
        self._zoom = samples_per_pixel
        self._most = most - most % 2
        self._buffer = bytearray()
        # Memory is taken when it is written to: a short sound takes little of this.
        self._points = np.empty((self._most, channels if split else 1, 2), np.int16)
        self._count = 0
        self.frames = 0

    def take(self, data: bytes) -> None:
        """Samples; a piece may end within one."""
        self._buffer += data
        if len(self._buffer) >= _BLOCK_BYTES:
            self._fold()

    def finish(self, sample_rate: int) -> Peaks:
        """All there was. ``sample_rate`` in Hz."""
        self._fold()
        if rest := len(self._buffer) // self._frame_bytes:  # less than a point
            self._keep(self._read(rest).reshape(1, rest, self._channels))
        return Peaks(sample_rate, self._zoom, self.frames, self._points[: self._count])

    @property
    def _frame_bytes(self) -> int:
        return self._channels * _SAMPLE_BYTES

    def _fold(self) -> None:
        while count := min(
            len(self._buffer) // (self._frame_bytes * self._zoom),
            max(1, _BLOCK_BYTES // (self._frame_bytes * self._zoom)),
            self._most - self._count,
        ):
            self._keep(self._read(count * self._zoom).reshape(count, self._zoom, self._channels))

    def _read(self, frames: int) -> NDArray[np.int16]:
        size = frames * self._frame_bytes
        samples = np.frombuffer(bytes(memoryview(self._buffer)[:size]), "<i2")
        del self._buffer[:size]
        self.frames += frames
        return samples

    def _keep(self, samples: NDArray[np.int16]) -> None:
        """By point, frame, channel."""
        place = self._points[self._count : self._count + len(samples)]
        if self._split or self._channels == 1:
            for channel in range(self._channels):
                _extremes(samples[:, :, channel], place[:, channel])
        else:
            # Rounding keeps the order, so that the sums are compared and only the winners divided.
            sums = samples[:, :, 0].astype(np.int32)
            for channel in range(1, self._channels):
                sums += samples[:, :, channel]
            _extremes(sums, place[:, 0], divisor=self._channels)
        self._count += len(samples)
        if self._count == self._most:
            self._halve()

    def _halve(self) -> None:
        half = self._count // 2
        pairs = self._points.reshape(half, 2, -1, 2)
        self._points[:half, :, 0] = pairs[..., 0].min(axis=1)
        self._points[:half, :, 1] = pairs[..., 1].max(axis=1)
        self._count, self._zoom = half, self._zoom * 2


def _extremes(values: NDArray[np.int16] | NDArray[np.int32], place: NDArray[np.int16], divisor: int = 1) -> None:
    """Write minimum and maximum of each row to ``place``, divided and rounded towards zero."""
    place[:, 0] = np.trunc(values.min(axis=1) / divisor)
    place[:, 1] = np.trunc(values.max(axis=1) / divisor)
