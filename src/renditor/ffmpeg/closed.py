"""Closed captions inside of pictures (CEA-608 in H.264): whether there are any, and in which channels.

Source: ATSC A/53 part 4, 6.2.3 (user data of captions), ITU-T H.264 annex D (SEI that carries it), CTA-608.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from renditor.ffmpeg.budget import probing_budget
from renditor.ffmpeg.run import PIPE, Toolbox

# Country and provider code of ATSC, its identifier, and the type "captions". Eight bytes that nothing else begins with.
_MARK: Final = b"\xb5\x00\x31GA94\x03"
_MOST_TRIPLETS: Final = 31  # five bits count them
_LONGEST: Final = len(_MARK) + 2 + 3 * _MOST_TRIPLETS * 2  # with a byte that prevents start codes behind each
_ESCAPED: Final = b"\0\0\3"
_SUPPLEMENTAL: Final = 6  # type of NAL units (H.264, table 7-1)
_CHANNELS: Final = ("CC1", "CC3")  # of the first and the second field; CC2 and CC4 share them and are not told apart


class CaptionReader:
    """Takes a stream of H.264, in pieces as they come, and notes the channels in which something is said."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: set[int] = set()

    @property
    def channels(self) -> tuple[str, ...]:
        """``CC1`` and ``CC3``, as EXT-X-MEDIA and DASH call them; none: there are no captions."""
        return tuple(_CHANNELS[field] for field in sorted(self._fields))

    def feed(self, data: bytes) -> None:
        """Take a piece."""
        data = self._rest + data
        place = data.find(_MARK)
        while 0 <= place <= len(data) - _LONGEST:
            self._fields.update(_speaking(data[place : place + _LONGEST]))
            place = data.find(_MARK, place + 1)
        self._rest = data[-_LONGEST:] if place < 0 else data[place:]

    def finish(self) -> tuple[str, ...]:
        """The channels, once everything has been taken."""
        self.feed(bytes(_LONGEST))
        return self.channels


async def closed_captions(toolbox: Toolbox, source: Path, stream: int) -> tuple[str, ...]:
    """The channels of closed captions in an H.264 stream. It is read, and nothing of it decoded.

    Args:
        toolbox: runs FFmpeg.
        source: the file, absolute.
        stream: index of the stream.

    Raises:
        RenditorError: as ``Toolbox.stream``.
    """
    reader = CaptionReader()
    only_these = f"filter_units=pass_types={_SUPPLEMENTAL}"
    arguments = [*toolbox.open(source), "-map", f"0:{stream}", "-c", "copy", "-bsf:v", only_these, "-f", "h264", PIPE]
    await toolbox.stream(arguments, budget=probing_budget(toolbox.settings), reads=(source,), take=reader.feed)
    return reader.finish()


def closed_captions_of(files: Sequence[Path]) -> tuple[str, ...]:
    """The channels of closed captions in segments that hold H.264."""
    reader = CaptionReader()
    for file in files:
        reader.feed(file.read_bytes())
    return reader.finish()


def _speaking(data: bytes) -> Iterator[int]:
    """The fields (0, 1) of which the triplets behind a mark hold more than filling."""
    body = data[len(_MARK) :].replace(_ESCAPED, b"\0\0")
    count = body[0] & 0x1F
    for place in range(2, 2 + 3 * count, 3):
        kind, first, second = body[place : place + 3] if place + 3 <= len(body) else (0, 0, 0)
        # Valid, of a field and not of CEA-708, and something but zeros below the bits of parity.
        if kind & 0x04 and kind & 0x03 < len(_CHANNELS) and (first | second) & 0x7F:
            yield kind & 0x03
