"""Carrying out a ``TranscodePlan``: one run of FFmpeg, after which the result is read back.

Captions and chapters of the source are read with limits, written anew, and put in beside pictures and sound: nothing
of them is carried over as it stands, and none that is damaged stops the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from renditor.errors import failed_check
from renditor.ffmpeg.languages import language_code
from renditor.ffmpeg.probe import Chapter, MediaProbe
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.run import NO_METADATA, Command, Toolbox
from renditor.ffmpeg.workspace import WORK, stored_bytes
from renditor.models import Output
from renditor.video import verify
from renditor.video.commands import graph, limit, timing
from renditor.video.convert.containers import AUDIO_CODECS, SPEEDS, VIDEO_CODECS
from renditor.video.convert.transcode import TranscodeOptions, TranscodePlan
from renditor.video.stages import OnFraction, Stage, finished
from renditor.video.subtitles import extraction
from renditor.video.subtitles.writing import write_captions
from renditor.video.tracks import AudioTrack, TextTrack

_MOST_BITRATE: Final = 100_000_000  # bit/s, for the budget; CRF 0 has no cap of its own
_CHAPTERS: Final = WORK / "chapters.txt"
_ENCODING: Final = 100.0  # weights of the stages
_SMALL: Final = 2.0


@dataclass(slots=True)
class Conversion:
    """One transcode in ``folder``, a workspace."""

    toolbox: Toolbox
    plan: TranscodePlan
    source: Path
    folder: Path
    _output: Output | None = None
    _captions: list[TextTrack] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = self.source.absolute()
        self._captions = list(self.plan.source.captions)

    @property
    def name(self) -> str:
        """The file that is made."""
        return f"video.{self.plan.options.container}"

    @property
    def made(self) -> Output:
        """The result. Raises: ProcessingFailed: the stages have not been gone through."""
        return finished(self._output)

    def stages(self) -> list[Stage]:
        """What is done, in order."""
        texts = [Stage("captions", _SMALL, self._read_captions, self._extracting)] if self.plan.source.captions else []
        return [
            *texts,
            Stage("encoding", _ENCODING, self._encode, lambda: [self._shown("encoding", self._arguments())]),
            Stage("verifying", _SMALL, self._verify),
        ]

    async def _read_captions(self, _: OnFraction) -> None:
        source = self.plan.source
        found, self._notes = await extraction.extract(
            source.captions, self.source, self.folder, self.toolbox, source.length
        )
        self._captions = []
        for track, cues in found:
            cut = self.plan.options.clip.captions(cues)
            if cut.cues:
                (self.folder / _text_file(track)).write_text(write_captions(cut))
                self._captions.append(track)

    async def _encode(self, report: OnFraction) -> None:
        source = self.plan.source
        if source.chapters:
            await asyncio.to_thread((self.folder / _CHAPTERS).write_text, ffmetadata(source.chapters))
        await self.toolbox.ffmpeg(
            self._arguments(),
            folder=self.folder,
            reads=(self.source,),
            budget=self.toolbox.budget(self._read_until, _MOST_BITRATE),
            progress=ProgressReader(source.length, report),
        )

    async def _verify(self, _: OnFraction) -> None:
        plan, path = self.plan, self.folder / self.name
        found = await self.toolbox.probe(path)
        _expect(plan, found, captions=len(self._captions))
        await verify.decode_places(self.toolbox, self.folder, self.name, found.duration or 0.0)
        width, height = plan.size
        self._output = Output(
            kind="video",
            name=path.name,
            path=path,
            content_type=plan.options.holder.content_type,
            bytes=stored_bytes(path),
            width=width,
            height=height,
            duration=found.duration,
            metadata={
                "video_codec": plan.options.video,
                "audio_codec": plan.options.audio if found.audio else None,
                "copied": list(plan.copied),
                "notes": [*plan.source.notes, *self._notes],
            },
        )

    @property
    def _read_until(self) -> float:
        """Seconds of the source that are read at most."""
        return self.plan.options.clip.start + self.plan.source.length

    def _arguments(self) -> list[str]:
        plan, toolbox = self.plan, self.toolbox
        seek, early = plan.options.clip.seeking(plan.source, plan.container)
        inputs = toolbox.open(self.source, *seek)
        for track in self._captions:
            inputs += toolbox.open(Path(_text_file(track)), "-f", "webvtt", "-format_whitelist", "webvtt")
        chapters = plan.source.chapters
        if chapters:
            inputs += toolbox.open(Path(_CHAPTERS), "-f", "ffmetadata", "-format_whitelist", "ffmetadata")
        tone_mapping = toolbox.binaries.require("ffmpeg").capabilities.tone_mapping
        return [
            *inputs,
            *_filtered(plan, tone_mapping=tone_mapping),
            *_pictures(plan, threads=toolbox.settings.threads),
            *_sound(plan),
            *_text(plan, self._captions),
            *(("-ss", str(early)) if early else ()),
            *(limit(plan.source) if plan.options.clip.whole else ("-t", f"{plan.source.length:.6f}")),
            *(_with_chapters(1 + len(self._captions)) if chapters else NO_METADATA),
            # The index first, so that playing can begin before the end has arrived.
            *(("-movflags", "+faststart") if plan.options.holder.apple else ()),
            *("-f", plan.options.holder.muxer, self.name),
        ]

    def _extracting(self) -> list[Command]:
        arguments = extraction.arguments(self.plan.source.captions, self.toolbox.open(self.source))
        return [self._shown("captions", arguments)]

    def _shown(self, stage: str, arguments: list[str]) -> Command:
        return self.toolbox.shown(stage, "ffmpeg", arguments)


def _with_chapters(number: int) -> tuple[str, ...]:
    """As ``NO_METADATA``, but with the chapters of an input and their titles."""
    nothing = ("-map_metadata:g", "-1", "-map_metadata:s", "-1")
    return (*nothing, "-map_chapters", str(number), "-fflags", "+bitexact")


def ffmetadata(chapters: Sequence[Chapter]) -> str:
    """Chapters as FFmpeg reads them from a file. Titles are single lines; what has a meaning there is escaped."""
    lines = [";FFMETADATA1"]
    for one in chapters:
        title = "".join(f"\\{sign}" if sign in "=;#\\" else sign for sign in one.title)
        times = f"START={round(one.start * 1000)}\nEND={round(one.end * 1000)}"
        lines.append(f"[CHAPTER]\nTIMEBASE=1/1000\n{times}\ntitle={title}")
    return "\n".join(lines) + "\n"


def _filtered(plan: TranscodePlan, *, tone_mapping: bool) -> list[str]:
    made = replace(plan.source, audio=()) if plan.audio_copied else plan.source
    filters = graph(made, tone_mapping=tone_mapping)
    return ["-filter_complex", filters] if filters else []


def _pictures(plan: TranscodePlan, *, threads: int) -> list[str]:
    options, codec = plan.options, VIDEO_CODECS[plan.options.video]
    named = ["-tag:v", "hvc1"] if options.video == "h265" and options.holder.apple else []
    if plan.rung.copied:
        filters = ["-bsf:v", f"filter_units=remove_types={codec.notes}"] if codec.notes else []
        return ["-map", f"0:{plan.source.moving.stream}", "-c:v", "copy", *filters, *named]
    return ["-map", "[v0]", *_encoder(options), *timing(plan.source), "-threads", str(threads), *named]


def _encoder(options: TranscodeOptions) -> list[str]:
    codec = VIDEO_CODECS[options.video]
    arguments = ["-c:v", codec.encoder, "-crf", str(options.quality)]
    if codec.speeds is None:
        arguments += ["-preset", options.speed]
    else:
        number = str(codec.speeds[SPEEDS.index(options.speed)])
        arguments += ["-cpu-used", number] if codec.encoder == "libvpx-vp9" else ["-preset", number]
    if codec.encoder == "libvpx-vp9":
        arguments += ["-b:v", "0", "-deadline", "good", "-row-mt", "1"]  # 0: quality alone decides; rows in parallel
    if codec.encoder == "libx265":
        arguments += ["-x265-params", "log-level=error"]
    return arguments


def _sound(plan: TranscodePlan) -> list[str]:
    tracks = plan.source.audio
    if not tracks:
        return []
    arguments = []
    for number, track in enumerate(tracks):
        arguments += ["-map", f"0:{track.stream}" if plan.audio_copied else f"[a{number}]"]
        arguments += _described(plan, f"a:{number}", track)
        arguments += [f"-disposition:a:{number}", _disposition(plan, track)]
    codec = AUDIO_CODECS[plan.options.audio]
    coding = ("copy",) if plan.audio_copied else (codec.encoder, "-b:a", str(plan.options.bitrate))
    return [*arguments, "-c:a", *coding]


def _text(plan: TranscodePlan, captions: Sequence[TextTrack]) -> list[str]:
    arguments: list[str] = []
    for number, track in enumerate(captions):
        flags = {"default": track.default, "forced": track.forced, "hearing_impaired": track.kind == "captions"}
        disposition = "+".join(flag for flag, there in flags.items() if there) or "0"
        arguments += ["-map", f"{number + 1}:0", *_described(plan, f"s:{number}", track)]
        arguments += [f"-disposition:s:{number}", disposition]
    return [*arguments, "-c:s", plan.options.holder.text] if arguments else []


def _described(plan: TranscodePlan, stream: str, track: AudioTrack | TextTrack) -> list[str]:
    """Language and title. The title is an argument of its own, and a single line."""
    code = language_code(track.language, bibliographic=plan.options.holder.bibliographic)
    title = plan.titles.get(track.stream)
    return [
        *((f"-metadata:s:{stream}", f"language={code}") if code else ()),
        *((f"-metadata:s:{stream}", f"title={title}") if title else ()),
    ]


def _disposition(plan: TranscodePlan, track: AudioTrack) -> str:
    flags = {"default": track.default, "comment": track.stream in plan.commentary}
    return "+".join(flag for flag, there in flags.items() if there) or "0"


def _text_file(track: TextTrack) -> str:
    return str(WORK / f"{track.name}-clean.vtt")


def _expect(plan: TranscodePlan, found: MediaProbe, *, captions: int) -> None:
    """Raises: ProcessingFailed; CorruptMedia: the source ended early."""
    codec = VIDEO_CODECS[plan.options.video].codec
    if found.video is None or (found.video.codec, found.video.width, found.video.height) != (codec, *plan.size):
        raise failed_check("it has another codec or size than planned")
    if [stream.codec for stream in found.audio] != [plan.options.audio] * len(plan.source.audio):
        raise failed_check("it has not the planned sound")
    if len(found.subtitles) != captions or len(found.chapters) != len(plan.source.chapters):
        raise failed_check("it has not the planned captions or chapters")
    picture = plan.source.moving
    lasts = found.video.duration or 0.0
    verify.expect_length("pictures", lasts, picture.duration, may_exceed=picture.variable)
    # A part is cut on the frame; of a whole, containers without times (AVI) are a few frames wrong about themselves.
    # A millisecond more: Matroska counts in them.
    if not plan.options.clip.whole and lasts > picture.duration + 1 / picture.rate + 0.001:
        raise failed_check(f"it lasts {lasts:.3f} instead of {picture.duration:.3f} seconds")
