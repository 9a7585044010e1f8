"""What a check can find. Codes are stable: scripts switch on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Severity = Literal["error", "warning"]

_MOST_FINDINGS: Final = 200  # a playlist made to be wrong in a million places gets no page for each
_LONGEST_TEXT: Final = 200  # of a name out of a playlist, in characters

_APPLE: Final = "Apple HLS authoring specification"
_DASH: Final = "ISO/IEC 23009-1"

CODES: Final[Mapping[str, tuple[Severity, str]]] = {
    # reading
    "not-a-playlist": ("error", "RFC 8216 4.3.1.1"),
    "byte-order-mark": ("error", "RFC 8216 4.1"),
    "bad-tag": ("error", "RFC 8216 4.2"),
    "missing-tag": ("error", "RFC 8216 4.3"),
    "duplicate-tag": ("error", "RFC 8216 4.3.3"),
    "missing-attribute": ("error", "RFC 8216 4.3.4"),
    "missing-file": ("error", "RFC 8216 6.2.1"),
    "uri-outside": ("error", "RFC 8216 10"),
    "other-server": ("warning", "only one server is asked"),
    "range-outside": ("error", "RFC 8216 4.3.2.2"),
    "unreadable": ("error", "RFC 8216 3"),
    "too-large": ("error", "limit of this checker"),
    "nested-master": ("error", "RFC 8216 4.1"),
    "extra-file": ("warning", "nothing names it"),
    # media playlists
    "version-too-low": ("error", "RFC 8216 7"),
    "target-duration": ("error", "RFC 8216 4.3.3.1"),
    "no-end": ("error", "RFC 8216 4.3.3.4"),
    "live": ("warning", "RFC 8216 6.2.2"),
    "empty-playlist": ("error", "RFC 8216 4.1"),
    "no-map": ("error", "RFC 8216 3.3"),
    "encrypted": ("warning", "RFC 8216 4.3.2.4"),
    "not-independent": ("error", "RFC 8216 4.3.5.1"),
    "no-key-frame": ("warning", f"{_APPLE}, media segmentation"),
    "segment-duration": ("error", "RFC 8216 4.3.2.1"),
    "timeline-gap": ("error", "RFC 8216 6.2.1"),
    "not-a-key-frame": ("error", "RFC 8216 4.3.3.6"),
    # master playlists
    "no-codecs": ("error", f"{_APPLE}, multivariant playlist"),
    "codecs-wrong": ("error", "RFC 8216 4.3.4.2"),
    "bandwidth-exceeded": ("error", "RFC 8216 4.3.4.2"),
    "bandwidth-overstated": ("warning", f"{_APPLE}, measured peak within 10 %"),
    "average-bandwidth": ("error", f"{_APPLE}, measured average within 10 %"),
    "no-average-bandwidth": ("warning", f"{_APPLE}, multivariant playlist"),
    "resolution-wrong": ("error", "RFC 8216 4.3.4.2"),
    "no-resolution": ("warning", "RFC 8216 4.3.4.2"),
    "frame-rate-wrong": ("error", "RFC 8216 4.3.4.2"),
    "no-frame-rate": ("warning", f"{_APPLE}, multivariant playlist"),
    "no-independent-segments": ("warning", f"{_APPLE}, multivariant playlist"),
    "no-key-frame-playlist": ("warning", f"{_APPLE}, trick play"),
    "group-missing": ("error", "RFC 8216 4.3.4.2"),
    "group-names": ("error", "RFC 8216 4.3.4.1.1"),
    "group-default": ("error", "RFC 8216 4.3.4.1.1"),
    "group-no-default": ("warning", f"{_APPLE}, alternative renditions"),
    "no-language": ("warning", f"{_APPLE}, alternative renditions"),
    "captions-unclear": ("warning", f"{_APPLE}, CLOSED-CAPTIONS=NONE"),
    "segments-differ": ("warning", f"{_APPLE}, media segmentation"),
    "misaligned": ("error", "RFC 8216 6.2.4"),
    "starts-apart": ("error", "RFC 8216 6.2.4"),
    # manifests
    "not-a-manifest": ("error", f"{_DASH} 5.3.1"),
    "bad-manifest": ("error", f"{_DASH} 5.3"),
    "manifest-duration": ("error", f"{_DASH} 5.3.1.2"),
    "manifest-bandwidth": ("error", f"{_DASH} 5.3.5.2"),
    "manifests-differ": ("error", "ISO/IEC 23000-19 6: one set of segments"),
    # looking at pictures and sound
    "undecodable": ("error", "FFmpeg reports an error"),
}
"""By the code of a finding: its severity, and what says so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. ``where`` is a file of the set, ``count`` how often it was found there."""

    code: str
    where: str
    message: str
    count: int = 1

    @property
    def severity(self) -> Severity:
        return CODES[self.code][0]

    @property
    def reference(self) -> str:
        """The paragraph of a specification that says so."""
        return CODES[self.code][1]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        names = ("severity", "code", "where", "message", "count", "reference")
        return {name: getattr(self, name) for name in names}


@dataclass(slots=True)
class Findings:
    """Collects findings: the first of its kind in each place, with how many there were."""

    _found: dict[tuple[str, str], Finding] = field(default_factory=dict)

    def add(self, code: str, where: str, message: str) -> None:
        """One more. ``code`` is a key of ``CODES``."""
        key = (code, shortened(where))
        known = self._found.get(key)
        if known:
            self._found[key] = Finding(code, known.where, known.message, known.count + 1)
        elif len(self._found) < _MOST_FINDINGS or code == "too-large":  # that not all was looked at is always told
            self._found[key] = Finding(code, key[1], shortened(message))

    def sorted(self) -> tuple[Finding, ...]:
        """Errors first, otherwise in the order of finding."""
        return tuple(sorted(self._found.values(), key=lambda finding: finding.severity != "error"))


def shortened(text: str) -> str:
    """Text that may come from a playlist, on one line and of bounded length."""
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 3]}..."
