"""Whether segments decode: the beginning of the first, a middle and the last one of each rendition, as players join
them to their header."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from renditor.errors import CorruptMedia, NoSuchStream, ProcessingFailed, UnsupportedMedia
from renditor.ffmpeg.run import PIPE, Budget, Toolbox
from renditor.video.check.findings import Finding
from renditor.video.check.reading import Reader
from renditor.video.check.stream import Piece, Rendition, Span, Stream

_FRAMES: Final = 12  # of each segment: a damaged one shows it at once, and decoding is most of what checking costs
_SAMPLES: Final = 1024  # of one frame of AAC; of sound, as many are decoded as of pictures
_LONGEST_LINE: Final = 1000  # characters
_LINE: Final = re.compile(r"(?:#media_type (?P<named>\d+): (?P<kind>\w+)|(?P<stream>\d+),.*)")


async def decode(
    streams: Sequence[Stream], reader: Reader, toolbox: Toolbox, folder: Path, names: frozenset[str] | None = None
) -> tuple[Finding, ...]:
    """Decode a little of every rendition.

    Args:
        streams: as the checker read and looked at them.
        reader: the same.
        toolbox: the programs, in their sandbox.
        folder: a private folder for the joined segments, which are removed again.
        names: only renditions with these names (``where``); None: all of them.

    Returns: a finding for each that does not decode.

    Raises:
        RenditorError: a program could not be run, or a file not be read.
    """
    findings, seen = [], set[Span]()
    for rendition in (one for stream in streams for one in stream.renditions):
        chosen = _chosen(rendition)
        if not chosen or chosen[0].span in seen or (names is not None and rendition.where not in names):
            continue
        seen.add(chosen[0].span)
        if not await _decodes(chosen, reader, toolbox, folder):
            findings.append(Finding("undecodable", rendition.where, "its segments cannot be decoded without errors"))
    return tuple(findings)


def _chosen(rendition: Rendition) -> list[Piece]:
    """The first, a middle and the last segment of pictures or sound."""
    looked_at = [pair for pair in rendition.looked_at if pair[1].kind in ("video", "audio") and not pair[1].encrypted]
    known = [piece for piece, _ in looked_at]
    if rendition.key_frames_only or not known:
        return []
    return [known[place] for place in sorted({0, len(known) // 2, len(known) - 1})]


async def decode_beginnings(toolbox: Toolbox, inputs: Sequence[tuple[Path, tuple[str, ...]]], frames: int) -> None:
    """Decode the beginning of every input: ``frames`` of each of its pictures, and as many of its sound.

    What ends a stream early is a filter and not ``-frames``, which would end all other streams with the first: FFmpeg
    keeps streams together whose number of frames is limited. ``framecrc`` tells of which streams something came.

    Args:
        toolbox: the programs, in their sandbox.
        inputs: absolute paths of files, each with options such as ``-ss 3``.
        frames: of each stream.

    Raises:
        CorruptMedia: there was an error, or pictures gave no frame, or there is sound and no input gave any.
        RenditorError: as ``Toolbox.stream``.
    """
    arguments: list[str] = []
    for path, options in inputs:
        arguments += toolbox.open(path, "-err_detect", "explode", *options)
    for number in range(len(inputs)):
        arguments += ["-map", f"{number}:v?", "-map", f"{number}:a?"]
    arguments += ["-vf", f"trim=end_frame={frames}", "-af", f"atrim=end_sample={frames * _SAMPLES}"]
    # What lies before a place that was sought has negative times, and would be left out to keep an even rate.
    arguments += ["-c:v", "wrapped_avframe", "-fps_mode", "passthrough", "-xerror", "-f", "framecrc", PIPE]
    seen, reads = _Seen(), [path for path, _ in inputs]
    budget = Budget(toolbox.settings.timeout_floor, file_size=0)
    await toolbox.stream(arguments, budget=budget, reads=reads, take=seen.feed)
    if not seen.enough:
        raise CorruptMedia("A part of the file cannot be decoded: nothing comes out of it.")


class _Seen:
    """What ``framecrc`` prints: the kind of every stream, then a line for each frame."""

    def __init__(self) -> None:
        self._text = b""
        self._kinds: dict[str, str] = {}
        self._frames: Counter[str] = Counter()

    def feed(self, data: bytes) -> None:
        *lines, self._text = (self._text + data).split(b"\n")
        self._text = self._text[:_LONGEST_LINE]
        for line in lines:
            found = _LINE.fullmatch(line.decode(errors="replace"))
            if found and found["named"]:
                self._kinds[found["named"]] = found["kind"]
            elif found:
                self._frames[found["stream"]] += 1

    @property
    def enough(self) -> bool:
        """Sound may be shorter than pictures, and end before a later part of them."""
        pictures = [stream for stream, kind in self._kinds.items() if kind == "video"]
        sound = [stream for stream, kind in self._kinds.items() if kind == "audio"]
        heard = any(self._frames[stream] for stream in sound) or not sound
        return bool(self._kinds) and heard and all(self._frames[stream] for stream in pictures)


async def _decodes(pieces: Sequence[Piece], reader: Reader, toolbox: Toolbox, folder: Path) -> bool:
    here = folder.absolute()  # noqa: ASYNC240 - looks at nothing but the name of the current folder
    joined = [here / f"check-{number}.bin" for number in range(len(pieces))]
    try:
        for piece, path in zip(pieces, joined, strict=True):
            spans = [piece.header, piece.span] if piece.header else [piece.span]
            path.write_bytes(b"".join([await _bytes(reader, span) for span in spans]))
        await decode_beginnings(toolbox, [(path, ()) for path in joined], _FRAMES)
    except (CorruptMedia, NoSuchStream, UnsupportedMedia, ProcessingFailed):
        return False
    finally:
        for path in joined:
            path.unlink(missing_ok=True)
    return True


async def _bytes(reader: Reader, span: Span) -> bytes:
    return await reader.read(span.name, None if span.length is None else (span.offset, span.length))
