"""Reading what ffprobe printed. Pure: the text it printed in the sandbox is data of an untrusted file.

Nothing here trusts a field to be present, to be a number or to be in range.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from renditor.errors import CorruptMedia, LimitExceeded, UnsupportedMedia
from renditor.ffmpeg.probe import AudioStream, Chapter, MediaProbe, SubtitleStream, VideoStream

_INTERLACED = {"tt", "bb", "tb", "bt"}
_WEBM_CODECS = {"vp8", "vp9", "av1", "opus", "vorbis"}
# Tags that describe a work. All others may say where and by whom it was recorded, and are not carried on.
_PUBLIC_TAGS = ("title", "artist", "album", "album_artist", "composer", "track", "disc", "date", "genre", "copyright")
# Pixel shapes found in real files lie between 1:2 and 4:1; beyond this a shape is an error or an attack on memory.
_MAX_PIXEL_ASPECT = 8
# Books have a few hundred chapters; each becomes a cue and a line of JSON.
_MOST_CHAPTERS = 1000
# Packets come in the order of decoding: H.264 may hold 16 frames back, which at 24 a second are 0.7 s.
_HOLE = 1.0  # seconds
# HEIF and AVIF are the same box format as MP4, and FFmpeg would show a picture as a video of one frame.
_PICTURE_BRANDS = {"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "mif2", "avif", "avis"}


def parse(printed: Mapping[str, Any], size: int, *, estimated: bool = False) -> MediaProbe:
    """Read what ``ffprobe -show_format -show_streams -show_chapters -of json`` printed.

    Args:
        printed: the JSON.
        size: of the file, in bytes.
        estimated: whether ffprobe warned that it guessed the duration from the bit rate.

    Raises:
        CorruptMedia: no stream is described well enough to be played.
        UnsupportedMedia: streams, but neither moving pictures nor sound.
    """
    container = _mapping(printed.get("format"))
    if _brand(container) in _PICTURE_BRANDS:
        raise UnsupportedMedia("The file is a picture, not a video or audio file.")
    streams = [_mapping(stream) for stream in _list(printed.get("streams"))]
    videos = [stream for stream in streams if stream.get("codec_type") == "video"]
    moving = next(filter(None, (_video(stream) for stream in videos if not _still(stream))), None)
    audio = tuple(filter(None, (_audio(stream) for stream in streams if stream.get("codec_type") == "audio")))
    if moving is None and not audio:
        _refuse(streams)
    duration = _duration(container, moving, audio)
    return MediaProbe(
        media_type="video" if moving else "audio",
        format=_format(container, streams),
        duration=duration,
        bytes=size,
        bitrate=_integer(container.get("bit_rate")) or (round(size * 8 / duration) if duration else None),
        video=moving,
        audio=audio,
        cover=next((_index(stream) for stream in videos if _flag(stream, "attached_pic")), None),
        subtitles=tuple(filter(None, (_subtitle(stream) for stream in streams))),
        chapters=_chapters(_list(printed.get("chapters"))),
        tags=_tags(container, streams),
        estimated=estimated or not duration,
        streams=len(streams),
        start=_number(container.get("start_time")) or 0.0,
    )


def _refuse(streams: list[Mapping[str, Any]]) -> None:
    kinds = {_text(stream.get("codec_type")) for stream in streams}
    if kinds & {"video", "audio"} and not any(_still(stream) for stream in streams):
        raise CorruptMedia("The streams of this file cannot be read: it is damaged, or its codec is not supported.")
    raise UnsupportedMedia("The file has neither moving pictures nor sound.", hint="Send a video or an audio file.")


def _video(stream: Mapping[str, Any]) -> VideoStream | None:
    codec, index = stream.get("codec_name"), _index(stream)
    width, height = _integer(stream.get("width")) or 0, _integer(stream.get("height")) or 0
    if not isinstance(codec, str) or index is None or width < 1 or height < 1:
        return None
    coded = max(
        width * height, (_integer(stream.get("coded_width")) or 0) * (_integer(stream.get("coded_height")) or 0)
    )
    rotation = _rotation(stream)
    shown = _display_size(stream, width, height, rotation)
    rate, average, variable = _rates(stream)
    pixel_format = _text(stream.get("pix_fmt"))
    return VideoStream(
        index=index,
        codec=codec,
        width=shown[0],
        height=shown[1],
        coded_pixels=coded,
        rotation=rotation,
        frame_rate=rate,
        average_rate=average,
        variable=variable,
        frames=_integer(stream.get("nb_frames")),
        duration=_seconds(stream.get("duration")),
        start=_number(stream.get("start_time")) or 0.0,
        pixel_format=pixel_format,
        bit_depth=_bit_depth(stream, pixel_format),
        interlaced=_text(stream.get("field_order")) in _INTERLACED,
        transfer=_text(stream.get("color_transfer")),
        primaries=_text(stream.get("color_primaries")),
        matrix=_text(stream.get("color_space")),
        full_range=stream.get("color_range") == "pc" or (pixel_format or "").startswith("yuvj"),
        dolby_vision=_integer(_side_data(stream, "dv_profile")),
        dolby_vision_alone=_dolby_vision_alone(stream),
        bitrate=_integer(stream.get("bit_rate")),
        profile=_text(stream.get("profile")),
        level=_integer(stream.get("level")),
        as_stored=_as_stored(stream, same_size=shown == (width, height)),
    )


def _audio(stream: Mapping[str, Any]) -> AudioStream | None:
    codec, index = stream.get("codec_name"), _index(stream)
    channels, rate = _integer(stream.get("channels")) or 0, _integer(stream.get("sample_rate")) or 0
    if not isinstance(codec, str) or index is None or channels < 1 or rate < 1:
        return None
    return AudioStream(
        index=index,
        codec=codec,
        channels=channels,
        sample_rate=rate,
        layout=_text(stream.get("channel_layout")),
        duration=_seconds(stream.get("duration")),
        start=_number(stream.get("start_time")) or 0.0,
        bitrate=_integer(stream.get("bit_rate")),
        language=_language(stream),
        default=_flag(stream, "default"),
        title=_title(stream),
        commentary=_flag(stream, "comment"),
        bit_depth=_integer(stream.get("bits_per_raw_sample")) or _integer(stream.get("bits_per_sample")) or None,
    )


def _subtitle(stream: Mapping[str, Any]) -> SubtitleStream | None:
    index = _index(stream)
    if stream.get("codec_type") != "subtitle" or index is None:
        return None
    return SubtitleStream(
        index=index,
        codec=_text(stream.get("codec_name")) or "unknown",
        language=_language(stream),
        title=_title(stream),
        default=_flag(stream, "default"),
        forced=_flag(stream, "forced"),
        hearing_impaired=_flag(stream, "hearing_impaired"),
    )


def _chapters(printed: list[Any]) -> tuple[Chapter, ...]:
    """Chapters in order of time; those without a length are left out."""
    found = []
    for one in map(_mapping, printed[:_MOST_CHAPTERS]):
        start, end = _number(one.get("start_time")), _number(one.get("end_time"))
        if start is not None and end is not None and end > start:
            found.append(Chapter(max(0.0, start), end, _title(one) or ""))
    return tuple(sorted(found, key=lambda chapter: chapter.start))


def _title(owner: Mapping[str, Any]) -> str | None:
    value = _mapping(owner.get("tags")).get("title")
    return _printable(value) if isinstance(value, str) and value.strip() else None


def _display_size(stream: Mapping[str, Any], width: int, height: int, rotation: int) -> tuple[int, int]:
    """Crop, then square pixels (the width grows or shrinks, lines stay), then turn."""
    width -= sum(_integer(_side_data(stream, f"crop_{side}")) or 0 for side in ("left", "right"))
    height -= sum(_integer(_side_data(stream, f"crop_{side}")) or 0 for side in ("top", "bottom"))
    shape = _fraction(stream.get("sample_aspect_ratio"), ":")
    if not Fraction(1, _MAX_PIXEL_ASPECT) <= shape <= _MAX_PIXEL_ASPECT:
        shape = Fraction(1)
    width, height = max(1, round(width * shape)), max(1, height)
    return (height, width) if rotation in (90, 270) else (width, height)


def _as_stored(stream: Mapping[str, Any], *, same_size: bool) -> bool:
    """Nothing is to be done to the pictures: FFmpeg names a display matrix only where it turns or mirrors."""
    square = _text(stream.get("sample_aspect_ratio")) in (None, "1:1", "0:1")
    changes = ("rotation", "displaymatrix", "crop_left", "crop_top")
    turned = any(_side_data(stream, name) for name in changes) or "rotate" in _mapping(stream.get("tags"))
    return same_size and square and not turned


def _rates(stream: Mapping[str, Any]) -> tuple[Fraction, Fraction, bool]:
    """The grid, the average and whether they differ.

    ``r_frame_rate`` is the slowest rate that all first timestamps fit; ``avg_frame_rate`` is frames by duration, or a
    guess that can be wildly high in Matroska and FLV. Video stored as fields has a grid of twice the frame rate.
    """
    grid = _fraction(stream.get("r_frame_rate"), "/")
    average = _fraction(stream.get("avg_frame_rate"), "/")
    if grid <= 0 or grid > 1000:
        grid = average
    if average <= 0 or average > grid * Fraction(101, 100):
        average = grid
    if grid > 0 and abs(average * 2 - grid) <= grid / 100 and _text(stream.get("field_order")) in _INTERLACED:
        grid = average
    return grid, average, abs(grid - average) > grid / 50


def _rotation(stream: Mapping[str, Any]) -> int:
    """Degrees clockwise to turn the picture for display. ffprobe prints the matrix's angle counter-clockwise."""
    angle = _number(_side_data(stream, "rotation"))
    if angle is None:
        angle = -(_number(_mapping(stream.get("tags")).get("rotate")) or 0.0)
    return round(-angle) % 360


def _dolby_vision_alone(stream: Mapping[str, Any]) -> bool:
    """Whether there is no base layer for other players (Dolby Vision Profiles and Levels): never in profile 5 (HEVC),
    and where it says so in profile 10 (AV1)."""
    profile, base = (_integer(_side_data(stream, f"dv_{name}")) for name in ("profile", "bl_signal_compatibility_id"))
    return profile == 5 or (profile == 10 and base == 0)


def _bit_depth(stream: Mapping[str, Any], pixel_format: str | None) -> int:
    """``yuv420p10le`` and ``p010le`` say 10; formats without a number are 8 bit unless the stream knows better."""
    found = re.search(r"p0?(9|10|12|14|16)(?:le|be)$", pixel_format or "")
    if found:
        return int(found[1])
    raw = _integer(stream.get("bits_per_raw_sample")) or 8
    return raw if 8 <= raw <= 16 else 8


def _still(stream: Mapping[str, Any]) -> bool:
    return any(_flag(stream, name) for name in ("attached_pic", "still_image", "timed_thumbnails"))


def _format(container: Mapping[str, Any], streams: list[Mapping[str, Any]]) -> str:
    """One short name for ffprobe's families such as ``mov,mp4,m4a,3gp,3g2,mj2``."""
    family = _text(container.get("format_name")) or "unknown"
    if family.startswith("mov,"):
        brand = _brand(container)
        if brand.startswith("qt"):
            return "mov"
        return "3gp" if brand.startswith("3g") else "m4a" if brand.startswith("m4a") else "mp4"
    if family.startswith("matroska"):
        played = (stream for stream in streams if stream.get("codec_type") in ("video", "audio"))
        codecs = {_text(stream.get("codec_name")) for stream in played}
        return "webm" if codecs and codecs <= _WEBM_CODECS else "matroska"
    return family.split(",")[0]


def _brand(container: Mapping[str, Any]) -> str:
    return (_text(_mapping(container.get("tags")).get("major_brand")) or "").strip().lower()


def _duration(container: Mapping[str, Any], video: VideoStream | None, audio: tuple[AudioStream, ...]) -> float | None:
    whole = _seconds(container.get("duration"))
    if whole:
        return whole
    parts = [video.duration] if video else []
    return max(filter(None, [*parts, *(stream.duration for stream in audio)]), default=None)


def _tags(container: Mapping[str, Any], streams: list[Mapping[str, Any]]) -> dict[str, str]:
    """Ogg keeps the tags of the work on the stream of its sound; the container's win.

    What a cover or a track of a camera is called is no title of the work.
    """
    found: dict[str, str] = {}
    sounds = [stream for stream in streams if stream.get("codec_type") == "audio"]
    for owner in (*reversed(sounds), container):
        for name, value in _mapping(owner.get("tags")).items():
            if isinstance(value, str) and str(name).lower() in _PUBLIC_TAGS:
                found[str(name).lower()] = _printable(value)
    return found


def _printable(text: str) -> str:
    """One line of at most 500 characters, without control characters."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)[:500].strip()


def _language(stream: Mapping[str, Any]) -> str | None:
    value = _mapping(stream.get("tags")).get("language")
    valid = isinstance(value, str) and re.fullmatch(r"[a-z]{2,3}", value) and value != "und"
    return str(value) if valid else None


def _side_data(stream: Mapping[str, Any], name: str) -> Any:
    entries: Iterator[Mapping[str, Any]] = (_mapping(entry) for entry in _list(stream.get("side_data_list")))
    return next((entry[name] for entry in entries if name in entry), None)


def _flag(stream: Mapping[str, Any], name: str) -> bool:
    return bool(_mapping(stream.get("disposition")).get(name) == 1)


def _index(stream: Mapping[str, Any]) -> int | None:
    value = stream.get("index")
    return value if isinstance(value, int) and value >= 0 else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value not in ("", "unknown", "N/A", "reserved") else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _seconds(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _integer(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 0 <= number < 2**63 else None


def _fraction(value: Any, separator: str) -> Fraction:
    """``30000/1001``; zero for ``0/0`` and everything that is not a fraction."""
    found = re.fullmatch(rf"(\d{{1,10}}){separator}(\d{{1,10}})", value) if isinstance(value, str) else None
    return Fraction(int(found[1]), int(found[2])) if found and int(found[2]) else Fraction(0)


class PacketEnds:
    """Where a stream ends, from the lines ``pts,duration,flags`` of its packets as ffprobe prints them one by one.

    Args:
        most: packets that are read. A file of empty packets would keep this process busy.

    Attributes:
        count: packets that were read.
        broken: those of them that the demuxer found damaged.
    """

    def __init__(self, most: int) -> None:
        self.count = 0
        self.broken = 0
        self._most = most
        self._first = math.inf
        self._last = -math.inf
        self._holes = 0.0

    @property
    def seconds(self) -> float:
        """From the first to the end of the last packet; 0 if none has a time."""
        return max(0.0, self._last - self._first) if self._last > -math.inf else 0.0

    def missing(self, start: float, end: float) -> float:
        """Seconds between ``start`` and ``end`` without a whole packet, as long as holes are worth mentioning.

        Frames that come unevenly have such holes too: they are damage only of a file that shows other signs of it.
        """
        around = max(0.0, self._first - start) + max(0.0, end - self._last) if self.count else end - start
        broken = self.seconds * self.broken / max(1, self.count)
        return min(self._holes + broken + around, max(0.0, end - start))

    def feed(self, line: str) -> None:
        """Take one line. A packet without a time counts, and moves nothing.

        Raises:
            LimitExceeded: too many.
        """
        if not line:
            return
        self.count += 1
        if self.count > self._most:
            raise LimitExceeded(f"A stream of the file has more than {self._most:,} packets.")
        start, duration, flags, *_ = (*line.split(","), "", "")
        self.broken += "C" in flags
        pts = _number(start)
        if pts is not None:
            if pts - self._last > _HOLE and self._first < math.inf:
                self._holes += pts - self._last
            self._first = min(self._first, pts)
            self._last = max(self._last, pts + max(0.0, _number(duration) or 0.0))
