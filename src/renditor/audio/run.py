"""One plan being carried out: listen, copy, encode, read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from renditor.audio import commands, cover
from renditor.audio.commands import Decided, Mix
from renditor.audio.listening import Heard, Listener
from renditor.audio.loudness import described, missed
from renditor.audio.plan import AudioFile, AudioPlan
from renditor.audio.revision import revise
from renditor.audio.verify import Checked, check
from renditor.errors import ProcessingFailed, Unprocessable, UnsupportedMedia
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.run import Command, Toolbox
from renditor.ffmpeg.workspace import stored_bytes
from renditor.models import OnProgress, Output

# Shares of the whole at which listening (where there is any) and encoding end.
_HEARD: Final = 0.3
_ENCODED: Final = 0.9
_SHIFTED: Final = 0.1  # seconds; what a codec adds at its ends: a frame of AAC at 22 kHz has half of it
_FAULTS: Final = (Unprocessable, UnsupportedMedia, ProcessingFailed)  # of the file: there is another way without it
_PICTURE_BYTES: Final = 8 * 1024**2  # a JPEG of 1000 px has a tenth of it


class Run:
    """One plan being carried out.

    Args:
        toolbox: what it runs with.
        plan: what is made.
        source: the file.
        folder: the job folder, with its ``workspace``.
        on_progress: told how far it is.
    """

    def __init__(self, toolbox: Toolbox, plan: AudioPlan, source: Path, folder: Path, on_progress: OnProgress) -> None:
        self._toolbox = toolbox
        self._plan = plan
        self._source = source.absolute()
        self._folder = folder
        self._on_progress = on_progress
        self._told = 0.0
        self._opened = toolbox.open(self._source)
        self._cover = plan.cover is not None and any(file.format.cover for file in plan.files)

    async def make(self) -> tuple[Output, ...]:
        """Write all files of the plan. Raises: as ``AudioProvider.run``."""
        self._cover = self._cover and await self._take_cover()
        heard = await self._listen()
        files = [
            file if not file.copied or await self._copy(file, heard.decided) else replace(file, copied=False)
            for file in self._plan.files
        ]
        heard, checked = await self._make(files, heard)
        return tuple(self._output(file, one, heard) for file, one in zip(files, checked, strict=True))

    async def commands(self) -> list[Command]:
        """The command lines of ``make``, after listening as it would. Raises: as ``make``."""
        heard = await self._listen()
        plan, decided = self._plan, heard.decided
        named = {"cover": cover.take_cover(plan.cover, self._opened)} if self._cover and plan.cover is not None else {}
        for count in decided.mixes if plan.treatment.measures else ():
            first = Decided(plan.treatment.start, None, {})
            named[f"listening ({count} ch)"] = commands.measure(plan, Mix(count), first, self._opened)
        for file in plan.files:
            if file.copied:
                named[f"copying {file.name}"] = commands.copy(plan, file, decided, self._opened, cover=self._cover)
        encoded = [file for file in plan.files if not file.copied]
        if encoded:
            named["encoding"] = commands.encode(plan, encoded, decided, self._opened, cover=self._cover)
        return [self._toolbox.shown(stage, "ffmpeg", arguments) for stage, arguments in named.items()]

    async def _listen(self) -> Heard:
        def report(done: float) -> None:
            self._tell(done * _HEARD, "listening")

        return await Listener(self._toolbox, self._plan, self._source, self._folder, report).decide()

    async def _make(self, files: list[AudioFile], heard: Heard) -> tuple[Heard, list[Checked]]:
        """Encode and check, and again those that their loudness shows to need it: each mix gets a limiter once, each
        file is corrected twice at most."""
        checked: dict[str, Checked] = {}
        due, decided = files, heard.decided
        while due:
            encoded = [file for file in due if not file.copied]
            if encoded:
                await self._encode(encoded, decided)
            self._tell(_ENCODED, "verifying")
            for file in due:
                checked[file.name] = await check(self._plan, file, decided, self._folder, self._toolbox)
            loudness = {name: one.loudness for name, one in checked.items()}
            decided, due = revise(self._plan, files, decided, loudness)
        return replace(heard, decided=decided), [checked[file.name] for file in files]

    async def _encode(self, files: list[AudioFile], decided: Decided) -> None:
        plan = self._plan
        begun = _HEARD if plan.treatment.measures else 0.0
        reader = ProgressReader(
            decided.length or plan.length,
            lambda done: self._tell(begun + done * (_ENCODED - begun), "encoding"),
        )
        arguments = commands.encode(plan, files, decided, self._opened, cover=self._cover)
        await self._ffmpeg(arguments, max(file.most_bits for file in files), reader)

    async def _copy(self, file: AudioFile, decided: Decided) -> bool:
        """Whether the packets could be taken over: only if they are the same sound afterwards."""
        try:
            await self._ffmpeg(
                commands.copy(self._plan, file, decided, self._opened, cover=self._cover), file.most_bits
            )
            return await self._same_sound(self._folder / file.name)
        except _FAULTS:
            return False

    async def _same_sound(self, copy: Path) -> bool:
        """Whether a copy decodes to the very same samples. Where it does not, its packets may still be the same, and
        only what is skipped at the ends differs: Matroska says that in milliseconds, and for AAC not at all."""
        both = ((f"0:{self._plan.stream}", self._source), ("0:a", copy))
        (first, seconds), (second, others) = [await self._sum(commands.decoded_sum, *one) for one in both]
        if first == second or abs(seconds - others) > _SHIFTED:
            return first == second
        (first, _), (second, _) = [await self._sum(commands.packet_sum, *one) for one in both]
        return first == second

    async def _sum(
        self, command: Callable[[str, list[str]], list[str]], stream: str, path: Path
    ) -> tuple[bytes, float]:
        """The sum, and how many seconds it is of."""
        reader = ProgressReader(None)
        await self._ffmpeg(command(stream, self._toolbox.open(path)), 0, reader, reads=(path,))
        return (self._folder / commands.SUM_FILE).read_bytes(), reader.seconds

    async def _take_cover(self) -> bool:
        """A damaged picture does not stop the music."""
        if self._plan.cover is None:
            return False
        try:
            await self._ffmpeg(cover.take_cover(self._plan.cover, self._opened), 0)
        except _FAULTS:
            return False
        path = self._folder / cover.COVER_FILE
        if not 0 < stored_bytes(path) <= _PICTURE_BYTES:
            return False
        (self._folder / cover.PICTURE_TAG_FILE).write_text(cover.picture_tag(path.read_bytes()))
        return True

    def _tell(self, done: float, stage: str) -> None:
        """What is done a second time does not take the progress back."""
        self._told = max(self._told, done)
        self._on_progress(self._told, stage)

    async def _ffmpeg(
        self, arguments: list[str], bits: int, reader: ProgressReader | None = None, reads: tuple[Path, ...] = ()
    ) -> None:
        budget = self._toolbox.budget(self._plan.length, bits)
        await self._toolbox.ffmpeg(
            arguments, folder=self._folder, reads=reads or (self._source,), budget=budget, progress=reader
        )

    def _output(self, file: AudioFile, made: Checked, heard: Heard) -> Output:
        path = self._folder / file.name
        notes = [*self._plan.notes, *heard.notes]
        metadata: dict[str, Any] = {
            "codec": made.stream.codec,
            "bitrate": made.stream.bitrate or made.probe.bitrate,
            "sample_rate": made.stream.sample_rate,
            "channels": made.stream.channels,
            "copied": file.copied,
            "cover": made.probe.cover is not None,
        }
        target, before = self._plan.treatment.loudness, heard.before.get(file.channels)
        if made.loudness and before and target is not None:
            mix = heard.decided.mixes[file.channels]
            metadata["loudness"] = described(before, made.loudness, mix.gain, limited=mix.limiter > 0)
            lossless = file.format.lossless
            missing = None if mix.reached is None else missed(made.loudness, target, mix.reached, lossless=lossless)
            notes += [missing] if missing else []
        return Output(
            kind="audio",
            name=path.name,
            path=path,
            content_type=file.format.content_type,
            bytes=stored_bytes(path),
            duration=round(made.seconds, 6),
            metadata={**metadata, "notes": notes},
        )
