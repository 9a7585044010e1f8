"""The players that the page offers to copy are those of the how-to, which are tested."""

from __future__ import annotations

import re
from pathlib import Path

from .pages import ROOT

_FROM_CDN = re.compile(r"https://cdn\.jsdelivr\.net/npm/(?:hls\.js|shaka-player|dashjs)@[^\"]+")


def _named(page: Path) -> set[str]:
    return set(_FROM_CDN.findall(page.read_text()))


def test_the_page_offers_players_of_the_how_to() -> None:
    offered = _named(ROOT / "src/renditor/api/page/snippets.js")
    assert offered
    assert offered <= _named(ROOT / "docs/how-to/play-a-video.md")
