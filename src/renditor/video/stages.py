"""A run of a plan as a list of stages: each with its name, its share of the time, its commands and its work.

    captions -> encoding -> packaging -> remuxing -> poster -> storyboard -> preview -> chapters

Each stage reads back what it made: a stage that ends has succeeded.

Where the smallest rung is made known first, it is encoded and packaged by itself before the others: then the source is
decoded twice, but can be played much earlier. Everything lies in the job folder, intermediate files below ``work/``.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from renditor.errors import CorruptMedia, ProcessingFailed, failed_check
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.run import Command, Toolbox
from renditor.ffmpeg.workspace import stored_bytes
from renditor.models import OnPlayable, OnProgress, Output
from renditor.video import commands, verify
from renditor.video.pictures import kinds
from renditor.video.plan import OutputKind, VideoPlan
from renditor.video.streams import package
from renditor.video.subtitles import chapters, extraction, sets
from renditor.video.subtitles.cues import Track
from renditor.video.tracks import TextTrack

MP4: Final = "video.mp4"
NAMES: Final = (package.FOLDER, MP4, *kinds.names(), chapters.NAME)
"""What a run may leave in the job folder."""

OnFraction = Callable[[float], None]

# Shares of the time, in hundredths of what encoding the whole ladder takes, as measured at `faster`.
_ENCODING: Final = 100.0
_SOUND: Final = 5.0
_PACKAGING: Final = 4.0
_SMALL: Final = 2.0  # everything else


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: ``work`` is given what to tell how much of it is done, 0..1; ``shown`` gives its command lines."""

    name: str
    weight: float
    work: Callable[[OnFraction], Awaitable[None]]
    shown: Callable[[], list[Command]] = list


async def run_stages(stages: Sequence[Stage], on_progress: OnProgress) -> None:
    """One after the other; what is told is the progress of them all, which never goes back."""
    total, before = sum(stage.weight for stage in stages), 0.0
    for stage in stages:

        def report(fraction: float, stage: Stage = stage, before: float = before) -> None:
            on_progress((before + fraction * stage.weight) / total, stage.name)

        report(0.0)
        await stage.work(report)
        before += stage.weight


def finished(output: Output | None) -> Output:
    """What stages have made. Raises: ProcessingFailed: they have not been gone through."""
    if output is None:
        raise ProcessingFailed("Nothing has been made.")
    return output


@dataclass(slots=True)
class Making:
    """One run of ``plan`` in ``folder``, a workspace; ``outputs`` holds what has been made so far."""

    toolbox: Toolbox
    plan: VideoPlan
    source: Path
    folder: Path
    on_playable: OnPlayable | None = None
    outputs: dict[OutputKind, Output] = field(default_factory=dict)
    _captions: list[tuple[TextTrack, Track]] = field(default_factory=list)
    _notes: list[str] = field(default_factory=list)
    _encoded: verify.Encoded | None = None

    def stages(self) -> list[Stage]:
        """What the plan asks for, in the order in which it is done."""
        plan = self.plan
        found = [self._reading_captions()] if plan.captions else []
        rest = plan
        if plan.first_playable and self.on_playable:
            first = replace(plan, rungs=plan.rungs[-1:])
            found += [self._encoding(first, first), self._packaging(first), self._publishing(self.on_playable)]
            rest = replace(plan, rungs=plan.rungs[:-1], audio=())
        found.append(self._encoding(rest, plan))
        if "hls" in plan.outputs:
            found.append(self._packaging(plan))
        if "mp4" in plan.outputs:
            found.append(self._remuxing())
        found += [self._picture(kind) for kind in kinds.KINDS if kind in plan.outputs]
        if "chapters" in plan.outputs:
            found.append(Stage("chapters", _SMALL, self._write_chapters))
        return found

    def _reading_captions(self) -> Stage:
        tracks, source, toolbox = self.plan.captions, self.source.absolute(), self.toolbox

        async def work(_: OnFraction) -> None:
            self._captions, self._notes = await extraction.extract(
                tracks, source, self.folder, toolbox, self.plan.length
            )

        arguments = extraction.arguments(tracks, toolbox.open(source))
        return Stage("captions", _SMALL, work, lambda: [toolbox.shown("captions", "ffmpeg", arguments)])

    def _encoding(self, part: VideoPlan, all_so_far: VideoPlan) -> Stage:
        """Rungs and sound of ``part``, in one run of FFmpeg; then everything that there is by now is checked."""
        toolbox, source = self.toolbox, self.source.absolute()
        arguments = commands.encode(
            part,
            toolbox.open(source),
            threads=toolbox.settings.threads,
            tone_mapping=toolbox.binaries.require("ffmpeg").capabilities.tone_mapping,
        )

        async def work(report: OnFraction) -> None:
            await toolbox.ffmpeg(
                arguments,
                folder=self.folder,
                reads=(source,),
                budget=toolbox.budget(part.length, part.bitrate),
                progress=ProgressReader(part.length, report),
            )
            self._encoded = await verify.check_encoded(all_so_far, self.folder, toolbox)

        pixels = sum(rung.width * rung.height for rung in commands.encoded_rungs(part))
        whole = sum(rung.width * rung.height for rung in commands.encoded_rungs(self.plan)) or 1
        weight = _ENCODING * pixels / whole + (_SOUND if part.audio else 0.0)
        return Stage("encoding", weight or _SMALL, work, lambda: [toolbox.shown("encoding", "ffmpeg", arguments)])

    def _packaging(self, part: VideoPlan) -> Stage:
        folder, toolbox = self.folder / package.FOLDER, self.toolbox

        async def work(_: OnFraction) -> None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)  # made known already, and copied
            await package.package(part, self.folder, toolbox)
            tracks = await asyncio.to_thread(sets.add_to_folder, folder, self._captions, part.length)
            await verify.check_set(part, self._checked, self.folder, package.FOLDER, toolbox)
            self.outputs["hls"] = self._set(part, tracks)

        arguments = package.arguments(part)
        return Stage("packaging", _PACKAGING, work, lambda: [toolbox.shown("packaging", "packager", arguments)])

    def _publishing(self, on_playable: OnPlayable) -> Stage:
        async def work(_: OnFraction) -> None:
            await on_playable(self.outputs["hls"])

        return Stage("publishing", _SMALL, work)

    def _remuxing(self) -> Stage:
        plan, toolbox = self.plan, self.toolbox
        files = [commands.rung_file(plan.rungs[0]), *map(commands.track_file, plan.audio)]
        arguments = commands.progressive(plan, [toolbox.open(Path(file)) for file in files], MP4)

        async def work(report: OnFraction) -> None:
            budget, reader = toolbox.budget(plan.length, plan.bitrate), ProgressReader(plan.length, report)
            try:
                await toolbox.ffmpeg(arguments, folder=self.folder, budget=budget, progress=reader)
            except CorruptMedia as error:  # not the user's file: what was encoded of it
                raise failed_check("an encoded video cannot be read back") from error
            await verify.check_progressive(plan, self._checked, self.folder, MP4, toolbox)
            self.outputs["mp4"] = self._mp4()

        return Stage("remuxing", _SMALL, work, lambda: [toolbox.shown("remuxing", "ffmpeg", arguments)])

    def _picture(self, kind: OutputKind) -> Stage:
        async def work(_: OnFraction) -> None:
            self.outputs[kind] = await kinds.make(self.toolbox, self.plan, kind, self.folder)

        return Stage(kind, _SMALL, work, lambda: kinds.commands(self.toolbox, self.plan, kind))

    async def _write_chapters(self, _: OnFraction) -> None:
        found = self.plan.chapters
        self.outputs["chapters"] = made = await asyncio.to_thread(chapters.make_chapters, found, self.folder)
        verify.check_chapters(found, made.path)

    @property
    def _checked(self) -> verify.Encoded:
        """What was read back of the encoded files. Raises ProcessingFailed: nothing has been encoded."""
        if self._encoded is None:
            raise ProcessingFailed("Nothing has been encoded.")
        return self._encoded

    def _set(self, part: VideoPlan, tracks: Sequence[sets.SetTrack]) -> Output:
        metadata: dict[str, Any] = {
            "rungs": [
                {"name": rung.name, "width": rung.width, "height": rung.height, "copied": rung.copied}
                for rung in part.rungs
            ],
            "audio": [
                {"name": track.name, "language": track.language, "label": track.label, "bitrate": track.bitrate}
                for track in part.audio
            ],
            "captions": [track.to_json() for track in tracks],
            "notes": [*part.notes, *self._notes],
        }
        return self._output("hls", package.FOLDER, "application/vnd.apple.mpegurl", metadata)

    def _mp4(self) -> Output:
        return self._output("mp4", MP4, "video/mp4", {})

    def _output(self, kind: OutputKind, name: str, content_type: str, metadata: dict[str, Any]) -> Output:
        top = self.plan.rungs[0] if self.plan.rungs else None
        path = self.folder / name
        return Output(
            kind=kind,
            name=name,
            path=path,
            content_type=content_type,
            bytes=stored_bytes(path),
            width=top.width if top else None,
            height=top.height if top else None,
            duration=self.plan.length,
            metadata=metadata,
        )
