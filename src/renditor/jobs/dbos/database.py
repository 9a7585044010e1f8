"""The job database: made ready, connected to, and what is written into it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import sqlite3
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, Serializer

from renditor import errors
from renditor.errors import Internal, RenditorError

log = logging.getLogger(__name__)

APPLICATION: Final = "renditor"
# DBOS leaves jobs of any other version untouched, for ever: a constant, so that a new release resumes what the old one
# left. It demands that a recipe in flight finds the same steps by name and order; a renamed step fails that job.
VERSION: Final = "1"
# Jobs keep their slot while they wait for their parts: on one queue, enough waiting jobs would block all parts.
JOBS: Final = "jobs"
BACKGROUND: Final = "background"
PARTS: Final = "parts"


def address(database_url: str | None, folder: Path) -> sa.URL:
    """The job database as SQLAlchemy understands it: ``jobs.sqlite`` in ``folder`` unless a URL is given."""
    if database_url is None:
        return sa.URL.create("sqlite", database=str(folder.absolute() / "jobs.sqlite"))
    url = sa.make_url(database_url)
    return url.set(drivername="postgresql+psycopg") if url.get_backend_name() == "postgresql" else url


def connect(url: sa.URL, folder: Path) -> DBOSClient:
    """Make the database ready, whichever process comes first, and connect to it."""
    _keep_dbos_quiet()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = url.render_as_string(hide_password=False)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        # One process at a time: switching a SQLite file to WAL fails while another one uses it.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if url.get_backend_name() == "sqlite":
            with contextlib.closing(sqlite3.connect(str(url.database), timeout=10)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        DBOS.migrate(text)
    finally:
        os.close(descriptor)
    return DBOSClient(
        system_database_url=text,
        serializer=JsonSerializer(),
        application_name=APPLICATION,
        retry_connection_errors=False,
    )


class JsonSerializer(Serializer):
    """JSON instead of DBOS's pickles: readable in the database, and no matter to it how our classes look inside."""

    def serialize(self, data: Any) -> str:
        if isinstance(data, BaseException):
            # The nearest class of the error tree, by name; for others the name alone, their text may hold paths.
            known = next((c.__name__ for c in type(data).__mro__ if c.__module__ == errors.__name__), None)
            if known is None or not isinstance(data, RenditorError):
                return self.serialize(stopped_by(type(data).__name__))
            data = {"$error": {"class": known, "detail": data.detail, "hint": data.hint, "code": data.error_code}}
        return json.dumps(data, separators=(",", ":"))

    def deserialize(self, serialized_data: str) -> Any:
        data = json.loads(serialized_data)
        if not isinstance(data, dict) or data.keys() != {"$error"}:
            return data
        record = data["$error"]
        kind = getattr(errors, record["class"], None)
        if not (isinstance(kind, type) and issubclass(kind, RenditorError)):
            kind = Internal
        return kind(record["detail"], hint=record["hint"], code=record["code"])

    def name(self) -> str:
        return "renditor_json"


def stopped_by(name: str) -> Internal:
    return Internal(f"An unexpected error stopped this job ({name}).")


class _DbosLog(logging.Handler):
    """Passes on what DBOS warns of in one line each, and drops what is no news: jobs that failed or were cancelled."""

    NO_NEWS = ("Exception encountered in asynchronous workflow", "Asyncio task cancelled", "Waiting for the")

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if not any(text in message for text in self.NO_NEWS):
            log.log(record.levelno, "DBOS: %s", message)


def _keep_dbos_quiet() -> None:
    """Before DBOS is used: else it prints to the console, its advertising included."""
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    if not logger.handlers:
        logger.addHandler(_DbosLog())
