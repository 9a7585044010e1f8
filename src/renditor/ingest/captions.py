"""FLOW: captions that are uploaded for a video become tracks of its set, or go again.

    body -> read with limits, written anew -> stored in a folder of its own -> new heads stored -> made known

The set grows as ``catalog.sets`` says: nothing that is known is ever written over. What was added stays until somebody
removes it, and what was removed stays away, whatever recipes run on the video meanwhile (``recipes.carrying``).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from renditor.catalog import assets, jobs, sets, trash
from renditor.catalog.base import Catalog
from renditor.content.spool import Chunk
from renditor.errors import Conflict, LimitExceeded, NotFound, Overloaded, Unprocessable, UnsupportedMedia
from renditor.ffmpeg.languages import language_name, language_tag
from renditor.models import Asset, Note, Notes, Principal, Rendition, new_id
from renditor.storage.base import Storage
from renditor.video.streams.package import MANIFEST, MASTER
from renditor.video.subtitles.cues import LARGEST_FILE
from renditor.video.subtitles.reading import read, too_large
from renditor.video.subtitles.sets import SetTrack, files, in_manifest, in_master
from renditor.video.tracks import TextKind

_KINDS: Final[tuple[TextKind, ...]] = ("captions", "subtitles")
_LONGEST_LABEL: Final = 60
# Of one video. Each is a line in every master playlist, and files that nobody may ever ask for.
_MOST_TRACKS: Final = 64
CAPTION_TYPES: Final = ("text/vtt", "application/x-subrip", "text/plain")
# What programs send that were not told: curl --data-binary, and most libraries.
_UNTOLD: Final = ("application/octet-stream", "application/x-www-form-urlencoded")
# Somebody else changes the same set: each time one of all wins.
_ATTEMPTS: Final = 50
_APART: Final = 0.02  # seconds, times the attempt


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """What may be said with captions. ``language``: a BCP 47 tag; without ``label`` the track is called after it."""

    language: str | None = None
    label: str | None = None
    kind: TextKind = "subtitles"
    default: bool = False
    forced: bool = False

    @classmethod
    def read(cls, values: Mapping[str, str]) -> CaptionOptions:
        """From query parameters. Raises: Unprocessable, naming the parameter."""
        known = ("language", "label", "kind", "default", "forced")
        for name in values:
            if name not in known:
                raise _wrong(name, f"There is no such parameter; there are {', '.join(known)}.")
        kind = values.get("kind", "subtitles")
        if kind not in _KINDS:
            raise _wrong("kind", "Give captions (for those who do not hear) or subtitles.")
        forced = _flag("forced", values.get("forced", ""))
        if forced and kind == "captions":
            raise _wrong("forced", "Captions tell everything, forced subtitles only what nobody can do without.")
        return cls(
            language=_language(values.get("language", "")),
            label=_label(values.get("label", "")),
            kind="captions" if kind == "captions" else "subtitles",
            default=_flag("default", values.get("default", "")),
            forced=forced,
        )


@dataclass(frozen=True, slots=True)
class CaptionedSet:
    """The set of a video (or what keeps its captions until it has one again), and the text tracks it has."""

    asset: Asset
    rendition: Rendition
    tracks: tuple[SetTrack, ...]


_Edit = Callable[[tuple[SetTrack, ...]], tuple[SetTrack, ...]]


@dataclass(frozen=True, slots=True)
class Captions:
    """Adds text tracks to the sets of videos, and removes them.

    ``background``: recipes that do not touch sets; ``note``: prepares entries of the audit log.
    """

    catalog: Catalog
    storage: Storage
    background: Collection[str]
    note: Notes

    async def of(self, principal: Principal, asset_id: str) -> CaptionedSet:
        """The tracks of a video. Raises: NotFound; Conflict: it has no set, or not yet."""
        return await self.catalog.read(partial(self._captioned, principal=principal, asset_id=asset_id))

    async def add(
        self,
        principal: Principal,
        asset_id: str,
        body: AsyncIterator[Chunk],
        options: CaptionOptions,
        content_type: str | None = None,
    ) -> tuple[CaptionedSet, SetTrack]:
        """Make WebVTT or SRT a track of a completed video.

        Args:
            principal: whose video it is.
            asset_id: which.
            body: the file.
            options: about the track.
            content_type: of the file, where it is declared.

        Returns: the set as it is now, and its new track.

        Raises:
            NotFound; Conflict: the video has no set or is being processed, or the label is taken.
            UnsupportedMedia: declared as something else. TooLarge.
            Unprocessable, LimitExceeded: no captions (the line at fault is named), or too many tracks.
            Overloaded: others change the same set all the time.
        """
        found = await self.of(principal, asset_id)
        if found.rendition.kind != sets.SET:
            raise _no_streams()
        _check_declared(content_type)
        captions = await asyncio.to_thread(read, await _whole(body))
        track = _named(found.tracks, options)
        made = await asyncio.to_thread(files, track, captions, found.rendition.duration or 0.0)
        track = replace(track, bytes=sum(map(len, made.values())))
        note = await self.note(principal, "captions.add", asset_id, track=track.name, bytes=track.bytes)
        async with self._marked(found.rendition, [f"{found.rendition.key}{track.folder}/"]):
            for name, content in made.items():
                await self.storage.write(found.rendition.key + name, content)
            changed = await self._change(principal, found, lambda tracks: _with(tracks, track, options), note)
        return changed, next(one for one in changed.tracks if one.folder == track.folder)

    async def remove(self, principal: Principal, asset_id: str, name: str) -> None:
        """Remove a track from a video. Raises: NotFound: video or track; Conflict, Overloaded: as ``add``."""
        found = await self.of(principal, asset_id)
        note = await self.note(principal, "captions.remove", asset_id, track=name)
        await self._change(principal, found, lambda tracks: _without(tracks, name), note)

    def _captioned(self, connection: Any, principal: Principal, asset_id: str) -> CaptionedSet:
        asset = assets.owned(connection, principal, asset_id)
        rendition = sets.captioned(connection, asset_id) if asset.media_type == "video" else None
        if asset.status != "completed" or jobs.unfinished_of(connection, asset_id, besides=self.background):
            raise Conflict(
                "Only a video that is completed can have captions added or removed.",
                hint="Wait for its processing to end; /media/{id}/status tells.",
                code="not-completed",
            )
        if rendition is None:
            raise _no_streams()
        tracks = tuple(SetTrack.from_json(track) for track in rendition.metadata.get("captions", ()))
        return CaptionedSet(asset, rendition, tracks)

    async def _change(self, principal: Principal, found: CaptionedSet, edit: _Edit, note: Note) -> CaptionedSet:
        """Give the set other tracks; ``edit`` is asked again when somebody else was first."""
        for attempt in range(_ATTEMPTS):
            before = await self.of(principal, found.asset.id)
            if before.rendition.id != found.rendition.id:
                break  # made anew by another recipe: what was stored for it went with it
            after = await self._rewrite(principal, before, edit(before.tracks), note)
            if after:
                return after
            await asyncio.sleep(random.random() * _APART * (attempt + 1))  # noqa: S311 - no secret
        raise Overloaded("Others change this video at the same time.", hint="Try again.")

    async def _rewrite(
        self, principal: Principal, before: CaptionedSet, tracks: tuple[SetTrack, ...], note: Note
    ) -> CaptionedSet | None:
        """Store heads that name these tracks, then let them count. None: somebody else was first."""
        old = before.rendition
        heads, texts = await self._heads(old, tracks) if old.kind == sets.SET else ({}, {})
        removed = sorted(sets.removed_tracks(old) | _own(before.tracks) - _own(tracks))
        captions = [track.to_json() for track in tracks]
        metadata = old.metadata | {"heads": heads, "captions": captions, "removed": removed}
        new = replace(old, metadata=metadata, bytes=old.bytes + _bytes(tracks) - _bytes(before.tracks))
        fresh, gone = (
            _folders(old, tracks) - _folders(old, before.tracks),
            _folders(old, before.tracks) - _folders(old, tracks),
        )
        stored = [old.key + name for name in texts]

        def work(connection: Any) -> bool:
            self._captioned(connection, principal, before.asset.id)  # it may be gone by now, or in work again
            changed = sets.change(connection, old, new, [*stored, *fresh], gone)
            if changed:
                note(connection)
            else:
                trash.throw(connection, stored)
            return changed

        async with self._marked(old, stored):
            for name, text in texts.items():
                await self.storage.write(old.key + name, text.encode())
            return replace(before, rendition=new, tracks=tracks) if await self.catalog.write(work) else None

    async def _heads(self, old: Rendition, tracks: tuple[SetTrack, ...]) -> tuple[dict[str, str], dict[str, str]]:
        """The names under which the heads with these tracks are to be stored, and their texts by these names."""
        token = new_id()[-8:]
        heads = {head: head.replace(".", f"-{token}.") for head in (MASTER, MANIFEST)}
        texts = {
            heads[MASTER]: in_master(await self._text(old, MASTER), tracks),
            heads[MANIFEST]: in_manifest(await self._text(old, MANIFEST), tracks, old.duration or 0.0),
        }
        return heads, texts

    async def _text(self, rendition: Rendition, name: str) -> str:
        return b"".join([chunk async for chunk in self.storage.open(rendition.key + name)]).decode()

    @contextlib.asynccontextmanager
    async def _marked(self, rendition: Rendition, keys: list[str]) -> AsyncIterator[None]:
        """Mark objects before they are stored, and give them up where they do not become known."""
        await self.catalog.write(partial(trash.intend, keys=keys))
        try:
            yield
        except BaseException:
            give_up = partial(sets.give_up, rendition_id=rendition.id, keys=keys)
            await asyncio.shield(self.catalog.write(give_up))
            raise


def _named(tracks: tuple[SetTrack, ...], options: CaptionOptions) -> SetTrack:
    """The track that was asked for, with a name, a label and a folder that no other has.

    Raises: Conflict: the label is taken. LimitExceeded: there are too many.
    """
    if len(tracks) >= _MOST_TRACKS:
        raise LimitExceeded(f"A video has {_MOST_TRACKS} tracks of captions at most.", hint="Remove some before.")
    labels = {track.label for track in tracks}
    if options.label in labels:
        raise Conflict(
            f"There is a track {options.label!r} already.",
            hint="Give another label, or remove that track before.",
            code="label-taken",
        )
    stem = f"text-{options.language.lower()}" if options.language else "text"
    usual = language_name(options.language) or options.language or options.kind.capitalize()
    if options.language and options.kind == "captions":
        usual += " (SDH)"
    return SetTrack(
        name=_unused(stem, "-", {track.name for track in tracks}),
        folder=f"{stem}-{new_id()[-8:]}",
        label=options.label or _unused(usual, " ", labels),
        kind=options.kind,
        language=options.language,
        default=options.default,
        forced=options.forced,
        uploaded=True,
    )


def _with(tracks: tuple[SetTrack, ...], new: SetTrack, options: CaptionOptions) -> tuple[SetTrack, ...]:
    """The tracks with one more, which takes the place of the default one if it is to be that."""
    again = _named(tracks, options)  # somebody else may have taken its name or its label
    others = tuple(replace(track, default=False) for track in tracks) if new.default else tracks
    return *others, replace(new, name=again.name, label=again.label)


def _without(tracks: tuple[SetTrack, ...], name: str) -> tuple[SetTrack, ...]:
    left = tuple(track for track in tracks if track.name != name)
    if len(left) == len(tracks):
        raise NotFound
    return left


def _unused(wanted: str, between: str, taken: set[str]) -> str:
    """``text-en``, or where that is taken ``text-en-2``."""
    numbered = itertools.chain([wanted], (f"{wanted}{between}{number}" for number in itertools.count(2)))
    return next(name for name in numbered if name not in taken)


def _folders(rendition: Rendition, tracks: tuple[SetTrack, ...]) -> set[str]:
    return {f"{rendition.key}{track.folder}/" for track in tracks}


def _own(tracks: tuple[SetTrack, ...]) -> set[str]:
    """The names of those that come from the video's own file."""
    return {track.name for track in tracks if not track.uploaded}


def _bytes(tracks: tuple[SetTrack, ...]) -> int:
    return sum(track.bytes for track in tracks)


async def _whole(body: AsyncIterator[Chunk]) -> bytes:
    """The body, which is small. Raises: TooLarge."""
    content = bytearray()
    async for chunk in body:
        content += chunk
        if len(content) > LARGEST_FILE:
            raise too_large()
    return bytes(content)


def _no_streams() -> Conflict:
    return Conflict(
        "Captions belong to the HLS and DASH streams of a video; this has none.",
        hint="Run a recipe on it whose outputs include hls.",
        code="no-streams",
    )


def _check_declared(content_type: str | None) -> None:
    """Raises: UnsupportedMedia: it says that it is something else than captions."""
    declared = (content_type or "").partition(";")[0].strip().lower()
    if declared and declared not in (*CAPTION_TYPES, *_UNTOLD):
        raise UnsupportedMedia(
            f"Captions are sent as {', '.join(CAPTION_TYPES)}, not as {declared[:100]}.",
            hint="Send the file itself as the body, with its Content-Type.",
        )


def _language(text: str) -> str | None:
    tag = language_tag(text)
    if tag is None and text.strip().lower() not in ("", "und"):
        raise _wrong("language", "Give a BCP 47 tag, such as en or pt-BR.")
    return tag


def _label(text: str) -> str | None:
    label = " ".join(text.split())
    # It stands between quotation marks in playlists, which know no way to write one (RFC 8216, 4.2).
    if len(label) > _LONGEST_LABEL or not label.isprintable() or '"' in label:
        raise _wrong("label", f"Give up to {_LONGEST_LABEL} characters that can be seen, without quotation marks.")
    return label or None


def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("", "true", "false", "1", "0"):
        raise _wrong(name, "Give true or false.")
    return text.lower() in ("true", "1")


def _wrong(name: str, what: str) -> Unprocessable:
    return Unprocessable(f"{name[:100]}: {what}", code="invalid-parameter")
