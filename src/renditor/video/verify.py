"""Reading back what was made. A job succeeds because its result is right, not because a program ended with 0.

Strict between outputs: all rungs have the same frames, and a set is held to everything that ``renditor hls --check``
asks of any stream. Towards the source it is told whether anything worth mentioning is missing: a cut-off file must not
become a shorter video in silence. Pictures that go with a video are read back in ``picture_checks``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from renditor.errors import CorruptMedia, RenditorError, failed_check
from renditor.ffmpeg.diagnosis import MEDIA_HINT
from renditor.ffmpeg.probe import Chapter
from renditor.ffmpeg.run import Toolbox
from renditor.video.check.checker import Report, check
from renditor.video.check.decoding import decode, decode_beginnings
from renditor.video.check.reading import FolderReader
from renditor.video.check.stream import Rendition
from renditor.video.commands import rung_file, track_file
from renditor.video.ladder import Rung
from renditor.video.plan import VideoPlan
from renditor.video.streams.boxes import top_level
from renditor.video.streams.package import MANIFEST, MASTER
from renditor.video.subtitles.parsing import parse_webvtt
from renditor.video.tracks import AudioTrack

# A source may lack some frames at either end that could not be decoded (cut at an open GOP); more is damage.
_MISSING_SECONDS: Final = 0.5
_MISSING_SHARE: Final = 0.02
_ROUNDING: Final = 0.002  # EXTINF is written in milliseconds
_DECODED_FRAMES: Final = 25
# What only the source could mend: it does not say which language a track is in.
_TOLERATED: Final = frozenset({"no-language"})
# Names of our sets. They become keys of storage and parts of URLs, and the packager, which wrote them, saw the file.
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*")


@dataclass(frozen=True, slots=True)
class Encoded:
    """What was read back of the encoded files, the same for all rungs: seconds, and number of frames.

    Of sound alone: seconds of the first track, and no frames.
    """

    duration: float
    frames: int


async def check_encoded(plan: VideoPlan, folder: Path, toolbox: Toolbox) -> Encoded:
    """Check every rung and the sound in ``work/`` against the plan, before anything is packaged.

    Raises:
        CorruptMedia: the source ended early.
        ProcessingFailed: an output is not what was planned.
    """
    pictures = []
    for rung in plan.rungs:
        stream = await _stream(toolbox, folder, str(rung_file(rung)))
        _expect_picture(stream, rung)
        pictures.append(_encoded(stream))
    sounds = []
    for track in plan.audio:
        stream = await _stream(toolbox, folder, str(track_file(track)))
        sounds.append(_expect_sound(stream, track))
    if plan.picture is None:
        return Encoded(sounds[0].duration, frames=0)
    frame = float(1 / plan.picture.rate)
    first = pictures[0]
    if any(one.frames != first.frames or abs(one.duration - first.duration) > frame for one in pictures):
        raise failed_check("the rungs of the ladder have different frames")
    expect_length("pictures", first.duration, plan.picture.duration, may_exceed=plan.picture.variable)
    return first


async def check_progressive(plan: VideoPlan, encoded: Encoded, folder: Path, name: str, toolbox: Toolbox) -> None:
    """Check the MP4: index first, streams as planned, as long as the rung, and three places of it decode.

    Raises:
        ProcessingFailed: with the reason.
    """
    order = await asyncio.to_thread(top_level, folder / name)
    if "moov" not in order or "mdat" not in order or order.index("moov") > order.index("mdat"):
        raise failed_check("the index of the MP4 does not come first")
    printed = await toolbox.ffprobe(Path(name), ["-show_streams"], folder=folder)
    streams: list[dict[str, Any]] = printed.get("streams", [])
    if [stream.get("codec_type") for stream in streams] != ["video", *["audio"] * len(plan.audio)]:
        raise failed_check("the MP4 does not have the planned streams")
    _expect_picture(streams[0], plan.rungs[0])
    try:
        for stream, track in zip(streams[1:], plan.audio, strict=True):
            _expect_sound(stream, track)
    except CorruptMedia as error:  # not the user's file: what was encoded of it is whole
        raise failed_check("the MP4 lacks sound") from error
    found = _encoded(streams[0])
    if found.frames != encoded.frames or abs(found.duration - encoded.duration) > 1 / plan.moving.rate + _ROUNDING:
        raise failed_check("the MP4 lacks frames of the largest rung")
    await decode_places(toolbox, folder, name, found.duration)


async def check_set(plan: VideoPlan, encoded: Encoded, folder: Path, name: str, toolbox: Toolbox) -> None:
    """Check the HLS and DASH set ``folder/name`` as anyone's, then against the plan, and decode a little of it.

    Raises:
        ProcessingFailed: with the first thing that is wrong.
    """
    reader = FolderReader(folder / name)
    try:
        report = await check(reader, [MASTER, MANIFEST])
    except RenditorError as error:
        raise failed_check("the stream cannot be read") from error
    for finding in report.findings:
        if finding.code not in _TOLERATED:
            raise failed_check(f"{finding.where}: {finding.message}")
    _expect_renditions(plan, encoded, report)
    for finding in await decode(report.streams[:1], reader, toolbox, folder):
        raise failed_check(f"{finding.where}: {finding.message}")


def check_chapters(chapters: Sequence[Chapter], path: Path) -> None:
    """Check that a file of chapters is WebVTT with one cue for each chapter of any length.

    Raises:
        ProcessingFailed: it is not.
    """
    try:
        cues = parse_webvtt(path.read_text()).cues
    except (OSError, ValueError, RenditorError) as error:
        raise failed_check("the chapters are not WebVTT") from error
    if len(cues) != len([chapter for chapter in chapters if round(chapter.end * 1000) > round(chapter.start * 1000)]):
        raise failed_check("a chapter is missing")


def expect_length(what: str, found: float, planned: float, *, may_exceed: bool) -> None:
    """Raise CorruptMedia if a stream is shorter than planned, ProcessingFailed if it is longer and must not be."""
    tolerance = max(_MISSING_SECONDS, planned * _MISSING_SHARE)
    if found < planned - tolerance:
        raise CorruptMedia(
            f"The file is damaged or incomplete: its {what} could be read for {found:.1f} of {planned:.1f} seconds.",
            hint=MEDIA_HINT,
        )
    if found > planned + tolerance and not may_exceed:
        raise failed_check(f"the {what} last {found:.1f} instead of {planned:.1f} seconds")


def _expect_renditions(plan: VideoPlan, encoded: Encoded, report: Report) -> None:
    """Every rung and track is there, with the planned size and codec and all frames, and nothing else is."""
    hls = next(stream for stream in report.streams if stream.form == "hls")
    if not all(_NAME.fullmatch(name) for stream in report.streams for name in stream.named):
        raise failed_check("a file of the stream has a name that it must not have")
    found = {one.where: one for one in hls.renditions if not one.key_frames_only and one.kind != "text"}
    names = [*(rung.name for rung in plan.rungs), *(track.name for track in plan.audio)]
    if set(found) != {f"{name}/index.m3u8" for name in names}:
        raise failed_check("the stream does not have the planned rungs and tracks")
    if len([one for one in hls.renditions if one.key_frames_only]) != len(plan.rungs):
        raise failed_check("the stream lacks a key-frame playlist")
    for rung in plan.rungs:
        _expect_rung(plan, rung, encoded, found[f"{rung.name}/index.m3u8"])
    for track in plan.audio:
        if found[f"{track.name}/index.m3u8"].codecs != {"mp4a.40.2"}:
            raise failed_check("the sound of the stream is not AAC")


def _expect_rung(plan: VideoPlan, rung: Rung, encoded: Encoded, found: Rendition) -> None:
    if {size for _, content in found.looked_at for size in content.sizes} != {(rung.width, rung.height)}:
        raise failed_check(f"{found.where}: its pictures have another size than planned")
    if not all(codec.startswith("avc1.") for codec in found.codecs):
        raise failed_check(f"{found.where}: its pictures are not H.264")
    if found.samples != encoded.frames:
        raise failed_check(f"{found.where}: the segments lack frames")
    tolerance = float(1 / plan.moving.rate) + _ROUNDING * len(found.pieces)
    if not plan.moving.variable and abs(found.duration - encoded.duration) > tolerance:
        raise failed_check(f"{found.where}: the segments are not as long as the video")


def _expect_picture(stream: dict[str, Any], rung: Rung) -> None:
    """A copied rung may leave its shape of pixels and its colours open: they were found to be the usual ones."""
    unsaid: set[object] = {None, "unknown", "0:1"} if rung.copied else set()
    facts: dict[str, set[object]] = {
        "codec_name": {"h264"},
        "width": {rung.width},
        "height": {rung.height},
        "pix_fmt": {"yuv420p"},
        "sample_aspect_ratio": {"1:1", *unsaid},
        "color_space": {"bt709", *unsaid},
    }
    wrong = next((name for name, values in facts.items() if stream.get(name) not in values), None)
    if wrong or stream.get("side_data_list"):
        what = (wrong or "orientation").replace("_", " ")
        raise failed_check(f"the {rung.name} rung has another {what} than planned")


def _expect_sound(stream: dict[str, Any], track: AudioTrack) -> Encoded:
    if stream.get("codec_name") != "aac" or stream.get("channels") != track.channels:
        raise failed_check("the sound is not AAC in stereo")
    sound = _encoded(stream)
    if sound.frames == 0:
        raise CorruptMedia("The sound track of this file is empty or damaged.", hint=MEDIA_HINT)
    if track.duration is not None:
        expect_length("sound", sound.duration, track.duration, may_exceed=True)
    return sound


async def decode_places(toolbox: Toolbox, folder: Path, name: str, duration: float) -> None:
    """Decode some frames of a file at the beginning, in the middle and before the end.

    Raises:
        ProcessingFailed: they do not decode.
    """
    places = sorted({0.0, round(duration / 2, 3), round(max(0.0, duration - 1), 3)})
    path = (folder / name).absolute()
    # From the key frame before: of pictures that stand for minutes, none may begin after the place itself.
    inputs = [(path, ("-noaccurate_seek", "-ss", str(place))) for place in places]
    try:
        await decode_beginnings(toolbox, inputs, _DECODED_FRAMES)
    except CorruptMedia as error:
        raise failed_check("the file cannot be decoded") from error


async def _stream(toolbox: Toolbox, folder: Path, name: str) -> dict[str, Any]:
    printed = await toolbox.ffprobe(Path(name), ["-show_streams"], folder=folder)
    streams = printed.get("streams", [])
    if len(streams) != 1:
        raise failed_check("an encoded file does not have one stream")
    stream: dict[str, Any] = streams[0]
    return stream


def _encoded(stream: dict[str, Any]) -> Encoded:
    return Encoded(duration=float(stream.get("duration", 0)), frames=int(stream.get("nb_frames", 0)))
