"""Whether segments decode: the beginning of the first, a middle and the last one of each rendition, as players join
them to their header."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from renditor.errors import CorruptMedia, NoSuchStream, UnsupportedMedia
from renditor.ffmpeg.run import Budget, Toolbox
from renditor.video.check.findings import Finding
from renditor.video.check.reading import Reader
from renditor.video.check.stream import Piece, Rendition, Span, Stream

_FRAMES: Final = 12  # of each segment: a damaged one shows it at once, and decoding is most of what checking costs


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
    known = [piece for piece, content in rendition.looked_at if content.kind in ("video", "audio")]
    if rendition.key_frames_only or not known:
        return []
    return [known[place] for place in sorted({0, len(known) // 2, len(known) - 1})]


async def _decodes(pieces: Sequence[Piece], reader: Reader, toolbox: Toolbox, folder: Path) -> bool:
    joined = [Path(f"check-{number}.bin") for number in range(len(pieces))]
    try:
        for piece, name in zip(pieces, joined, strict=True):
            spans = [piece.header, piece.span] if piece.header else [piece.span]
            (folder / name).write_bytes(b"".join([await _bytes(reader, span) for span in spans]))
        arguments = [argument for name in joined for argument in toolbox.open(name, "-err_detect", "explode")]
        for number in range(len(joined)):
            arguments += ["-map", f"{number}:v?", "-map", f"{number}:a?"]
        count = str(_FRAMES)
        arguments += ["-frames:v", count, "-frames:a", count, "-xerror", "-f", "null", "-"]
        await toolbox.ffmpeg(arguments, folder=folder, budget=Budget(toolbox.settings.timeout_floor, file_size=0))
    except (CorruptMedia, NoSuchStream, UnsupportedMedia):
        return False
    finally:
        for name in joined:
            (folder / name).unlink(missing_ok=True)
    return True


async def _bytes(reader: Reader, span: Span) -> bytes:
    return await reader.read(span.name, None if span.length is None else (span.offset, span.length))
