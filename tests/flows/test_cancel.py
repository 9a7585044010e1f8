"""Cancelling in every stage of a job: nothing goes on, and nothing stays but the original."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from renditor import MediaProcessingService
from renditor.recipes.progress import STARTING, STORING
from renditor.storage.local import LocalStorage
from renditor.testing import media
from renditor.video.pictures import kinds
from renditor.video.stages import OnFraction, Stage, run_stages
from tests.client import Client
from tests.server import start_server

ANNA = SimpleNamespace(id="anna")
# Programs are killed within a second; the rest is for a machine that is busy with other tests.
SOON = 5
STAGES = [STARTING, "captions", "encoding", "packaging", "publishing", "remuxing", *kinds.KINDS, "chapters", STORING]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As long as it has to be to have a first quality that is published early, with captions and chapters."""
    folder = tmp_path_factory.mktemp("film")
    picture, text, chapters = folder / "picture.mp4", folder / "text.srt", folder / "chapters.txt"
    media.video(picture, "228x128", 31, rate="5")
    text.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    chapters.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1000\ntitle=One\n")
    made = folder / "film.mkv"
    media.ffmpeg(
        "-i", picture, "-i", text, "-i", chapters, "-map", "0", "-map", "1", "-map_chapters", "2", "-c", "copy", made
    )
    return made


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[MediaProcessingService]:
    steps = [{"short_side": side, "crf": 30, "maxrate": side * 2000} for side in (128, 64)]
    settings = {
        "video": {"tier": "instant", "ladders": {"default": steps}},
        "recipes": {"video": {"video": {"copy_compliant": False}}},
    }
    async with MediaProcessingService(tmp_path / "data", **settings) as running:
        yield running


class _Holding:
    """Has one stage go on until it is cancelled, when its own work has ended, too."""

    def __init__(self, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._stage = stage
        self.reached = self.cancelled = False
        put, checkout = LocalStorage.put, LocalStorage.checkout

        async def held(stages: list[Stage], *more: Any) -> None:
            await run_stages([replace(one, work=partial(self._work, one)) for one in stages], *more)

        async def putting(storage: LocalStorage, key: str, file: Path) -> None:
            await put(storage, key, file)
            if file.name == "video.mp4":
                await self._hold(STORING)

        async def checking_out(storage: LocalStorage, key: str, folder: Path) -> Path:
            await self._hold(STARTING)
            return await checkout(storage, key, folder)

        monkeypatch.setattr("renditor.video.ffmpeg.run_stages", held)
        monkeypatch.setattr(LocalStorage, "put", putting)
        monkeypatch.setattr(LocalStorage, "checkout", checking_out)

    async def _work(self, stage: Stage, report: OnFraction) -> None:
        holding = asyncio.create_task(self._hold(stage.name))
        try:
            await asyncio.gather(stage.work(report), holding)
        finally:
            # Publishing notices by itself that its job was stopped, and may be quicker than the cancellation.
            holding.cancel()

    async def _hold(self, stage: str) -> None:
        if stage != self._stage:
            return
        self.reached = True
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def _true(condition: Callable[[], bool], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what other threads and processes do says nothing to a loop
            await asyncio.sleep(0.01)


def _programs() -> list[str]:
    """The media programs that this process runs."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(process.name())
    return [name for name in found if name.startswith(("ffmpeg", "ffprobe", "packager"))]


def _sizes(folder: Path) -> list[int]:
    return [path.stat().st_size for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("stage", STAGES)
async def test_in_every_stage(
    service: MediaProcessingService, film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    holding = _Holding(stage, monkeypatch)
    principal = service._principal(ANNA)
    media_id = (await service.process_upload(film, ANNA))["id"]
    await _true(lambda: holding.reached, 60)
    await _true(lambda: (tmp_path / "data/work").exists() and any((tmp_path / "data/work").iterdir()), SOON)
    cancelled, _ = await service.cancel(principal, media_id)
    assert cancelled.status == "cancelled"
    await _true(lambda: holding.cancelled and not _programs(), SOON)
    await _true(lambda: not any((tmp_path / "data/work").iterdir()), SOON)
    asset = await service.media(media_id, ANNA)
    assert (asset["status"], asset["renditions"], asset["url"], asset["error"]) == ("cancelled", [], None, None)
    # What was stored goes at a sweep, when nobody can be storing any more.
    await service.flows.catalog.write(lambda c: c.exec_driver_sql("UPDATE trash SET not_before = 0"))
    await service.flows.recipes.sweeps.empty_all_trash()
    assert _sizes(tmp_path / "data/storage") == [asset["bytes"]]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with start_server(tmp_path_factory.mktemp("cancel") / "data") as server:
        made = Client(server)
        yield made
        made.close()


def test_while_it_waits_for_its_turn(client: Client, film: Path, tmp_path: Path) -> None:
    """More jobs than run at once: the last one has not begun."""
    long = media.video(tmp_path / "long.mp4", "1280x720", 20)
    ids = [client.upload(path).json()["id"] for path in (long, long, film)]
    assert client.call("POST", f"/media/{ids[2]}/cancel").status_code == 202
    assert client.call("GET", f"/media/{ids[2]}/status").json()["status"] == "cancelled"
    for media_id in ids:
        client.call("DELETE", f"/media/{media_id}")
