"""Captions of a film and those that were added later, shown by the three players."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from renditor.testing import media
from tests.client import Client

from .controls import PLAYERS, Playing
from .site import Site, serving
from .test_players import finished, opened, page_of

ENGLISH = "1\n00:00:01,000 --> 00:00:04,000\nOne <i>to</i> four\n\n2\n00:00:06,000 --> 00:00:09,000\nSix to nine\n"
GERMAN = "WEBVTT\n\n00:01.000 --> 00:04.000\nEins bis vier\n<img src=x onerror=alert(1)>\n"
# All cues that are active, of tracks that are shown.
_SHOWN = """[...senses.element.textTracks].filter((track) => track.mode === "showing")
    .flatMap((track) => [...(track.activeCues ?? [])]).map((cue) => cue.text).join()"""


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def film(client: Client, media_folder: Path) -> Mapping[str, Any]:
    """15 s with English subtitles of its own and German ones that were added; it begins at 10 s by its own clock.

    Shaka shows captions of HLS only once it has loaded a segment after they were chosen: there must be some left.
    """
    text, clip = media_folder / "own.srt", media_folder / "captioned.mkv"
    text.write_text(ENGLISH)
    video = media.video(media_folder / "uncaptioned.mp4", "320x180", 15)
    options = ("-metadata:s:s:0", "language=eng", "-output_ts_offset", "10")
    media.ffmpeg("-i", video, "-i", text, "-map", "0", "-map", "1", "-c", "copy", *options, clip)
    asset = finished(client, clip)
    path, about = f"/media/{asset['id']}/captions", {"language": "de", "kind": "captions"}
    added = client.call("POST", path, content=GERMAN.encode(), params=about, headers={"content-type": "text/vtt"})
    assert added.status_code == 201, added.text
    shown: dict[str, Any] = client.call("GET", f"/media/{asset['id']}").json()
    assert [track["name"] for track in shown["captions"]] == ["text-en", "text-de"]
    return shown


def _read(playing: Playing, at: float, words: str) -> None:
    """What is to be read at a time. Paused: on a busy machine a cue is over before one looks."""
    playing.ask("senses.element.pause()")
    playing.seek(at)
    playing.wait(f"{_SHOWN} === {words!r}")


@pytest.mark.parametrize("name", PLAYERS)
def test_both_are_shown_at_their_times(context: BrowserContext, site: Site, film: Mapping[str, Any], name: str) -> None:
    player = PLAYERS[name]
    playing = opened(context, site, player, page_of(player, film))
    playing.offers("texts", ["de", "en"])
    playing.wish("text", "en")
    playing.play()
    playing.seek(5)
    playing.wait("senses.element.buffered.end(0) > 14")
    _read(playing, 2, "One <i>to</i> four")
    _read(playing, 5, "")
    _read(playing, 7, "Six to nine")
    playing.seek(0)
    playing.play()
    playing.wish("text", "de")
    # Not before they are there: dash.js loses captions that arrive while it is paused or at a seek.
    playing.wait("[...senses.element.textTracks].some((track) => track.cues?.[0]?.text === 'Eins bis vier')")
    _read(playing, 2, "Eins bis vier")
    _read(playing, 7, "")
