"""The players that are offered to copy elsewhere are those of the how-to, which are tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .pages import DOCS, ROOT

_FROM_CDN = re.compile(r"https://cdn\.jsdelivr\.net/npm/(?:hls\.js|shaka-player|dashjs)@[^\"]+")


def _named(page: Path) -> set[str]:
    return set(_FROM_CDN.findall(page.read_text()))


@pytest.mark.parametrize(
    "page", [ROOT / "src/renditor/api/page/snippets.js", DOCS / "tutorial/QUICK-START.md"], ids=lambda page: page.stem
)
def test_players_elsewhere_are_those_of_the_how_to(page: Path) -> None:
    offered = _named(page)
    assert offered
    assert offered <= _named(DOCS / "how-to/play-a-video.md")
