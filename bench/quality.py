"""``q_auto`` against a fixed quality of 80: bytes, and how good both look by a second, independent measure.

    python -m bench.quality [--photos FOLDER]

Photos come with packages that are fetched for it (see ``_photos``), more from a folder. Each is measured as at ingest
and delivered at 640 px. SSIMULACRA2 (the package of that name) is the second measure: 90 cannot be told from the
original, 70 is high quality, 50 medium. The last table is where ``images/quality.py`` has its scale of points from.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyvips

from bench._measure import table, verdict
from bench._peers import ssimulacra2
from bench._photos import photos
from renditor.images.analysis.curve import PROBES, measure
from renditor.images.codecs.encode import encode
from renditor.images.insight import Insight
from renditor.images.quality import CURVE_FORMATS
from renditor.images.settings import ImageSettings
from renditor.transformation import parse

SIDE = 640
FIXED = 80
SAVING = 0.25
LEVEL = "good"
ENCODING = ImageSettings().encoding()
WHITE = [255, 255, 255]
# Of photos worth measuring; the rest are masks and drawings.
LEAST_SIDE = 300


@dataclass
class Shown:
    """One photo in one format at one quality."""

    quality: int
    bytes: int
    score: float = 0.0


@dataclass
class Case:
    """One photo in one format: as q80, as q_auto, and at the probed qualities with their likeness in dB."""

    photo: str
    fmt: str
    fixed: Shown
    auto: Shown
    probes: list[tuple[float, Shown]]

    @property
    def all(self) -> list[Shown]:
        return [self.fixed, self.auto, *(shown for _, shown in self.probes)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder with more photos (JPEG, PNG)")
    folder = parser.parse_args().photos
    pictures = photos()
    if folder:
        pictures |= {path.name: path for path in sorted(folder.iterdir()) if path.suffix in (".jpg", ".png")}
    cases: list[Case] = []
    with tempfile.TemporaryDirectory() as scratch:
        pairs: list[tuple[Path, Path]] = []
        for name, path in pictures.items():
            cases += _cases(name, path, Path(scratch), pairs)
        scores = iter(ssimulacra2(pairs))
    for case in cases:
        for shown in case.all:
            shown.score = next(scores)
    _print_photos(cases)
    _print_sums(cases)
    _print_scale(cases)


def _cases(name: str, path: Path, scratch: Path, pairs: list[tuple[Path, Path]]) -> list[Case]:
    """The cases of one photo; adds the pictures to compare to ``pairs``, in the order of ``Case.all``."""
    image = _opened(path)
    if max(image.width, image.height) < LEAST_SIDE or "mask" in name:
        return []
    reference = scratch / f"reference-{len(pairs)}.png"
    image.pngsave(str(reference), compression=1)
    insight = Insight(curves=measure(image, ENCODING))
    cases = []
    for fmt in CURVE_FORMATS:

        def shown(quality: int, fmt: str = fmt) -> Shown:
            content = encode(image, fmt, parse(f"q_{quality}"), ENCODING)
            distorted = scratch / f"{len(pairs)}.png"
            pyvips.Image.new_from_buffer(content, "").pngsave(str(distorted), compression=1, keep="none")
            pairs.append((reference, distorted))
            return Shown(quality, len(content))

        points = insight.curves[fmt][-1]["points"]
        auto = ENCODING.quality_for(insight, LEVEL, fmt, image.width * image.height)
        cases.append(Case(name, fmt, shown(FIXED), shown(auto), [(likeness, shown(at)) for at, likeness in points]))
    return cases


def _opened(path: Path) -> pyvips.Image:
    image = pyvips.Image.thumbnail(str(path), SIDE, height=SIDE, size="down").colourspace("srgb")
    image = image.flatten(background=WHITE) if image.hasalpha() else image
    plain = pyvips.Image.new_from_memory(bytes(image.write_to_memory()), image.width, image.height, 3, "uchar")
    return plain.copy(interpretation="srgb")


def _print_photos(cases: list[Case]) -> None:
    rows = []
    for case in cases:
        ratio = case.auto.bytes / case.fixed.bytes
        scores = f"{case.fixed.score:.0f}", f"{case.auto.score:.0f}"
        rows.append((case.photo, case.fmt, case.auto.quality, f"{ratio:.2f}", *scores))
    table(("photo", "format", f"q_auto:{LEVEL}", f"bytes / q_{FIXED}", f"score q_{FIXED}", "score q_auto"), rows)
    print()


def _print_sums(cases: list[Case]) -> None:
    rows = []
    for fmt in (*CURVE_FORMATS, "all"):
        chosen = [case for case in cases if fmt in (case.fmt, "all")]
        saved = statistics.median(1 - case.auto.bytes / case.fixed.bytes for case in chosen)
        scores = [[case.fixed.score for case in chosen], [case.auto.score for case in chosen]]
        spread = [f"{statistics.mean(values):.0f} ± {statistics.stdev(values):.1f}" for values in scores]
        met = verdict(SAVING / max(saved, 0.001), 1)
        rows.append((fmt, f"{saved:.0%}", f">= {SAVING:.0%}: {met}", *spread, f"{_one_for_all(chosen):.2f}"))
    head = ("format", "fewer bytes, median", "target", f"score q_{FIXED}", "score q_auto")
    table((*head, "bytes / one quality for all, worst tenth alike"), rows)
    print()


def _one_for_all(cases: list[Case]) -> float:
    """Bytes of q_auto, all photos together, over those of the one quality whose worst tenth looks as good."""

    def worst(quality: int) -> float:
        return _tenth([_read_off(case, quality, lambda shown: shown.score) for case in cases])

    wanted = _tenth([case.auto.score for case in cases])
    quality = min(range(PROBES[0], PROBES[-1] + 1), key=lambda at: abs(worst(at) - wanted))
    apart = sum(_read_off(case, quality, lambda shown: shown.bytes) for case in cases)
    return sum(case.auto.bytes for case in cases) / apart


def _tenth(values: list[float]) -> float:
    return statistics.quantiles(values, n=10)[0]


def _read_off(case: Case, quality: int, value: Callable[[Shown], float]) -> float:
    """Bytes or score of a case at a quality between those that were tried."""
    known = sorted((shown.quality, value(shown)) for shown in (case.fixed, *(shown for _, shown in case.probes)))
    return _between(known, quality)


def _between(line: Sequence[tuple[float, float]], x: float) -> float:
    for (low, low_y), (high, high_y) in itertools.pairwise(line):
        if x <= high:
            return low_y + (max(x, low) - low) / max(high - low, 1e-9) * (high_y - low_y)
    return line[-1][1]


def _print_scale(cases: list[Case]) -> None:
    """For each score the likeness at which the photos reach it on average."""
    rows = []
    for score in (40, 50, 60, 70, 80, 85):
        row = [str(score)]
        for fmt in CURVE_FORMATS:
            lines = [[(likeness, shown.score) for likeness, shown in case.probes] for case in cases if case.fmt == fmt]
            likeness = 8.0
            while likeness < 40 and _mean_at(lines, likeness) < score:
                likeness += 0.1
            row.append(f"{likeness:.1f}")
        rows.append(row)
    table(("score", *(f"dB {fmt}" for fmt in CURVE_FORMATS)), rows)


def _mean_at(lines: Sequence[Sequence[tuple[float, float]]], likeness: float) -> float:
    return statistics.mean(_between(line, likeness) for line in lines)


if __name__ == "__main__":
    main()
