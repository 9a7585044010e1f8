"""``python -m renditor.processes web|renderer|worker|lone-worker``."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import Final

from renditor.errors import BadRequest, RenditorError
from renditor.guard import die_with_parent

_PROCESSES: Final = {
    "web": "web:serve",
    "renderer": "renderer:render",
    "worker": "worker:work_for_server",
    "lone-worker": "worker:work_alone",
}


def main() -> None:
    die_with_parent(signal.SIGTERM)
    name = sys.argv[1]
    module, _, function = _PROCESSES[name].partition(":")
    try:
        getattr(importlib.import_module(f"renditor.processes.{module}"), function)()
    except RenditorError as error:
        hint = f" {error.hint}" if error.hint else ""
        sys.stderr.write(f"renditor: {name}: {error.detail}{hint}\n")
        sys.exit(2 if isinstance(error, BadRequest) else 1)


main()
