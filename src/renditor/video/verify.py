"""Reading back what was made. A job succeeds because its result is right, not because a program ended with 0.

Strict between outputs: all rungs have the same frames, playlists name what exists. Towards the source it is told
whether anything worth mentioning is missing: a cut-off file must not become a shorter video in silence.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from renditor.errors import CorruptMedia, ProcessingFailed
from renditor.ffmpeg.run import Budget, Toolbox
from renditor.ffmpeg.workspace import WORK
from renditor.video.boxes import count_samples, top_level
from renditor.video.commands import rung_file, track_file
from renditor.video.ladder import Rung
from renditor.video.manifests import manifest_files
from renditor.video.package import MANIFEST, MASTER
from renditor.video.pictures import jpeg_size
from renditor.video.plan import VideoPlan
from renditor.video.playlists import Entry, MediaPlaylist, parse_master, parse_media
from renditor.video.tracks import AudioTrack

# A source may lack some frames at either end that could not be decoded (cut at an open GOP); more is damage.
_MISSING_SECONDS: Final = 0.5
_MISSING_SHARE: Final = 0.02
_ROUNDING: Final = 0.002  # EXTINF is written in milliseconds
_DECODED_FRAMES: Final = 50
_VARIANT_ATTRIBUTES: Final = ("BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS", "RESOLUTION", "FRAME-RATE")


@dataclass(frozen=True, slots=True)
class Encoded:
    """What was read back of an encoded file, the same for all rungs: seconds, and number of frames."""

    duration: float
    frames: int


async def check_encoded(plan: VideoPlan, folder: Path, toolbox: Toolbox) -> Encoded:
    """Check every rung and the sound in ``work/`` against the plan, before anything is packaged.

    Raises:
        CorruptMedia: the source ended early.
        ProcessingFailed: an output is not what was planned.
    """
    encoded = []
    for rung in plan.rungs:
        stream = await _stream(toolbox, folder, str(rung_file(rung)))
        _expect_picture(stream, rung)
        encoded.append(_encoded(stream))
    picture = plan.moving
    frame = float(1 / picture.rate)
    if any(one.frames != encoded[0].frames or abs(one.duration - encoded[0].duration) > frame for one in encoded):
        raise _failed("the rungs of the ladder have different frames")
    expect_length("pictures", encoded[0].duration, picture.duration, may_exceed=picture.variable)
    for track in plan.audio:
        _expect_sound(await _stream(toolbox, folder, str(track_file(track))), track)
    return encoded[0]


def _expect_sound(stream: dict[str, Any], track: AudioTrack) -> None:
    if stream.get("codec_name") != "aac" or stream.get("channels") != track.channels:
        raise _failed("the sound is not AAC in stereo")
    sound = _encoded(stream)
    if sound.frames == 0:
        raise CorruptMedia("The sound track of this file is empty or damaged.")
    if track.duration is not None:
        expect_length("sound", sound.duration, track.duration, may_exceed=True)


async def check_progressive(plan: VideoPlan, encoded: Encoded, folder: Path, name: str, toolbox: Toolbox) -> None:
    """Check the MP4: index first, one picture as planned, one sound if there is one, the same length as the rung."""
    order = top_level(folder / name)
    if "moov" not in order or "mdat" not in order or order.index("moov") > order.index("mdat"):
        raise _failed("the index of the MP4 does not come first")
    printed = await toolbox.ffprobe(Path(name), ["-show_streams"], folder=folder)
    streams = {stream.get("codec_type"): stream for stream in printed.get("streams", [])}
    if set(streams) != ({"video", "audio"} if plan.audio else {"video"}):
        raise _failed("the MP4 does not have the planned streams")
    _expect_picture(streams["video"], plan.rungs[0])
    if _encoded(streams["video"]).frames != encoded.frames:
        raise _failed("the MP4 lacks frames of the largest rung")


def check_poster(plan: VideoPlan, path: Path) -> None:
    """Check that the poster is a JPEG of the largest rung's size."""
    try:
        size = jpeg_size(path.read_bytes())
    except (ValueError, OSError):
        raise _failed("the poster is not a JPEG") from None
    if size != (plan.rungs[0].width, plan.rungs[0].height):
        raise _failed("the poster does not have the size of the video")


async def check_set(plan: VideoPlan, encoded: Encoded, folder: Path, name: str, toolbox: Toolbox) -> None:
    """Check the HLS and DASH set ``folder/name``: playlists, files, frames, and that segments decode by themselves."""
    # A film has thousands of segments: counting their frames is not for the loop.
    playlists = await asyncio.to_thread(_read_set, plan, folder / name, encoded)
    for track, playlist in playlists.items():
        await _decode(toolbox, folder, folder / name / track, playlist)


def _read_set(plan: VideoPlan, root: Path, encoded: Encoded) -> dict[str, MediaPlaylist]:
    """The media playlists by folder, after everything that can be told without decoding has been checked."""
    try:
        playlists = _read_playlists(plan, root)
        for rung in plan.rungs:
            _expect_segments(root / rung.name, playlists[rung.name], encoded, plan)
    except (ValueError, OSError) as error:
        raise _failed("a playlist or segment cannot be read") from error
    _expect_files(root, playlists)
    return playlists


def _read_playlists(plan: VideoPlan, root: Path) -> dict[str, MediaPlaylist]:
    """The media playlists by folder, after checking the master playlist that leads to them."""
    master = parse_master((root / MASTER).read_text())
    by_uri = {entry.uri or "": entry for entry in master.variants}
    if set(by_uri) != {f"{rung.name}/index.m3u8" for rung in plan.rungs}:
        raise _failed("the master playlist does not name every rung")
    for rung in plan.rungs:
        _expect_variant(by_uri[f"{rung.name}/index.m3u8"], rung, sound=bool(plan.audio))
    if len(master.key_frames) != len(plan.rungs) or len(master.media) != len(plan.audio):
        raise _failed("the master playlist lacks the sound or a key-frame playlist")
    tracks = [rung.name for rung in plan.rungs] + [track.name for track in plan.audio]
    playlists = {track: parse_media((root / track / "index.m3u8").read_text()) for track in tracks}
    rungs = [playlists[rung.name] for rung in plan.rungs]
    if len({tuple(segment.duration for segment in playlist.segments) for playlist in rungs}) != 1:
        raise _failed("the segments of the rungs do not lie at the same times")
    return playlists


def _expect_variant(entry: Entry, rung: Rung, *, sound: bool) -> None:
    missing = [name for name in _VARIANT_ATTRIBUTES if not entry.get(name)]
    if missing:
        raise _failed(f"the master playlist lacks {missing[0]}")
    codecs = (entry.get("CODECS") or "").split(",")
    if entry.get("RESOLUTION") != f"{rung.width}x{rung.height}" or len(codecs) != 1 + sound:
        raise _failed("the master playlist describes a rung wrongly")
    if bool(entry.get("AUDIO")) != sound:
        raise _failed("a rung of the master playlist has no sound")


def _expect_segments(folder: Path, playlist: MediaPlaylist, encoded: Encoded, plan: VideoPlan) -> None:
    key_frames = parse_media((folder / "iframe.m3u8").read_text())
    if not playlist.ended or not key_frames.ended or not key_frames.key_frames_only:
        raise _failed("a playlist is not complete")
    if any(round(segment.duration) > playlist.target for segment in playlist.segments):
        raise _failed("a segment is longer than its playlist says")
    tolerance = float(1 / plan.moving.rate) + _ROUNDING * len(playlist.segments)
    if not plan.moving.variable and abs(playlist.duration - encoded.duration) > tolerance:
        raise _failed("the segments are not as long as the video")
    if sum(count_samples(folder / segment.uri) for segment in playlist.segments) != encoded.frames:
        raise _failed("the segments lack frames")
    for segment in key_frames.segments:
        length, offset = segment.byte_range or (0, 0)
        if not length or offset + length > (folder / segment.uri).stat().st_size:
            raise _failed("a key-frame playlist points beyond its segment")


def _expect_files(root: Path, playlists: dict[str, MediaPlaylist]) -> None:
    """What the playlists name, what the manifest names and what lies there is the same."""
    named = {f"{track}/{segment.uri}" for track, playlist in playlists.items() for segment in playlist.segments}
    named |= {f"{track}/{playlist.header}" for track, playlist in playlists.items()}
    counts = {track: len(playlist.segments) for track, playlist in playlists.items()}
    present = {str(path.relative_to(root)) for path in root.rglob("*") if path.suffix in (".m4s", ".mp4")}
    if not named == present == manifest_files((root / MANIFEST).read_text(), counts):
        raise _failed("the manifests and the segments do not match")


async def _decode(toolbox: Toolbox, folder: Path, track: Path, playlist: MediaPlaylist) -> None:
    """Decode the beginning of the first, a middle and the last segment, each joined to its header as a player does."""
    chosen = sorted({0, len(playlist.segments) // 2, len(playlist.segments) - 1})
    joined = [WORK / f"check-{number}.mp4" for number in chosen]
    for number, name in zip(chosen, joined, strict=True):
        parts = (playlist.header or "", playlist.segments[number].uri)
        (folder / name).write_bytes(b"".join((track / part).read_bytes() for part in parts))
    arguments = [argument for name in joined for argument in toolbox.open(Path(name), "-err_detect", "explode")]
    for number in range(len(joined)):
        arguments += ["-map", f"{number}:0"]
    count = str(_DECODED_FRAMES)
    arguments += ["-frames:v", count, "-frames:a", count, "-xerror", "-f", "null", "-"]
    budget = Budget(seconds=toolbox.settings.timeout_floor, file_size=0)
    try:
        await toolbox.ffmpeg(arguments, folder=folder, budget=budget)
    except CorruptMedia as error:
        raise _failed("a segment cannot be decoded") from error


def _expect_picture(stream: dict[str, Any], rung: Rung) -> None:
    facts = {
        "codec_name": "h264",
        "width": rung.width,
        "height": rung.height,
        "pix_fmt": "yuv420p",
        "sample_aspect_ratio": "1:1",
        "color_space": "bt709",
    }
    wrong = next((name for name, value in facts.items() if stream.get(name) != value), None)
    if wrong or stream.get("side_data_list"):
        raise _failed(f"the {rung.name} rung has another {(wrong or 'orientation').replace('_', ' ')} than planned")


def expect_length(what: str, found: float, planned: float, *, may_exceed: bool) -> None:
    """Raise CorruptMedia if a stream is shorter than planned, ProcessingFailed if it is longer and must not be."""
    tolerance = max(_MISSING_SECONDS, planned * _MISSING_SHARE)
    if found < planned - tolerance:
        raise CorruptMedia(
            f"The file is damaged or incomplete: its {what} could be read for {found:.1f} of {planned:.1f} seconds."
        )
    if found > planned + tolerance and not may_exceed:
        raise _failed(f"the {what} last {found:.1f} instead of {planned:.1f} seconds")


async def _stream(toolbox: Toolbox, folder: Path, name: str) -> dict[str, Any]:
    printed = await toolbox.ffprobe(Path(name), ["-show_streams"], folder=folder)
    streams = printed.get("streams", [])
    if len(streams) != 1:
        raise _failed("an encoded file does not have one stream")
    stream: dict[str, Any] = streams[0]
    return stream


def _encoded(stream: dict[str, Any]) -> Encoded:
    return Encoded(duration=float(stream.get("duration", 0)), frames=int(stream.get("nb_frames", 0)))


def _failed(reason: str) -> ProcessingFailed:
    return ProcessingFailed(f"The result did not pass its check: {reason}.")
