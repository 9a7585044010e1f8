"""Layers of a picture: which assets they are, and their originals beside the picture's own."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from renditor.catalog.current import Name
from renditor.deliver.rendering import Checkout
from renditor.errors import InvalidTransformation
from renditor.images.base import ImageInfo, Source, missing_layer
from renditor.images.insight import NOTHING_KNOWN, Insight
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.walk import facts_of, results
from renditor.models import Asset
from renditor.storage.base import Storage
from renditor.transformation import Component, Transformation
from renditor.transformation.faults import unsupported
from renditor.transformation.layers import NOT_PICTURES, ImageLayer, Layer, layers_of
from renditor.transformation.operations import OVERLAY, UNDERLAY

# Assets by their names, as ``CurrentAssets`` gave them.
Found = tuple[tuple[Name, Asset], ...]

# The asset of that name if it is there and public.
Public = Callable[[Name], Awaitable[Asset | None]]


async def find(transformation: Transformation, asset: Asset, public: Public) -> Found:
    """The assets that the transformation lays over or under ``asset``, of the same tenant, each once.

    Raises:
        NotFound: one of them is unknown or private: the answer is the same.
        UnsupportedTransformation: a layer that is neither a picture of this server nor a text.
    """
    found: dict[Name, Asset] = {}
    if all(component.get(OVERLAY) is None and component.get(UNDERLAY) is None for component in transformation):
        return ()
    for layer in dict.fromkeys((*layers_of(transformation), *_worked_out(transformation, asset))):
        if type(layer) in NOT_PICTURES:
            raise unsupported(NOT_PICTURES[type(layer)])
        if isinstance(layer, ImageLayer):
            name: Name = (asset.tenant, "image", layer.public_id)
            there = await public(name)
            if there is None:
                raise missing_layer(layer.public_id)
            found[name] = there
    return tuple(found.items())


def _worked_out(transformation: Transformation, asset: Asset) -> list[Layer]:
    """Layers that variables name. What is wrong with the chain, rendering says."""
    found: list[Layer] = []

    def seen(_: Component, layer: Layer) -> tuple[Size, Insight]:
        found.append(layer)  # how large it is nobody knows yet
        return size, NOTHING_KNOWN

    insight, size = Insight.from_json(asset.metadata), Size(asset.width or 1, asset.height or 1)
    pages = ImageInfo.from_json(asset.metadata).pages if asset.media_type == "image" else 1
    facts = facts_of(size, insight, pages=pages, tags=frozenset(asset.tags))
    with contextlib.suppress(InvalidTransformation):
        results(size, transformation, insight, facts=facts, measure=seen)
    return found


def beside(source: Checkout, layers: Found, storage: Storage) -> Checkout:
    """``source`` with the originals of the layers."""
    if not layers:
        return source

    async def all_of_them(folder: Path) -> Source:
        base = await source(folder)
        originals = {}
        for number, ((_, _, public_id), asset) in enumerate(layers):
            path = await storage.checkout(asset.source, folder / f"layer{number}")
            originals[public_id] = Source(path, asset.format, Insight.from_json(asset.metadata))
        return replace(base, layers=originals)

    return all_of_them
