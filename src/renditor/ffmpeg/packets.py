"""The packets of an H.264 stream as a copy of it would have them: key frames, gaps, bit rate. Nothing is decoded.

FFmpeg copies the stream three times, by the very filters with which it would be taken over, to its ``framecrc`` muxer,
which prints a line for each packet: whole, reduced to slices of IDR pictures, and reduced to parameter sets. So it is
seen whether a decoder can really begin at what the container calls a key frame, and whether the parameters change on
the way. An FFmpeg that does not have the filters (before 6) copies nothing.
"""

from __future__ import annotations

import re
from collections import deque
from fractions import Fraction
from pathlib import Path
from typing import Final

from renditor.errors import RenditorError
from renditor.ffmpeg.budget import probing_budget
from renditor.ffmpeg.closed import closed_captions
from renditor.ffmpeg.probe import KeyFrames, VideoStream
from renditor.ffmpeg.run import PIPE, Toolbox

WINDOW_SECONDS: Final = 6  # the length of a segment: over it the peak of the bit rate is measured
# Types of NAL units (ITU-T H.264, table 7-1).
_IDR_SLICE, _SUPPLEMENTAL, _SEQUENCE_PARAMETERS, _FILLER = 5, 6, 7, 12
_WHOLE, _IDR, _PARAMETERS = "0", "1", "2"
# Six hours with five a second. A plan holds the times of key frames; more are of no use to a stream.
_MOST_KEY_FRAMES: Final = 110_000
_LONGEST_LINE: Final = 1000  # characters
_LINE = re.compile(
    r"(?P<stream>[012]), *(?P<dts>-?\d{1,19}), *(?P<pts>-?\d{1,19}), *\d{1,19}, *(?P<size>\d{1,10}), "
    r"(?P<sum>0x[0-9a-f]{8})(?P<flags>, F=0x[0-9A-F]+)?(?P<more>,.*)?"
)
_TIME_BASE = re.compile(r"#tb (?P<stream>[012]): (?P<numerator>\d{1,10})/(?P<denominator>\d{1,10})")


def copy_filters(rate: Fraction) -> str:
    """The bitstream filters of a copy, for ``-bsf:v``: what is copied is then labelled like what is encoded.

    Frames get the nearest place on the grid of ``rate``, because Matroska counts in milliseconds; pixels are square and
    colours BT.709. Filling is left out, and supplemental information (SEI) too, in which some cameras write where they
    are.
    """
    tick = rate.denominator
    return (
        f"setts=time_base=1/{rate.numerator}:prescale=1:duration={tick}"
        f":pts=round(PTS/{tick})*{tick}:dts=round(DTS/{tick})*{tick},"
        f"filter_units=remove_types={_SUPPLEMENTAL}|{_FILLER},"
        "h264_metadata=sample_aspect_ratio=1/1:video_full_range_flag=0"
        ":colour_primaries=1:transfer_characteristics=1:matrix_coefficients=1"
    )


async def read_key_frames(toolbox: Toolbox, source: Path, video: VideoStream, rate: Fraction) -> KeyFrames:
    """Read all packets of an H.264 stream, as far as it is one that could be copied.

    Args:
        toolbox: runs FFmpeg.
        source: the file.
        video: the stream.
        rate: frames a second of the grid on which its frames have to lie.

    What makes that impossible is the ``fault`` of the answer, and ends the reading; so does taking too long.
    """
    reader = PacketReader(rate, toolbox.settings.max_packets)
    source = source.absolute()  # noqa: ASYNC240 - looks at nothing but the name of the current folder
    copied = copy_filters(rate)
    arguments = [*toolbox.open(source), *(("-map", f"0:{video.index}") * 3), "-c", "copy", "-bsf:v", copied]
    for stream, unit in ((_IDR, _IDR_SLICE), (_PARAMETERS, _SEQUENCE_PARAMETERS)):
        # Reduced before anything else, because the filters behind take as long as there are bytes.
        arguments += [f"-bsf:v:{stream}", f"filter_units=pass_types={unit},{copied}"]
    arguments += ["-f", "framecrc", PIPE]
    try:
        budget = probing_budget(toolbox.settings)
        await toolbox.stream(arguments, budget=budget, reads=(source,), take=reader.feed)
        if await closed_captions(toolbox, source, video.index):
            reader.fault = "it holds closed captions, which would go with its supplemental information"
    except NotToBeCopied:
        pass
    except RenditorError as error:
        reader.fault = f"its packets cannot be read: {error.error_code}"
    return reader.finish()


class NotToBeCopied(Exception):  # not an error: ends the reading early
    """What has been read is enough."""


class PacketReader:
    """Takes what ``framecrc`` prints, and tells what it means. Memory grows with the number of key frames alone.

    Args:
        rate: frames a second; every packet has to lie on its own place of this grid.
        most: packets that are read. A file of empty packets would keep this process busy.
    """

    def __init__(self, rate: Fraction, most: int) -> None:
        self.fault: str | None = None
        self._rate = rate
        self._most = most
        self._text = b""
        self._bases: dict[str, Fraction] = {}
        self._count = 0
        self._times: list[float] = []
        self._places: set[int] = set()  # of the frames since the last key frame
        self._begin = 0  # the place of the last key frame
        self._gap: str | None = None
        self._key_frames: deque[int] = deque()  # decoding times that the other stream has not reached
        self._idr_frames: deque[int] = deque()
        self._parameters: str | None = None
        self._window: deque[tuple[int, int]] = deque()  # decoding times and bytes
        self._window_bytes = self._most_bytes = self._bytes = 0

    def feed(self, data: bytes) -> None:
        """Take a part of the text.

        Raises:
            NotToBeCopied: something was found that makes the rest unimportant; ``fault`` says what.
        """
        *lines, self._text = (self._text + data).split(b"\n")
        for line in lines:
            self._take(line.decode(errors="replace"))
        if len(self._text) > _LONGEST_LINE:
            self._refuse("its packets cannot be read")

    def finish(self) -> KeyFrames:
        """What was found."""
        if self.fault is None:
            try:
                self._end_group(self._begin + len(self._places))
                self._refuse_gap()
                if self._count == 0 or self._key_frames or self._idr_frames:
                    self._refuse("not every key frame is one at which a decoder can begin")
            except NotToBeCopied:
                pass
        if self.fault is not None:
            return KeyFrames(fault=self.fault)
        length = Fraction(self._count) / self._rate
        over = min(length, Fraction(WINDOW_SECONDS))
        return KeyFrames(
            rate=self._rate,
            times=tuple(self._times),
            length=round(float(length), 6),
            peak=round(self._most_bytes * 8 / over),
            average=round(self._bytes * 8 / length),
        )

    def _take(self, line: str) -> None:
        if base := _TIME_BASE.match(line):
            self._bases[base["stream"]] = Fraction(int(base["numerator"]), max(1, int(base["denominator"])))
        elif packet := _LINE.fullmatch(line):
            self._take_packet(packet)
        elif not line.startswith("#"):
            self._refuse("its packets cannot be read")

    def _take_packet(self, packet: re.Match[str]) -> None:
        if packet["more"]:
            self._refuse("its packets carry side data: other parameters, or encryption")
        stream, dts = packet["stream"], int(packet["dts"])
        if stream == _WHOLE:
            self._take_frame(packet, dts)
        elif stream == _IDR:
            self._idr_frames.append(dts)
            self._compare()
        elif self._parameters not in (None, found := packet["size"] + packet["sum"]):
            self._refuse("its parameters change")
        else:
            self._parameters = found

    def _take_frame(self, packet: re.Match[str], dts: int) -> None:
        self._count += 1
        if self._count > self._most:
            self._refuse(f"it has more than {self._most:,} packets")
        if packet["flags"] not in (None, ", F=0x0"):
            self._refuse("parts of it are cut away by its container")
        place = self._place(int(packet["pts"]))
        if packet["flags"] is not None and place < self._begin:
            self._refuse(f"frames after the key frame at {float(self._begin / self._rate):.2f} s belong before it")
        self._refuse_gap()
        if packet["flags"] is None:
            self._end_group(place)
            self._begin = place
            self._times.append(round(float(place / self._rate), 6))
            self._key_frames.append(dts)
            self._compare()
        if place in self._places:
            self._refuse(f"it has two frames at {float(place / self._rate):.2f} s")
        self._places.add(place)
        self._weigh(dts, int(packet["size"]))

    def _place(self, pts: int) -> int:
        """The place of a frame on the grid: the one where FFmpeg's filter ``fps`` puts it. Raises as ``feed``."""
        place = pts * self._bases.get(_WHOLE, Fraction(1)) * self._rate
        if place < 0 or place.denominator != 1:
            self._refuse(f"a frame lies at {float(place / self._rate):.3f} s, where none belongs")
        return int(place)

    def _end_group(self, end: int) -> None:
        """Note it if not all frames from the last key frame up to the place ``end`` have been there.

        They may still come, after the next key frame, which is another fault.
        """
        if not self._times and end != 0:
            self._gap = f"the first key frame comes at {float(end / self._rate):.2f} s"
        elif self._times and self._places != set(range(self._begin, end)):
            self._gap = f"frames are missing after {float(self._begin / self._rate):.2f} s"
        if len(self._times) > _MOST_KEY_FRAMES:
            self._refuse(f"it has more than {_MOST_KEY_FRAMES:,} key frames")
        self._places.clear()

    def _refuse_gap(self) -> None:
        if self._gap:
            self._refuse(self._gap)

    def _compare(self) -> None:
        """Key frames of the container are IDR pictures, one by one."""
        while self._key_frames and self._idr_frames:
            if self._key_frames.popleft() != self._idr_frames.popleft():
                self._refuse("not every key frame is one at which a decoder can begin")

    def _weigh(self, dts: int, size: int) -> None:
        self._bytes += size
        self._window_bytes += size
        self._window.append((dts, size))
        span = WINDOW_SECONDS / self._bases.get(_WHOLE, Fraction(1))
        while self._window[0][0] <= dts - span:
            self._window_bytes -= self._window.popleft()[1]
        self._most_bytes = max(self._most_bytes, self._window_bytes)

    def _refuse(self, fault: str) -> None:
        self.fault = fault
        raise NotToBeCopied
