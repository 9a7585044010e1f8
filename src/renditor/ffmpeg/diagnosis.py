"""From what FFmpeg wrote on stderr to one sentence a person can use.

FFmpeg ends with ``Conversion failed!`` or ``Invalid argument`` whatever went wrong; the reason stands further up, with
addresses, paths and internal names around it. Nothing of those leaves this module.
"""

from __future__ import annotations

import re
import signal

from renditor.errors import (
    CorruptMedia,
    LimitExceeded,
    NoSuchStream,
    OutOfSpace,
    ProcessingFailed,
    RenditorError,
    ToolKilled,
    Unavailable,
    UnsupportedMedia,
)
from renditor.ffmpeg.budget import beyond

MEDIA_HINT = "Play the file to its end in a media player; if it stops there too, export it again."
_INSTALL_HINT = "Run `renditor doctor`: it names what this FFmpeg lacks and how to get it."

_SPACE_HINT = "Free some space on the disk that is written to, which is that of the data folder where a server does it."

_KILLED_HINT = "Mostly the machine ran out of memory: give it more, or lower jobs.concurrency and ffmpeg.threads."

# Programs that get no memory often do not say so before they fall.
_CRASHED_HINT = f"{MEDIA_HINT} If other files end like this too, ffmpeg.memory is too small."

_ENCODER_FAILED = "Error while opening encoder"
_DAMAGED = (
    r"Invalid data found|Could not find codec parameters|could not be decoded|Error submitting packet to decoder|"
    r"error reading header|partial file|Nothing was written into output"
)
# A new thread that cannot be started lacks address space for its stack.
_MEMORY = r"Cannot allocate memory|Out of memory|malloc of size|pthread_create\(\) failed"
_REFERENCE = r"(?:Protocol|Extension|URL) .{0,80}not .{0,40}(?:whitelist|allowed)"

# The first pattern found in the whole text wins: causes stand before their consequences.
_CAUSES: tuple[tuple[str, type[RenditorError], str, str | None], ...] = (
    (r"No space left on device", OutOfSpace, "The disk is full.", _SPACE_HINT),
    (r"exceeds specified max pixel count", LimitExceeded, "The frames of the video are larger than allowed.",
     "Send a smaller video, or raise ffmpeg.max_pixels."),
    (r"Format not on whitelist", UnsupportedMedia, "This is not a video or audio file of an accepted kind.", None),
    (_REFERENCE, UnsupportedMedia, "The file refers to other files or addresses, which are never opened.", None),
    (r"Unknown encoder|Encoder not found|Automatic encoder selection failed", Unavailable,
     "The installed FFmpeg was built without an encoder that is needed.", _INSTALL_HINT),
    (r"No such filter", Unavailable, "The installed FFmpeg was built without a filter that is needed.", _INSTALL_HINT),
    (r"Decoder .{0,60}not found|but no decoder|no decoder found", UnsupportedMedia,
     "The codec of this file cannot be decoded.", None),
    (r"moov atom not found|EBML header parsing failed", CorruptMedia,
     "The file is damaged or incomplete: its index is missing.", MEDIA_HINT),
    (r"matches no streams|does not contain any stream", NoSuchStream, "The file has no such stream.", None),
    (r"Decode error rate", CorruptMedia, "The file is damaged: much of it could not be decoded.", MEDIA_HINT),
    (_DAMAGED, CorruptMedia, "The file is damaged: it could not be decoded.", MEDIA_HINT),
)  # fmt: skip

# What demuxers say where they lost their way in a file and look for the next place that makes sense.
_LOST_ITS_WAY = (
    rb"Packet corrupt|Packet mismatch|size mismatch|changing packet size|could not find sync byte|Invalid timestamps|"
    rb"exceeds containing master|as first byte of an EBML|EBML number's first byte|Invalid track number|"
    rb"bad header|packet_\w+ .{0,20}invalid|invalid (?:padsize|packet_length)|packet_replic_size"
)

# Lines that say that it failed, not why.
_EMPTY_WORDS = re.compile(
    r"^(?:Conversion failed!|Error (?:opening|initializing|while|sending|writing).*|Task finished.*|Exiting.*|"
    r"Terminating thread.*|Failed to (?:inject|configure).*|.*Invalid argument\.?|Last message repeated.*|"
    r"Could not open encoder before EOF)$"
)
_PREFIX = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_PATH = re.compile(r"(?:file:)?(?:\.{0,2}/)[^\s'\",;:]+")


def diagnose(tool: str, returncode: int, stderr: bytes) -> RenditorError:
    """The error to raise for a run that ended with ``returncode`` (negative: killed by that signal)."""
    text = stderr.decode("utf-8", "replace")
    if re.search(_MEMORY, text):
        return beyond("memory")
    if returncode < 0:
        return _killed(tool, -returncode)
    # An encoder that does not open has said why in its own words; what follows from it looks like damage.
    if _ENCODER_FAILED not in text:
        for pattern, kind, detail, hint in _CAUSES:
            if re.search(pattern, text):
                return kind(detail, hint=hint)
    reason = _reason(text) or (
        "the encoder did not start; it may need more memory than one job may take."
        if _ENCODER_FAILED in text
        else f"it ended with code {returncode} and gave no reason."
    )
    return ProcessingFailed(f"{tool} could not do it: {reason}")


def tells_of_damage(stderr: bytes) -> bool:
    """Whether a demuxer had to leave out parts of the file that make no sense."""
    return re.search(_LOST_ITS_WAY, stderr) is not None


def _killed(tool: str, number: int) -> RenditorError:
    if number == signal.SIGXFSZ:
        return beyond("output size")
    if number == signal.SIGKILL:
        # Our own kills end in other errors: this was the kernel, short of memory, or a person.
        return ToolKilled(f"{tool} was killed from outside while it worked on this file.", hint=_KILLED_HINT)
    name = signal.Signals(number).name if number in {*signal.Signals} else f"signal {number}"
    return ProcessingFailed(f"{tool} crashed ({name}): the file is probably damaged.", hint=_CRASHED_HINT)


def _reason(text: str) -> str | None:
    """The first line that says something, cleaned of contexts and paths, at most 200 characters."""
    for line in text.splitlines():
        cleaned = _PREFIX.sub("", line).strip()
        cleaned = _PATH.sub("the file", cleaned)
        if cleaned and not _EMPTY_WORDS.match(cleaned):
            return cleaned[:200]
    return None
