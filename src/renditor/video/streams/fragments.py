"""Fragmented MP4: which tracks an initialisation segment declares, and which samples a fragment holds.

Source: ISO/IEC 14496-12, 8.8 (movie fragments), 8.6.6 (edit list), 12 (sample entries); ISO/IEC 23000-19 (CMAF).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from renditor.video.streams import codecs
from renditor.video.streams.boxes import Box, boxes, find

# A run of a million samples is an hour of video in one fragment: the number is a lie that costs memory.
_MOST_SAMPLES: Final = 1_000_000
_NOT_SYNC: Final = 0x10000  # sample_is_non_sync_sample
_KINDS: Final = {"vide": "video", "soun": "audio", "text": "text", "subt": "text", "sbtl": "text"}


@dataclass(frozen=True, slots=True)
class Track:
    """A track of an initialisation segment. ``timescale``: ticks a second; ``width``, ``height``: px as coded, and
    ``displayed`` with square pixels.

    ``shift``: ticks by which its edit list moves it; ``defaults``: duration, size and flags of samples that give none.
    ``encrypted``: some of its samples may be.
    """

    number: int
    kind: str
    timescale: int
    codec: str
    width: int = 0
    height: int = 0
    displayed: tuple[int, int] = (0, 0)
    shift: int = 0
    defaults: tuple[int, int, int] = (0, 0, 0)
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Fragment:
    """The samples of one track in one ``moof``. Times in ticks, sizes and places in bytes.

    ``start`` is when the first one is decoded, ``shown`` when the earliest one is shown, without the edit list.
    ``first_end`` is where the data of the first sample ends, counted from the beginning of the moof.
    """

    track: int
    start: int | None
    shown: int
    duration: int
    samples: int
    shortest: int
    longest: int
    sync: bool
    first_end: int


def read_tracks(data: bytes) -> Mapping[int, Track]:
    """The tracks of an initialisation segment by number. Raises ValueError: damaged, or none."""
    try:
        defaults = {
            number: (duration, size, flags)
            for box in find(data, "moov/mvex/trex")
            for number, _, duration, size, flags in [struct.unpack_from(">5I", data, box.body + 4)]
        }
        tracks = [_track(data, box, defaults) for box in find(data, "moov/trak")]
    except (struct.error, IndexError):
        raise ValueError("the initialisation segment is damaged") from None
    if not tracks:
        raise ValueError("the initialisation segment has no track")
    return {track.number: track for track in tracks}


def read_fragments(moof: bytes, tracks: Mapping[int, Track]) -> list[Fragment]:
    """What a ``moof`` box, given whole, holds of each track. Raises ValueError: damaged, or of an unknown track."""
    try:
        return [_fragment(moof, box, tracks) for box in find(moof, "moof/traf")]
    except (struct.error, StopIteration):
        raise ValueError("a fragment is damaged") from None


def _track(data: bytes, trak: Box, defaults: Mapping[int, tuple[int, int, int]]) -> Track:
    header, media = _one(data, trak, "tkhd"), _one(data, trak, "mdia/mdhd")
    wide = data[header.body] == 1
    number = struct.unpack_from(">I", data, header.body + (20 if wide else 12))[0]
    timescale = struct.unpack_from(">I", data, media.body + (20 if data[media.body] == 1 else 12))[0]
    if not timescale:
        raise ValueError("a track without a timescale")
    handler = _one(data, trak, "mdia/hdlr")
    kind = _KINDS.get(data[handler.body + 8 : handler.body + 12].decode("latin-1"), "other")
    entries = _one(data, trak, "mdia/minf/stbl/stsd")
    entry = next(boxes(data, entries.body + 8, entries.end), None)
    if entry is None:
        raise ValueError("a track without a description")
    visual = kind == "video"
    width, height = struct.unpack_from(">HH", data, entry.body + 24) if visual else (0, 0)
    return Track(
        number=number,
        kind=kind,
        timescale=timescale,
        codec=codecs.name(data, entry, visual=visual),
        width=width,
        height=height,
        displayed=(_display_width(data, entry, width), height) if visual else (0, 0),
        shift=_shift(data, trak, timescale),
        defaults=defaults.get(number, (0, 0, 0)),
        encrypted=entry.kind in codecs.PROTECTED,
    )


def _display_width(data: bytes, entry: Box, width: int) -> int:
    """Px when pixels are made square (``pasp``, 12.1.4)."""
    for box in boxes(data, entry.body + codecs.VISUAL_BYTES, entry.end):
        if box.kind == "pasp":
            across, down = struct.unpack_from(">II", data, box.body)
            return round(width * across / down) if down else width
    return width


def _shift(data: bytes, trak: Box, timescale: int) -> int:
    """Media time of the first edit that shows something, less what is waited before it, in ticks of the track."""
    waited = 0
    for box in find(data, "edts/elst", trak.body, trak.end):
        wide = data[box.body] == 1
        count = struct.unpack_from(">I", data, box.body + 4)[0]
        form, step = (">Qq", 20) if wide else (">Ii", 12)
        for number in range(min(count, 16)):
            lasts, media_time = struct.unpack_from(form, data, box.body + 8 + number * step)
            if media_time >= 0:
                return int(media_time) - waited * timescale // _movie_timescale(data)
            waited += lasts
    return 0


def _movie_timescale(data: bytes) -> int:
    for box in find(data, "moov/mvhd"):
        return int(struct.unpack_from(">I", data, box.body + (20 if data[box.body] == 1 else 12))[0]) or 1
    return 1


def _fragment(moof: bytes, traf: Box, tracks: Mapping[int, Track]) -> Fragment:
    header = _one(moof, traf, "tfhd")
    flags, number = struct.unpack_from(">II", moof, header.body)
    if number not in tracks:
        raise ValueError("a fragment belongs to a track that the initialisation segment does not declare")
    defaults = _defaults(moof, header.body, flags & 0xFFFFFF, tracks[number].defaults)
    start = None
    for box in find(moof, "tfdt", traf.body, traf.end):
        start = struct.unpack_from(">Q" if moof[box.body] == 1 else ">I", moof, box.body + 4)[0]
    runs = [_Run(moof, box, defaults) for box in find(moof, "trun", traf.body, traf.end)]
    duration, earliest = 0, None
    for run in runs:
        shown = duration + run.earliest
        earliest = shown if earliest is None else min(earliest, shown)
        duration += run.duration
    first = next((run for run in runs if run.samples), None)
    return Fragment(
        track=number,
        start=start,
        shown=(start or 0) + (earliest or 0),
        duration=duration,
        samples=sum(run.samples for run in runs),
        shortest=min((run.shortest for run in runs if run.samples), default=0),
        longest=max((run.longest for run in runs), default=0),
        sync=bool(first and not first.flags & _NOT_SYNC),
        first_end=first.offset + first.size if first else 0,
    )


class _Run:
    """One ``trun`` (8.8.8): all samples are read, only what is asked of them is kept."""

    def __init__(self, moof: bytes, box: Box, defaults: tuple[int, int, int]) -> None:
        flags, self.samples = struct.unpack_from(">II", moof, box.body)
        place = box.body + 8
        if self.samples > _MOST_SAMPLES:
            raise ValueError("a fragment with more samples than a file could hold")
        self.offset = struct.unpack_from(">i", moof, place)[0] if flags & 1 else 0
        place += 4 if flags & 1 else 0
        first_flags = struct.unpack_from(">I", moof, place)[0] if flags & 4 else None
        place += 4 if flags & 4 else 0
        given = [flags & bit for bit in (0x100, 0x200, 0x400, 0x800)]
        columns = self._columns(moof, place, box.end, given, signed=moof[box.body] == 1)
        durations = columns.get(0x100) or (defaults[0],) * self.samples
        self.duration = sum(durations)
        self.shortest = min(durations, default=0)
        self.longest = max(durations, default=0)
        self.size = (columns.get(0x200) or (defaults[1],))[0] if self.samples else 0
        self.flags = first_flags if first_flags is not None else (columns.get(0x400) or (defaults[2],))[0]
        self.earliest = self._earliest(durations, columns.get(0x800))

    def _columns(
        self, moof: bytes, place: int, end: int, given: list[int], *, signed: bool
    ) -> dict[int, tuple[int, ...]]:
        present = [bit for bit in given if bit]
        if not present or not self.samples:
            return {}
        form = "".join("i" if bit == 0x800 and signed else "I" for bit in present)
        size = len(present) * 4 * self.samples
        if place + size > end:
            raise ValueError("a fragment lists more samples than it holds")
        rows = struct.iter_unpack(f">{form}", moof[place : place + size])
        return dict(zip(present, zip(*rows, strict=True), strict=True))

    def _earliest(self, durations: tuple[int, ...], offsets: tuple[int, ...] | None) -> int:
        if not offsets:
            return 0
        earliest, decoded = offsets[0], 0
        for duration, offset in zip(durations, offsets, strict=True):
            earliest = min(earliest, decoded + offset)
            decoded += duration
        return earliest


def _defaults(moof: bytes, body: int, flags: int, inherited: tuple[int, int, int]) -> tuple[int, int, int]:
    """Duration, size and flags of the samples of a ``tfhd`` (8.8.7)."""
    place = body + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    values = list(inherited)
    for number, bit in enumerate((8, 0x10, 0x20)):
        if flags & bit:
            values[number] = struct.unpack_from(">I", moof, place)[0]
            place += 4
    return values[0], values[1], values[2]


def _one(data: bytes, parent: Box, path: str) -> Box:
    for box in find(data, path, parent.body, parent.end):
        return box
    raise ValueError(f"there is no {path.rpartition('/')[2]} where one belongs")
