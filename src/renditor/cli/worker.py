"""``renditor worker``: runs jobs without serving; as many of them as there is work, on this or other machines."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from renditor.cli.terminal import JsonOption, answer

EXAMPLE = "renditor worker --data data"


def command(
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="The server's data folder (data).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run jobs only: for a server with --no-worker, or to help one.

    Ctrl-C or SIGTERM stops it; a job under way is begun again by the next worker.
    """
    from renditor import app, config, supervisor  # noqa: PLC0415 - --help stays quick
    from renditor.cli import serving  # noqa: PLC0415

    settings = config.load(data=data)
    serving.prepare_data(settings)
    app.first_start(settings, make_key=False)
    serving.export({"data": settings.data})
    text = f"The worker is starting; Ctrl-C stops it.\n\nData folder  {settings.data}"
    answer({"data": str(settings.data), "pid": os.getpid()}, text, as_json=as_json)
    sys.stdout.flush()
    supervisor.take_over(serving.children("lone-worker"))
