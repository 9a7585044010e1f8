"""``renditor probe``: what a file is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import JsonOption, answer, clock, size, table

if TYPE_CHECKING:
    from renditor.cli.local import Bench

EXAMPLE = "renditor probe holiday.mp4"

# EXIF orientation -> degrees clockwise by which the stored picture is turned for showing (mirrored ones likewise).
_TURNS = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A picture, video or audio file.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Tell what a file is: type, size, duration, codecs.

    It is read in the sandbox and refused, with the reason, where a server would refuse it.
    """
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    source = files.source(file)
    found = local.run(lambda bench: describe(bench, source), f"Reading {file.name}")
    answer(found, _text(file, found), as_json=as_json)


async def describe(bench: Bench, source: Path) -> dict[str, Any]:
    """A file as the contract's flat object; absent values are None.

    Raises: CorruptMedia, LimitExceeded, UnsupportedMedia, NoSuchStream.
    """
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    sniffed = local.look(source)
    if sniffed.media_type == "image":
        info = (await bench.router.images().probe(source, sniffed.format)).to_json()
        orientation = info.pop("orientation")
        return {
            "media_type": "image",
            "format": info.pop("format"),
            "duration": None,
            "bytes": files.size(source),
            "width": info.pop("width"),
            "height": info.pop("height"),
            "rotation": _TURNS.get(orientation, 0),
            "orientation": orientation,
            **dict.fromkeys(("frame_rate", "video_codec", "audio_codec", "bitrate", "channels", "hdr")),
            **info,
        }
    provider = bench.router.video() if sniffed.media_type == "video" else bench.router.audio()
    return (await provider.probe(source)).to_json()


def _text(file: Path, found: dict[str, Any]) -> str:
    rows = [("file", str(file))]
    for name, value in found.items():
        text = _value(name, value)
        if text:
            rows.append((name.replace("_", " "), text))
    return table(rows)


def _stream(stream: dict[str, Any]) -> str:
    language = f" {stream['language']}" if stream.get("language") else ""
    return f"{stream['codec']} {stream['channels']} channels{language}"


def _streams(streams: list[dict[str, Any]]) -> str:
    """One is described by the file's own fields."""
    return "; ".join(_stream(stream) for stream in streams) if len(streams) > 1 else ""


_IN_WORDS: Mapping[str, Callable[[Any], str]] = {
    "duration": lambda seconds: f"{clock(seconds)} ({seconds} s)",
    "bytes": lambda count: f"{size(count)} ({count:,} bytes)",
    "bitrate": lambda bits: f"{bits / 1000:,.0f} kbit/s",
    "width": "{} px".format,
    "height": "{} px".format,
    "rotation": "{} degrees".format,
    "frame_rate": "{:g} frames/s".format,
    "sample_rate": "{} Hz".format,
    "audio_streams": _streams,
    "subtitles": ", ".join,
    "tags": lambda tags: "; ".join(f"{name}: {text}" for name, text in tags.items()),
}


def _value(name: str, value: Any) -> str:
    """A value as people read it; empty for what is not there."""
    if not value:
        return ""
    if name in _IN_WORDS:
        return _IN_WORDS[name](value)
    return "yes" if value is True else str(value)
