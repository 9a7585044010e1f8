"""The composition root: every room is built here once, top to bottom, and passed in. Nothing else wires.

The data folder, all of it private to its user (0700):

    catalog.sqlite   assets, renditions, keys          storage/    originals and renditions
    jobs.sqlite      the job engine's own              spool/      uploads on their way in
    secrets/         master key                        work/       job folders, emptied when a job ends
    run/             sockets, locks, metrics           cache/      what was learned about the tools
    audit/           checkpoints of the audit log      limits.sqlite  counters of rates
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from renditor import observe, registry
from renditor.access import apikeys, master
from renditor.access.flood import Flood
from renditor.access.jwt import JwtVerifier
from renditor.access.ratelimit import Rate
from renditor.access.vault import Vault
from renditor.catalog import keys
from renditor.catalog.base import Catalog
from renditor.catalog.ratelimits import RateLimits
from renditor.config import Settings
from renditor.content.pieces import PieceFiles
from renditor.content.quarantine import Quarantine
from renditor.content.scan import scanner
from renditor.content.settings import ContentSettings
from renditor.content.spool import Spool
from renditor.deliver.flow import Deliver, Surroundings
from renditor.deliver.grants import Grants
from renditor.deliver.modes import Gate
from renditor.deliver.quota import Quota
from renditor.errors import RenditorError, of_disk
from renditor.images.settings import ImageSettings
from renditor.ingest import Captions, Ingest, repeats
from renditor.ingest.quotas import Quotas
from renditor.ingest.resumable import SWEEP_EVERY, Resumable
from renditor.ingest.screening import Screen
from renditor.jobs.base import ANALYSIS, EAGER, SQUEEZE, JobEngine
from renditor.outbound.client import OutboundClient
from renditor.recipes.analysis import AnalysisRecipe
from renditor.recipes.eager import EagerRecipe
from renditor.recipes.flow import Recipes
from renditor.recipes.integrity import Integrity
from renditor.recipes.moving import AudioMaker, Maker, MovingRecipe, VideoMaker
from renditor.recipes.recipe import Recipe
from renditor.recipes.squeeze import SqueezeRecipe
from renditor.recipes.sweeps import Sweeps
from renditor.recipes.watching import Watching
from renditor.routing import MediaRouter
from renditor.sandbox.launcher import Launcher
from renditor.service import (
    Audit,
    Flows,
    Granting,
    Identity,
    Keyrings,
    Keys,
    Limits,
    Marking,
    MediaProcessingService,
    Remote,
)
from renditor.storage.base import Storage
from renditor.tools import Tools, build_tools

# web: takes requests; worker: takes jobs; both use the machine's renderer process. embedded: all in this process.
Role = Literal["web", "worker", "embedded"]

# Raise it when the image engine makes other bytes from the same request and settings.
PICTURE_ENGINE = 2


@dataclass(frozen=True, slots=True)
class App:
    """A built application. ``marking``: makes a last checkpoint of the audit log."""

    settings: Settings
    service: MediaProcessingService
    tools: Tools
    catalog: Catalog
    jobs: JobEngine
    outbound: tuple[OutboundClient, ...]
    marking: Marking | None

    async def close(self) -> None:
        with contextlib.suppress(RenditorError):
            await self.service.flows.audit.tell_suppressed()
        for client in self.outbound:
            await client.aclose()
        self.service.flows.watching.close()
        await self.service.flows.deliver.close()
        self.jobs.stop()
        await self.tools.close()
        if self.marking is not None:
            with contextlib.suppress(RenditorError):
                await self.marking.mark()
        self.service.flows.limits.counters.close()
        self.catalog.close()


def build(settings: Settings, role: Role) -> App:
    """Build everything a process of this role needs. Call it from the main thread.

    Raises: RenditorError where a part cannot work; the message says which and why.
    """
    data = prepare_data(settings)
    Spool.sweep(data / "spool")  # what a killed process was receiving; what others receive is locked
    tools = build_tools(settings, data / "cache", own_decoders=role == "embedded")
    router = MediaRouter(tools.providers, settings.routes)
    catalog, storage = open_catalog(settings), open_storage(settings)
    keyrings = open_keyrings(settings, catalog)
    jobs = registry.load("jobs", "dbos")(settings.jobs, data)
    delivery = settings.delivery_mode
    deliver = Deliver(
        catalog,
        storage,
        router,
        delivery,
        Gate(delivery, *(key.secret.decode() for key in keyrings.of_now("delivery").keys)),
        Surroundings(
            engine=picture_engine(settings.images),
            public_path=urlsplit(settings.delivery_url).path,
            work=data / "work",
            locks=data / "run" / "flights",
            grants=Grants(partial(keyrings.of, "grants")),
            secrets=partial(keyrings.of, "delivery"),
        ),
    )
    patient = registry.load("images", "libvips")(tools.background, settings.images.patient())
    squeeze = SqueezeRecipe(catalog, deliver.squeezer(patient))
    work = data / "work"
    makers: dict[str, Maker] = {
        **{name: VideoMaker(router, recipe, settings.video) for name, recipe in settings.recipes.video.items()},
        **{name: AudioMaker(router, recipe) for name, recipe in settings.recipes.audio.items()},
    }
    known: dict[str, Recipe] = {
        **{name: MovingRecipe(catalog, storage, maker) for name, maker in makers.items()},
        ANALYSIS: AnalysisRecipe(catalog, storage, router),
        EAGER: EagerRecipe(catalog, deliver.ahead),
        SQUEEZE: squeeze,
    }
    recipes = Recipes(catalog, known, Sweeps(catalog, storage, work), work)
    if role != "web":
        recipes.register(jobs)
        squeeze.register(jobs)
        Quota(catalog, storage, delivery.cache_size).register(jobs)
    audit = Audit(catalog, keyrings, Flood(Rate.parse(settings.access.denials)))
    screen = _screen(settings.content, catalog, audit, tools.launcher, data / "quarantine")
    limits, counted = settings.limits, _limits(settings, catalog)
    spool, quotas = data / "spool", _quotas(settings)
    ingest = Ingest(catalog, storage, router, jobs, recipes.name_for, limits, spool, audit.note, screen, quotas)
    resumable = Resumable(catalog, ingest, PieceFiles(data / "uploads"), limits.upload_seconds, limits.open_uploads)
    repeated = repeats.Repeats(catalog)
    if role != "web":
        jobs.schedule("uploads", SWEEP_EVERY, resumable.sweep)
        jobs.schedule("repeats", repeats.SWEEP_EVERY, repeated.sweep)
    captions = Captions(catalog, storage, recipes.in_background, audit.note)
    watching = Watching(catalog, settings.events)
    marking = Marking(audit, checkpoints_of(settings))
    if role != "web":
        marking.register(jobs)
        Integrity(catalog, storage, audit.note, settings.integrity).register(jobs)
    # Three: visitors take no places from owners, and nobody keeps others from proving who they are.
    outbound, visitors, issuers = (OutboundClient(settings.outbound, _note_refusal) for _ in range(3))
    verifier = JwtVerifier.create(settings.access, partial(keyrings.of, "tokens"), issuers.get)
    identity = Identity(catalog, keyrings, verifier, audit, counted)
    granting = Granting(catalog, keyrings, audit)
    remote = Remote(deliver, ingest, visitors, catalog)
    if role != "web":
        remote.register(jobs)
        counted.register(jobs)
    flows = Flows(
        ingest=ingest,
        recipes=recipes,
        deliver=deliver,
        catalog=catalog,
        storage=storage,
        jobs=jobs,
        limits=counted,
        watching=watching,
        captions=captions,
        identity=identity,
        audit=audit,
        granting=granting,
        keys=Keys(catalog, audit),
        outbound=outbound,
        remote=remote,
        resumable=resumable,
        repeats=repeated,
    )
    service = MediaProcessingService(flows)
    closing = None if role == "web" else marking
    return App(settings, service, tools, catalog, jobs, (outbound, visitors, issuers), closing)


def _screen(content: ContentSettings, catalog: Catalog, audit: Audit, launcher: Launcher, folder: Path) -> Screen:
    quarantine = Quarantine(folder if content.quarantine == "keep" else None, content.quarantine_bytes)
    found = scanner(content, launcher)
    return Screen(catalog, audit.note, frozenset(content.formats), quarantine, found, content.scan_optional)


def _limits(settings: Settings, catalog: Catalog) -> Limits:
    limits = settings.limits
    return Limits(
        RateLimits(catalog, None if settings.database_url else settings.data / "limits.sqlite"),
        uploads=Rate.parse(limits.uploads),
        requests=Rate.parse_limit(limits.requests),
        addresses=Rate.parse_limit(limits.address_requests),
        failures=Rate.parse(settings.access.failed_logins),
    )


def _quotas(settings: Settings) -> Quotas:
    limits = settings.limits
    bytes_, files, jobs = (
        None if one == "none" else one for one in (limits.owner_bytes, limits.owner_files, limits.owner_jobs)
    )
    return Quotas(bytes_, files, jobs)


def _note_refusal(host: str, reason: str) -> None:
    observe.log().warning("fetch_refused", host=host, reason=reason)


def open_catalog(settings: Settings) -> Catalog:
    """The database as these settings have it."""
    return Catalog(settings.catalog_url, settings.catalog)


def open_audit(settings: Settings, catalog: Catalog) -> Audit:
    """The audit log, for commands. Raises: Unavailable: the server was never started, and has no keys to sign with."""
    return Audit(catalog, open_keyrings(settings, catalog))


def checkpoints_of(settings: Settings) -> Path:
    """The file with the checkpoints of the audit log."""
    return settings.data / "audit" / "checkpoints.jsonl"


def open_storage(settings: Settings) -> Storage:
    """Where originals and renditions lie."""
    storage: Storage = registry.load("storage", "local")(settings.data / "storage")
    return storage


def picture_engine(settings: ImageSettings) -> str:
    """Names what makes pictures: the version of the code that does it, and the settings of its encoders."""
    encoding = json.dumps(asdict(settings.encoding()), sort_keys=True)
    return f"{PICTURE_ENGINE}-{hashlib.sha256(encoding.encode()).hexdigest()[:16]}"


def prepare_data(settings: Settings) -> Path:
    """Make the data folder and its rooms, private to this user. Raises: OutOfSpace, Unavailable."""
    try:
        for name in ("", "storage", "spool", "uploads", "work", "run", "secrets", "cache", "audit"):
            (settings.data / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        settings.data.chmod(0o700)
    except OSError as error:
        raise of_disk(error) from error
    return settings.data


def first_start(settings: Settings, *, make_key: bool = True) -> str | None:
    """Bring the tables up to date, sweep what a crash left, and make the first admin key where there is no key at all.

    Returns: the text of that key, to be shown once; None when keys exist.
    """
    prepare_data(settings)
    brought = settings.data / "secrets" / "delivery"
    catalog = Catalog(settings.catalog_url, settings.catalog)
    try:
        catalog.migrate()
        keyrings = open_keyrings(settings, catalog)
        keyrings.prepare(master.read_delivery(brought))
        brought.unlink(missing_ok=True)  # sealed in the catalog by now
        if not make_key or catalog.read_now(keys.all_keys):
            return None
        new = apikeys.create("first admin key", ["admin"], owner="admin")
        note = Audit(catalog, keyrings).note_of_operator(new.key.tenant, "key.create", new.key.id, scopes="admin")

        def work(connection: Any) -> None:
            keys.insert(connection, new.key, new.secret_hash)
            note(connection)

        catalog.write_now(work)
        return new.text
    finally:
        catalog.close()


def master_key(settings: Settings) -> str:
    """What the server's secrets are sealed with: as set, else made at the first start, readable by this user alone.

    Raises: BadRequest: others may read it; OutOfSpace, Unavailable.
    """
    if settings.master_key is not None:
        return settings.master_key.get_secret_value()
    return master.read_master(settings.data / "secrets" / "master")


def open_keyrings(settings: Settings, catalog: Catalog) -> Keyrings:
    """The server's own secrets. Raises: as ``master_key``; BadRequest: a master key that can be guessed."""
    return Keyrings(catalog, Vault(master_key(settings)))
