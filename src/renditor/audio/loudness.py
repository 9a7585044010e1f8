"""How loud sound is (EBU R128), and how it is brought to a target: one gain for the whole, and a limiter for the peaks.

Nothing of the dynamics is touched but peaks that would pass the ceiling. The limiter takes loudness away, so where it
has something to do, the gain is found by listening to its result. Pure: who listens is the caller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

CEILING: Final = -1.0  # dBTP; what EBU R128 allows at most
# dB; the true peak lies between samples, seldom more than this above the highest of them.
_BETWEEN_SAMPLES: Final = 1.5
EXACT: Final = 0.3  # LU; a result further away than this is said to be
_CLOSE: Final = 0.1  # LU; as good as the target
_ONE_STEP: Final = 0.7  # LU; one more step of the search ends within 0.05 of the target (measured): nobody has to look
_LEAST_CORRECTION, _MOST_CORRECTION = 0.2, 3.0  # LU; codecs take up to 1.7 off white noise
_ROUNDS: Final = 4
# LU that a limiter takes away for each dB by which it holds the highest peak back: 0 to 0.25 (measured).
_TAKEN: Final = 0.17
# dB; beyond this the sound is hiss lifted up (30 dB below a usual target is the noise of a quiet room), or flattened.
MOST_GAIN: Final = 30.0
_MOST_LIMITING: Final = 20.0
SHORTEST: Final = 0.4  # seconds; the shortest block that has a loudness (ITU-R BS.1770-5)
_SILENCE: Final = -70.0  # LUFS; the absolute gate of BS.1770: below it nothing is counted
_HALF_STEP: Final = 0.0005  # of an amplitude with three decimals
_LEAST_SLOPE: Final = 0.2  # LU a dB; a strong limiter gives back little, and measuring has an error
_STEEP: Final = 0.4  # LU a dB; with less the limiter does so much that a step may end anywhere

# ReplayGain 2.0 plays everything at -18 LUFS; R128_TRACK_GAIN (RFC 7845, 5.2.1) at -23, in 1/256 dB.
_REPLAYGAIN_TARGET, _R128_TARGET = -18.0, -23.0


@dataclass(frozen=True, slots=True)
class Loudness:
    """What was heard: ``integrated`` in LUFS, ``range`` (LRA) in LU, ``peak`` in dBFS (dBTP where the true one was
    measured). ``integrated`` is None where there is nothing but silence, or less than 0.4 s; ``peak`` too, of zeros."""

    integrated: float | None
    range: float
    peak: float | None

    def to_json(self) -> dict[str, float | None]:
        """As it stands in the metadata of a file."""
        return {
            "integrated": self.integrated,
            "range": self.range,
            "peak": None if self.peak is None else round(self.peak, 2),
        }


def read_loudness(lines: Iterable[str]) -> Loudness:
    """The last value of each line ``lavfi.r128.KEY=VALUE`` that FFmpeg's ``ebur128`` wrote.

    Peaks are amplitudes with three decimals there: half of the last one is added, so that quiet ones are not taken for
    quieter than they may be.
    """
    last: dict[str, float] = {}
    for line in lines:
        key, _, value = line.strip().removeprefix("lavfi.r128.").partition("=")
        try:
            last[key] = float(value)
        except ValueError:
            continue
    integrated = last.get("I", math.nan)
    highest = max((value for key, value in last.items() if "peak" in key and math.isfinite(value)), default=0.0)
    peak = 20 * math.log10(highest + _HALF_STEP) if highest > 0 else None
    heard = peak is not None and math.isfinite(integrated) and integrated > _SILENCE
    return Loudness(integrated if heard else None, last.get("LRA", 0.0), peak)


def left_alone(heard: Loudness, seconds: float, target: float) -> str | None:
    """Why a sound keeps its loudness; None: it does not have to."""
    if heard.integrated is None:
        if seconds < SHORTEST:
            return f"It is shorter than {SHORTEST:g} s: it has no loudness, and keeps its level."
        return "It is silent: it keeps its level."
    if target - heard.integrated > MOST_GAIN:
        return f"At {heard.integrated:.1f} LUFS it is so quiet that only its noise would be heard: it keeps its level."
    return None


@dataclass
class GainSearch:
    """Looks for the gain (dB) after which, behind the limiter, the sound has the target's loudness.

    Args:
        target: LUFS.
        loudness: of the sound as it is, in LUFS.
        peak: its highest sample, in dBFS.
    """

    target: float
    loudness: float
    peak: float
    gain: float = field(init=False)
    reached: float = field(init=False)  # LUFS; what the gain gives, once it is settled
    settled: bool = field(init=False)
    _measured: list[tuple[float, float]] = field(init=False)  # gains, and the loudness that each gives

    def __post_init__(self) -> None:
        gain = self.target - self.loudness
        self._measured = [(self._free, self.loudness + self._free)]
        held = max(0.0, gain + self.peak - CEILING)
        # Where it holds back nothing but what lies between samples, nobody has to listen what that takes away.
        self.settled = not held
        self.gain = min(gain + _TAKEN * held, self._highest)
        self.reached = self.target

    @property
    def limited(self) -> bool:
        """Whether the limiter has something to do."""
        return self.gain > self._free

    @property
    def _free(self) -> float:
        """dB; up to here it has nothing to do, and the loudness follows the gain."""
        return CEILING - _BETWEEN_SAMPLES - self.peak

    @property
    def _highest(self) -> float:
        return max(0.0, CEILING - self.peak) + _MOST_LIMITING

    def heard(self, loudness: float) -> None:
        """Take the loudness that ``gain`` and the limiter gave; ``gain`` is then a better one, or ``settled``."""
        missing = self.target - loudness
        before, below = self._measured[-1]
        distance = self.gain - before
        slope = (loudness - below) / distance if abs(distance) > _CLOSE / 10 else 1.0
        better = self.gain + missing / min(1.0, max(_LEAST_SLOPE, slope))
        self._measured.append((self.gain, loudness))
        flattened = missing > 0 and self.gain >= self._highest
        if abs(missing) <= _CLOSE or flattened or len(self._measured) > _ROUNDS:
            self._settle()
        else:
            self.gain = min(better, self._highest)
            self.settled = abs(missing) <= _ONE_STEP and slope >= _STEEP and better <= self._highest

    def _settle(self) -> None:
        """Take what was heard to be best; of what is as good as that, the least."""
        best = min(abs(self.target - loudness) for _, loudness in self._measured)
        near = [one for one in self._measured if abs(self.target - one[1]) <= best + _CLOSE]
        self.gain, self.reached = min(near)
        self.settled = True


def missed(after: Loudness, target: float, reached: float, *, lossless: bool) -> str | None:
    """What to say of a result that is not as loud as it should be; None: it is.

    Args:
        after: the result.
        target: LUFS.
        reached: what the search for the gain had come to, in LUFS.
        lossless: whether there is no codec that could have changed it.
    """
    if after.integrated is None or abs(after.integrated - target) <= EXACT:
        return None
    change = "louder" if after.integrated > target else "quieter"
    if target - reached > EXACT and after.integrated < target:
        why = f"with its peaks held at {CEILING:g} dBTP, more gain makes it hardly louder"
    else:
        why = f"holding its peaks at {CEILING:g} dBTP" if lossless else "its codec"
        why += f" makes it {change}"
    return f"Its loudness is {after.integrated:.1f} instead of {target:g} LUFS: {why}."


def too_high(after: Loudness) -> bool:
    """Whether the peaks of a result that went without a limiter show that it should have had one."""
    return after.peak is not None and after.peak > CEILING + _CLOSE


def correction(after: Loudness, target: float, reached: float) -> float:
    """dB by which a result should be made again because its codec took something off (high tones, noise) or added
    some; 0 where it is close enough, or where its limiter already holds it back: then the gain has not ``reached`` (in
    LUFS) the target."""
    if after.integrated is None or abs(target - reached) > EXACT:
        return 0.0
    missing = target - after.integrated
    return missing if _LEAST_CORRECTION < abs(missing) <= _MOST_CORRECTION else 0.0


def gain_tags(heard: Loudness, codec: str) -> dict[str, str]:
    """Tags by which players bring the sound to their level, for ffprobe's name of a codec; none for silence."""
    if heard.integrated is None or heard.peak is None:
        return {}
    if codec == "opus":
        return {"R128_TRACK_GAIN": str(round((_R128_TARGET - heard.integrated) * 256))}
    return {
        "REPLAYGAIN_TRACK_GAIN": f"{_REPLAYGAIN_TARGET - heard.integrated:+.2f} dB",
        "REPLAYGAIN_TRACK_PEAK": f"{10 ** (heard.peak / 20):.6f}",
    }


def described(before: Loudness, after: Loudness, gain: float, *, limited: bool) -> dict[str, Any]:
    """As it stands in the metadata of a file: ``gain`` in dB."""
    return {"before": before.to_json(), "after": after.to_json(), "gain": round(gain, 2), "limited": limited}
