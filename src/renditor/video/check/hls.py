"""From HLS playlists to a ``Stream``, and what is wrong with their text. Source: RFC 8216."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from renditor.video.check.findings import Findings
from renditor.video.check.reading import Texts
from renditor.video.check.stream import Declared, Piece, Rendition, Span, Stream, Variant
from renditor.video.streams.playlists import (
    Entry,
    Header,
    MasterPlaylist,
    MediaPlaylist,
    OnFault,
    Segment,
    is_master,
    parse_master,
    parse_media,
    rounded,
)
from renditor.video.streams.variables import spell_out

_Playlist = TypeVar("_Playlist")

_GROUPS: Final = ("AUDIO", "SUBTITLES", "VIDEO", "CLOSED-CAPTIONS")  # attributes that name a group of that TYPE
_NEEDED: Final = (("SUBTITLES", "URI"), ("CLOSED-CAPTIONS", "INSTREAM-ID"))  # attributes that a TYPE has to have
_NUMBER: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_WHOLE: Final = re.compile(r"[0-9]{1,20}")


async def read_stream(texts: Texts, findings: Findings, name: str, text: str) -> Stream:
    """The stream that a master playlist, or a media playlist by itself, leads to. Nothing inside is looked at yet."""
    reading = _Reading(texts, findings, Stream(name, "hls"))
    if is_master(text):
        await reading.master(text)
    else:
        playlist = reading.media(name, text)
        if playlist:
            reading.stream.variants.append(Variant(name, playlist, Declared()))
    return reading.stream


class _Reading:
    """One stream while its playlists are read."""

    def __init__(self, texts: Texts, findings: Findings, stream: Stream) -> None:
        self._texts = texts
        self._findings = findings
        self.stream = stream
        self._renditions: dict[str, Rendition | None] = {}
        self._independent = False
        self._variables: Mapping[str, str] = {}

    async def master(self, text: str) -> None:
        """Read a master playlist and every playlist it names."""
        name = self.stream.name
        self.stream.named.add(name)
        master = _parse(parse_master, self._spelled_out(name, text), name, self._findings)
        if master is None:
            return
        self._independent = master.independent
        if not master.variants:
            self._findings.add("missing-tag", name, "it names no variant (EXT-X-STREAM-INF)")
        if any((entry.get("INSTREAM-ID") or "").startswith("SERVICE") for entry in master.media):
            self._need(name, master.version, 7, "INSTREAM-ID of a SERVICE")
        self._groups(master)
        sound = {entry.link: await self._rendition(entry) for entry in master.media if entry.get("TYPE") == "AUDIO"}
        for entry in master.variants:
            await self._variant(master, entry, sound)
        for entry in [*master.media, *master.key_frames]:
            if rendition := await self._rendition(entry):
                self.stream.others.append(rendition)
                if entry in master.key_frames:
                    self._key_frames(entry, rendition)
        self._wishes(master)

    def media(self, name: str, text: str) -> Rendition | None:
        """A media playlist as a rendition, after everything that its text alone tells."""
        self.stream.named.add(name)
        playlist = _parse(parse_media, self._spelled_out(name, text), name, self._findings)
        if playlist is None:
            return None
        # Keys are not asked for; those of other schemes (skd:) belong to no set.
        self.stream.named.update(filter(None, (self._texts.link(name, uri) for uri in playlist.keys if ":" not in uri)))
        self._text_rules(name, playlist)
        pieces = [piece for segment in playlist.segments if (piece := self._piece(name, segment))]
        self.stream.live |= not playlist.ended
        return Rendition(
            where=name,
            pieces=tuple(pieces),
            target=playlist.target,
            key_frames_only=playlist.key_frames_only,
            independent=playlist.independent or self._independent,
            live=not playlist.ended,
        )

    def _spelled_out(self, name: str, text: str) -> str:
        """A playlist with the values of its variables; those of the master playlist may be imported by the others."""
        text, known = spell_out(text, self._variables, name, lambda code, told: self._findings.add(code, name, told))
        if name == self.stream.name:
            self._variables = known
        return text

    def _piece(self, base: str, segment: Segment) -> Piece | None:
        if not self._texts.room(base):
            return None
        span = self._span(base, segment.uri, segment.byte_range)
        header = self._header(base, segment.header) if segment.header else None
        if span is None:
            return None
        return Piece(span, segment.duration, header, segment.discontinuity, segment.encrypted, gap=segment.gap)

    def _header(self, base: str, header: Header) -> Span | None:
        return self._span(base, header.uri, header.byte_range)

    def _span(self, base: str, uri: str, byte_range: tuple[int, int] | None) -> Span | None:
        name = self._texts.link(base, uri)
        if name is None:
            return None
        self.stream.named.add(name)
        return Span(name, byte_range[1], byte_range[0]) if byte_range else Span(name)

    def _text_rules(self, name: str, playlist: MediaPlaylist) -> None:
        if not playlist.segments:
            self._findings.add("empty-playlist", name, "it names no segment")
        for segment in playlist.segments:
            if rounded(segment.duration) > playlist.target:
                told = f"{segment.uri} lasts {segment.duration:.3f} s, more than EXT-X-TARGETDURATION {playlist.target}"
                self._findings.add("target-duration", name, told)
        if not playlist.ended:
            if playlist.kind == "VOD":
                self._findings.add("no-end", name, "it is of type VOD and has no EXT-X-ENDLIST")
            else:
                self._findings.add("live", name, "a live playlist: only what it names now is checked")
        version, why = _needed_version(playlist)
        self._need(name, playlist.version, version, why)

    def _need(self, name: str, version: int, needed: int, why: str) -> None:
        if version < needed:
            self._findings.add("version-too-low", name, f"{why} needs EXT-X-VERSION {needed}, and it says {version}")

    async def _rendition(self, entry: Entry) -> Rendition | None:
        """The playlist of an entry, read once however many entries name it."""
        name = self._texts.link(self.stream.name, entry.link) if entry.link else None
        if name is None:
            return None
        if name not in self._renditions:
            self._renditions[name] = None  # a playlist that names itself is read once
            text = await self._texts.text(name, self.stream.name)
            if text is not None and is_master(text):
                self._findings.add("nested-master", name, "a playlist of playlists where one of segments belongs")
            elif text is not None:
                self._renditions[name] = self.media(name, text)
        return self._renditions[name]

    async def _variant(self, master: MasterPlaylist, entry: Entry, sound: dict[str | None, Rendition | None]) -> None:
        where = entry.uri or self.stream.name
        declared = self._declared(entry, where)
        rendition = await self._rendition(entry)
        group = entry.get("AUDIO")
        tracks = [
            track
            for one in master.media
            if one.get("TYPE") == "AUDIO" and one.get("GROUP-ID") == group
            if (track := sound.get(one.link)) and track is not rendition
        ]
        for attribute in _GROUPS:
            wanted = entry.get(attribute)
            known = {one.get("GROUP-ID") for one in master.media if one.get("TYPE") == attribute}
            if wanted and not (attribute == "CLOSED-CAPTIONS" and wanted == "NONE") and wanted not in known:
                told = f"{attribute} names the group {wanted}, which is not there"
                self._findings.add("group-missing", where, told)
        if rendition:
            self.stream.variants.append(Variant(where, rendition, declared, tuple(tracks)))

    def _key_frames(self, entry: Entry, rendition: Rendition) -> None:
        where = entry.link or self.stream.name
        if not rendition.key_frames_only:
            self._findings.add("missing-tag", where, "EXT-X-I-FRAMES-ONLY is not there")
        declared = self._declared(entry, where)
        # Judged as a variant of its own: what it declares has to be true, too.
        self.stream.others.remove(rendition)
        self.stream.variants.append(Variant(where, rendition, declared))

    def _declared(self, entry: Entry, where: str) -> Declared:
        if not entry.link:
            self._findings.add("missing-attribute", where, f"{entry.tag} names no playlist")
        bandwidth = self._number(entry, "BANDWIDTH", where, _WHOLE)
        if "BANDWIDTH" not in entry.attributes:
            self._findings.add("missing-attribute", where, f"{entry.tag} has no BANDWIDTH")
        codecs = entry.get("CODECS")
        if not codecs:
            self._findings.add("no-codecs", where, f"{entry.tag} has no CODECS")
        average = self._number(entry, "AVERAGE-BANDWIDTH", where, _WHOLE)
        if average is None and entry.tag == "EXT-X-STREAM-INF":
            self._findings.add("no-average-bandwidth", where, "it has no AVERAGE-BANDWIDTH")
        size = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", entry.get("RESOLUTION") or "")
        if "RESOLUTION" in entry.attributes and not size:
            self._findings.add("bad-tag", where, "RESOLUTION is no size such as 1280x720")
        return Declared(
            codecs=tuple(one.strip() for one in codecs.split(",")) if codecs else None,
            bandwidth=None if bandwidth is None else int(bandwidth),
            average=None if average is None else int(average),
            size=(int(size[1]), int(size[2])) if size else None,
            frame_rate=self._number(entry, "FRAME-RATE", where),
        )

    def _number(self, entry: Entry, attribute: str, where: str, form: re.Pattern[str] = _NUMBER) -> float | None:
        value = entry.attributes.get(attribute)
        if value is None:
            return None
        if not form.fullmatch(value):
            self._findings.add("bad-tag", where, f"{attribute} is not a {'whole ' * (form is _WHOLE)}number")
        return float(value) if _NUMBER.fullmatch(value) else None

    def _groups(self, master: MasterPlaylist) -> None:
        name = self.stream.name
        groups: dict[tuple[str, str], list[Entry]] = {}
        for entry in master.media:
            missing = [one for one in ("TYPE", "GROUP-ID", "NAME") if not entry.get(one)]
            missing += [needed for kind, needed in _NEEDED if entry.get("TYPE") == kind and not entry.get(needed)]
            if missing:
                self._findings.add("missing-attribute", name, f"EXT-X-MEDIA has no {missing[0]}")
            elif entry.get("TYPE") not in _GROUPS:
                self._findings.add("bad-tag", name, f"TYPE of EXT-X-MEDIA is none of {', '.join(_GROUPS)}")
            elif entry.get("TYPE") == "CLOSED-CAPTIONS" and entry.link:
                self._findings.add(
                    "bad-tag", name, "EXT-X-MEDIA of CLOSED-CAPTIONS has a URI: they lie in the pictures"
                )
            groups.setdefault((entry.get("TYPE") or "", entry.get("GROUP-ID") or ""), []).append(entry)
        for (kind, group), entries in groups.items():
            self._group(f"{kind} group {group}", kind, entries)

    def _group(self, group: str, kind: str, entries: list[Entry]) -> None:
        name = self.stream.name
        names = Counter(entry.get("NAME") for entry in entries)
        defaults = [entry for entry in entries if entry.get("DEFAULT") == "YES"]
        if names.most_common(1)[0][1] > 1:
            self._findings.add("group-names", name, f"{group}: two renditions have the same NAME")
        if len(defaults) > 1:
            self._findings.add("group-default", name, f"{group}: {len(defaults)} renditions are DEFAULT=YES")
        if any(entry.get("AUTOSELECT") == "NO" for entry in defaults):
            self._findings.add("group-default", name, f"{group}: the DEFAULT rendition is AUTOSELECT=NO")
        if kind == "AUDIO" and not defaults:
            self._findings.add("group-no-default", name, f"{group}: none is DEFAULT=YES")
        if len(entries) > 1 and any(not entry.get("LANGUAGE") for entry in entries):
            self._findings.add("no-language", name, f"{group}: a rendition among several has no LANGUAGE")

    def _wishes(self, master: MasterPlaylist) -> None:
        """What players can do without, but not as well."""
        name = self.stream.name
        moving = [entry for entry in master.variants if entry.get("RESOLUTION")]
        if not master.independent and not all(one.independent for one in self._renditions.values() if one):
            self._findings.add("no-independent-segments", name, "EXT-X-INDEPENDENT-SEGMENTS is not there")
        if moving and not master.key_frames:
            self._findings.add("no-key-frame-playlist", name, "it has no EXT-X-I-FRAME-STREAM-INF")
        if moving and not all(entry.get("CLOSED-CAPTIONS") for entry in moving):
            self._findings.add("captions-unclear", name, "CLOSED-CAPTIONS says neither NONE nor which")
        for entry in moving:
            if not entry.get("FRAME-RATE"):
                self._findings.add("no-frame-rate", entry.uri or name, "it has no FRAME-RATE")


def _parse(reader: Callable[[str, OnFault], _Playlist], text: str, name: str, findings: Findings) -> _Playlist | None:
    try:
        return reader(text, lambda code, message: findings.add(code, name, message))
    except ValueError as error:
        findings.add("not-a-playlist", name, str(error))
        return None


def _needed_version(playlist: MediaPlaylist) -> tuple[int, str]:
    """The least EXT-X-VERSION, and because of what (RFC 8216, 7)."""
    if any(segment.header for segment in playlist.segments):
        return (5, "EXT-X-MAP for key frames") if playlist.key_frames_only else (6, "EXT-X-MAP")
    if playlist.key_frames_only or any(segment.byte_range for segment in playlist.segments):
        return 4, "EXT-X-BYTERANGE or EXT-X-I-FRAMES-ONLY"
    return (3, "a fraction in EXTINF") if playlist.fractions else (1, "")
