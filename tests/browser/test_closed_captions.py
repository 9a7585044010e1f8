"""Captions inside of the pictures are offered and shown, as their playlist and manifest announce them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from tests import captioned
from tests.client import Client

from .controls import PLAYERS
from .site import Site
from .test_players import finished, opened, page_of

_CUES = """[...senses.element.textTracks].flatMap((track) => {
  track.mode = "showing";
  return [...(track.cues ?? [])].map((cue) => cue.text.trim());
})"""


@pytest.fixture(scope="module")
def film(client: Client, media_folder: Path) -> Mapping[str, Any]:
    return finished(client, captioned.video(media_folder / "said.mp4", seconds=8))


def test_they_are_shown(context: BrowserContext, site: Site, film: Mapping[str, Any]) -> None:
    player = PLAYERS["hls.js"]
    playing = opened(context, site, player, page_of(player, film))
    playing.play()
    playing.wait(f'{_CUES}.includes("HELLO")')
    assert playing.ask("[...senses.element.textTracks].map((track) => track.label)") == ["Closed captions (CC1)"]
