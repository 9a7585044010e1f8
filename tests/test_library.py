"""The library face: a program of one's own, no server."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from renditor import MediaProcessingService, MediaRouter
from renditor.errors import BadRequest, Forbidden, NotFound, Unprocessable, UnsupportedMedia
from renditor.testing import media

ANNA, BEN = SimpleNamespace(id="anna"), SimpleNamespace(id=7)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[MediaProcessingService]:
    async with MediaProcessingService(tmp_path / "data") as made:
        yield made


async def test_every_kind_of_file_and_the_whole_life(service: MediaProcessingService, tmp_path: Path) -> None:
    path = media.photo(tmp_path / "photo.jpg", 60, 40)

    class Upload:
        filename = "upload.jpg"

        def __init__(self) -> None:
            self._file = io.BytesIO(path.read_bytes())

        async def read(self, size: int = -1) -> bytes:
            return self._file.read(size)

    with path.open("rb") as opened:
        made = [
            await service.process_upload(file, ANNA) for file in (path, str(path), path.read_bytes(), opened, Upload())
        ]
    assert {asset["status"] for asset in made} == {"completed"}
    assert [asset["filename"] for asset in made] == ["photo.jpg", "photo.jpg", None, "photo.jpg", "upload.jpg"]
    assert (await service.media(made[0]["id"], ANNA))["width"] == 60
    with pytest.raises(NotFound):
        await service.media(made[0]["id"], BEN)
    await service.remove(made[0]["id"], ANNA)
    with pytest.raises(NotFound):
        await service.status(made[0]["id"], ANNA)
    assert isinstance(service.router, MediaRouter)
    assert service.router.route("image") == "libvips"


async def test_refusals_are_errors_of_the_product(service: MediaProcessingService, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMedia):
        await service.process_upload(b"no media at all", ANNA)
    with pytest.raises(Forbidden):
        await service.process_upload(b"x", SimpleNamespace(id=1, can_upload=False))
    with pytest.raises(BadRequest):
        await service.process_upload(media.photo(tmp_path / "a.jpg", 9, 9), ANNA, visibility="secret")
    with pytest.raises(FileNotFoundError):
        await service.process_upload(tmp_path / "none.jpg", ANNA)


async def test_pictures_for_a_page(service: MediaProcessingService, tmp_path: Path) -> None:
    asset = await service.process_upload(media.photo(tmp_path / "photo.jpg", 300, 200), ANNA)
    snippet = await service.snippet(asset["id"], ANNA, widths="100,200", alt="A photo", formats="webp")
    assert len(snippet["urls"]) == 4  # WebP, and JPEG for the rest
    assert 'alt="A photo"' in snippet["html"]
    with pytest.raises(NotFound):
        await service.snippet(asset["id"], BEN)
    with pytest.raises(Unprocessable):
        await service.snippet(asset["id"], ANNA, widths="wide")
    job = await service.prepare(asset["id"], ANNA, "t_thumb", widths="100,200", formats="webp")
    while job["status"] in ("queued", "running"):
        await asyncio.sleep(0.05)
        job = await service.prepared(asset["id"], job["job_id"], ANNA)
    assert (job["status"], job["error"]) == ("completed", None)
    made = (await service.media(asset["id"], ANNA))["renditions"]
    assert sorted((item["width"], item["content_type"]) for item in made) == [
        (100, "image/jpeg"),
        (100, "image/webp"),
        (200, "image/jpeg"),
        (200, "image/jpeg"),
        (200, "image/webp"),
    ]
    with pytest.raises(NotFound):
        await service.prepared(asset["id"], job["job_id"], BEN)


async def test_a_video_in_the_background(service: MediaProcessingService, tmp_path: Path) -> None:
    asset = await service.process_upload(media.video(tmp_path / "a.mp4", "160x120", 1), ANNA)
    assert asset["status"] == "processing"
    done = await service.wait(asset["id"], ANNA, seconds=60)
    assert done["status"] == "completed", done["error"]
    assert done["mp4_url"]


async def test_a_job_that_exceeds_its_time_fails_with_a_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    limits = {"timeout_floor": 1, "timeout_factor": 0.01}
    async with MediaProcessingService(tmp_path / "data", ffmpeg=limits) as service:
        asset = await service.process_upload(media.long_video(tmp_path / "a.mp4"), ANNA)
        done = await service.wait(asset["id"], ANNA, seconds=60)
        assert done["status"] == "failed"
        assert done["error"]["detail"]
        assert str(tmp_path) not in str(done["error"])
        assert done["renditions"] == []
        async with asyncio.timeout(10):
            while any((tmp_path / "data" / "work").iterdir()):  # noqa: ASYNC110 - it goes a moment after the job
                await asyncio.sleep(0.1)
    (line,) = (json.loads(text) for text in caplog.messages if "video_processing_failed" in text)
    assert (line["asset"], line["owner"], line["error"]) == (asset["id"], "anna", done["error"]["detail"])
    assert {"job", "error_type", "bytes"} <= set(line)


async def test_work_goes_on_at_the_next_start(tmp_path: Path) -> None:
    async with MediaProcessingService(tmp_path / "data") as service:
        asset = await service.process_upload(media.video(tmp_path / "a.mp4", "160x90", 8), ANNA)
        await asyncio.sleep(1)  # in the middle of it, or before its start: either must do
    async with MediaProcessingService(tmp_path / "data") as service:
        done = await service.wait(asset["id"], ANNA, seconds=90)
        assert done["status"] == "completed", done["error"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"port": "many"}, "'port'"),
        ({"delivery": {"moed": "signed"}}, "There is no setting 'delivery.moed'"),
        ({"nonsense": 1}, "There is no setting 'nonsense'"),
        ({"limits": {"uploads": "many"}}, "'many' is not a rate"),
        ({"images": {"max_pixels": {"jgp": 1}}}, "images.max_pixels.jgp"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(BadRequest, match=text) as caught:
        MediaProcessingService(tmp_path, **settings)
    assert "Extra inputs" not in caught.value.detail
    assert ".." not in caught.value.detail
    assert caught.value.hint
