"""Questions about jobs: their state is ours (shown to users); the engine keeps only what it needs to run them.

A job that carries out the asset's own recipe speaks for the asset: their status, progress and error are one. All others
work in the background (the analysis of a picture): the asset is as it is, whatever becomes of them.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import sqlalchemy as sa

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


def ask(connection: sa.Connection, job: Job) -> Job:
    """Make a job known. Returns: it, or an unfinished one of the same asset that does the same already."""
    query = sa.select(jobs).where(
        jobs.c.asset_id == job.asset_id, jobs.c.recipe == job.recipe, jobs.c.status.in_(_ACTIVE)
    )
    for row in connection.execute(query):
        if row.task == job.task:
            return _job(row)
    connection.execute(jobs.insert().values(**asdict(job)))
    return job


def active_of(connection: sa.Connection, asset_id: str) -> list[Job]:
    """The unfinished jobs that speak for the asset."""
    query = (
        sa.select(jobs)
        .join(assets, assets.c.id == jobs.c.asset_id)
        .where(jobs.c.asset_id == asset_id, jobs.c.status.in_(_ACTIVE), jobs.c.recipe == assets.c.recipe)
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
    """Begin an attempt. None when the job has ended or its asset is gone: there is nothing to do."""
    statement = (
        jobs.update()
        .where(jobs.c.id == job_id, jobs.c.status.in_(_ACTIVE))
        .values(status="running", attempts=jobs.c.attempts + 1, progress=0, updated_at=now_ms())
        .returning(jobs)
    )
    row = connection.execute(statement).one_or_none()
    return _job(row) if row else None


def progress(connection: sa.Connection, job_id: str, percent: int, stage: str) -> bool:
    """Record how far a running job is (0-100). False when it is running no more."""
    values = {"progress": percent, "stage": stage, "updated_at": now_ms()}
    return _write(connection, (jobs.c.id == job_id) & (jobs.c.status == "running"), values)


def finish(connection: sa.Connection, job_id: str, status: JobStatus, error: dict[str, Any] | None = None) -> bool:
    """End a job. False when it had ended before (or its asset is gone): nothing is changed."""
    values: dict[str, Any] = {"status": status, "error": error, "stage": None, "updated_at": now_ms()}
    if status == "completed":
        values["progress"] = 100
    return _write(connection, (jobs.c.id == job_id) & jobs.c.status.in_(_ACTIVE), values)


def _write(connection: sa.Connection, which: sa.ColumnElement[bool], values: dict[str, Any]) -> bool:
    """Write to one job, and to the asset where the job speaks for it. False: there is no such job."""
    statement = jobs.update().where(which).values(**values).returning(jobs.c.asset_id, jobs.c.recipe)
    row = connection.execute(statement).one_or_none()
    if row is None:
        return False
    spoken_for = (assets.c.id == row.asset_id) & (assets.c.recipe == row.recipe)
    connection.execute(assets.update().where(spoken_for).values(**values))
    return True


def _job(row: sa.Row[Any]) -> Job:
    return Job(**{name: getattr(row, name) for name in _FIELDS})
