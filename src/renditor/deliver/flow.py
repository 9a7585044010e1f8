"""The delivery flow: from a path to a response."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from renditor.access.keyring import Keyring
from renditor.catalog import assets
from renditor.catalog.base import Catalog
from renditor.catalog.current import ASK, Current, Name
from renditor.deliver import layers
from renditor.deliver.ahead import Ahead
from renditor.deliver.grants import Grants, kept_privately
from renditor.deliver.hints import Needs
from renditor.deliver.memory import Memory
from renditor.deliver.modes import Gate
from renditor.deliver.moving import Moving
from renditor.deliver.offers import Offers
from renditor.deliver.pictures import Pictures
from renditor.deliver.plan import Plan, Plans
from renditor.deliver.remote import split_remote_path
from renditor.deliver.rendering import Kept, Renderer, original
from renditor.deliver.responses import ReadRange, Redirect, Request, Response
from renditor.deliver.settings import DeliverySettings
from renditor.deliver.squeeze import Squeezer
from renditor.deliver.usage import Usage
from renditor.errors import NotFound, Unavailable
from renditor.images.base import ImageProvider
from renditor.images.codecs.formats import FORMATS
from renditor.models import Asset, ResourceType, is_id, now_ms
from renditor.routing import MediaRouter
from renditor.storage.base import Storage
from renditor.transformation import UnsupportedTransformation
from renditor.transformation.operations import DEFAULT_IMAGE
from renditor.transformation.path import split_delivery_path

_FILE_NAME = re.compile(r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*){0,3}")

# How long the secrets that sign URLs are kept before the catalog is asked again.
_FRESH_SECONDS = 2

# Takes a picture in: tenant, public id, URL.
Bring = Callable[[str, str, str], Awaitable[None]]

# All that may stand in a path, escapes included (RFC 3986, 3.3).
_AS_IT_CAME = "%/:@!$&'()*+,;=~"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What delivery takes from the composition root beside rooms and settings.

    ``engine`` names the code and settings that make pictures: part of every rendition's digest, so that pictures made
    by others are made anew. ``public_path`` is the path part of the public URL (mostly empty); ``work`` a folder for
    short-lived copies; ``locks`` a file that all processes of this machine share; ``grants`` opens private assets;
    ``secrets`` are those that sign URLs, as they are now.
    """

    engine: str
    public_path: str
    work: Path
    locks: Path
    grants: Grants
    secrets: Callable[[], Awaitable[Keyring]]


class Deliver:
    """The delivery flow of one process."""

    def __init__(
        self,
        catalog: Catalog,
        storage: Storage,
        router: MediaRouter,
        settings: DeliverySettings,
        gate: Gate,
        around: Surroundings,
    ) -> None:
        self.router = router
        self.settings = settings
        self._catalog = catalog
        self._storage = storage
        self.gate = gate
        self._grants = around.grants
        self._around = around
        self.offers = Offers(settings, gate)
        self._presets = settings.presets
        self._plans = Plans()
        self._fresh_until = 0.0
        self._current = Current(catalog)
        self._memory = Memory(settings.memory_cache, settings.memory_largest)
        self._usage = Usage(catalog)
        kept = Kept(catalog, storage, self._memory, self._current)
        self._renderer = Renderer(kept, router, settings.max_renditions_per_asset, around.work, around.locks)
        self._pictures = Pictures(self._renderer, self._usage, settings, around.engine, storage, self._reader)
        self._moving = Moving(catalog, storage, router, self._pictures, self._reader, around.public_path)
        self.ahead = Ahead(catalog, storage, router, self._pictures, around.work)

    def squeezer(self, patient: ImageProvider) -> Squeezer:
        """What encodes much used pictures again. ``patient``: renders with more effort."""
        after, work = self.settings.squeeze_after, self._around.work
        return Squeezer(self._catalog, self._storage, patient, self._pictures, after, work)

    async def close(self) -> None:
        """Finish what is being stored, write what was counted."""
        await self.settled()
        self._current.close()

    async def settled(self) -> None:
        """Wait until all that was answered is stored and counted."""
        await self._renderer.settled()
        await self._usage.settled()

    async def fresh(self) -> None:
        """See to it that signatures are checked, and made, with the secrets of a few seconds ago at most.

        Paths that a retired secret opened are closed then. Without the database the secrets stay as they are.
        """
        now = time.monotonic()
        if now < self._fresh_until:
            return
        self._fresh_until = now + _FRESH_SECONDS
        with contextlib.suppress(Unavailable):
            ring = await self._around.secrets()
            found = tuple(key.secret.decode() for key in ring.keys)
            self.gate.signing = ring.signing.secret.decode()
            if found != self.gate.secrets:
                self.gate.secrets = found
                self._plans.clear()

    def knows(self, raw: bytes) -> bool:
        """Whether this path was answered before: only then it pays to call ``again``."""
        return raw in self._plans

    def again(self, raw: bytes, request: Request) -> Response | None:
        """The answer to a path that was answered before, if it can be given at once; None: ask ``asset``.

        ``raw``: the whole path as it came. Nothing but the database's sign of changes is looked at.
        """
        plan = self._plans.get(raw)
        if plan is None or time.monotonic() > self._fresh_until:
            return None
        for name, asset in plan.assets:
            if self._current.peek(name) is not asset:
                return None
        return self._pictures.again(plan, request, self._memory.get)

    async def asset(self, tenant: str, kind: ResourceType, tail: str, request: Request, raw: bytes) -> Response:
        """Answer ``/{tenant}/{kind}/upload/{tail}``; ``tail`` is the raw (still encoded) rest of the path.

        Raises:
            InvalidTransformation (400), Unauthenticated (401), NotFound, StillProcessing (423), and what rendering
            may raise.
        """
        await self.fresh()
        try:
            return await self._asset(self._plans.get(raw) or self._plan(tenant, kind, tail), request, raw)
        except UnsupportedTransformation:
            if self.settings.on_unsupported != "proxy":
                raise
            return Redirect(f"{self.settings.proxy_url}/{kind}/upload/{quote(tail, _AS_IT_CAME)}", 307)

    async def _asset(self, plan: Plan, request: Request, raw: bytes) -> Response:
        path, secrets = plan.path, self.gate.secrets
        # From here on a private asset is like none: every answer about it would tell that it exists.
        asset = await self._public(plan.name)
        if asset is None and path.doubt:
            raise path.doubt
        if not plan.assets:
            self.gate.check(path)
        if asset is None:
            return await self._default(plan, request)
        found = ((plan.name, asset), *await layers.find(path.transformation, asset, self._public))
        if not plan.holds_for(found):
            plan = Plan(plan.name, path, plan.needs, found)
        if plan.name[1] != "image":
            return await self._moving.answer(plan, asset, request)
        response = await self._pictures.answer(plan, asset, request, original(asset, self._storage))
        if secrets is self.gate.secrets:  # else it may have been opened by one that is retired by now
            self._plans.put(raw, plan)
        return response

    async def granted(self, tenant: str, kind: ResourceType, tail: str, request: Request) -> Response:
        """Answer ``/{tenant}/{kind}/private/[g--grant--/]{tail}`` for whoever has a grant, in the URL or a cookie.

        Raises: as ``asset``; Unauthenticated: the grant is not valid, or no longer.
        """
        await self.fresh()
        plan = self._plan(tenant, kind, tail)
        asset = await self._now(plan.name)
        grant = await self._grants.check(request, asset, plan.name, plan.path)
        if asset is None:
            raise NotFound
        if grant.whole_asset:  # it opens the asset, not all that could be made of it
            self.gate.check(plan.path)
        found = ((plan.name, asset), *await layers.find(plan.path.transformation, asset, self._public))
        plan = Plan(plan.name, plan.path, plan.needs, found)
        if kind == "image":
            response = await self._pictures.answer(plan, asset, request, original(asset, self._storage))
        else:
            response = await self._moving.answer(plan, asset, request)
        return kept_privately(response, grant, self.settings.max_age)

    async def fetched(self, tenant: str, tail: str, request: Request, bring: Bring) -> Response:
        """Answer ``/{tenant}/image/fetch/{tail}``: a picture of another site.

        ``bring`` takes what lies behind a URL in, as the private picture of a tenant and public id.

        Raises: as ``asset``; NotFound: also for what cannot be fetched.
        """
        await self.fresh()
        ignore = self.settings.on_unsupported == "ignore"
        remote = split_remote_path(tail, self._presets, ignore_unsupported=ignore)
        self.gate.check_remote(remote.path, remote.target.host)
        url = str(remote.target)
        path = replace(remote.path, public_id=self.gate.remote_id(url))
        name: Name = (tenant, "image", path.public_id)
        asset = await self._now(name)
        if asset is None or asset.created_at < now_ms() - self.settings.fetch_ttl * 1000:
            await bring(tenant, path.public_id, url)
            asset = await self._now(name)
        if asset is None:
            raise NotFound
        found = ((name, asset), *await layers.find(path.transformation, asset, self._public))
        plan = Plan(name, path, Needs.of(path), found)
        return await self._pictures.answer(plan, asset, request, original(asset, self._storage))

    async def _default(self, plan: Plan, request: Request) -> Response:
        """``d_``: the picture to show where there is none."""
        missing = NotFound(f"Resource not found - {plan.path.public_id}")
        transformation = plan.path.transformation
        named = transformation.last(DEFAULT_IMAGE)
        if named is None or plan.name[1] != "image":
            raise missing
        stem, _, extension = named.rpartition(".")
        public_id = stem if extension in FORMATS else named
        asset = await self._public((plan.name[0], "image", public_id.replace(":", "/")))
        if asset is None:
            raise missing
        found = ((plan.name, asset), *await layers.find(transformation, asset, self._public))
        # It stands in until the missing one is there: nobody may keep it for ever.
        path = replace(plan.path, version=None, transformation=transformation.without_flag("immutable_cache"))
        stand_in = Plan(plan.name, path, plan.needs, found)
        return await self._pictures.answer(stand_in, asset, request, original(asset, self._storage))

    async def file(self, tenant: str, rendition_id: str, name: str, request: Request) -> Response:
        """Answer ``/{tenant}/files/[g--grant--/]{rendition_id}/{name}``: one file of a set.

        Raises: NotFound; Unauthenticated: the grant is not valid, or no longer.
        """
        if not _FILE_NAME.fullmatch(name) or not is_id(rendition_id):
            raise NotFound
        found = await self._catalog.read(lambda c: assets.by_rendition(c, tenant, rendition_id))
        if found is None or found[1].kind == "image":
            raise NotFound
        asset, rendition = found
        if asset.visibility == "public" and request.grant is None:
            return await self._moving.file(asset, rendition, name, request)
        kind = assets.resource_type(asset.media_type)
        grant = await self._grants.check(request, asset, (tenant, kind, asset.public_id), None)
        response = await self._moving.file(asset, rendition, name, request)
        return kept_privately(response, grant, self.settings.max_age)

    def _plan(self, tenant: str, kind: ResourceType, tail: str) -> Plan:
        ignore = self.settings.on_unsupported == "ignore"
        path = split_delivery_path(tail, kind, self._presets, ignore_unsupported=ignore)
        return Plan((tenant, kind, path.public_id), path, Needs.of(path))

    async def _public(self, name: Name) -> Asset | None:
        asset = await self._now(name)
        return asset if asset is not None and asset.visibility == "public" else None

    async def _now(self, name: Name) -> Asset | None:
        """The asset as it is now, private ones too: for whoever checks that they may be seen."""
        asset = self._current.peek(name)
        return await self._current.get(name) if asset == ASK else asset

    def _reader(self, key: str) -> ReadRange:
        def read(start: int, end: int) -> AsyncIterator[bytes]:
            return self._storage.open(key, start, end)

        return read
