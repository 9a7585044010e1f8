"""Text tracks of a set: their files, and their entries in the master playlist and the DASH manifest.

    text-en/captions.vtt    all cues in one file, which HLS and DASH share
    text-en/index.m3u8      the playlist that HLS wants: that file is its only segment

A master playlist or a manifest is given the tracks that it shall have; those it had before go. So a set that is
packaged, one that gets captions and one that loses them are all written by the same functions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from renditor.video.streams.package import MANIFEST, MASTER
from renditor.video.streams.playlists import Entry, parse_master
from renditor.video.subtitles.cues import Track
from renditor.video.subtitles.writing import CONTENT_TYPE, write_captions
from renditor.video.tracks import TextKind, TextTrack

CAPTIONS: Final = "captions.vtt"
PLAYLIST: Final = "index.m3u8"
_GROUP: Final = '"text"'
# Both together tell a player that the track is for those who do not hear (Apple's HLS authoring specification).
_FOR_THE_DEAF: Final = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
_ROLE: Final = "urn:mpeg:dash:role:2011"  # values: ISO/IEC 23009-1, 5.8.5.5
_TEXT_SETS = re.compile(r'[ \t]*<AdaptationSet\b[^>]*\bcontentType="text"[^>]*>.*?</AdaptationSet>\s*?\n', re.DOTALL)
_PERIOD_END = re.compile(r"[ \t]*</Period>")


@dataclass(frozen=True, slots=True)
class SetTrack:
    """One text track of a set.

    ``name`` is what people call it in URLs of the API; ``folder`` where its files lie in the set: it is never used
    again, because caches keep files for ever. ``language`` is a BCP 47 tag or None, ``label`` for people, without
    quotation marks. ``bytes``: of its files. ``uploaded``: it does not come from the video's own file.
    """

    name: str
    folder: str
    label: str
    kind: TextKind = "subtitles"
    language: str | None = None
    default: bool = False
    forced: bool = False
    bytes: int = 0
    uploaded: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SetTrack:
        """What ``to_json`` gave. Raises TypeError for anything else."""
        return cls(**data)


def files(track: SetTrack, captions: Track, length: float) -> dict[str, bytes]:
    """The files of a track, by their names in the set. ``length`` of the video in seconds."""
    seconds = max(length, 0.001)
    # Of type VOD it may have another target duration than the pictures (RFC 8216, 6.2.4).
    playlist = [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        f"#EXT-X-TARGETDURATION:{max(1, math.floor(seconds + 0.5))}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f"#EXTINF:{seconds:.3f},",
        CAPTIONS,
        "#EXT-X-ENDLIST",
    ]
    return {
        f"{track.folder}/{CAPTIONS}": write_captions(captions).encode(),
        f"{track.folder}/{PLAYLIST}": ("\n".join(playlist) + "\n").encode(),
    }


def add_to_folder(folder: Path, captions: Sequence[tuple[TextTrack, Track]], length: float) -> list[SetTrack]:
    """Give a packaged set the captions of its source.

    Args:
        folder: the set.
        captions: its tracks; each gets the folder of its name.
        length: of the video in seconds.

    Returns: what the set has now, for its metadata.

    Raises:
        ValueError: the master playlist or the manifest cannot be read.
    """
    made = []
    for track, cues in captions:
        one = SetTrack(track.name, track.name, track.label, track.kind, track.language, track.default, track.forced)
        written = files(one, cues, length)
        (folder / one.folder).mkdir()
        for name, content in written.items():
            (folder / name).write_bytes(content)
        made.append(replace(one, bytes=sum(map(len, written.values()))))
    master, manifest = (folder / name for name in (MASTER, MANIFEST))
    master.write_text(in_master(master.read_text(), made))
    manifest.write_text(in_manifest(manifest.read_text(), made, length))
    return made


def in_master(text: str, tracks: Sequence[SetTrack]) -> str:
    """The master playlist with these text tracks and no others. Raises ValueError: it is none."""
    found = parse_master(text)
    others = tuple(entry for entry in found.media if entry.get("TYPE") != "SUBTITLES")
    chosen: set[tuple[object, ...]] = set()
    media = tuple(_entry(track, chosen) for track in sorted(tracks, key=lambda track: not track.default))
    variants = tuple(_variant(entry, with_text=bool(tracks)) for entry in found.variants)
    return str(replace(found, media=others + media, variants=variants))


def in_manifest(text: str, tracks: Sequence[SetTrack], length: float) -> str:
    """The DASH manifest with these text tracks and no others.

    Args:
        text: a manifest of one period, which ends on a line of its own.
        tracks: what it shall have.
        length: of the video in seconds.

    Raises:
        ValueError: it has no period, or several.
    """
    text = _TEXT_SETS.sub("", text)
    ends = _PERIOD_END.findall(text)
    if len(ends) != 1:
        raise ValueError("a manifest of one period was expected")
    sets = "".join(_adaptation_set(track, length) for track in tracks)
    return text.replace(ends[0], sets + ends[0])


def _entry(track: SetTrack, chosen: set[tuple[object, ...]]) -> Entry:
    """The track in a master playlist. ``chosen``: what players can choose already by themselves."""
    sort = (track.language, track.kind, track.forced)
    attributes = {
        "TYPE": "SUBTITLES",
        "URI": f'"{track.folder}/{PLAYLIST}"',
        "GROUP-ID": _GROUP,
        **({"LANGUAGE": f'"{track.language}"'} if track.language else {}),
        "NAME": f'"{track.label}"',
        "DEFAULT": "YES" if track.default else "NO",
        # Of tracks that a player cannot tell apart it may choose one only (RFC 8216, 4.3.4.1.1).
        "AUTOSELECT": "NO" if sort in chosen else "YES",
        "FORCED": "YES" if track.forced else "NO",
        **({"CHARACTERISTICS": f'"{_FOR_THE_DEAF}"'} if track.kind == "captions" else {}),
    }
    chosen.add(sort)
    return Entry("EXT-X-MEDIA", attributes)


def _variant(entry: Entry, *, with_text: bool) -> Entry:
    attributes = {name: value for name, value in entry.attributes.items() if name != "SUBTITLES"}
    return replace(entry, attributes=attributes | ({"SUBTITLES": _GROUP} if with_text else {}))


def _adaptation_set(track: SetTrack, length: float) -> str:
    language = f" lang={quoteattr(track.language)}" if track.language else ""
    role = "forced-subtitle" if track.forced else "caption" if track.kind == "captions" else "subtitle"
    roles = [role, "main"] if track.default else [role]
    rate = max(1, math.ceil(track.bytes * 8 / max(length, 1)))
    lines = [
        f'<AdaptationSet contentType="text" mimeType="{CONTENT_TYPE}"{language}>',
        f"  <Label>{escape(track.label)}</Label>",
        *(f'  <Role schemeIdUri="{_ROLE}" value="{value}"/>' for value in roles),
        f'  <Representation id="{track.folder}" bandwidth="{rate}">',
        f"    <BaseURL>{track.folder}/{CAPTIONS}</BaseURL>",
        "  </Representation>",
        "</AdaptationSet>",
    ]
    return "".join(f"    {line}\n" for line in lines)
