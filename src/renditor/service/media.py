"""The media service: joins the flows (ingest, recipes, deliver), answers questions about assets, knows no HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from renditor import observe
from renditor.catalog import assets, jobs, pictures, tokens, uploads, usage
from renditor.catalog.assets import Made
from renditor.catalog.base import Catalog
from renditor.content.spool import Chunk
from renditor.deliver.flow import Deliver
from renditor.deliver.offers import Asked, Offered, check_picture
from renditor.errors import Conflict, Corrupt, Forbidden, NotFound, RenditorError, Unprocessable
from renditor.ingest import CaptionOptions, Captions, Ingest, UploadOptions, check_tags
from renditor.ingest.quotas import OWN_RECIPES
from renditor.ingest.repeats import Repeats
from renditor.ingest.resumable import Resumable
from renditor.jobs.base import EAGER, RECIPE_JOB, JobEngine
from renditor.models import Asset, Job, Note, Principal, Rendition, Visibility, is_id, new_id, now_ms
from renditor.outbound.client import Fetched, OutboundClient
from renditor.recipes.flow import Recipes
from renditor.recipes.watching import Event, Watch, Watching
from renditor.service.apikeys import Keys
from renditor.service.auditing import Audit
from renditor.service.granting import Granting
from renditor.service.identity import Identity
from renditor.service.limits import Limited, Limits, expect_admitted
from renditor.service.remote import Remote
from renditor.storage.base import Storage
from renditor.transformation import Transformation
from renditor.video.subtitles.sets import SetTrack


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; ``made``: what recipes have made of each, by id; ``next_cursor`` is None at the end."""

    items: list[Asset]
    made: Mapping[str, Made]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Used:
    """What an owner has; ``rates``: the limits that apply to whoever asks, and where they stand."""

    kept: usage.Usage
    open_uploads: int
    running_jobs: int
    rates: tuple[Limited, ...]


@dataclass(frozen=True, slots=True)
class Flows:
    """What the service joins. Built in ``app.py``."""

    ingest: Ingest
    recipes: Recipes
    deliver: Deliver
    catalog: Catalog
    storage: Storage
    jobs: JobEngine
    limits: Limits
    watching: Watching
    captions: Captions
    identity: Identity
    audit: Audit
    granting: Granting
    keys: Keys
    resumable: Resumable
    repeats: Repeats
    outbound: OutboundClient
    remote: Remote


class MediaProcessingService:
    """One instance a process; safe to use from many tasks at once."""

    def __init__(self, flows: Flows) -> None:
        self.flows = flows

    async def admit_upload(self, principal: Principal, applied: list[Limited]) -> None:
        """Count one upload of this owner, and add the limit to those that ``applied``. Keys with the scope admin are
        exempt.

        Raises: TooManyRequests; Forbidden: the upload token is used up; Unavailable: nothing can be counted.
        """
        limited = await self.flows.limits.admit_upload(principal)
        if limited is None:
            return
        applied.append(limited)
        expect_admitted(limited)
        allowance = principal.allowance
        if allowance and not await self.flows.catalog.write(lambda c: tokens.spend(c, allowance.token_id)):
            raise Forbidden("The upload token is used up.", code="token-used-up", hint="Ask for a new one.")

    # -- assets -------------------------------------------------------------------------------------------------------

    async def upload(
        self,
        principal: Principal,
        body: AsyncIterator[Chunk],
        options: Callable[[], UploadOptions],
        declared: int | None = None,
        asset_id: str | None = None,
    ) -> Asset:
        """Take a file in; see ``Ingest.upload``. Images come back ``completed``, video and audio ``processing``."""
        return await self.flows.ingest.upload(principal, body, options, declared, asset_id)

    async def fetch(
        self,
        principal: Principal,
        url: str,
        options: Callable[[Fetched], UploadOptions],
        asset_id: str | None = None,
    ) -> Asset:
        """Take in the file behind a URL; otherwise as ``upload``.

        Raises: BlockedURL, FetchFailed, Overloaded: see ``OutboundClient.fetch``; and as ``upload``.
        """
        async with self.flows.outbound.fetch(url, limit=self.flows.ingest.limits.largest) as found:
            body = found.chunks, lambda: options(found), found.length
            return await self.flows.ingest.upload(principal, *body, asset_id)

    async def get(self, principal: Principal, asset_id: str) -> tuple[Asset, list[Rendition]]:
        """An asset and its renditions. Raises: NotFound: unknown and foreign ids alike."""

        def work(connection: Any) -> tuple[Asset, list[Rendition]]:
            asset = assets.owned(connection, principal, asset_id)
            return asset, assets.renditions_of(connection, asset_id)

        return await self.flows.catalog.read(work)

    async def page(self, principal: Principal, filters: dict[str, str], cursor: str | None, limit: int) -> Page:
        """The owner's assets, newest first. ``filters``: media_type, status, tag. Raises: Unprocessable (cursor)."""
        if cursor and not is_id(cursor):
            raise Unprocessable("cursor: Give the next_cursor of the page before.", code="invalid-parameter")

        def work(connection: Any) -> Page:
            items, next_cursor = assets.page(connection, principal, filters, cursor, limit)
            return Page(items, assets.made_of_all(connection, [item.id for item in items]), next_cursor)

        return await self.flows.catalog.read(work)

    async def change(
        self,
        principal: Principal,
        asset_id: str,
        *,
        visibility: Visibility | None = None,
        tags: list[str] | None = None,
        focal_point: tuple[float, float] | Literal["found"] | None = None,
    ) -> Asset:
        """Change what may be changed; it takes effect at once in every process. None: leave it as it is.

        Args:
            focal_point: x and y as shares (0-1) of the upright picture; ``found``: back to the one that was found.
                The version in the asset's URLs becomes another: what was cached for ever under the old one is old now.

        Raises: NotFound; Unprocessable: bad tags, or a focal point for something that is no picture.
        """
        values: dict[str, Any] = {"updated_at": now_ms()}
        changed: dict[str, Any] = {"focal_point": focal_point} if focal_point is not None else {}
        if visibility is not None:
            values["visibility"] = changed["visibility"] = visibility
        if tags is not None:
            try:
                values["tags"] = list(check_tags(iter(tags)))
                changed["tags"] = len(tags)
            except RenditorError as error:
                raise Unprocessable(error.detail) from None
        note = await self.flows.audit.note(principal, "asset.change", asset_id, **changed)

        def work(connection: Any) -> Asset:
            asset = assets.owned(connection, principal, asset_id)
            if focal_point is not None:
                if asset.media_type != "image":
                    raise Unprocessable("focal_point: Only pictures have one.", code="invalid-body")
                point = None if focal_point == "found" else list(focal_point)
                assets.merge_metadata(connection, asset_id, {"custom_point": point})
                assets.renew_version(connection, asset_id)
            assets.update(connection, asset_id, **values)
            note(connection)
            return assets.get(connection, asset_id)

        return await self.flows.catalog.write(work)

    async def delete(self, principal: Principal, asset_id: str) -> None:
        """Remove an asset, its original (unless another asset shares it) and all renditions. Raises: NotFound.

        Delivery answers 404 from now on. The objects are removed at once; what fails is left to the worker's sweeps.
        """
        note = await self.flows.audit.note(principal, "asset.delete", asset_id)

        def work(connection: Any) -> list[str]:
            job_ids = assets.remove(connection, assets.owned(connection, principal, asset_id))
            note(connection)
            return job_ids

        # It is gone as soon as the catalog says so. What follows only hurries: a running job finds its row gone, and
        # the sweeps find the objects.
        job_ids = await self.flows.catalog.write(work)
        with contextlib.suppress(RenditorError):
            for job_id in job_ids:
                await self.flows.jobs.cancel(job_id)
            await self.flows.recipes.sweeps.empty_trash()
        observe.log().info("media_deleted", owner=principal.owner, asset=asset_id)

    async def drop_renditions(self, principal: Principal, asset_id: str) -> None:
        """Forget all stored pictures of an asset, in every process at once; the next requests make them anew.

        Its video and audio renditions stay. Raises: NotFound.
        """
        note = await self.flows.audit.note(principal, "renditions.drop", asset_id)

        def work(connection: Any) -> int:
            count = pictures.drop_all(connection, assets.owned(connection, principal, asset_id).id)
            note(connection)
            return count

        count = await self.flows.catalog.write(work)
        with contextlib.suppress(RenditorError):
            await self.flows.recipes.sweeps.empty_trash()
        observe.log().info("renditions_dropped", owner=principal.owner, asset=asset_id, pictures=count)

    async def listen(self, principal: Principal, asset_id: str, last: str | None = None) -> Watch:
        """A listener to what happens to an asset; to be closed. ``last``: the id of the last event that it has.

        Raises: NotFound; TooManyRequests, Overloaded: too many listen already.
        """
        asset, renditions = await self.get(principal, asset_id)
        return self.flows.watching.watch(asset, assets.made_of(renditions), last)

    async def events(self, principal: Principal, asset_id: str) -> AsyncIterator[Event]:
        """What happens to an asset, until it is done (the last event says how) or gone. Raises: as ``listen``."""
        watch = await self.listen(principal, asset_id)
        try:
            async for event in watch:
                if event is not None:
                    yield event
        finally:
            watch.close()

    async def run_recipe(self, principal: Principal, asset_id: str, recipe: str) -> Job:
        """Make everything anew by another recipe (or the same, after it failed).

        What there is stays as it is until all of the new is there, and then goes in the same moment.

        Returns: the job; the same one again while it is not done.

        Raises: NotFound; BadRequest: no such recipe for this type; Conflict: another recipe is at work on it.
        """
        asset, _ = await self.get(principal, asset_id)
        name = self.flows.recipes.name_for(asset.media_type, recipe)
        background = self.flows.recipes.in_background
        now = now_ms()
        new = Job(new_id(), asset.id, name or recipe, "queued", now, now)
        note = await self.flows.audit.note(principal, "job.create", asset_id, job=new.id, recipe=new.recipe)

        def work(connection: Any) -> Job:
            jobs.line_up(connection, asset_id)
            current = assets.owned(connection, principal, asset_id)
            if any(job.recipe != new.recipe for job in jobs.unfinished_of(connection, asset_id, besides=background)):
                detail, hint = "Another recipe is at work on this asset.", "Wait for it, or cancel it."
                raise Conflict(detail, hint=hint, code="being-processed")
            if current.status in ("failed", "cancelled"):
                again = {"status": "processing", "progress": 0, "stage": None, "error": None}
                assets.update(connection, asset_id, recipe=new.recipe, **again)
            return self._asked(connection, principal, new, note)

        job = await self.flows.catalog.write(work)
        with contextlib.suppress(RenditorError):  # the reconciler finds its row later
            await self.flows.jobs.enqueue(RECIPE_JOB, job.id, {"job_id": job.id})
        return job

    async def cancel(self, principal: Principal, asset_id: str) -> tuple[Asset, list[Rendition]]:
        """Stop the processing of an asset. Raises: NotFound, Conflict: nothing of it is being processed.

        Returns: as ``get``. What was complete before, when another recipe was at work, is as it was.
        """

        background = self.flows.recipes.in_background
        note = await self.flows.audit.note(principal, "job.cancel", asset_id)

        def work(connection: Any) -> list[str]:
            assets.owned(connection, principal, asset_id)
            unfinished = jobs.unfinished_of(connection, asset_id, besides=background)
            ended = [job.id for job in unfinished if jobs.finish(connection, job.id, "cancelled")]
            if ended:
                note(connection)
            return ended

        cancelled = await self.flows.catalog.write(work)
        if not cancelled:
            raise Conflict("Nothing of this asset is being processed.", code="not-processing")
        with contextlib.suppress(RenditorError):  # the worker sees it in the catalog too, a little later
            for job_id in cancelled:
                await self.flows.jobs.cancel(job_id)
        observe.log().info("media_processing_cancelled", owner=principal.owner, asset=asset_id)
        return await self.get(principal, asset_id)

    # -- captions -----------------------------------------------------------------------------------------------------

    async def add_captions(
        self,
        principal: Principal,
        asset_id: str,
        body: AsyncIterator[Chunk],
        options: CaptionOptions,
        content_type: str | None = None,
    ) -> tuple[Rendition, SetTrack]:
        """Make WebVTT or SRT a track of a completed video. Raises: as ``Captions.add``.

        Returns: its set, and the track.
        """
        changed, track = await self.flows.captions.add(principal, asset_id, body, options, content_type)
        observe.log().info("captions_added", owner=principal.owner, asset=asset_id, track=track.name)
        return changed.rendition, track

    async def remove_captions(self, principal: Principal, asset_id: str, name: str) -> None:
        """Remove a track from a video. Raises: as ``Captions.remove``."""
        await self.flows.captions.remove(principal, asset_id, name)
        with contextlib.suppress(RenditorError):
            await self.flows.recipes.sweeps.empty_trash()
        observe.log().info("captions_removed", owner=principal.owner, asset=asset_id, track=name)

    # -- pictures -----------------------------------------------------------------------------------------------------

    async def srcset(self, principal: Principal, asset_id: str, asked: Asked) -> tuple[Asset, Offered]:
        """What a page should offer of a picture. Raises: NotFound, and as ``Offers.of``."""
        asset, _ = await self.get(principal, asset_id)
        # In a thread: to plan sixty chains takes a tenth of a second, in which nothing would be delivered.
        return asset, await asyncio.to_thread(self.flows.deliver.offers.of, asset, asked)

    async def make_renditions(
        self, principal: Principal, asset_id: str, chains: Sequence[str] = (), responsive: Asked | None = None
    ) -> Job:
        """Have pictures made before anybody asks for them: those of ``chains`` (presets too), and those that
        ``responsive`` would offer. Visitors find them stored.

        Returns: the job; the same one again while it is not done.

        Raises: NotFound, Unprocessable, InvalidTransformation: found out before any work.
        """
        asset, _ = await self.get(principal, asset_id)
        check_picture(asset)
        offers = self.flows.deliver.offers

        def read() -> list[Transformation]:
            named = [offers.read(text) for text in chains]
            return named if responsive is None else named + offers.chains(asset, responsive)

        wanted = await asyncio.to_thread(read)
        await self.flows.deliver.ahead.check(asset, wanted)
        task = {"transformations": list(dict.fromkeys(map(str, wanted)))}
        now = now_ms()
        new = Job(new_id(), asset.id, EAGER, "queued", now, now, task=task)
        facts = {"job": new.id, "recipe": EAGER, "pictures": len(wanted)}
        note = await self.flows.audit.note(principal, "job.create", asset_id, **facts)
        job = await self.flows.catalog.write(lambda c: self._asked(c, principal, new, note))
        with contextlib.suppress(RenditorError):  # the reconciler finds its row later
            await self.flows.jobs.enqueue(RECIPE_JOB, job.id, {"job_id": job.id}, background=True)
        return job

    async def job(self, principal: Principal, asset_id: str, job_id: str) -> Job:
        """A job of an asset. Raises: NotFound."""

        def work(connection: Any) -> Job | None:
            asset = assets.owned(connection, principal, asset_id)
            return jobs.of_asset(connection, asset.id, job_id) if is_id(job_id) else None

        found = await self.flows.catalog.read(work)
        if found is None:
            raise NotFound
        return found

    async def original(
        self, principal: Principal, asset_id: str
    ) -> tuple[Asset, Callable[[int, int], AsyncIterator[bytes]]]:
        """The exact bytes that were uploaded, as a reader of byte ranges. Raises: NotFound, Corrupt."""
        asset, _ = await self.get(principal, asset_id)
        key = asset.source
        stored = await self.flows.storage.stat(key)
        if stored is None or stored.bytes != asset.bytes:
            await self.get(principal, asset_id)  # it may have been deleted meanwhile
            raise Corrupt
        return asset, lambda start, end: self.flows.storage.open(key, start, end)

    async def usage(self, principal: Principal) -> Used:
        """What the owner has, and how much it may have."""

        def work(connection: Any) -> tuple[usage.Usage, int, int]:
            who = principal.tenant, principal.owner
            unfinished = usage.unfinished_jobs(connection, *who, OWN_RECIPES)
            return usage.of(connection, *who), uploads.count_open(connection, principal), unfinished

        found, open_uploads, unfinished = await self.flows.catalog.read(work)
        return Used(found, open_uploads, unfinished, tuple(await self.flows.limits.standings(principal)))

    def _asked(self, connection: Any, principal: Principal, new: Job, note: Note) -> Job:
        """The new job, or the same one where it is not done; only the first is something that happened."""
        job = jobs.ask(connection, new)
        if job.id == new.id:
            self.flows.ingest.quotas.check_jobs(connection, principal)
            note(connection)
        return job
