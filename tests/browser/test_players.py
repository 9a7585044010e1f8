"""What renditor makes of videos and songs, in the three players, on a page of another origin as the docs show it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from renditor.testing import media
from tests.client import Client

from .controls import PLAYERS, Player, Playing
from .site import Site, filled
from .visit import PROCESSING_S, Visit

COLOURS = ((200, 40, 40), (40, 160, 60), (50, 70, 200))  # of the left half, 5 s each; the right half is white
WHITE = (255, 255, 255)
TONES = {"en": 440, "de": 1320}  # Hz
CAPTIONS = "1\n00:00:01,000 --> 00:00:04,000\nOne to four\n\n2\n00:00:06,000 --> 00:00:09,000\nSix to nine\n"


@pytest.fixture(scope="module")
def film(client: Client, media_folder: Path) -> Mapping[str, Any]:
    """480p, 15 s: a colour every 5 s, English and German sound, English captions."""
    (media_folder / "en.srt").write_text(CAPTIONS)
    parts = [f"color=0x{bytes(colour).hex()}:s=854x480:r=12:d=5" for colour in COLOURS]
    inputs = [["-f", "lavfi", "-i", part] for part in (*parts, *(f"sine={hertz}:d=15" for hertz in TONES.values()))]
    picture = "[0][1][2]concat=n=3,drawbox=x=427:y=0:w=427:h=480:c=white:t=fill[v]"
    tracks = ["-map", "[v]", "-map", "3", "-map", "4", "-map", "5"]
    languages = [f"-metadata:s:{stream} language={name}" for stream, name in
                 (("a:0", "eng"), ("a:1", "deu"), ("s:0", "eng"))]  # fmt: skip
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-c:s", "mov_text"]
    media.ffmpeg(
        *[word for each in inputs for word in each], "-i", media_folder / "en.srt", "-filter_complex", picture,
        *tracks, *[word for each in languages for word in each.split()], *coding, media_folder / "film.mp4",
    )  # fmt: skip
    return finished(client, media_folder / "film.mp4")


@pytest.fixture(scope="module")
def tune(client: Client, media_folder: Path) -> Mapping[str, Any]:
    """8 s of a tone of 330 Hz."""
    return finished(client, media.song(media_folder / "tune.flac", 8))


def finished(client: Client, path: Path) -> Mapping[str, Any]:
    answer = client.upload(path)
    assert answer.status_code == 202, answer.text
    asset = client.done(answer.json()["id"], PROCESSING_S)
    assert asset["status"] == "completed", asset
    return asset


def opened(context: BrowserContext, site: Site, player: Player, html: str) -> Playing:
    visit = Visit(context.new_page(), site.url)
    visit.watch()
    return Playing(visit, site.put("player", html), player.wishes)


def page_of(player: Player, asset: Mapping[str, Any]) -> str:
    """With the stream that is wanted, whichever the docs show."""
    return filled(player.page, {**asset, "hls_url": asset[player.stream], "dash_url": asset[player.stream]})


@pytest.mark.parametrize("name", PLAYERS)
def test_a_film(context: BrowserContext, site: Site, film: Mapping[str, Any], name: str) -> None:
    player = PLAYERS[name]
    playing = opened(context, site, player, page_of(player, film))
    playing.offers("heights", [360, 480])
    playing.offers("sounds", ["en", "de"])
    playing.play()
    playing.looks_like(COLOURS[0], 0.25, 0.5)
    playing.looks_like(WHITE, 0.75, 0.5)
    for height in (480, 360, 480):
        playing.height(height)
    playing.sounds_like(TONES["en"])
    playing.wish("sound", "de")
    playing.sounds_like(TONES["de"])
    playing.wish("sound", "en")
    playing.sounds_like(TONES["en"])
    playing.offers("texts", ["en"])
    playing.wish("text", "en")
    playing.seek(2)
    playing.shows(["One to four"])
    playing.seek(7)
    playing.shows(["Six to nine"])
    playing.looks_like(COLOURS[1], 0.25, 0.5)
    playing.seek(13.5)
    playing.shows([])
    playing.looks_like(COLOURS[2], 0.25, 0.5)
    playing.wait("senses.element.ended")


@pytest.mark.parametrize("name", PLAYERS)
def test_sound_alone(context: BrowserContext, site: Site, tune: Mapping[str, Any], name: str) -> None:
    player = PLAYERS[name]
    playing = opened(
        context, site, player, page_of(player, tune).replace("<video", "<audio").replace("</video", "</audio")
    )
    playing.play()
    playing.sounds_like(330)
    playing.seek(7)
    playing.wait("senses.element.ended")


def test_the_page_without_a_player(context: BrowserContext, site: Site, film: Mapping[str, Any]) -> None:
    plain = Player("plain", "({ ready: () => senses.element.readyState > 0 })", "hls_url")
    playing = opened(context, site, plain, filled("plain", film))
    playing.play()
    playing.seek(7)
    playing.looks_like(COLOURS[1], 0.25, 0.5)
    playing.sounds_like(TONES["en"])
    playing.seek(14)
    playing.wait("senses.element.ended")
