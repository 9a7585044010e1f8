"""What the loudness of the results says about how they were made: what is to be made again, and how. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from renditor.audio.commands import FINE, FINEST, PLAIN, Decided
from renditor.audio.loudness import Loudness, correction, too_high
from renditor.audio.plan import AudioFile, AudioPlan

_CORRECTIONS: Final = 2


def revise(
    plan: AudioPlan, files: Sequence[AudioFile], decided: Decided, heard: Mapping[str, Loudness | None]
) -> tuple[Decided, list[AudioFile]]:
    """Look at results whose level was changed.

    Peaks between samples are not measured beforehand, because that would cost as much as all else: where a result
    shows that they pass the ceiling, its mix gets a limiter, and a limiter that let some pass works finer. What a codec
    takes off is corrected, and once more where a limiter took away from the correction.

    Args:
        plan: what was made.
        files: its files.
        decided: how they were made.
        heard: their loudness, by name.

    Returns: how to make them now, and which of them; none where all are right, or as right as they can be.
    """
    target = plan.treatment.loudness
    reached = {mix.channels: mix.reached for mix in decided.mixes.values() if mix.reached is not None}
    results = [(file, loudness) for file in files if file.channels in reached and (loudness := heard.get(file.name))]
    if target is None or not results:
        return decided, []
    finer: dict[int, int] = {}
    wished: dict[AudioFile, tuple[float, ...]] = {}
    for file, loudness in results:
        # Lossy codecs add peaks of their own, which no finer limiter before them takes away.
        finest = FINEST if file.format.lossless else FINE
        if too_high(loudness) and decided.mixes[file.channels].limiter < finest:
            finer[file.channels] = max(finest, finer.get(file.channels, 0))
        gain, earlier = correction(loudness, target, reached[file.channels]), decided.corrections.get(file.name, ())
        if gain and len(earlier) < _CORRECTIONS:
            wished[file] = (*earlier, gain)
    corrections = {file.name: gains for file, gains in wished.items() if file.channels not in finer}
    due = [file for file in files if file.channels in finer or file.name in corrections]
    mixes = {count: replace(mix, limiter=finer.get(count, mix.limiter)) for count, mix in decided.mixes.items()}
    return replace(decided, mixes=mixes, corrections={**decided.corrections, **corrections}), due


def first_limiter(files: Iterable[AudioFile]) -> int:
    """Times the sample rate for the limiter of a mix at first: what it lets pass is seen in lossless results, and only
    in them."""
    return PLAIN if all(file.format.lossless for file in files) else FINE
