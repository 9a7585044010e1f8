"""Assets as JSON, with their URLs. URLs are made when answering, from the public URL; they are never stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from renditor.api.insight import shown_metadata
from renditor.catalog.assets import resource_type
from renditor.deliver import Offered
from renditor.images.base import ImageInfo
from renditor.images.codecs.formats import shown_format
from renditor.images.snippet import Offer, Source, html
from renditor.models import Asset, Job, Rendition


class Views:
    """How answers show assets.

    Args:
        public_url: how the world reaches this server, such as ``https://media.example.com``.
        opened: signs the tail of a delivery path where this server asks for it (``Gate.opened``).
    """

    def __init__(self, public_url: str, opened: Callable[[str], str]) -> None:
        self._public_url = public_url.rstrip("/")
        self._opened = opened

    def asset(self, asset: Asset, renditions: list[Rendition] | None = None) -> dict[str, Any]:
        """The asset of the contract. ``renditions`` is empty in lists."""
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
            "width": asset.width,
            "height": asset.height,
            "duration": asset.duration,
            "tags": list(asset.tags),
            "created_at": _iso(asset.created_at),
            "updated_at": _iso(asset.updated_at),
            "error": asset.error,
            "metadata": shown_metadata(asset),
            "renditions": [self.rendition(asset, item) for item in renditions or []],
            **self.urls(asset),
        }

    def status(self, asset: Asset) -> dict[str, Any]:
        """The short form that clients poll."""
        return {
            "id": asset.id,
            "status": asset.status,
            "progress": asset.progress,
            "stage": asset.stage,
            "url": self.urls(asset)["url"],
            "error": asset.error,
        }

    def urls(self, asset: Asset) -> dict[str, str | None]:
        """``url`` is the primary rendition, None until there is one; completed video adds its streams and poster."""
        if asset.status != "completed":
            return {"url": None}
        if asset.media_type == "image":
            return {"url": self._url(asset, shown_format(ImageInfo.from_json(asset.metadata)))}
        if asset.media_type == "audio":
            return {"url": self._url(asset, "mp3")}
        mp4 = self._url(asset, "mp4")
        return {
            "url": mp4,
            "hls_url": self._url(asset, "m3u8", "sp_auto/"),
            "dash_url": self._url(asset, "mpd", "sp_auto/"),
            "mp4_url": mp4,
            "poster_url": self._url(asset, "jpg"),
        }

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
            "metadata": {name: value for name, value in rendition.metadata.items() if name != "file"},
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
        folder = f"{self._public_url}/{asset.tenant}/files/{rendition.id}/"
        return folder + ("master.m3u8" if rendition.kind == "hls" else str(rendition.metadata.get("file", "")))

    def _url(self, asset: Asset, extension: str, transformation: str = "") -> str:
        kind = resource_type(asset.media_type)
        name = quote(asset.public_id, safe="/")
        tail = f"{quote(transformation, safe='/,:_$!~.-')}v{asset.version}/{name}.{extension}"
        return f"{self._public_url}/{asset.tenant}/{kind}/upload/{self._opened(tail)}"


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
