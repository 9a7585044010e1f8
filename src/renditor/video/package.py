"""Packaging: the encoded rungs become one set of CMAF segments with an HLS and a DASH manifest over the same files.

    master.m3u8  manifest.mpd
    720p/index.m3u8  720p/iframe.m3u8  720p/init.mp4  720p/1.m4s  720p/2.m4s ...
    audio/index.m3u8  audio/init.mp4  audio/1.m4s ...

All links are relative, so that the set works below any address. Names use ``a-z 0-9 . - /`` only.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from renditor.errors import ProcessingFailed
from renditor.ffmpeg.run import Toolbox
from renditor.video.bitrate import peak_and_average
from renditor.video.commands import rung_file, track_file
from renditor.video.manifests import finish_manifest
from renditor.video.plan import GOP_SECONDS, SEGMENT_SECONDS, VideoPlan
from renditor.video.playlists import Entry, MasterPlaylist, clean_media, parse_master, parse_media

FOLDER: Final = "hls"
MASTER: Final = "master.m3u8"
MANIFEST: Final = "manifest.mpd"
_AUDIO: Final = "audio"


def arguments(plan: VideoPlan) -> list[str]:
    """Arguments of Shaka Packager, run in the job folder. The smallest rung stands first: players start with it."""
    descriptors = [_descriptor(str(rung_file(rung)), "video", rung.name) for rung in reversed(plan.rungs)]
    for track in plan.audio:
        language = f",language={track.language}" if track.language else ""
        sound = _descriptor(str(track_file(track)), "audio", track.name)
        descriptors.append(f"{sound},hls_group_id={_AUDIO},hls_name={track.label}{language}")
    return [
        *descriptors,
        *("--hls_master_playlist_output", f"{FOLDER}/{MASTER}"),
        *("--mpd_output", f"{FOLDER}/{MANIFEST}"),
        "--generate_static_live_mpd",
        *("--segment_duration", str(SEGMENT_SECONDS)),
        # A fragment for each GOP: the key-frame playlist then has an entry every 2 s instead of every 6.
        *("--fragment_duration", str(GOP_SECONDS)),
        "--generate_sidx_in_media_segments=false",  # only wanted where a segment is found by byte range
        "--quiet",
    ]


async def package(plan: VideoPlan, folder: Path, toolbox: Toolbox) -> None:
    """Make ``hls/`` in the job folder from the files in ``work/`` and complete its manifests.

    Raises:
        ProcessingFailed: the packager failed or left something out that cannot be completed.
    """
    await toolbox.packager(arguments(plan), folder=folder, budget=toolbox.budget(plan.length, plan.bitrate))
    await asyncio.to_thread(finish, plan, folder / FOLDER)


def finish(plan: VideoPlan, folder: Path) -> None:
    """Complete what the packager wrote: versions, default track, frame rate, bit rates measured from the files."""
    for playlist in folder.glob("*/*.m3u8"):
        playlist.write_text(clean_media(playlist.read_text()))
    manifest = folder / MANIFEST
    manifest.write_text(finish_manifest(manifest.read_text(), plan.moving.rate))
    master = folder / MASTER
    found = parse_master(master.read_text())
    if len(found.variants) != len(plan.rungs) or len(found.key_frames) != len(plan.rungs):
        raise ProcessingFailed("The packager left out a rung of the ladder.")
    # A player plays one track at a time: the dearest counts.
    sound = max((_measure(folder, f"{track.name}/index.m3u8") for track in plan.audio), default=(0, 0))
    rate = f"{float(plan.moving.rate):.3f}"
    defaults = {f"{track.name}/index.m3u8": "YES" if track.default else "NO" for track in plan.audio}
    completed = MasterPlaylist(
        media=tuple(entry.with_attributes(DEFAULT=defaults[entry.get("URI") or ""]) for entry in found.media),
        variants=tuple(_variant(folder, entry, sound).with_attributes(FRAME_RATE=rate) for entry in found.variants),
        key_frames=found.key_frames,
    )
    master.write_text(str(completed))


def _variant(folder: Path, entry: Entry, sound: tuple[int, int]) -> Entry:
    """BANDWIDTH is a promise that a player relies on: the highest of what the packager says and what we measure."""
    peak, average = _measure(folder, entry.uri or "")
    stated = int(entry.get("BANDWIDTH") or 0)
    return entry.with_attributes(BANDWIDTH=str(max(stated, peak + sound[0])), AVERAGE_BANDWIDTH=str(average + sound[1]))


def _measure(folder: Path, uri: str) -> tuple[int, int]:
    path = folder / uri
    playlist = parse_media(path.read_text())
    sizes = [((path.parent / segment.uri).stat().st_size, segment.duration) for segment in playlist.segments]
    return peak_and_average(sizes, playlist.target)


def _descriptor(source: str, kind: str, name: str) -> str:
    key_frames = f",iframe_playlist_name={name}/iframe.m3u8" if kind == "video" else ""
    return (
        f"in={source},stream={kind},init_segment={FOLDER}/{name}/init.mp4,"
        f"segment_template={FOLDER}/{name}/$Number$.m4s,playlist_name={name}/index.m3u8{key_frames}"
    )
