"""A film that is watched while it is still being made: its player has the lowest quality only, and is not disturbed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext

from renditor.testing import media
from tests.client import Client

from .controls import PLAYERS
from .site import Site
from .test_players import opened, page_of
from .visit import PROCESSING_S, until

SECONDS = 32  # shorter films are made in one go
# Noise is what an encoder takes longest for: the film is not ready before its first pages are open.
FILM = f"testsrc2=s=640x480:r=8:d={SECONDS},noise=alls=40:allf=t"


def playable(client: Client, path: Path) -> Mapping[str, Any]:
    """The asset as soon as a part of it can be played."""
    answer = client.upload(path)
    assert answer.status_code == 202, answer.text
    media_id = answer.json()["id"]
    until(lambda: client.call("GET", f"/media/{media_id}/status").json()["playable"], "can be played", PROCESSING_S)
    asset: Mapping[str, Any] = client.call("GET", f"/media/{media_id}").json()
    assert asset["status"] == "processing"
    return asset


def test_who_began_early_sees_it_to_the_end(
    context: BrowserContext, site: Site, client: Client, media_folder: Path
) -> None:
    coding = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "24", "-pix_fmt", "yuv420p", "-c:a", "aac")
    film = media_folder / "growing.mp4"
    media.ffmpeg("-f", "lavfi", "-i", FILM, "-f", "lavfi", "-i", f"sine=440:d={SECONDS}", *coding, film)
    asset = playable(client, film)
    early = {
        name: opened(context, site, PLAYERS[name], page_of(PLAYERS[name], asset)) for name in ("hls.js", "dash.js")
    }
    for playing in early.values():
        playing.offers("heights", [360])
        playing.play()
        playing.ask("senses.element.pause()")
    assert client.call("GET", f"/media/{asset['id']}").json()["status"] == "processing"
    done = client.done(asset["id"], PROCESSING_S)
    assert done["hls_url"] == asset["hls_url"]
    for name, playing in early.items():
        playing.play()
        playing.seek(20)
        playing.offers("heights", [360])
        playing.sounds_like(440)
        playing.seek(SECONDS - 1)
        playing.wait("senses.element.ended")
        late = opened(context, site, PLAYERS[name], page_of(PLAYERS[name], done))
        late.offers("heights", [360, 480])
        late.play()
        late.height(480)
