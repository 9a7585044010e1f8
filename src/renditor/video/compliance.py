"""Whether the pictures of a source can be a rung as they are: copied instead of encoded. Pure.

A copy costs no quality and next to no time, but what players get is then what somebody else encoded. So everything that
our own rungs promise is asked of it: H.264 that every device decodes, closed GOPs no longer than half a segment, every
frame in its place of the same grid, bit rates within the cap of the rung. Of a source that gives no colours it is
assumed what is assumed when it is encoded.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from renditor.ffmpeg.probe import KeyFrames, MediaProbe, VideoStream
from renditor.video.colour import Colour, source_colour
from renditor.video.ladder import Rung

# Containers whose packets have times that can be trusted to the frame.
_CONTAINERS: Final = frozenset({"mp4", "mov", "matroska"})
# 4:2:0 in 8 bit without extensions: what all hardware decodes (Apple's HLS authoring specification, 1.1 to 1.5).
_PROFILES: Final = frozenset({"Constrained Baseline", "Baseline", "Main", "High"})
_HIGHEST_LEVEL: Final = 42  # 4.2, as above: 1080p at 60 frames a second
_LARGE_LEVEL: Final = 52  # 5.2: 2160p at 60
_LARGE: Final = 1080  # px of the short side, above which a rung needs more than level 4.2
_ORDINARY: Final = Colour("sdr", "bt709", full_range=False)
# All rungs have their key frames where the copied one has them. Further apart, segments of 6 s become up to as much
# longer as key frames are apart, and a player waits for longer before it can switch.
_LONGEST_GOP: Final = 3.0  # seconds
# What a rung's own encoder is held to: see `bufsize` of `Rung`.
_PEAK_FACTOR: Final = 1.25


def described_fault(probe: MediaProbe) -> str | None:
    """Why the moving pictures cannot be copied, as far as the header says; None: their packets are worth reading."""
    video = probe.video
    if video is None:
        return "it has no moving pictures"
    faults = {
        f"codec {video.codec}": video.codec != "h264",
        f"profile {video.profile}": video.profile not in _PROFILES,
        f"container {probe.format}": probe.format not in _CONTAINERS,
        f"pixel format {video.pixel_format}": video.pixel_format != "yuv420p" or video.bit_depth != 8,
        "interlaced": video.interlaced,
        "rotated, mirrored, cropped or without square pixels": not video.as_stored,
        "odd size": bool(video.width % 2 or video.height % 2),
        "colours other than BT.709 in limited range": not _ordinary_colours(video),
        f"level {video.level}": (video.level or 999) > _highest_level(video),
    }
    return next((fault for fault, there in faults.items() if there), None)


def copy_fault(probe: MediaProbe, rung: Rung, rate: Fraction) -> str | None:
    """Why the source cannot be ``rung`` as it is; None: it can.

    Args:
        probe: the source, with the key frames that were read.
        rung: the rung that it would be.
        rate: frames a second of the other rungs.
    """
    video, found = probe.video, probe.key_frames
    if fault := described_fault(probe):
        return fault
    if video is None or found is None:
        return "its packets were not read"
    if (video.width, video.height) != (rung.width, rung.height):
        return "another size than the rung"
    if found.fault is None and found.rate != rate:
        return "its packets were read at another frame rate"
    return found.fault or _packets_fault(found, rung)


def shared_key_frames(times: Iterable[float], segment: float, gop: float) -> tuple[float, ...]:
    """The key frames of a copied rung at which all others get theirs.

    The packager begins a segment at the first key frame within each ``segment`` seconds of the whole, and a fragment at
    the first within each ``gop`` seconds of the segment. So those are needed in all rungs; key frames in between, of
    which some cameras have several a second, would only cost bits.

    Args:
        times: of all key frames of the copied rung, in seconds, rising.
        segment: length of a segment, in seconds.
        gop: length of a fragment, in seconds.
    """
    chosen: list[float] = []
    started, cell, part = 0.0, -1, -1
    for time in times:
        if (index := int(time // segment)) != cell:
            started, cell, part = time, index, -1
        if (index := int((time - started) // gop)) != part:
            part = index
            chosen.append(time)
    return tuple(chosen)


def _ordinary_colours(video: VideoStream) -> bool:
    """BT.709 in limited range, said or assumed; there is no Dolby Vision layer that would be told apart from it."""
    said = {video.primaries, video.transfer} <= {None, "bt709"}
    return said and video.dolby_vision is None and source_colour(video) == _ORDINARY


def _highest_level(video: VideoStream) -> int:
    return _LARGE_LEVEL if min(video.width, video.height) > _LARGE else _HIGHEST_LEVEL


def _packets_fault(found: KeyFrames, rung: Rung) -> str | None:
    longest = max((after - before for before, after in itertools.pairwise((*found.times, found.length))), default=0.0)
    if longest > _LONGEST_GOP:
        return f"key frames {longest:.1f} s apart"
    if found.peak > rung.maxrate * _PEAK_FACTOR:
        return f"peak of {found.peak / 1e6:.1f} Mbit/s over {rung.maxrate * _PEAK_FACTOR / 1e6:.1f}"
    return None
