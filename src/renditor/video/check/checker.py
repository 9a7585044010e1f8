"""The whole check of a set: its playlists and manifests are read, its segments looked at, the rules applied."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from renditor.errors import LimitExceeded, NotFound
from renditor.video.check import dash, hls, rules
from renditor.video.check.contents import Looker
from renditor.video.check.findings import Finding, Findings
from renditor.video.check.reading import Reader, Texts
from renditor.video.check.stream import Stream
from renditor.video.streams.playlists import is_master

_ENDINGS: Final = (".m3u8", ".mpd")
_MOST_ENTRIES: Final = 20  # playlists and manifests at the top of a folder


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. ``streams``: each master playlist, lone media playlist and manifest, as it was read."""

    findings: tuple[Finding, ...]
    streams: tuple[Stream, ...]

    @property
    def passed(self) -> bool:
        """Whether there are no errors. Warnings do not count."""
        return not any(finding.severity == "error" for finding in self.findings)

    def with_findings(self, more: Sequence[Finding]) -> Report:
        """The same with more findings."""
        return replace(self, findings=tuple(sorted([*self.findings, *more], key=lambda one: one.severity != "error")))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: the verdict, each finding, and what was looked at."""
        return {
            "passed": self.passed,
            "errors": sum(finding.severity == "error" for finding in self.findings),
            "warnings": sum(finding.severity == "warning" for finding in self.findings),
            "findings": [finding.to_json() for finding in self.findings],
            "streams": [
                {
                    "name": stream.name,
                    "form": stream.form,
                    "live": stream.live,
                    "renditions": len(stream.renditions),
                    "segments": sum(len(rendition.pieces) for rendition in stream.renditions),
                    "duration": round(max((one.duration for one in stream.renditions), default=0.0), 3),
                }
                for stream in self.streams
            ],
        }


async def check(reader: Reader, entries: Sequence[str] = (), *, seconds: float = 3600) -> Report:
    """Check a set.

    Args:
        reader: where its files are.
        entries: the playlists and manifests to begin with; none: those at the top of the folder.
        seconds: the most it may take; a film of two hours in five rungs takes about ten.

    Raises:
        NotFound: there is no playlist and no manifest.
        RenditorError: as the reader.
        LimitExceeded: it took longer than ``seconds``.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _check(reader, entries)
    except TimeoutError:
        raise LimitExceeded(f"The check was stopped after {seconds:,.0f} seconds.") from None


async def _check(reader: Reader, entries: Sequence[str]) -> Report:
    findings = Findings()
    present = await reader.names()
    chosen = list(entries) or sorted(name for name in present if name.endswith(_ENDINGS) and "/" not in name)
    if not chosen:
        raise NotFound("There is no playlist and no manifest.", hint="They end in .m3u8 and .mpd.")
    texts, looker = Texts(reader, findings), Looker(reader, findings)
    streams: list[Stream] = []
    for name, text in await _texts(texts, chosen[:_MOST_ENTRIES]):
        if any(name in stream.named for stream in streams):
            continue  # a playlist that a master playlist leads to
        if text.lstrip().startswith("<") and not name.endswith(".m3u8"):
            streams.append(await dash.read_stream(reader, texts, findings, name, text))
        else:
            streams.append(await hls.read_stream(texts, findings, name, text))
    for stream in streams:
        for rendition in stream.renditions:
            await looker.fill(rendition)
        rules.apply(stream, findings)
    _compare(streams, present, findings)
    return Report(findings.sorted(), tuple(streams))


async def _texts(texts: Texts, names: Sequence[str]) -> list[tuple[str, str]]:
    """Name and text of each entry, master playlists first: media playlists that they name are no entries."""
    found = [(name, text) for name in names if (text := await texts.text(name, name)) is not None]
    return sorted(found, key=lambda entry: not is_master(entry[1]))


def _compare(streams: Sequence[Stream], present: frozenset[str], findings: Findings) -> None:
    """Between the streams of one folder: HLS and DASH over the same files, and no file that belongs to neither."""
    told, manifests = _segments(streams, "hls"), _segments(streams, "dash")
    if told & manifests:
        where = next(stream.name for stream in streams if stream.form == "dash")
        for name in sorted(told ^ manifests):
            findings.add("manifests-differ", where, f"{name} belongs to {'HLS' if name in told else 'DASH'} alone")
    for name in sorted(present - {name for stream in streams for name in stream.named}):
        findings.add("extra-file", ".", f"{name} is named by no playlist")


def _segments(streams: Sequence[Stream], form: str) -> set[str]:
    """The files that hold segments, of all streams of a form."""
    renditions = [one for stream in streams if stream.form == form for one in stream.renditions]
    return {piece.span.name for rendition in renditions for piece in rendition.pieces}
