"""Listening to the source before anything is written: where silence ends, how long it is, how loud, what it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from renditor.audio import commands
from renditor.audio.commands import Decided, Mix
from renditor.audio.loudness import GainSearch, Loudness, gain_tags, left_alone
from renditor.audio.plan import AudioPlan
from renditor.audio.readings import forget, heard_loudness, heard_sound
from renditor.audio.revision import first_limiter
from renditor.audio.verify import expect_length
from renditor.errors import BadRequest
from renditor.ffmpeg.progress import ProgressReader
from renditor.ffmpeg.run import Toolbox


@dataclass(frozen=True, slots=True)
class Heard:
    """What listening led to. ``before``: loudness of the source by number of channels; ``notes`` for people."""

    decided: Decided
    before: dict[int, Loudness]
    notes: tuple[str, ...] = ()


class Listener:
    """Decodes a source as often as it takes, in the sandbox; nothing is written but some numbers.

    Args:
        toolbox: what it runs with.
        plan: what is wanted.
        source: the file.
        folder: the job folder.
        on_fraction: told how far it is, 0..1.
    """

    def __init__(
        self, toolbox: Toolbox, plan: AudioPlan, source: Path, folder: Path, on_fraction: Callable[[float], None]
    ) -> None:
        self._toolbox = toolbox
        self._plan = plan
        self._source = source
        self._folder = folder
        self._on_fraction = on_fraction
        self._rounds = 0

    async def decide(self) -> Heard:
        """Listen as far as the plan asks for it.

        Raises:
            BadRequest: the sound ends before the start that was given.
            LimitExceeded, CorruptMedia, ProcessingFailed, ...: as ``Toolbox.ffmpeg``.
        """
        plan = self._plan
        counts = sorted({file.channels for file in plan.files})
        decided = Decided(plan.treatment.start, None, {count: self._plain(count) for count in counts})
        if not plan.treatment.measures:
            return Heard(decided, {})
        notes: list[str] = []
        seconds = await self._run(Mix(counts[0]), decided)
        decided = self._cut(decided, seconds, notes)
        before: dict[int, Loudness] = {}
        for count in counts if plan.treatment.listens else ():
            if count != counts[0] or decided.length != seconds:
                await self._run(Mix(count), decided)  # what is left without silence is another sound
            before[count] = heard_loudness(self._folder)
        if plan.treatment.tag_loudness:
            tags = {file.name: gain_tags(before[file.channels], file.codec) for file in plan.files if file.format.gain}
            decided = replace(decided, tags=tags)
        if plan.treatment.loudness is not None:
            mixes = {count: await self._level(count, before[count], decided, notes) for count in counts}
            decided = replace(decided, mixes=mixes)
        return Heard(decided, before, tuple(dict.fromkeys(notes)))

    def _plain(self, count: int) -> Mix:
        """Mixed down, several channels add up: a limiter sees to the peaks."""
        return Mix(count, limiter=commands.FINE if count < self._plan.channels else 0)

    def _cut(self, decided: Decided, seconds: float, notes: list[str]) -> Decided:
        """Without the silence at both ends."""
        if not seconds and self._plan.treatment.start:
            raise BadRequest("The sound ends before the start that was given.")
        expect_length(seconds, self._plan.length)
        if not self._plan.treatment.trim_silence:
            return replace(decided, length=seconds)
        found = heard_sound(self._folder)
        if found is None:
            notes.append("It is silent from beginning to end: nothing is cut off.")
            return replace(decided, length=seconds)
        first, last = found
        return replace(decided, start=decided.start + first, length=(seconds if last is None else last) - first)

    async def _level(self, count: int, before: Loudness, decided: Decided, notes: list[str]) -> Mix:
        """The gain for one mix, found by listening again where the limiter has something to do."""
        plain, target = self._plain(count), self._plan.treatment.loudness
        if target is None:
            return plain
        reason = left_alone(before, decided.length or 0.0, target)
        if reason or before.integrated is None or before.peak is None:
            notes += [reason] if reason else []
            return plain
        search = GainSearch(target, before.integrated, before.peak)
        while not search.settled:
            await self._run(Mix(count, search.gain, commands.PLAIN), decided)
            now = heard_loudness(self._folder).integrated
            search.heard(target if now is None else now)
        files = [file for file in self._plan.files if file.channels == count]
        return Mix(count, search.gain, first_limiter(files) if search.limited else 0, search.reached)

    async def _run(self, mix: Mix, decided: Decided) -> float:
        """Listen once. Returns: seconds of sound."""
        forget(self._folder)
        # How many rounds it takes is not known: each gets half of what is left.
        begun, self._rounds = 1 - 0.5**self._rounds, self._rounds + 1
        share = 0.5**self._rounds
        plan = self._plan
        reader = ProgressReader(plan.length, lambda done: self._on_fraction(begun + share * done))
        arguments = commands.measure(plan, mix, decided, self._toolbox.open(self._source))
        # A second of sound makes ten entries of 400 bytes.
        budget = self._toolbox.budget(plan.length, 10 * 400 * 8)
        await self._toolbox.ffmpeg(
            arguments, folder=self._folder, reads=(self._source,), budget=budget, progress=reader
        )
        return reader.seconds
