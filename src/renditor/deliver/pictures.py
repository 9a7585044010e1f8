"""Answers that are pictures: from memory, from storage, or made now."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from renditor.deliver import hints
from renditor.deliver.layers import Found, beside
from renditor.deliver.memory import Stored
from renditor.deliver.plan import Plan, Variant
from renditor.deliver.rendering import Checkout, Renderer, Wanted
from renditor.deliver.responses import (
    CONTENT_TYPES,
    IMMUTABLE,
    Body,
    Head,
    Headers,
    NotModified,
    ReadRange,
    Redirect,
    Request,
    Response,
    disposition,
)
from renditor.deliver.settings import DeliverySettings
from renditor.deliver.usage import Usage
from renditor.errors import InvalidTransformation, NotFound
from renditor.images.base import ImageInfo, RemoteURL
from renditor.images.codecs.formats import FORMATS, pick_format, shown_format
from renditor.images.insight import Insight, fingerprint, is_provisional
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.walk import check_media, decided, facts_of
from renditor.models import Asset
from renditor.storage.base import Storage
from renditor.transformation import Transformation
from renditor.transformation.operations import DEFAULT_IMAGE, FORMAT
from renditor.transformation.path import DeliveryPath

# Longest name of a picture that is its transformation in clear; bytes. PostgreSQL indexes no more than 2700.
_NAME_BYTES = 1000
# Flags that decide on the answer, not on the picture: they make no renditions of their own.
_ABOUT_THE_ANSWER = ("attachment", "getinfo", "immutable_cache")
# Bytes of a header that repeats parts of the URL; proxies refuse answers whose header fields are too long.
_MOST_IGNORED = 500


@dataclass(frozen=True, slots=True)
class Pictures:
    """``engine`` names the code and settings that make pictures; ``read`` opens stored objects, of ``storage``."""

    renderer: Renderer
    usage: Usage
    settings: DeliverySettings
    engine: str
    storage: Storage
    read: Callable[[str], ReadRange]

    async def answer(self, plan: Plan, asset: Asset, request: Request, source: Checkout) -> Response:
        """The picture of ``asset`` that the plan asks for. Raises: as ``Renderer.made``."""
        variant = self._variant(plan, asset, request, source)
        held = request.holds(variant.wanted.digest)
        if held is not None:
            return NotModified(held, variant.head)
        found: Stored | RemoteURL | None = await self.renderer.stored(variant.wanted)
        cache = "hit"
        if found is None:
            found = await self.renderer.made(variant.wanted)
            cache = "miss"
        if isinstance(found, RemoteURL):
            return Redirect(found.url)
        self.usage.note(found.rendition.id)
        if plan.path.transformation.flag("getinfo") is not None:
            return _info(asset, found, variant.head)
        return self._body(variant, found, cache)

    def again(self, plan: Plan, request: Request, held: Callable[[str, Asset], Stored | None]) -> Response | None:
        """The same answer as last time to the same kind of client, if nothing has to be read; else None."""
        client = plan.needs.client(request, self.settings.widths) if plan.needs else hints.ANYBODY
        variant = plan.variants.get(client)
        if variant is None:
            return None
        if request.if_none_match is not None:
            tag = request.holds(variant.wanted.digest)
            if tag is not None:
                return NotModified(tag, variant.head)
        stored = held(variant.wanted.digest, variant.wanted.asset)
        body = None if stored is None else stored.bodies.get(variant)
        if stored is not None and body is not None:
            self.usage.note(stored.rendition.id)
        return body

    def _body(self, variant: Variant, stored: Stored, cache: str) -> Body:
        item = stored.rendition
        body = Body(item.content_type, item.bytes, stored.etag, variant.head, stored.content, cache=cache)
        if stored.content is None or stored.kept:
            body.key = item.key
        if stored.content is None:
            body.chunks = self.read(item.key)
        elif stored.kept:
            stored.bodies[variant] = body
        return body

    def _variant(self, plan: Plan, asset: Asset, request: Request, source: Checkout) -> Variant:
        client = plan.needs.client(request, self.settings.widths)
        variant = plan.variants.get(client)
        if variant is not None:
            return variant
        path = plan.path
        chosen = hints.resolve(path.transformation, client, asset.width)
        output = pick_format(request.accept, _wanted_format(asset, chosen, path.ext), _picture_info(asset), chosen)
        layers = plan.assets[1:]
        wanted = self.wanted(asset, chosen, output, source, layers)
        if layers:
            path = replace(path, version=None)  # of the asset alone: a layer may be replaced at any time
        if asset.media_type == "image" and is_provisional(Insight.from_json(asset.metadata), chosen):
            path = replace(path, version=None)
        head = Head(
            self.cache_control(asset, path),
            plan.needs.vary,
            disposition(path, asset, output),
            _more(plan),
        )
        plan.variants[client] = Variant(wanted, head)
        return plan.variants[client]

    def wanted(
        self, asset: Asset, transformation: Transformation, output: str, source: Checkout, layers: Found
    ) -> Wanted:
        """The one picture that this asks for: the transformation with nothing left to hints, a concrete format.

        Raises: InvalidTransformation: a picture is asked for what only videos have.
        """
        if asset.media_type == "image":  # so_ says which frame of a video
            check_media(transformation)
        picture = transformation.without(FORMAT, DEFAULT_IMAGE)
        for flag in _ABOUT_THE_ANSWER:
            picture = picture.without_flag(flag)
        text = str(picture)
        name = f"{text}.{output}"
        if len(name.encode()) > _NAME_BYTES:
            name = f"{hashlib.sha256(name.encode()).hexdigest()}.{output}"
        tags = repr(asset.tags) if "tags" in text else ""  # conditions may ask for them
        # Another recipe may have made another poster.
        poster = "" if asset.media_type == "image" else str(asset.version)
        # With the asset's id: another asset with the same bytes may be deleted while this one stays.
        digest = _digest(asset.id, asset.sha256, poster, text, output, self.engine, _known(asset, picture), tags)
        for _, layer in layers:
            digest = _digest(digest, layer.sha256, _known(layer, picture))
        return Wanted(asset, picture, output, name, digest, beside(source, layers, self.storage))

    def cache_control(self, asset: Asset, path: DeliveryPath) -> str:
        """A URL that carries the asset's own version never changes its meaning; any other may at the next upload."""
        if path.version == asset.version or path.transformation.flag("immutable_cache") is not None:
            return IMMUTABLE
        return f"public, max-age={self.settings.max_age}"


def _more(plan: Plan) -> Headers:
    more: Headers = []
    if plan.needs.accept_ch is not None:
        more.append((b"accept-ch", plan.needs.accept_ch))
    if plan.path.left_out:
        ignored = ", ".join(plan.path.left_out)
        more.append((b"x-renditor-ignored", ignored.encode("ascii", "replace")[:_MOST_IGNORED]))
    return more


def named_format(asset: Asset, transformation: Transformation) -> str | None:
    """What ``f_`` says for this asset: inside of a condition it counts where that holds."""
    if transformation.conditional:
        info, insight = _picture_info(asset), Insight.from_json(asset.metadata)
        size = Size(info.width, info.height)
        facts = facts_of(size, insight, pages=info.pages, tags=frozenset(asset.tags))
        with contextlib.suppress(InvalidTransformation):  # what is wrong with the chain, rendering says
            transformation = decided(size, transformation, insight, facts)
    return transformation.last(FORMAT)


def _wanted_format(asset: Asset, transformation: Transformation, ext: str | None) -> str:
    """``f_`` wins over the extension, which wins over the stored format, where browsers show that."""
    asked = named_format(asset, transformation) or ext
    if asked is None:
        return shown_format(_picture_info(asset))
    if asked not in FORMATS and asked != "auto":
        raise NotFound(f"A picture is not delivered as {asked!r}.")
    return asked


def _picture_info(asset: Asset) -> ImageInfo:
    """What the choice of a format depends on; a frame of a video is a plain opaque picture."""
    if asset.media_type == "image":
        return ImageInfo.from_json(asset.metadata)
    return ImageInfo("jpg", asset.width or 0, asset.height or 0)


def _info(asset: Asset, stored: Stored, head: Head) -> Body:
    """``fl_getinfo``: sizes in px and bytes, of the original and of the picture."""
    item = stored.rendition
    output = {"width": item.width, "height": item.height, "bytes": item.bytes, "format": item.key.rsplit(".", 1)[-1]}
    source = {"width": asset.width, "height": asset.height, "bytes": asset.bytes, "format": asset.format}
    content = json.dumps({"input": source, "output": output}).encode()
    etag = f'{stored.etag[:-1]}-info"'
    return Body(CONTENT_TYPES["json"], len(content), etag, replace(head, disposition=None), content)


def _known(asset: Asset, picture: Transformation) -> str:
    return fingerprint(Insight.from_json(asset.metadata), picture)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]
