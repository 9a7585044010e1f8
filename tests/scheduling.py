"""Which process runs which test, where several share the work (``pytest -n``)."""

from __future__ import annotations

from typing import Any, Final

from xdist.scheduler.loadscope import LoadScopeScheduling

# One Chromium for all of them, whose event loop no other test could live with.
_TOGETHER: Final = "tests/browser/"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """All tests of a file run in one process, one after the other: what they share (a server, a film) is made once.

    Files are taken in their order, so that no process is left with a long one at the end.
    """

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        file: str = nodeid.partition("::")[0]
        return _TOGETHER if file.startswith(_TOGETHER) else file
