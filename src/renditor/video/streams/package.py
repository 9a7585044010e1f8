"""Packaging: the encoded rungs become one set of CMAF segments with an HLS and a DASH manifest over the same files.

    master.m3u8  manifest.mpd
    720p/index.m3u8  720p/iframe.m3u8  720p/init.mp4  720p/1.m4s  720p/2.m4s ...
    audio/index.m3u8  audio/init.mp4  audio/1.m4s ...  audio-de/...

All links are relative, so that the set works below any address. Names use ``a-z 0-9 . - /`` only. A set may be packaged
twice, first with its smallest rung alone: the files of a rung are the same each time, only the playlist and manifest
above them grow.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from renditor.errors import ProcessingFailed
from renditor.ffmpeg.closed import closed_captions_of
from renditor.ffmpeg.run import Toolbox
from renditor.video.check import hls
from renditor.video.check.contents import Looker
from renditor.video.check.findings import Findings
from renditor.video.check.reading import FolderReader, Texts
from renditor.video.check.stream import Rendition, Stream
from renditor.video.commands import rung_file, track_file
from renditor.video.plan import GOP_SECONDS, SEGMENT_SECONDS, VideoPlan
from renditor.video.streams.bitrate import needed_bandwidth, peak_and_average
from renditor.video.streams.manifests import Facts, Role, Sound, finish_manifest
from renditor.video.streams.playlists import Entry, MasterPlaylist, clean_media, parse_master

FOLDER: Final = "hls"
MASTER: Final = "master.m3u8"
MANIFEST: Final = "manifest.mpd"
_GROUP: Final = "audio"
_CAPTIONS: Final = "cc"
_BUFFERED: Final = 2  # seconds a DASH player loads before it begins
_LOWEST_RATE: Final = Fraction(1, 1000)  # frames a second, the smallest that FRAME-RATE can say


def arguments(plan: VideoPlan) -> list[str]:
    """Arguments of Shaka Packager, run in the job folder. The smallest rung stands first: players start with it."""
    descriptors = [_descriptor(str(rung_file(rung)), "video", rung.name) for rung in reversed(plan.rungs)]
    for track in plan.audio if plan.rungs else reversed(plan.audio):
        language = f",language={track.language}" if track.language else ""
        sound = _descriptor(str(track_file(track)), "audio", track.name)
        descriptors.append(f"{sound},hls_group_id={_GROUP},hls_name={track.label}{language}")
    return [
        *descriptors,
        *("--hls_master_playlist_output", f"{FOLDER}/{MASTER}"),
        *("--mpd_output", f"{FOLDER}/{MANIFEST}"),
        "--generate_static_live_mpd",
        *("--segment_duration", str(SEGMENT_SECONDS)),
        # A fragment for each GOP: the key-frame playlist then has an entry every 2 s instead of every 6.
        *("--fragment_duration", str(GOP_SECONDS)),
        "--generate_sidx_in_media_segments=false",  # only wanted where a segment is found by byte range
        *("--min_buffer_time", str(_BUFFERED)),
        "--use_fake_clock_for_muxer",  # no time of making: a rung that is packaged twice gives the same bytes
        "--quiet",
    ]


async def package(plan: VideoPlan, folder: Path, toolbox: Toolbox) -> None:
    """Make ``hls/`` in the job folder from the files in ``work/`` and complete its manifests.

    Raises:
        ProcessingFailed: the packager failed or left something out that cannot be completed.
    """
    await toolbox.packager(arguments(plan), folder=folder, budget=toolbox.budget(plan.length, plan.bitrate))
    await finish(plan, folder / FOLDER)


async def finish(plan: VideoPlan, folder: Path) -> None:
    """Complete what the packager wrote: versions, default track, frame rate, bit rates measured from the files.

    Raises:
        ProcessingFailed: something is missing.
    """
    try:
        names = [*(rung.name for rung in plan.rungs), *(track.name for track in plan.audio)]
        for name in names:
            for playlist in (folder / name).glob("*.m3u8"):
                playlist.write_text(clean_media(playlist.read_text()))
        measured = await _measure(folder)
        rate, captions = _frame_rate(plan, measured), await asyncio.to_thread(_closed_captions, plan, folder)
        manifest, master = folder / MANIFEST, folder / MASTER
        manifest.write_text(finish_manifest(manifest.read_text(), _facts(plan, measured, rate, captions)))
        completed = _completed(plan, parse_master(master.read_text()), measured, rate)
        master.write_text(str(_with_captions(completed, captions)))
    except (ValueError, OSError) as error:
        raise ProcessingFailed("The packager left out a part of the stream.") from error


async def _measure(folder: Path) -> Stream:
    """What the packager made, as the checker sees it. What is missing stays unmeasured: the check will tell."""
    reader, findings = FolderReader(folder), Findings()
    stream = await hls.read_stream(Texts(reader, findings), findings, MASTER, (folder / MASTER).read_text())
    looker = Looker(reader, findings)
    for rendition in stream.renditions:
        await looker.fill(rendition)
    return stream


def _closed_captions(plan: VideoPlan, folder: Path) -> tuple[str, ...]:
    """Channels of captions inside of the pictures. All rungs have the same: one with captions is never copied.

    They may begin late in a film, so that the whole of its smallest rung is looked through.
    """
    return closed_captions_of(sorted((folder / plan.rungs[-1].name).glob("*.m4s"))) if plan.rungs else ()


def _facts(plan: VideoPlan, measured: Stream, rate: Fraction | None, captions: tuple[str, ...]) -> Facts:
    playing = [one for one in measured.renditions if not one.key_frames_only]
    return Facts(
        length=max((one.duration for one in playing), default=0.0),
        bandwidths={
            one.where.partition("/")[0]: max(_rates(one)[0], math.ceil(needed_bandwidth(one.loads, _BUFFERED)))
            for one in playing
        },
        frame_rate=rate,
        sounds=_sounds(plan) if plan.rungs else (),
        closed_captions=captions,
    )


def _completed(plan: VideoPlan, found: MasterPlaylist, measured: Stream, rate: Fraction | None) -> MasterPlaylist:
    known = {rendition.where: rendition for rendition in measured.renditions}
    if rate is None:  # sound alone: one track, each bit rate of it a variant
        variants = tuple(_with_rates(_without_group(entry), known) for entry in found.variants)
        return MasterPlaylist(variants=variants)
    # A player plays one track at a time: the dearest counts.
    tracks = {f"{track.name}/index.m3u8": track for track in plan.audio}
    dearest = max((_rates(known[name]) for name in tracks if name in known), default=(0, 0))
    return MasterPlaylist(
        media=tuple(
            entry.with_attributes(DEFAULT="YES" if tracks[entry.link or ""].default else "NO", AUTOSELECT="YES")
            for entry in sorted(found.media, key=lambda entry: list(tracks).index(entry.link or ""))
        ),
        variants=tuple(
            _with_rates(entry, known, dearest).with_attributes(FRAME_RATE=f"{float(rate):.3f}")
            for entry in found.variants
        ),
        key_frames=tuple(_with_rates(entry, known) for entry in found.key_frames),
    )


def _with_captions(master: MasterPlaylist, channels: Sequence[str]) -> MasterPlaylist:
    """Announces closed captions (RFC 8216, 4.3.4.1): the packager says that there are none. Their language is unknown.

    Of channels that a player cannot tell apart it may choose one only by itself.
    """
    if not channels:
        return master
    told = tuple(
        Entry(
            "EXT-X-MEDIA",
            {
                "TYPE": "CLOSED-CAPTIONS",
                "GROUP-ID": f'"{_CAPTIONS}"',
                "NAME": f'"Closed captions ({channel})"',
                "DEFAULT": "NO",
                "AUTOSELECT": "YES" if channel == channels[0] else "NO",
                "INSTREAM-ID": f'"{channel}"',
            },
        )
        for channel in channels
    )
    variants = tuple(entry.with_attributes(CLOSED_CAPTIONS=f'"{_CAPTIONS}"') for entry in master.variants)
    return replace(master, media=(*master.media, *told), variants=variants)


def _with_rates(entry: Entry, known: dict[str, Rendition], sound: tuple[int, int] = (0, 0)) -> Entry:
    """BANDWIDTH is a promise that a player relies on: what was measured, pictures and sound together."""
    if entry.link not in known:
        raise ValueError("a playlist is missing")
    peak, average = _rates(known[entry.link])
    return entry.with_attributes(BANDWIDTH=str(peak + sound[0]), AVERAGE_BANDWIDTH=str(average + sound[1]))


def _rates(rendition: Rendition) -> tuple[int, int]:
    return peak_and_average(rendition.loads, rendition.target or 0)


def _without_group(entry: Entry) -> Entry:
    attributes = {name: value for name, value in entry.attributes.items() if name != "AUDIO"}
    return Entry(entry.tag, attributes, entry.uri)


def _frame_rate(plan: VideoPlan, measured: Stream) -> Fraction | None:
    """The most frames in any second: of uneven frames, what the two closest ones give."""
    if plan.picture is None:
        return None
    shortest = min(
        (content.shortest for one in measured.variants for _, content in one.rendition.looked_at if content.shortest),
        default=0.0,
    )
    if not plan.picture.variable or not shortest:
        return plan.picture.rate
    return max(Fraction(1 / shortest).limit_denominator(1001), _LOWEST_RATE)


def _sounds(plan: VideoPlan) -> list[Sound]:
    return [Sound(track.name, track.label, _role(plan, track.language, default=track.default)) for track in plan.audio]


def _role(plan: VideoPlan, language: str | None, *, default: bool) -> Role:
    if default:
        return "main"
    return "alternate" if language in {track.language for track in plan.audio if track.default} else "dub"


def _descriptor(source: str, kind: str, name: str) -> str:
    key_frames = f",iframe_playlist_name={name}/iframe.m3u8" if kind == "video" else ""
    return (
        f"in={source},stream={kind},init_segment={FOLDER}/{name}/init.mp4,"
        f"segment_template={FOLDER}/{name}/$Number$.m4s,playlist_name={name}/index.m3u8{key_frames}"
    )
