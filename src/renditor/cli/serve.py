"""``renditor serve``: the whole server."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from renditor.cli.terminal import JsonOption, answer, paint, table

EXAMPLE = "renditor serve --port 8000 --data data"


def command(  # noqa: PLR0913 - the options of a command line
    *,
    host: Annotated[
        str | None, typer.Option("--host", metavar="ADDRESS", help="Address to listen on (127.0.0.1).")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port to listen on (8000); 0: any free one."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder of everything it keeps (data).")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="Web processes (2, or 1 on one core).")
    ] = None,
    no_worker: Annotated[
        bool, typer.Option("--no-worker", help="Serve only: jobs wait for a `renditor worker`.")
    ] = False,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="Certificate chain (PEM).")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key (PEM).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the server: API, delivery, the page at /, and the worker.

    Prints where it answers and, at the first start, the first admin API key. Ctrl-C or SIGTERM stops everything.
    All options are settings too: `renditor config show` lists them.
    """
    flags = {"host": host, "port": port, "data": data, "workers": workers, "tls_cert": tls_cert, "tls_key": tls_key}
    processes = ("renderer", "web") if no_worker else ("renderer", "web", "worker")
    _start(flags, processes, as_json=as_json)


def _start(flags: dict[str, Any], processes: Sequence[str], *, as_json: bool) -> NoReturn:
    """Check, claim, prepare, say so, and become the supervisor of the processes: same process id, another program."""
    from renditor import app, config, observe, supervisor, tools  # noqa: PLC0415 - --help stays quick
    from renditor.cli import serving  # noqa: PLC0415

    settings = config.load(**flags)
    serving.check_certificate(settings.tls_cert, settings.tls_key)
    settings = settings.model_copy(update={"port": serving.port_to_use(settings.host, settings.port)})
    serving.prepare_data(settings)
    serving.claim(settings.data, "serve")
    key = app.first_start(settings)
    tools.find_programs(settings, settings.data / "cache")  # now, once: each process would look for itself
    observe.share_metrics(settings.data / "run" / "metrics")
    # The folder as absolute path, the port as chosen.
    serving.export(flags | {"data": settings.data, "port": settings.port})
    shown = {"url": settings.base_url, "data": str(settings.data), "key": key, "pid": os.getpid()}
    answer(shown, _welcome(settings.base_url, settings.data, key), as_json=as_json)
    sys.stdout.flush()
    supervisor.take_over(serving.children(*processes))


def _welcome(url: str, data: Path, key: str | None) -> str:
    rows = [("URL", paint(url, "bold")), ("Data folder", str(data))]
    if key:
        rows.append(("Admin API key", paint(key, "bold")))
    lines = ["renditor is starting and answers in a moment; Ctrl-C stops it.", "", table(rows)]
    if key:
        lines += ["", "Keep the key now: it is not shown again. The page at the URL asks for it."]
    return "\n".join(lines)
