"""Assets as JSON, with their URLs. URLs are made when answering, from the public URL; they are never stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from renditor.api.insight import shown_metadata
from renditor.audio.formats import FORMATS
from renditor.catalog import sets
from renditor.catalog.assets import Made, made_of, resource_type
from renditor.deliver.offers import Offered
from renditor.images.base import ImageInfo
from renditor.images.codecs.formats import shown_format
from renditor.images.snippet import Offer, Source, html
from renditor.models import Asset, Job, Rendition
from renditor.recipes.watching import Event
from renditor.video.streams.package import MASTER
from renditor.video.subtitles.sets import CAPTIONS, SetTrack

# Renditions that are named by their own id alone, and the file of each that the others hang on.
_FILES = {
    "storyboard": "storyboard.vtt",
    "preview": "preview.webp",
    "chapters": "chapters.vtt",
    "waveform": "waveform.json",
}


# Of the metadata of renditions, what only tells how they are stored; captions stand in the asset.
_INTERNAL = {"file", "heads", "captions", "removed"}


class Views:
    """How answers show assets.

    Args:
        public_url: how the world reaches this server, such as ``https://media.example.com``.
        opened: signs the tail of a delivery path where this server asks for it (``Gate.opened``).
        grant: opens private assets to whoever has the URLs.
    """

    def __init__(self, public_url: str, opened: Callable[[str], str], grant: str | None = None) -> None:
        self._public_url = public_url.rstrip("/")
        self._opened = opened
        self._grant = grant

    @property
    def path(self) -> str:
        """The path part of the public URL; mostly empty."""
        return urlsplit(self._public_url).path

    @property
    def secure(self) -> bool:
        """Whether the world reaches the server over TLS."""
        return self._public_url.startswith("https://")

    def asset(self, asset: Asset, renditions: Sequence[Rendition] = (), made: Made | None = None) -> dict[str, Any]:
        """The asset of the contract.

        Args:
            asset: what is shown.
            renditions: all of it; none in lists.
            made: for lists: what recipes have made of it.
        """
        urls = self.urls(asset, made_of(renditions) if made is None else made)
        return {
            "id": asset.id,
            "public_id": asset.public_id,
            "media_type": asset.media_type,
            "status": asset.status,
            "progress": asset.progress,
            "stage": asset.stage,
            "visibility": asset.visibility,
            "filename": asset.filename,
            "content_type": asset.content_type,
            "format": asset.format,
            "bytes": asset.bytes,
            "sha256": asset.sha256,
            "corrupt": asset.corrupt_at is not None,
            "width": asset.width,
            "height": asset.height,
            "duration": asset.duration,
            "recipe": asset.recipe,
            "tags": list(asset.tags),
            "created_at": _iso(asset.created_at),
            "updated_at": _iso(asset.updated_at),
            "error": asset.error,
            "metadata": shown_metadata(asset),
            "renditions": [self.rendition(asset, item) for item in renditions if item.kind != sets.KEPT],
            **urls,
            **({"captions": self.captions(asset, renditions)} if asset.media_type == "video" and made is None else {}),
        }

    def captions(self, asset: Asset, renditions: Sequence[Rendition]) -> list[dict[str, Any]]:
        """The text tracks of a video: those of its streams, or those that wait for it to have streams again."""
        return [
            self.caption(asset, rendition, SetTrack.from_json(track))
            for rendition in renditions
            if rendition.kind in (sets.SET, sets.KEPT)
            for track in rendition.metadata.get("captions", ())
        ]

    def caption(self, asset: Asset, rendition: Rendition, track: SetTrack) -> dict[str, Any]:
        """One text track; ``url`` is its WebVTT."""
        return {
            "name": track.name,
            "language": track.language,
            "label": track.label,
            "kind": track.kind,
            "default": track.default,
            "forced": track.forced,
            "url": f"{self._folder(asset, rendition.id)}{track.folder}/{CAPTIONS}",
        }

    def status(self, asset: Asset, made: Made) -> dict[str, Any]:
        """The short form that clients poll. ``made``: what recipes have made of it."""
        urls = self.urls(asset, made)
        streams: dict[str, Any] = {name: urls[name] for name in ("hls_url", "dash_url") if name in urls}
        return {
            "id": asset.id,
            "status": asset.status,
            "progress": asset.progress,
            "stage": asset.stage,
            "playable": "hls_url" in urls or (urls["url"] is not None and asset.media_type != "image"),
            "url": urls["url"],
            **streams,
            "error": asset.error,
        }

    def event(self, event: Event) -> dict[str, Any]:
        """What an event tells: how far the asset is; with all but ``job.progress`` also its URLs and its error."""
        if event.name == "job.progress":
            asset = event.asset
            return {"id": asset.id, "status": asset.status, "progress": asset.progress, "stage": asset.stage}
        return self.status(event.asset, event.made)

    def granted(self, asset: Asset, made: Made, grant: str) -> dict[str, str | None]:
        """``urls`` that a grant for the whole asset opens."""
        return Views(self._public_url, self._opened, grant).urls(asset, made)

    def granted_picture(self, asset: Asset, tail: str, grant: str) -> str:
        """The URL of the one picture that a grant is for; ``tail`` as ``picture_tail`` gives it."""
        return f"{Views(self._public_url, self._opened, grant).base(asset)}{tail}"

    @staticmethod
    def picture_tail(asset: Asset, transformation: str) -> str:
        """A picture's path behind the kind of delivery; without a format in the transformation its own."""
        extension = shown_format(ImageInfo.from_json(asset.metadata))
        return _tail(asset, extension, f"{transformation}/" if transformation else "")

    def base(self, asset: Asset) -> str:
        """What the URLs of an asset begin with."""
        way = f"private/g--{self._grant}--" if self._grant else "upload"
        return f"{self._public_url}/{asset.tenant}/{resource_type(asset.media_type)}/{way}/"

    def urls(self, asset: Asset, made: Made) -> dict[str, str | None]:
        """``url`` is the primary rendition, None until there is one; video and audio add what was made of them."""
        if asset.media_type == "image":
            ready = asset.status == "completed"
            return {"url": self._url(asset, shown_format(ImageInfo.from_json(asset.metadata))) if ready else None}
        urls: dict[str, str | None] = {"url": None}
        if "hls" in made:  # it may be there before the rest
            urls["hls_url"] = self._url(asset, "m3u8", "sp_auto/")
            urls["dash_url"] = self._url(asset, "mpd", "sp_auto/")
        if asset.status != "completed":
            return urls
        if asset.media_type == "audio":
            primary = next((name for name in FORMATS if f"audio.{name}" in made.get("audio", {})), None)
        else:
            primary = "mp4" if "mp4" in made else None
        urls["url"] = self._url(asset, primary) if primary else urls.get("hls_url")
        if "mp4" in made:
            urls["mp4_url"] = self._url(asset, "mp4")
        if "poster" in made:
            urls["poster_url"] = self._url(asset, "jpg")
        for kind, name in _FILES.items():
            for rendition_id in made.get(kind, {}).values():
                urls[f"{kind}_url"] = f"{self._folder(asset, rendition_id)}{name}"
        return urls

    def rendition(self, asset: Asset, rendition: Rendition) -> dict[str, Any]:
        return {
            "id": rendition.id,
            "kind": rendition.kind,
            "name": rendition.name,
            "content_type": rendition.content_type,
            "bytes": rendition.bytes,
            "width": rendition.width,
            "height": rendition.height,
            "duration": rendition.duration,
            "created_at": _iso(rendition.created_at),
            "url": self._rendition_url(asset, rendition),
            "metadata": {name: value for name, value in rendition.metadata.items() if name not in _INTERNAL},
        }

    def job(self, job: Job) -> dict[str, Any]:
        """How far work on an asset is."""
        return {
            "job_id": job.id,
            "media_id": job.asset_id,
            "recipe": job.recipe,
            "status": job.status,
            "progress": job.progress,
            "stage": job.stage,
            "error": job.error,
            "created_at": _iso(job.created_at),
        }

    def responsive(self, asset: Asset, offered: Offered) -> dict[str, Any]:
        """``urls``, ``srcset``, ``sizes`` and the snippet; ``sources``: the same by format, the best one first."""
        base = f"{self._public_url}/{asset.tenant}/image/upload/"
        sources = [
            Source(content_type, tuple(Offer(base + link.tail, link.size) for link in links))
            for content_type, links in offered.formats
        ]
        return {
            "urls": [offer.url for source in sources for offer in source.offers],
            "srcset": sources[-1].srcset,
            "sizes": offered.words.sizes,
            "sources": [{"type": source.content_type, "srcset": source.srcset} for source in sources],
            "placeholder": offered.placeholder,
            "html": html(sources, offered.words, offered.placeholder),
        }

    def _rendition_url(self, asset: Asset, rendition: Rendition) -> str:
        if rendition.kind == "image":
            transformation = str(rendition.metadata["transformation"])
            extension = rendition.name.rpartition(".")[2]
            return self._url(asset, extension, f"{transformation}/" if transformation else "")
        main = (
            MASTER if rendition.kind == sets.SET else _FILES.get(rendition.kind) or rendition.metadata.get("file", "")
        )
        return f"{self._folder(asset, rendition.id)}{main}"

    def _folder(self, asset: Asset, rendition_id: str) -> str:
        grant = f"g--{self._grant}--/" if self._grant else ""
        return f"{self._public_url}/{asset.tenant}/files/{grant}{rendition_id}/"

    def _url(self, asset: Asset, extension: str, transformation: str = "") -> str:
        return f"{self.base(asset)}{self._opened(_tail(asset, extension, transformation))}"


def _tail(asset: Asset, extension: str, transformation: str) -> str:
    name = quote(asset.public_id, safe="/")
    return f"{quote(transformation, safe='/,:_$!~.-')}v{asset.version}/{name}.{extension}"


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
