"""Just enough of MPEG transport streams to say what a segment holds: codecs, times, whether a key frame comes first.

Source: ISO/IEC 13818-1 (2.4.3 packets, 2.4.3.7 PES, 2.4.4 tables).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from renditor.video.streams.codecs import sps_name

PACKET: Final = 188
TICKS: Final = 90_000  # a second
WRAP: Final = 1 << 33  # time stamps have 33 bits and begin anew every 26 hours
# Of the first picture: parameter sets and the first slice come within this.
_HEAD_BYTES: Final = 64 * 1024

# ISO/IEC 13818-1 table 2-34.
_TYPES: Final[Mapping[int, tuple[Literal["video", "audio"], str]]] = {
    0x01: ("video", "mp2v"),
    0x02: ("video", "mp2v"),
    0x1B: ("video", "avc1"),
    0x24: ("video", "hvc1"),
    0x03: ("audio", "mp4a.40.34"),
    0x04: ("audio", "mp4a.40.34"),
    0x0F: ("audio", "mp4a"),
    0x81: ("audio", "ac-3"),
    0x87: ("audio", "ec-3"),
}


@dataclass(slots=True)
class Track:
    """One elementary stream. ``times`` are presentation time stamps in ticks of 1/90000 s, as they came."""

    kind: Literal["video", "audio"]
    codec: str
    times: list[int] = field(default_factory=list)
    sync: bool = False
    head: bytearray = field(default_factory=bytearray)


def read(data: bytes) -> list[Track]:
    """The pictures and sounds of a segment. Raises ValueError: damaged, or without its tables."""
    tracks: dict[int, Track] = {}
    tables: set[int] = set()
    for pid, begins, payload in _packets(data):
        if pid == 0 and begins:
            tables |= _programs(payload)
        elif pid in tables and begins:
            for found, track in _streams(payload):
                tracks.setdefault(found, track)
        elif pid in tracks:
            _take(tracks[pid], payload, begins=begins)
    if not tracks:
        raise ValueError("a segment without the tables that say what it holds")
    for track in tracks.values():
        _look(track)
    return list(tracks.values())


def _packets(data: bytes) -> Iterator[tuple[int, bool, bytes]]:
    """Which stream, whether something begins here, and the bytes, of each packet."""
    if len(data) % PACKET or not data:
        raise ValueError("a transport stream is cut off")
    for place in range(0, len(data), PACKET):
        if data[place] != 0x47:
            raise ValueError("a transport stream is damaged")
        start = place + 4
        if data[place + 3] & 0x20:
            start += 1 + data[place + 4]
        if data[place + 3] & 0x10 and start < place + PACKET:
            pid = (data[place + 1] & 0x1F) << 8 | data[place + 2]
            yield pid, bool(data[place + 1] & 0x40), data[start : place + PACKET]


def _section(payload: bytes) -> bytes:
    """The body of a table without its checksum."""
    start = 1 + payload[0]
    section = payload[start:]
    if len(section) < 8:
        raise ValueError("a transport stream is damaged")
    return section[: 3 + ((section[1] & 0x0F) << 8 | section[2]) - 4]


def _programs(payload: bytes) -> set[int]:
    section = _section(payload)
    rows = range(8, len(section) - 3, 4)
    return {(section[row + 2] & 0x1F) << 8 | section[row + 3] for row in rows if section[row : row + 2] != b"\0\0"}


def _streams(payload: bytes) -> Iterator[tuple[int, Track]]:
    section = _section(payload)
    if len(section) < 12:
        raise ValueError("a transport stream is damaged")
    place = 12 + ((section[10] & 0x0F) << 8 | section[11])
    while place + 5 <= len(section):
        pid = (section[place + 1] & 0x1F) << 8 | section[place + 2]
        if section[place] in _TYPES:
            yield pid, Track(*_TYPES[section[place]])
        place += 5 + ((section[place + 3] & 0x0F) << 8 | section[place + 4])


def _take(track: Track, payload: bytes, *, begins: bool) -> None:
    if begins and payload[:3] == b"\0\0\1" and len(payload) >= 14:
        if payload[7] & 0x80:
            track.times.append(_time(payload[9:14]))
        payload = payload[9 + payload[8] :]
    if len(track.times) == 1 and len(track.head) < _HEAD_BYTES:
        track.head += payload


def _time(field_: bytes) -> int:
    return (field_[0] & 0x0E) << 29 | field_[1] << 22 | (field_[2] & 0xFE) << 14 | field_[3] << 7 | field_[4] >> 1


def _look(track: Track) -> None:
    """Codec and key frame from the beginning of the first picture or sound."""
    head = bytes(track.head)
    if track.codec == "mp4a" and len(head) > 2 and head[0] == 0xFF:
        track.codec = f"mp4a.40.{(head[2] >> 6) + 1}"  # ADTS (ISO/IEC 14496-3, 1.A.3.2)
    if track.kind == "audio":
        track.sync = True
    for unit in _units(head):
        if track.codec.startswith("avc1"):
            track.sync |= unit[0] & 0x1F == 5
            if unit[0] & 0x1F == 7 and len(unit) >= 4:
                track.codec = sps_name(unit[1:4])
        elif track.codec == "hvc1":
            track.sync |= 16 <= unit[0] >> 1 & 0x3F <= 21


def _units(stream: bytes) -> Iterator[bytes]:
    """The first bytes of each NAL unit (ITU-T H.264, annex B)."""
    place = stream.find(b"\0\0\1")
    while 0 <= place < len(stream) - 4:
        yield stream[place + 3 : place + 7]
        place = stream.find(b"\0\0\1", place + 3)
