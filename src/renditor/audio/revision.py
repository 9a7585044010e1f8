"""What the loudness of the results says about how they were made: what is to be made again, and how. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from renditor.audio.commands import FINE, FINEST, PLAIN, Decided
from renditor.audio.loudness import Loudness, correction, too_high
from renditor.audio.plan import AudioFile, AudioPlan


def revise(
    plan: AudioPlan, files: Sequence[AudioFile], decided: Decided, heard: Mapping[str, Loudness | None]
) -> tuple[Decided, list[AudioFile]]:
    """Look at results whose level was changed.

    Peaks between samples are not measured beforehand, because that would cost as much as all else: where a result
    shows that they pass the ceiling, its mix gets a limiter, and a limiter that let some pass works finer. What a codec
    takes off is corrected once.

    Args:
        plan: what was made.
        files: its files.
        decided: how they were made.
        heard: their loudness, by name.

    Returns: how to make them now, and which of them; none where all are right, or as right as they can be.
    """
    target = plan.treatment.loudness
    changed = [file for file in files if decided.mixes[file.channels].gain]
    results = [(file, loudness) for file in changed if (loudness := heard.get(file.name))]
    if target is None or not results:
        return decided, []
    finer: dict[int, int] = {}
    for file, loudness in results:
        # Lossy codecs add peaks of their own, which no finer limiter before them takes away.
        finest = FINEST if file.format.lossless else FINE
        if too_high(loudness) and decided.mixes[file.channels].limiter < finest:
            finer[file.channels] = max(finest, finer.get(file.channels, 0))
    corrections = {
        file.name: gain
        for file, loudness in results
        if file.channels not in finer
        and file.name not in decided.corrections
        and (gain := correction(loudness, target))
    }
    due = [file for file in files if file.channels in finer or file.name in corrections]
    mixes = {count: replace(mix, limiter=finer.get(count, mix.limiter)) for count, mix in decided.mixes.items()}
    return replace(decided, mixes=mixes, corrections={**decided.corrections, **corrections}), due


def first_limiter(files: Iterable[AudioFile]) -> int:
    """Times the sample rate for the limiter of a mix at first: what it lets pass is seen in lossless results, and only
    in them."""
    return PLAIN if all(file.format.lossless for file in files) else FINE
