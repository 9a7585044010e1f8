"""What must hold of a stream whose segments have been looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from renditor.video.check.findings import Findings
from renditor.video.check.mpegts import TICKS, WRAP
from renditor.video.check.stream import Content, Rendition, Stream, Variant
from renditor.video.streams.bitrate import needed_bandwidth, peak_and_average
from renditor.video.streams.codecs import same

_ROUNDING: Final = 0.002  # EXTINF is written in milliseconds, durations are sums of ticks
_TOLERATED: Final = 0.10  # of bit rates (Apple)
_RATE: Final = 0.001  # FRAME-RATE has three decimals
# Sound begins up to one AAC frame (46 ms at 22 kHz) before or after the pictures; what ears notice begins near 0.1 s
# (ITU-R BT.1359-1: detectable at 45 ms early and 125 ms late).
_APART: Final = 0.1
_LENGTH: Final = 0.5  # seconds by which a presentation may differ from its longest rendition: less than a GOP
_WRAP: Final = WRAP / TICKS  # seconds after which the times of transport streams begin anew
_TEXT_CODECS: Final = (
    "wvtt",
    "stpp",
    "c608",
    "c708",
    "tx3g",
)  # of captions beside the variant, whose text has no codec
_LONGEST_FRAME: Final = 0.5  # what is slower than two frames a second is a slide show: "within a frame" says nothing

# (code, where, message)
Told = Iterator[tuple[str, str, str]]


def apply(stream: Stream, findings: Findings) -> None:
    """Add everything that is wrong with ``stream``."""
    for rendition in stream.renditions:
        for rule in _OF_RENDITIONS:
            _add(findings, rule(rendition))
    for variant in stream.variants:
        for check in _OF_VARIANTS:
            _add(findings, check(variant))
        _add(findings, _bandwidth(variant) if stream.form == "hls" else _manifest_bandwidth(stream, variant))
    for whole in _OF_STREAMS:
        _add(findings, whole(stream))


def _add(findings: Findings, told: Told) -> None:
    for code, where, message in told:
        findings.add(code, where, message)


def _encrypted(rendition: Rendition) -> Told:
    if any(piece.encrypted for piece in rendition.pieces):
        yield "encrypted", rendition.where, "its segments are encrypted: nothing inside them is checked"
    elif any(content.encrypted for _, content in rendition.looked_at):
        yield "encrypted", rendition.where, "its samples are encrypted: whether they decode is not checked"


def _starts_with_key_frames(rendition: Rendition) -> Told:
    code = "not-independent" if rendition.independent else "no-key-frame"
    for piece, content in rendition.looked_at:
        name, place = piece.span.name, piece.span.offset
        if content.sync is not False:
            continue
        if rendition.key_frames_only:
            yield "not-a-key-frame", rendition.where, f"{name}: at byte {place} is no whole key frame"
        else:
            yield code, rendition.where, f"{name} does not begin with a key frame"


def _durations(rendition: Rendition) -> Told:
    """What a playlist says of a segment and what is inside; a key frame by itself lasts until the next one."""
    if rendition.key_frames_only:
        return
    for piece, content in rendition.looked_at:
        if content.duration is None:
            continue
        slack = piece.duration / 2 if piece.nominal else _slack(content)
        if abs(content.duration - piece.duration) > slack:
            told = f"{piece.span.name} holds {content.duration:.3f} s, and {piece.duration:.3f} s are declared"
            yield "segment-duration", rendition.where, told
        shown = [time for time in (content.start, content.shown) if time is not None]
        if piece.start is not None and shown and min(abs(time - piece.start) for time in shown) > slack:
            told = f"{piece.span.name} begins at {shown[0]:.3f} s, and {piece.start:.3f} s is declared"
            yield "timeline-gap", rendition.where, told


def _timeline(rendition: Rendition) -> Told:
    """Each segment begins where the one before it ends."""
    if rendition.key_frames_only:
        return
    end: float | None = None
    for piece, content in zip(rendition.pieces, rendition.contents, strict=True):
        if content is None or content.start is None:
            end = None
            continue
        slack = _slack(content)
        if content.gap > slack:
            yield "timeline-gap", rendition.where, f"within {piece.span.name}, {content.gap:.3f} s are missing"
        apart = 0.0 if end is None or piece.discontinuity else content.start - end
        if content.container == "ts":
            apart = (apart + _WRAP / 2) % _WRAP - _WRAP / 2
        if abs(apart) > slack:
            told = f"{piece.span.name} begins at {content.start:.3f} s, and the one before it ends at {end:.3f} s"
            yield "timeline-gap", rendition.where, told
        end = content.start + (piece.duration if content.duration is None else content.duration)


def _codecs(variant: Variant) -> Told:
    declared = variant.declared.codecs
    if declared is None or any(piece.encrypted for piece in variant.rendition.pieces):
        return
    found = variant.rendition.codecs
    beside = frozenset[str]().union(*(track.codecs for track in variant.sound))
    # Sound without a container, and what is encrypted as a whole.
    unknown = any(
        content.kind != "text" and not content.codecs for one in variant.sound for _, content in one.looked_at
    )
    for codec in found | beside:
        if not any(same(one, codec) for one in declared):
            yield "codecs-wrong", variant.where, f"{codec} is inside, and CODECS says {','.join(declared)}"
    for one in declared if found else ():
        if unknown or one.partition(".")[0].lower() in _TEXT_CODECS:
            continue
        if not any(same(one, codec) for codec in found | beside):
            yield "codecs-wrong", variant.where, f"CODECS says {one}, and inside is {','.join(sorted(found | beside))}"


def _resolution(variant: Variant) -> Told:
    found = {size for content in variant.rendition.contents if content for size in content.sizes}
    declared = variant.declared.size
    if found and declared is None and variant.declared.bandwidth is not None:
        yield "no-resolution", variant.where, "it has pictures, and their size is not declared"
    elif found and declared is not None and declared not in found:
        sizes = ", ".join(f"{width}x{height}" for width, height in sorted(found))
        yield "resolution-wrong", variant.where, f"{declared[0]}x{declared[1]} is declared, and inside is {sizes}"


def _frame_rate(variant: Variant) -> Told:
    """Declared is the highest rate of any moment: not below the average, not above what the shortest frame gives."""
    declared, rendition = variant.declared.frame_rate, variant.rendition
    known = [one for one in rendition.contents if one and one.kind == "video" and one.duration and one.shortest]
    lasting = sum(one.duration or 0.0 for one in known)
    if declared is None or rendition.key_frames_only or not lasting:
        return
    average = sum(one.samples for one in known) / lasting
    highest = 1 / min(one.shortest for one in known)
    if not average * 0.98 - _RATE <= declared <= highest * 1.02 + _RATE:
        yield (
            "frame-rate-wrong",
            variant.where,
            f"{declared:.3f} is declared, and inside are {average:.3f} frames a second",
        )


def _bandwidth(variant: Variant) -> Told:
    """The sum of the peaks of what plays together (RFC 8216, 4.3.4.2). Captions are loaded once and weigh nothing."""
    rendition, declared = variant.rendition, variant.declared
    if rendition.target is None or not all(one.complete for one in (rendition, *variant.sound)):
        return
    peak, average = peak_and_average(rendition.loads, rendition.target)
    beside = [peak_and_average(track.loads, track.target or 0) for track in variant.sound]
    peak += max((one for one, _ in beside), default=0)
    averages = {average + one for _, one in beside} or {average}
    if declared.bandwidth is not None:
        if peak > declared.bandwidth:
            yield (
                "bandwidth-exceeded",
                variant.where,
                f"BANDWIDTH is {declared.bandwidth}, and the peak is {peak} bit/s",
            )
        elif declared.bandwidth > peak * (1 + _TOLERATED):
            yield (
                "bandwidth-overstated",
                variant.where,
                f"BANDWIDTH is {declared.bandwidth}, and the peak is {peak} bit/s",
            )
    if declared.average is not None and not any(_near(declared.average, one) for one in averages):
        told = f"AVERAGE-BANDWIDTH is {declared.average}, and the average is {max(averages)} bit/s"
        yield "average-bandwidth", variant.where, told


def _manifest_bandwidth(stream: Stream, variant: Variant) -> Told:
    """Of an unknown minBufferTime nothing follows."""
    declared = variant.declared.bandwidth
    if declared and variant.rendition.complete and stream.buffered:
        needed = needed_bandwidth(variant.rendition.loads, stream.buffered)
        if needed > declared * 1.001:
            yield "manifest-bandwidth", variant.where, f"{declared} bit/s are declared, and {needed:.0f} are needed"


def _alignment(stream: Stream) -> Told:
    """All show the same; switching is cheapest where the segments of all begin at the same times."""
    moving = [one.rendition for one in stream.variants if one.rendition.kind == "video"]
    # Live playlists were read one after the other, while they went on.
    moving = [one for one in moving if not one.key_frames_only and one.pieces and not one.live]
    for one in moving[1:]:
        first = next(other for other in moving if (other.begins, other.group) == (one.begins, one.group))
        lists = [[piece.duration for piece in rendition.pieces] for rendition in (first, one)]
        if abs(one.duration - first.duration) > _LENGTH:
            told = f"it lasts {one.duration:.3f} s, and {first.where} lasts {first.duration:.3f} s"
            yield "misaligned", one.where, told
        elif len(lists[0]) != len(lists[1]):
            yield "segments-differ", one.where, f"{len(lists[1])} segments, and {first.where} has {len(lists[0])}"
        elif any(abs(a - b) > _ROUNDING for a, b in zip(*lists, strict=True)):
            yield "segments-differ", one.where, f"its segments have other lengths than those of {first.where}"
        elif any(
            abs((a.shown or 0.0) - (b.shown or 0.0)) > max(a.frame, _ROUNDING)
            for a, b in zip(first.contents, one.contents, strict=True)
            if a and b
        ):
            yield "misaligned", one.where, f"its segments begin at other times than those of {first.where}"


def _starts(stream: Stream) -> Told:
    """Pictures and sound of a period begin together."""
    firsts: dict[float, Rendition] = {}
    for rendition in stream.renditions:
        if rendition.kind not in ("video", "audio") or rendition.key_frames_only or rendition.live:
            continue
        if not rendition.contents[0]:
            continue
        shown = rendition.contents[0].shown
        first = firsts.setdefault(rendition.begins, rendition)
        if shown is not None and first.contents[0] and first.contents[0].shown is not None:
            apart = shown - first.contents[0].shown
            if abs(apart) > _APART:
                yield "starts-apart", rendition.where, f"it begins {apart:+.3f} s from {first.where}"


def _length(stream: Stream) -> Told:
    if stream.form == "dash" and stream.variants:
        longest = max((one.begins + one.duration for one in stream.renditions), default=0.0)
        if stream.length is None:
            yield "manifest-duration", stream.name, "it has no mediaPresentationDuration"
        elif abs(stream.length - longest) > _LENGTH:
            yield (
                "manifest-duration",
                stream.name,
                f"it says {stream.length:.3f} s, and its segments last {longest:.3f} s",
            )


def _slack(content: Content) -> float:
    """A frame, in seconds."""
    return min(content.frame, _LONGEST_FRAME) + _ROUNDING


def _near(declared: float, found: float) -> bool:
    return abs(declared - found) <= found * _TOLERATED


_OF_RENDITIONS: Final[tuple[Callable[[Rendition], Told], ...]] = (
    _encrypted,
    _starts_with_key_frames,
    _durations,
    _timeline,
)
_OF_VARIANTS: Final[tuple[Callable[[Variant], Told], ...]] = (_codecs, _resolution, _frame_rate)
_OF_STREAMS: Final[tuple[Callable[[Stream], Told], ...]] = (_alignment, _starts, _length)
