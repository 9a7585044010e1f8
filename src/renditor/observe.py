"""Logs and metrics: one line for each thing that happened, one number for each thing worth counting."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

# API keys and upload tokens, JWTs, grants and signatures in delivery URLs, user information in URLs (RFC 3986, 3.2.1).
_SECRETS = re.compile(
    r"(?<=r[kt]_)[0-9a-z]{26}_[0-9a-f]{16,}"
    r"|\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*"
    r"|(?<=/[gs]--)[^/\s]+(?=--/)"
    r"|(?<=://)[^/\s@]+(?=@)"
)
_SECRET_NAMES = ("authorization", "secret", "password", "token", "api_key", "cookie")


# Names end up in dashboards: they are part of the product. Durations in seconds, sizes in bytes.
UPLOADS = Counter("renditor_uploads_total", "Uploads by media type and result.", ["media_type", "result"])
UPLOAD_BYTES = Counter("renditor_upload_bytes_total", "Bytes accepted.", ["media_type"])
RENDERS = Counter("renditor_renders_total", "Pictures rendered, by output format.", ["format"])
RENDER_SECONDS = Histogram("renditor_render_seconds", "Time to render one picture, waiting included.")
EVICTIONS = Counter("renditor_evictions_total", "Stored pictures dropped because they were unused for longest.")
SQUEEZED_BYTES = Counter("renditor_squeezed_bytes_total", "Bytes saved by encoding much used pictures again.")
DELIVERIES = Counter("renditor_deliveries_total", "Delivery responses by status and cache result.", ["status", "cache"])
DENIALS_COUNTED = Counter(
    "renditor_denials_counted_total", "Refusals beyond access.denials: in the audit log as a number only."
)
CORRUPT_ORIGINALS = Counter(
    "renditor_corrupt_originals_total", "Originals found to be others than those uploaded.", ["fault"]
)
JOBS = Counter("renditor_jobs_total", "Jobs ended, by recipe and result.", ["recipe", "result"])
JOB_SECONDS = Histogram(
    "renditor_job_seconds", "Time a job ran.", ["recipe"], buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
)


def configure_logs(lowest: str, form: str) -> None:
    """Set up logging in this process: one line on stderr for each event. Other libraries: their warnings, as text.

    Args:
        lowest: the lowest level that is logged, such as ``info``.
        form: ``text``, ``json``, or ``auto``: text on a terminal.
    """
    global _logger  # noqa: PLW0603  # a process has one log
    text = form == "text" or (form == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[lowest.upper()]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if text else structlog.processors.JSONRenderer()
    )
    _logger = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[
            *_PROCESSORS,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *((_keep_lines,) if text else ()),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    plain = "%(levelname)s %(name)s %(message)s"
    others = logging.StreamHandler(sys.stderr)
    others.setFormatter(_PlainFormatter(plain))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[others])


def log() -> Any:
    """The logger. Inside somebody else's program it is ``logging.getLogger("renditor")``, theirs to configure."""
    return _logger


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
    for name, value in event.items():
        if any(part in name.lower() for part in _SECRET_NAMES):
            event[name] = "***"
        elif isinstance(value, str):
            event[name] = without_secrets(value)
    return event


def without_secrets(text: str) -> str:
    """The text without what opens anything: keys, tokens, JWTs, grants and signatures in URLs, passwords in URLs."""
    return _SECRETS.sub("***", text)


def on_one_line(text: str) -> str:
    """The text with everything escaped that would begin another line, or that a terminal would obey."""
    return "".join(x if x.isprintable() else x.encode("unicode_escape", "surrogatepass").decode() for x in text)


def _keep_lines(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For logs as text: what users have written cannot look like a line of ours. (JSON escapes it anyway.)"""
    for name, value in event.items():
        if isinstance(value, str):
            # The lines of a stack stay lines, but begin as no line of the log does.
            lines = map(on_one_line, value.split("\n")) if name == "exception" else (on_one_line(value),)
            event[name] = "\n  | ".join(lines)
    return event


class _PlainFormatter(logging.Formatter):
    """Messages of other libraries, by the same rules."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n  | ".join(map(on_one_line, without_secrets(super().format(record)).split("\n")))


_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.format_exc_info,
    _hide_secrets,  # of stacks too
]
_logger: Any = structlog.wrap_logger(
    logging.getLogger("renditor"),
    processors=[*_PROCESSORS, structlog.processors.JSONRenderer()],
    wrapper_class=structlog.stdlib.BoundLogger,
)
