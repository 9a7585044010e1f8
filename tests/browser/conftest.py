"""What the browser tests share: one headless Chromium, watched pages, and media made on the spot."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest
import pyvips
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.server import RunningServer

from .site import Site, serving
from .visit import Visit, lacking

FLAGS = [
    "--no-sandbox",  # containers run the tests as root, where Chromium's own sandbox cannot start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Without these it looks for updates and Google's hosts at each start, which a closed network refuses one by one.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all browser tests, which run one after the other in one process: Playwright keeps an event loop open
    while it lives, in which no asynchronous test could run, and so its life ends with the last of these tests."""
    names = (os.environ.get("RENDITOR_TEST_CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if name and (found := shutil.which(name))), None)
    if program is None:
        lacking("no Chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def visit(context: BrowserContext, server: RunningServer) -> Visit:
    visit = Visit(context.new_page(), server.url)
    visit.watch()
    return visit


@pytest.fixture
def site() -> Iterator[Site]:
    """A site of somebody else, on an origin of its own: delivery has to allow it by CORS."""
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def media_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media")


def _ffmpeg(*args: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", *args]
    subprocess.run(command, check=True, timeout=120)


@pytest.fixture(scope="session")
def photo(media_folder: Path) -> Path:
    """1200 x 800 px, a gradient with noise: every width below it is a different file."""
    file = media_folder / "photo.jpg"
    ramp = pyvips.Image.xyz(1200, 800)[0] * (200 / 1200)
    bands = [ramp + pyvips.Image.gaussnoise(1200, 800, sigma=12, mean=mean) for mean in (20, 40, 55)]
    bands[0].bandjoin(bands[1:]).cast("uchar").copy(interpretation="srgb").write_to_file(str(file), Q=90)
    return file


@pytest.fixture(scope="session")
def clip(media_folder: Path) -> Path:
    """854 x 480 px, 12 s, with sound: tall enough for two rungs, long enough to switch between them."""
    file = media_folder / "clip.mp4"
    picture = ["-f", "lavfi", "-i", "testsrc2=size=854x480:rate=25:duration=12"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=12"]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-shortest"]
    _ffmpeg(*picture, *sound, *codecs, str(file))
    return file


@pytest.fixture(scope="session")
def song(media_folder: Path) -> Path:
    """8 s of a tone as MP3."""
    file = media_folder / "song.mp3"
    _ffmpeg("-f", "lavfi", "-i", "sine=frequency=330:duration=8", str(file))
    return file
