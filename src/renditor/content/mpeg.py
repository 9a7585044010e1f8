"""MPEG audio without a tag: a chain of frames, each of which says where the next one begins.

Recordings of streams start in the middle of a frame, so the first frame header may lie behind some junk; that several
frames follow each other exactly is what tells audio from chance. Header fields: ISO/IEC 11172-3 and 13818-3, 2.4.2.3.
"""

from __future__ import annotations

# Frames that must follow each other, and how much junk may stand before the first (the longest frame has 1441 bytes).
_CHAIN = 4
_JUNK = 4096

_RATES = (44100, 48000, 32000)
# kbit/s by the index 1..14, for (MPEG-1 layer II, MPEG-1 layer III, MPEG-2 and 2.5 layers II and III).
_KBITS = {
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_KBITS_LOW = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)


def is_mpeg_audio(head: bytes) -> bool:
    """Whether layer II or III audio starts within the first 4 KiB of ``head``."""
    start = head.find(b"\xff")
    while 0 <= start < _JUNK:
        if _chain_from(head, start):
            return True
        start = head.find(b"\xff", start + 1)
    return False


def _chain_from(head: bytes, at: int) -> bool:
    for count in range(_CHAIN):
        size = _frame_size(head[at : at + 4])
        if size is None:
            # A very short file may end before the chain is long enough.
            return count > 0 and at == len(head)
        at += size
    return True


def _frame_size(header: bytes) -> int | None:
    """Bytes of the frame with this header; None where it is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = (header[1] >> 3) & 3, (header[1] >> 1) & 3
    bitrate, rate = header[2] >> 4, (header[2] >> 2) & 3
    if version == 1 or layer not in (1, 2) or bitrate in (0, 15) or rate == 3:
        return None
    kbits = _KBITS.get((version, layer), _KBITS_LOW)[bitrate - 1]
    hertz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    # Layer III of MPEG-2 and 2.5 has half the samples a frame.
    samples = 72 if layer == 1 and version != 3 else 144
    return samples * kbits * 1000 // hertz + ((header[2] >> 1) & 1)
