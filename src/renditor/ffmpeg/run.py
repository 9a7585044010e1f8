"""Running the tools on untrusted files: always through the launcher, locked down, with a budget, killed when late.

A source is given by its path under a rule that lets the tool read that one file and nothing else. It is never linked
or moved into the job folder: a decoder that a file has taken over could write to the original there.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from renditor.errors import CorruptMedia, NoSuchStream, ProcessingFailed, UnsupportedMedia
from renditor.ffmpeg.binaries import Binaries, Tool
from renditor.ffmpeg.budget import Budget, beyond, encoding_budget, probing_budget
from renditor.ffmpeg.diagnosis import MEDIA_HINT, diagnose, tells_of_damage
from renditor.ffmpeg.ffprobe import PacketEnds, parse
from renditor.ffmpeg.probe import MediaProbe, check_limits
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.ffmpeg.uncompressed import expect_all_sound
from renditor.sandbox.folders import Overfull
from renditor.sandbox.launcher import Completed, Launcher
from renditor.sandbox.policy import Limits, Policy

# Demuxers of the accepted containers, and no other. Left out on purpose: hls, dash, concat and sdp open other files;
# tty, srt, ass and lrc turn text into pictures or subtitles; image2 reads whole folders.
DEMUXERS = (
    "mov", "matroska", "avi", "flv", "asf", "mpegts", "mpeg", "mpegvideo",
    "mp3", "aac", "flac", "wav", "ogg", "aiff", "caf", "amr", "ac3", "eac3",
)  # fmt: skip

# No title, place, device or chapter of the source goes into what is delivered; no date or version of ours either.
NO_METADATA = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")

# FFmpeg's encoder of JPEG, without a comment that tells its version.
MJPEG = ("-c:v", "mjpeg", "-flags:v", "+bitexact")

# Standard output: of a run that ``stream``s it is the result, of all others what is said about progress.
PIPE = "pipe:1"

# glibc gives each thread an arena of 64 MiB of address space, which is what the memory limit counts.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "4", "SVT_LOG": "1"}  # 1: SVT-AV1 reports errors only
_PRINTED_BYTES = 4 * 1024 * 1024  # what a file may make ffprobe say about it
_HEAD_BYTES = 512
_CPU_CLOCK = 0.1  # seconds by which the kernel's two ways of counting processor time may differ
_MOST_LOST = 0.2  # the share of a file that may be damaged: as many glitches as an old tape or a bad reception has
# Codecs whose frames follow each other evenly (ISO/IEC 11172-2 and 13818-2): where some are missing they were lost.
_EVEN = ("mpeg1video", "mpeg2video")
_GONE = "The file to be processed is gone."


__all__ = ["DEMUXERS", "MJPEG", "NO_METADATA", "PIPE", "Budget", "Command", "Toolbox"]


@dataclass(frozen=True, slots=True)
class Command:
    """One exact command line of a run, for ``--dry-run``. Relative names lie in the job folder."""

    stage: str
    argv: tuple[str, ...]


class Toolbox:
    """FFmpeg, ffprobe and Shaka Packager behind the launcher. Safe to share between jobs of one process."""

    def __init__(self, launcher: Launcher, binaries: Binaries, settings: FFmpegSettings) -> None:
        self._launcher = launcher
        self.binaries = binaries
        self.settings = settings

    def open(self, path: Path, *options: str) -> list[str]:
        """Arguments that open ``path`` as input: only plain files, only known containers, frames of bounded size.

        Args:
            path: a source (absolute) or a file in the job folder.
            options: further input options, such as ``-ss 3``.
        """
        return [
            *("-protocol_whitelist", "file"),
            *("-format_whitelist", ",".join(DEMUXERS)),
            *("-max_pixels", str(self.settings.max_pixels)),
            *("-threads", str(self.settings.threads)),
            *options,
            *("-i", f"file:{path}"),
        ]

    def command(self, tool: Tool, arguments: Sequence[str]) -> list[str]:
        """The exact command line of a run."""
        common: tuple[str, ...] = ()
        if tool == "ffmpeg":
            # Never reads the terminal, never asks before overwriting, says nothing but errors and progress. A file of
            # which a fifth cannot be decoded is damaged: without the limit, two thirds may be missing in silence.
            common = ("-hide_banner", "-nostdin", "-y", "-nostats", "-loglevel", "error")
            common += ("-max_error_rate", str(_MOST_LOST))
            common += () if PIPE in arguments else ("-progress", PIPE)
        elif tool == "ffprobe":
            common = ("-hide_banner", "-loglevel", "warning")
        return [str(self.binaries.require(tool).path), *common, *arguments]

    def shown(self, stage: str, tool: Tool, arguments: Sequence[str]) -> Command:
        """The command line of a run, for showing."""
        return Command(stage, tuple(self.command(tool, arguments)))

    def budget(self, duration: float | None, bits_per_second: int) -> Budget:
        """What an encode of ``duration`` seconds to at most ``bits_per_second`` may use, with room to spare."""
        return encoding_budget(self.settings, duration, bits_per_second)

    async def ffmpeg(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        budget: Budget,
        reads: Sequence[Path] = (),
        progress: ProgressReader | None = None,
    ) -> None:
        """Run FFmpeg in ``folder``, the only place it can write to; relative names lie there.

        Args:
            arguments: as made with ``open``.
            folder: the private folder of the job.
            budget: it is killed beyond this.
            reads: files outside ``folder`` it may read.
            progress: follows the run.

        Raises:
            LimitExceeded: beyond the budget; names which part of it.
            ToolKilled: somebody else killed it: worth another try.
            CorruptMedia, LimitExceeded, NoSuchStream, UnsupportedMedia, OutOfSpace, Unavailable, ProcessingFailed:
                by what FFmpeg said.
        """
        reader = progress or ProgressReader(None)
        reader.most_frames = self.settings.frame_ceiling if budget.frames is None else budget.frames
        policy = self._policy(budget, read=reads, write=(folder,))
        await self._run("ffmpeg", arguments, policy=policy, budget=budget, folder=folder, reader=reader)

    async def stream(
        self, arguments: Sequence[str], *, budget: Budget, reads: Sequence[Path], take: Callable[[bytes], None]
    ) -> None:
        """Run FFmpeg where it can write nothing, and hand on what it sends to ``PIPE``.

        Args:
            arguments: as made with ``open``; the one output is ``PIPE``.
            budget: it is killed beyond this. How much of the stream is kept is up to ``take``.
            reads: files it may read.
            take: called with at most 64 KiB at once, in the event loop. What it raises ends the run.

        Raises:
            As ``ffmpeg``, and what ``take`` raises.
        """
        await self._run("ffmpeg", arguments, policy=self._policy(budget, read=reads), budget=budget, reader=take)

    async def packager(self, arguments: Sequence[str], *, folder: Path, budget: Budget) -> None:
        """Run Shaka Packager in ``folder`` on files that are there. Raises ProcessingFailed."""
        await self._run(
            "packager", arguments, policy=self._policy(budget, write=(folder,)), budget=budget, folder=folder
        )

    async def ffprobe(self, path: Path, arguments: Sequence[str], *, folder: Path | None = None) -> dict[str, Any]:
        """What ffprobe says about one file, as JSON.

        Args:
            path: a source (absolute), or a file in ``folder`` if that is given.
            arguments: which sections to show.
            folder: a job folder to start in and to read from.
        """
        return (await self._describe(path, arguments, folder))[0]

    async def probe(self, source: Path) -> MediaProbe:
        """Describe a source and apply the limits.

        Raises:
            CorruptMedia: empty, damaged or incomplete.
            LimitExceeded: frame size, duration or number of streams.
            UnsupportedMedia: not media, or a playlist or manifest that refers to other files.
        """
        source, size = _look(source)
        try:
            return await self._look_into(source, size)
        except ProcessingFailed as error:
            # Nobody knows all that a program may say of a file it cannot read, or on what it may crash: here nothing
            # else than the file can be at fault.
            raise CorruptMedia("The file cannot be read: it is damaged.", hint=MEDIA_HINT) from error

    async def _look_into(self, source: Path, size: int) -> MediaProbe:
        printed, warnings = await self._describe(source, ["-show_format", "-show_streams", "-show_chapters"])
        found = parse(printed, size, estimated=b"Estimating duration from bitrate" in warnings)
        check_limits(found, self.settings)
        await asyncio.to_thread(expect_all_sound, source, found.format)
        if found.needs_measuring:
            found = await self._measure(source, found)
            check_limits(found, self.settings)
        if found.video and found.video.pixel_format is None:
            # ffprobe decoded nothing of it: damaged, or a codec that only FFmpeg knows.
            await self._decode_one_frame(source, found.video.index)
        return found

    async def _describe(
        self, path: Path, arguments: Sequence[str], folder: Path | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """What ffprobe printed, and what it warned of."""
        budget = probing_budget(self.settings)
        policy = self._policy(budget, read=(folder,) if folder else (path,))
        asked = ["-print_format", "json=compact=1", *arguments, *_demuxing(self.settings), f"file:{path}"]
        done = await self._run("ffprobe", asked, policy=policy, budget=budget, folder=folder)
        try:
            printed = json.loads(done.stdout)
        except ValueError:
            raise CorruptMedia("The file cannot be described: it is damaged.") from None
        return (printed if isinstance(printed, dict) else {}), done.stderr

    async def _measure(self, source: Path, found: MediaProbe) -> MediaProbe:
        """Read all packets of the main stream (no decoding) to learn where it ends and how many frames it has."""
        stream = found.video or found.main_audio
        if stream is None:
            return found
        ends = PacketEnds(self.settings.max_packets)
        entries = ["-select_streams", str(stream.index), "-show_entries", "packet=pts_time,duration_time,flags"]
        asked = ["-print_format", "csv=print_section=0", *entries, *_demuxing(self.settings), f"file:{source}"]
        budget = probing_budget(self.settings)
        policy = self._policy(budget, read=(source,))
        done = await self._run("ffprobe", asked, policy=policy, budget=budget, reader=ends)
        if ends.count == 0:
            raise NoSuchStream(f"The {found.media_type} stream of this file is empty.")
        if b"ended prematurely" in done.stderr and not found.estimated:
            raise CorruptMedia(
                f"The file is incomplete: it ends after {ends.seconds:.1f} of {found.duration:.1f} seconds."
            )
        even = found.video is not None and found.video.codec in _EVEN
        if even or ends.broken or tells_of_damage(done.stderr):
            _expect_most(found, ends)
        return found.with_measured(ends.seconds, ends.count)

    async def _decode_one_frame(self, source: Path, index: int) -> None:
        arguments = [*self.open(source), "-map", f"0:{index}", "-frames:v", "1", "-f", "null", "-"]
        budget = probing_budget(self.settings)
        reader = ProgressReader(None)
        await self._run("ffmpeg", arguments, policy=self._policy(budget, read=(source,)), budget=budget, reader=reader)
        if reader.frames == 0:
            raise CorruptMedia("No frame of the video can be decoded: the file is damaged.")

    def _policy(self, budget: Budget, *, read: Sequence[Path] = (), write: Sequence[Path] = ()) -> Policy:
        limits = Limits(
            memory=self.settings.memory,
            cpu_seconds=budget.most_cpu_seconds,
            file_size=budget.file_size,
            total_size=budget.total_size,
            files=budget.files,
        )
        reads, writes = ([str(path.absolute()) for path in paths] for paths in (read, write))
        return Policy(read=tuple(reads), write=tuple(writes), limits=limits)

    async def _run(
        self,
        tool: Tool,
        arguments: Sequence[str],
        *,
        policy: Policy,
        budget: Budget,
        folder: Path | None = None,
        reader: ProgressReader | PacketEnds | Callable[[bytes], None] | None = None,
    ) -> Completed:
        try:
            done = await self._launcher.run(
                self.command(tool, arguments),
                policy=policy,
                cwd=folder,
                env=_ENVIRONMENT,
                timeout=budget.seconds,
                on_line=None if reader is None or callable(reader) else reader.feed,
                on_data=reader if callable(reader) else None,
                max_output=_PRINTED_BYTES,
            )
        except TimeoutError:
            raise beyond(budget.time) from None
        except Overfull as error:
            raise beyond("files" if error.what == "files" else "disk space") from None
        except FileNotFoundError:
            raise ProcessingFailed(_GONE) from None
        # The kernel kills for it without a word, as does whoever else kills.
        if done.returncode == -signal.SIGKILL and done.cpu_seconds >= budget.most_cpu_seconds - _CPU_CLOCK:
            raise beyond("processor time")
        if done.returncode != 0:
            raise diagnose(tool, done.returncode, done.stderr)
        return done


def _expect_most(found: MediaProbe, ends: PacketEnds) -> None:
    """Of a damaged file the most must be there: what is missing would become a frozen picture, or silence."""
    length = ends.seconds if found.estimated or not found.duration else found.duration
    missing = ends.missing(found.start, found.start + length)
    if missing > length * _MOST_LOST:
        what = "pictures" if found.video else "sound"
        raise CorruptMedia(
            f"The file is damaged: its {what} cannot be read for {missing:.1f} of {length:.1f} seconds.",
            hint=MEDIA_HINT,
        )


def _demuxing(settings: FFmpegSettings) -> list[str]:
    return [
        *("-protocol_whitelist", "file"),
        *("-format_whitelist", ",".join(DEMUXERS)),
        *("-max_pixels", str(settings.max_pixels)),
    ]


def _look(source: Path) -> tuple[Path, int]:
    """Absolute path and size; refuses the empty file and text, whatever demuxer a name might lead FFmpeg to."""
    try:
        source = source.resolve(strict=True)
        size = source.stat().st_size
        with source.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except FileNotFoundError:
        raise ProcessingFailed(_GONE) from None
    if size == 0:
        raise CorruptMedia("The file is empty.", code="empty-file")
    text = head.removeprefix(b"\xef\xbb\xbf")
    if all(byte >= 32 or byte in b"\t\r\n\f" for byte in text) and _is_utf8(text):
        raise UnsupportedMedia(
            "The file is text, such as a playlist or a manifest, and not a video or audio file.",
            hint="Send the media itself; files that refer to other files are never followed.",
        )
    return source, size


def _is_utf8(data: bytes) -> bool:
    """A character cut off at the end of the head is allowed for."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(data) - 3
    return True
