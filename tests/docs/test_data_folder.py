"""docs/reference/data-folder.md against the folder that a server makes."""

from __future__ import annotations

import re

from renditor.storage import keys
from tests.docs.pages import DOCS, blocks
from tests.server import RunningServer

PAGE = DOCS / "reference" / "data-folder.md"
LAYOUT = blocks(PAGE)[0].text


def listed() -> set[str]:
    """Names right below ``data/``."""
    return {name.rstrip("/").partition("/")[0] for name in re.findall(r"^  (\S+)", LAYOUT, re.MULTILINE)}


def test_everything_in_the_folder_is_told(server: RunningServer) -> None:
    found = {path.name for path in server.data.iterdir()}
    assert {name for name in found if not name.endswith(("-wal", "-shm"))} - listed() == set()


def test_everything_that_is_told_is_there(server: RunningServer) -> None:
    assert listed() - {path.name for path in server.data.iterdir()} == set()


def test_storage_is_laid_out_as_told() -> None:
    for key in (keys.original("a" * 26), keys.asset_folder("a" * 26), keys.set_folder("a" * 26)):
        assert f"    {key.partition('/')[0]}/" in LAYOUT


def test_the_folder_is_private(server: RunningServer) -> None:
    assert server.data.stat().st_mode & 0o777 == 0o700
