"""What ``renditor doctor`` says about the programs: is each there, can it do what is needed, and how to mend it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from renditor.ffmpeg.binaries import INSTALL_HINT, Binaries, Tool

_OLDEST_FFMPEG: Final = 5  # -fps_mode and filters that are used came with 5.1
_PROGRAMS: Final[tuple[tuple[Tool, str], ...]] = (
    ("ffmpeg", "encodes video and audio"),
    ("ffprobe", "describes uploads"),
    ("packager", "makes HLS and DASH"),
)
# (encoder, required, what fails without it)
_ENCODERS: Final = (
    ("libx264", True, "H.264: every video"),
    ("aac", True, "AAC: the sound of videos, .m4a"),
    ("mjpeg", True, "JPEG: posters and thumbnails"),
    ("libmp3lame", True, "MP3"),
    ("libopus", True, "Opus"),
    ("libvorbis", False, "Vorbis: .ogg"),
    ("libx265", False, "H.265: renditor video --video-codec h265"),
    ("libvpx-vp9", False, "VP9: renditor video --video-codec vp9"),
    ("libsvtav1", False, "AV1: renditor video --video-codec av1"),
    ("libwebp", False, "WebP: renditor thumbnail to .webp"),
)
_ENCODER_FIX: Final = (
    "This FFmpeg was built without it. Install the package imageio-ffmpeg, whose FFmpeg has all encoders, "
    "and remove the setting ffmpeg.ffmpeg if it points elsewhere."
)


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report; ``fix`` is empty where nothing is wrong. A check that is not ``required`` only warns."""

    name: str
    ok: bool
    required: bool
    what: str
    fix: str = ""


def check(binaries: Binaries) -> list[Check]:
    """Look at what was found. Runs nothing: ``binaries.resolve`` has started each program already."""
    checks = [_program(binaries, tool, purpose) for tool, purpose in _PROGRAMS]
    if binaries.ffmpeg is not None:
        has = binaries.ffmpeg.capabilities
        checks += [
            Check(encoder, encoder in has.encoders, required, what, "" if encoder in has.encoders else _ENCODER_FIX)
            for encoder, required, what in _ENCODERS
        ]
        checks.append(
            Check(
                "tone mapping",
                has.tone_mapping,
                required=False,
                what="HDR video in right colours on ordinary screens (filters zscale and tonemap)",
                fix="" if has.tone_mapping else "Without it HDR videos look flat and grey. Install imageio-ffmpeg.",
            )
        )
    return checks


def _program(binaries: Binaries, tool: Tool, purpose: str) -> Check:
    binary = getattr(binaries, tool)
    if binary is None:
        return Check(tool, ok=False, required=True, what=purpose, fix=INSTALL_HINT)
    if tool == "ffmpeg" and _major(binary.version) < _OLDEST_FFMPEG:
        fix = f"Version {binary.version} is too old; 5.1 or newer is needed. {INSTALL_HINT}"
        return Check(tool, ok=False, required=True, what=purpose, fix=fix)
    return Check(tool, ok=True, required=True, what=f"{purpose}: {binary.version}, {binary.path}")


def _major(version: str) -> int:
    """``n9.0.2-17-g2a5`` and ``5.1.9-0+deb12u1`` alike. A build from a branch has no number: it is new."""
    found = re.match(r"n?(\d+)\.", version)
    return int(found[1]) if found else _OLDEST_FFMPEG
