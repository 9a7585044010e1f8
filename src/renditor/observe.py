"""Logs and metrics: one line for each thing that happened, one number for each thing worth counting."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import BaseModel, Field

_SECRET_NAMES = ("authorization", "secret", "password", "token", "api_key", "cookie")


class LogSettings(BaseModel):
    """How much is logged, and in which form. Logs go to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")
    format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON lines.")


# Names end up in dashboards: they are part of the product. Durations in seconds, sizes in bytes.
UPLOADS = Counter("renditor_uploads_total", "Uploads by media type and result.", ["media_type", "result"])
UPLOAD_BYTES = Counter("renditor_upload_bytes_total", "Bytes accepted.", ["media_type"])
RENDERS = Counter("renditor_renders_total", "Pictures rendered, by output format.", ["format"])
RENDER_SECONDS = Histogram("renditor_render_seconds", "Time to render one picture, waiting included.")
DELIVERIES = Counter("renditor_deliveries_total", "Delivery responses by status and cache result.", ["status", "cache"])
JOBS = Counter("renditor_jobs_total", "Jobs ended, by recipe and result.", ["recipe", "result"])
JOB_SECONDS = Histogram(
    "renditor_job_seconds", "Time a job ran.", ["recipe"], buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
)


def configure_logs(settings: LogSettings) -> None:
    """Set up structlog and the standard library's logging in this process."""
    text = settings.format == "text" or (settings.format == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer()
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _hide_secrets,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )


def log() -> Any:
    """The logger. Call it where something happens, not at import: settings come first."""
    return structlog.get_logger()


def bind(**values: Any) -> Mapping[str, Any]:
    """Add values (request id, asset id) to every line logged from here on in this task."""
    return structlog.contextvars.bind_contextvars(**values)


def share_metrics(folder: Path) -> None:
    """Let all processes of this server count into one set of files. Before prometheus is used in a process."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def metrics_text() -> bytes:
    """All metrics in the text format of Prometheus."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest()
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _hide_secrets(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if any(part in name.lower() for part in _SECRET_NAMES):
            event[name] = "***"
    return event
