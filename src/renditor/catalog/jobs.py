"""Questions about jobs: their state is ours (shown to users); the engine keeps only what it needs to run them.

A job that carries out the asset's own recipe while the asset is being processed speaks for it: their status, progress
and error are one. With all others (the analysis of a picture, another recipe for a video that is complete) the asset is
as it is, whatever becomes of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

from renditor.catalog import trash
from renditor.catalog.schema import assets, jobs
from renditor.models import Job, JobStatus, now_ms

_FIELDS = [field.name for field in fields(Job)]
_ACTIVE = ("queued", "running")


def get(connection: sa.Connection, job_id: str) -> Job | None:
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).one_or_none()
    return _job(row) if row else None


def of_asset(connection: sa.Connection, asset_id: str, job_id: str) -> Job | None:
    """The job of that id, if it is one of the asset."""
    job = get(connection, job_id)
    return job if job is not None and job.asset_id == asset_id else None


def line_up(connection: sa.Connection, asset_id: str) -> None:
    """Wait until nobody else asks for jobs of this asset, until the transaction ends.

    On PostgreSQL transactions overlap: two who ask at once would not see each other's jobs.
    """
    connection.execute(sa.select(assets.c.id).where(assets.c.id == asset_id).with_for_update())


def ask(connection: sa.Connection, job: Job) -> Job:
    """Make a job known. Returns: it, or an unfinished one of the same asset that does the same already."""
    line_up(connection, job.asset_id)
    query = sa.select(jobs).where(
        jobs.c.asset_id == job.asset_id, jobs.c.recipe == job.recipe, jobs.c.status.in_(_ACTIVE)
    )
    for row in connection.execute(query):
        if row.task == job.task:
            return _job(row)
    connection.execute(jobs.insert().values(**asdict(job)))
    return job


def any_unfinished(connection: sa.Connection) -> bool:
    """Whether any job waits or runs."""
    return connection.scalar(sa.select(jobs.c.id).where(jobs.c.status.in_(_ACTIVE)).limit(1)) is not None


def unfinished_of(connection: sa.Connection, asset_id: str, besides: Collection[str] = ()) -> list[Job]:
    """The unfinished jobs of an asset but those of the recipes ``besides``."""
    query = sa.select(jobs).where(
        jobs.c.asset_id == asset_id, jobs.c.status.in_(_ACTIVE), jobs.c.recipe.not_in(list(besides))
    )
    return [_job(row) for row in connection.execute(query)]


def is_unfinished(connection: sa.Connection, asset_id: str, recipe: str) -> bool:
    query = sa.select(jobs.c.id).where(jobs.c.asset_id == asset_id, jobs.c.recipe == recipe, jobs.c.status.in_(_ACTIVE))
    return connection.execute(query.limit(1)).first() is not None


def stale(connection: sa.Connection, before: int, limit: int = 100) -> list[Job]:
    """Unfinished jobs nobody has touched since ``before`` (ms since 1970)."""
    query = (
        sa.select(jobs)
        .where(jobs.c.status.in_(_ACTIVE), jobs.c.updated_at < before)
        .order_by(jobs.c.updated_at)
        .limit(limit)
    )
    return [_job(row) for row in connection.execute(query)]


def unfinished_ids(connection: sa.Connection) -> set[str]:
    return set(connection.scalars(sa.select(jobs.c.id).where(jobs.c.status.in_(_ACTIVE))))


def is_under_way(connection: sa.Connection, recipe: str) -> bool:
    """Whether any job of this recipe is unfinished."""
    query = sa.select(jobs.c.id).where(jobs.c.recipe == recipe, jobs.c.status.in_(_ACTIVE)).limit(1)
    return connection.scalar(query) is not None


def touch(connection: sa.Connection, job_ids: list[str]) -> None:
    connection.execute(jobs.update().where(jobs.c.id.in_(job_ids)).values(updated_at=now_ms()))


def start(connection: sa.Connection, job_id: str) -> Job | None:
    """Begin an attempt. None when the job has ended or its asset is gone: there is nothing to do.

    Progress and stage stay as the attempt before left them: what users see does not go back.
    """
    statement = (
        jobs.update()
        .where(jobs.c.id == job_id, jobs.c.status.in_(_ACTIVE))
        .values(status="running", attempts=jobs.c.attempts + 1, updated_at=now_ms())
        .returning(jobs)
    )
    row = connection.execute(statement).one_or_none()
    return _job(row) if row else None


def give_back(connection: sa.Connection, job_id: str) -> None:
    """An attempt was interrupted by its worker, which stops in order: it does not count."""
    which = (jobs.c.id == job_id) & jobs.c.status.in_(_ACTIVE) & (jobs.c.attempts > 0)
    connection.execute(jobs.update().where(which).values(attempts=jobs.c.attempts - 1))


def is_running(connection: sa.Connection, job_id: str) -> bool:
    return connection.scalar(sa.select(jobs.c.status).where(jobs.c.id == job_id)) == "running"


def progress(connection: sa.Connection, job_id: str, percent: int, stage: str) -> bool:
    """Record how far a running job is (0-100, never less than before). False when it is running no more."""
    values = {"stage": stage, "updated_at": now_ms()}
    return _write(connection, (jobs.c.id == job_id) & (jobs.c.status == "running"), values, percent)


def finish(connection: sa.Connection, job_id: str, status: JobStatus, error: dict[str, Any] | None = None) -> bool:
    """End a job. False when it had ended before (or its asset is gone): nothing is changed.

    Unless it is ``completed``, nothing of what it stored stays, shown already or not.
    """
    values: dict[str, Any] = {"status": status, "error": error, "stage": None, "updated_at": now_ms()}
    percent = 100 if status == "completed" else 0
    if not _write(connection, (jobs.c.id == job_id) & jobs.c.status.in_(_ACTIVE), values, percent):
        return False
    if status != "completed":
        trash.expire_job(connection, job_id, grace=trash.GRACE_MS)
    return True


def _write(connection: sa.Connection, which: sa.ColumnElement[bool], values: dict[str, Any], percent: int) -> bool:
    """Write to one job, and to the asset where the job speaks for it. False: there is no such job."""
    statement = jobs.update().where(which).values(**values, progress=_at_least(jobs, percent))
    row = connection.execute(statement.returning(jobs.c.asset_id, jobs.c.recipe)).one_or_none()
    if row is None:
        return False
    spoken_for = (assets.c.id == row.asset_id) & (assets.c.recipe == row.recipe) & (assets.c.status == "processing")
    connection.execute(assets.update().where(spoken_for).values(**values, progress=_at_least(assets, percent)))
    return True


def _at_least(table: sa.Table, percent: int) -> sa.ColumnElement[int]:
    return sa.case((table.c.progress > percent, table.c.progress), else_=percent)


def _job(row: sa.Row[Any]) -> Job:
    return Job(**{name: getattr(row, name) for name in _FIELDS})
