"""Captions that are added to a video and removed again: the set grows, whoever is first, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from renditor import MediaProcessingService
from renditor.client import Client as ServerClient
from renditor.errors import Conflict, NotFound, RenditorError, Unavailable
from renditor.ingest.captions import CaptionOptions
from renditor.models import Rendition
from renditor.testing import media
from renditor.video.streams.playlists import parse_master
from tests.client import Client
from tests.flows.conftest import stored_files

ANNA = SimpleNamespace(id="anna")
SRT = "1\n00:00:00,500 --> 00:00:01,500\nHello <script>alert(1)</script><i>you</i>\n"
VTT = "WEBVTT\n\n00:00.500 --> 00:01.500\nHallo\n"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.video(tmp_path_factory.mktemp("clip") / "clip.mp4", "320x180", 2)


@pytest.fixture(scope="module")
def video(client: Client, clip: Path) -> dict[str, Any]:
    """A completed video on the server."""
    asset = client.done(client.upload(clip).json()["id"])
    assert asset["status"] == "completed", asset
    return asset


@pytest.fixture
def bare(client: Client, video: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same without any captions, before and after a test."""
    yield video
    for track in client.call("GET", f"/media/{video['id']}/captions").json()["items"]:
        client.call("DELETE", f"/media/{video['id']}/captions/{track['name']}")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[MediaProcessingService]:
    recipes = {name: {"outputs": [output]} for name, output in (("picture", "poster"), ("chapters", "chapters"))}
    async with MediaProcessingService(tmp_path / "data", recipes={"video": recipes}) as running:
        yield running


async def _completed(service: MediaProcessingService, clip: Path) -> str:
    made = await service.process_upload(clip, ANNA)
    asset = await service.wait(made["id"], ANNA)
    assert asset["status"] == "completed", asset
    return str(asset["id"])


def _add(
    client: Client, asset: dict[str, Any], text: str | bytes = SRT, declared: str = "text/plain", **options: str
) -> Any:
    content = text if isinstance(text, bytes) else text.encode()
    headers = {"content-type": declared}
    return client.call("POST", f"/media/{asset['id']}/captions", content=content, params=options, headers=headers)


def _names_in_streams(client: Client, asset: dict[str, Any]) -> tuple[list[str | None], list[str | None]]:
    """The labels of the text tracks in the master playlist and in the manifest, as anybody gets them."""
    master = parse_master(client.get(asset["hls_url"]).text)
    entries = [entry for entry in master.media if entry.get("TYPE") == "SUBTITLES"]
    assert {entry.get("SUBTITLES") for entry in master.variants} == ({"text"} if entries else {None})
    manifest = ET.fromstring(client.get(asset["dash_url"]).text)
    space = {"": "urn:mpeg:dash:schema:mpd:2011"}
    sets = [one for one in manifest.iterfind(".//AdaptationSet", space) if one.get("contentType") == "text"]
    return [entry.get("NAME") for entry in entries], [one.findtext("Label", None, space) for one in sets]


def test_captions_become_a_part_of_the_streams_and_leave_them(client: Client, bare: dict[str, Any]) -> None:
    before = client.get(bare["hls_url"])
    added = _add(client, bare, language="eng", default="true")
    assert added.status_code == 201
    track = added.json()
    assert track | {"url": ""} == {
        "name": "text-en", "language": "en", "label": "English", "kind": "subtitles", "default": True, "forced": False,
        "url": "",
    }  # fmt: skip
    assert added.headers["location"] == f"/media/{bare['id']}/captions/text-en"
    file = client.get(track["url"])
    assert file.headers["content-type"].startswith("text/vtt")
    assert "immutable" in file.headers["cache-control"]
    assert file.text.endswith("00:00:00.500 --> 00:00:01.500\nHello <i>you</i>\n")
    assert client.call("GET", f"/media/{bare['id']}").json()["captions"] == [track]
    assert client.call("GET", f"/media/{bare['id']}/captions").json()["items"] == [track]
    assert _names_in_streams(client, bare) == (["English"], ["English"])
    # The playlist that the master names leads to the file.
    master = client.get(bare["hls_url"], if_none_match=before.headers["etag"])
    assert master.status_code == 200
    (entry,) = (one for one in parse_master(master.text).media if one.get("TYPE") == "SUBTITLES")
    playlist = client.get(f"{client.server.url}{entry.link}")
    assert "captions.vtt" in playlist.text
    assert client.get(f"{track['url'].rsplit('/', 2)[0]}/master.m3u8").text.count("TYPE=SUBTITLES") == 1

    assert client.call("DELETE", f"/media/{bare['id']}/captions/text-en").status_code == 204
    assert client.call("DELETE", f"/media/{bare['id']}/captions/text-en").status_code == 404
    assert _names_in_streams(client, bare) == ([], [])
    assert client.get(bare["hls_url"]).text == before.text
    assert client.get(track["url"]).status_code == 404


def test_names_and_labels_are_each_given_once(client: Client, bare: dict[str, Any]) -> None:
    first, second = _add(client, bare, language="de").json(), _add(client, bare, VTT, "text/vtt", language="ger").json()
    assert [first["name"], first["label"], second["name"], second["label"]] == [
        "text-de", "German", "text-de-2", "German 2",
    ]  # fmt: skip
    taken = _add(client, bare, label="German")
    assert (taken.status_code, taken.json()["code"]) == (409, "label-taken")
    deaf = _add(client, bare, language="de", kind="captions", default="1").json()
    assert (deaf["label"], deaf["kind"]) == ("German (SDH)", "captions")
    assert _add(client, bare, label="Schilder & <mehr>", forced="true", default="true").json()["name"] == "text"
    tracks = client.call("GET", f"/media/{bare['id']}/captions").json()["items"]
    assert [track["default"] for track in tracks] == [False, False, False, True]
    labels = ["German", "German 2", "German (SDH)", "Schilder & <mehr>"]
    assert _names_in_streams(client, bare) == ([labels[-1], *labels[:-1]], labels)


def test_files_never_come_back_under_another_text(client: Client, bare: dict[str, Any]) -> None:
    """Caches keep them for ever."""
    first = _add(client, bare, language="en").json()
    held = client.get(first["url"]).headers["etag"]
    assert client.get(first["url"], if_none_match=held).status_code == 304
    client.call("DELETE", f"/media/{bare['id']}/captions/text-en")
    assert client.get(first["url"], if_none_match=held).status_code == 404
    second = _add(client, bare, VTT, language="en").json()
    assert first["name"] == second["name"]
    assert first["url"] != second["url"]


@pytest.mark.parametrize(
    ("content", "declared", "options", "status", "code"),
    [
        (b"hello", "text/plain", {}, 422, "bad-captions"),
        (b"", "text/vtt", {}, 422, "bad-captions"),
        (b"WEBVTT\n\n00:01.000 --> 00:00.500\nx", "text/vtt", {}, 422, "bad-captions"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nx\x00y", "application/x-subrip", {}, 422, "bad-captions"),
        (b"WEBVTT\n\n00:01.000 --> 00:02.000\n\xff\xfe\xfd", "text/vtt", {}, 422, "bad-captions"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n" + b"x" * 20_000, "text/plain", {}, 422, "limit-exceeded"),
        (b"00:00:01,000 --> 00:00:02,000\nx\n\n" * 20_001, "text/plain", {}, 422, "limit-exceeded"),
        (b"x" * (2 * 1024 * 1024 + 1), "text/plain", {}, 413, "too-large"),
        (SRT.encode(), "image/png", {}, 415, "unsupported-media"),
        (SRT.encode(), "text/plain", {"language": "not a language"}, 422, "invalid-parameter"),
        (SRT.encode(), "text/plain", {"label": 'say "hi"'}, 422, "invalid-parameter"),
        (SRT.encode(), "text/plain", {"label": "x" * 61}, 422, "invalid-parameter"),
        (SRT.encode(), "text/plain", {"label": "a\u202eb"}, 422, "invalid-parameter"),
        (SRT.encode(), "text/plain", {"kind": "karaoke"}, 422, "invalid-parameter"),
        (SRT.encode(), "text/plain", {"default": "perhaps"}, 422, "invalid-parameter"),
        (SRT.encode(), "text/plain", {"forced": "2"}, 422, "invalid-parameter"),
        (SRT.encode(), "text/plain", {"kind": "captions", "forced": "true"}, 422, "invalid-parameter"),
        (SRT.encode(), "text/plain", {"colour": "red"}, 422, "invalid-parameter"),
    ],
)
def test_bad_captions_are_refused_by_name_and_leave_nothing(
    client: Client, bare: dict[str, Any], content: bytes, declared: str, options: dict[str, str], status: int, code: str
) -> None:
    before = stored_files(client.server.data)
    answer = _add(client, bare, content, declared, **options)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.call("GET", f"/media/{bare['id']}/captions").json()["items"] == []
    assert stored_files(client.server.data) <= before


@pytest.mark.parametrize("declared", ["application/octet-stream", "application/x-www-form-urlencoded"])
def test_types_that_say_nothing_do_no_harm(client: Client, bare: dict[str, Any], declared: str) -> None:
    assert _add(client, bare, declared=declared, language="en").status_code == 201


def test_an_error_names_the_line(client: Client, bare: dict[str, Any]) -> None:
    wrong = _add(client, bare, f"{VTT}\n00:03.000 --> soon\nx\n").json()
    assert wrong["detail"] == "Line 6: the times of a cue are written like 00:01:02.500 --> 00:01:04.000."


def test_only_the_owner_of_a_completed_video(client: Client, bare: dict[str, Any], clip: Path, tmp_path: Path) -> None:
    path = f"/media/{bare['id']}/captions"
    assert client.http.post(path, content=SRT).status_code == 401
    assert client.http.get(path).status_code == 401
    assert client.http.delete(f"{path}/text-en").status_code == 401
    assert client.call("POST", "/media/nothing/captions?kind=x", content=b"").status_code == 404
    assert client.call("GET", "/media/nothing/captions").status_code == 404
    assert client.call("DELETE", f"{path}/text-xx").status_code == 404
    picture = client.upload(media.photo(tmp_path / "picture.jpg")).json()
    assert client.call("GET", f"/media/{picture['id']}/captions").json()["items"] == []
    refused = _add(client, picture)
    assert (refused.status_code, refused.json()["code"]) == (409, "no-streams")
    working = client.upload(clip, "again.mp4").json()
    refused = _add(client, working)
    assert (refused.status_code, refused.json()["code"]) == (409, "not-completed")
    client.done(working["id"])


async def test_the_typed_client(client: Client, bare: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "en.srt"
    file.write_text(SRT)
    async with ServerClient(client.server.url, client.server.key) as server:
        track = await server.add_captions(bare["id"], file, language="en", label="English (US)")
        assert await server.captions(bare["id"]) == [track]
        await server.remove_captions(bare["id"], track["name"])
        assert await server.captions(bare["id"]) == []


async def test_many_at_once_all_survive(service: MediaProcessingService, clip: Path, tmp_path: Path) -> None:
    media_id = await _completed(service, clip)
    languages = ["en", "de", "fr", "es", "it", "nl", "pt", "sv"]
    made = await asyncio.gather(
        *(service.attach_captions(media_id, SRT.encode(), ANNA, language=one, default="true") for one in languages)
    )
    tracks = (await service.media(media_id, ANNA))["captions"]
    assert {track["name"] for track in tracks} == {track["name"] for track in made} == {f"text-{x}" for x in languages}
    assert sum(track["default"] for track in tracks) == 1
    rendition = await _hls(service, media_id)
    assert rendition.metadata["revision"] == 1 + len(languages)
    assert await _lasting_objects(service, tmp_path) == _known(rendition)


async def test_removing_and_adding_at_once(service: MediaProcessingService, clip: Path) -> None:
    media_id = await _completed(service, clip)
    await service.attach_captions(media_id, SRT.encode(), ANNA, language="en")
    await asyncio.gather(
        service.detach_captions(media_id, "text-en", ANNA),
        service.attach_captions(media_id, VTT.encode(), ANNA, language="de"),
    )
    assert [track["name"] for track in (await service.media(media_id, ANNA))["captions"]] == ["text-de"]
    with pytest.raises(NotFound):
        await service.detach_captions(media_id, "text-en", ANNA)


@pytest.mark.parametrize("stored", ["captions.vtt", "index.m3u8", "master-", "manifest-"])
async def test_storing_that_fails_leaves_the_set_as_it_was(
    service: MediaProcessingService, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str
) -> None:
    media_id = await _completed(service, clip)
    await service.attach_captions(media_id, SRT.encode(), ANNA, language="en")
    before = (await service.media(media_id, ANNA))["captions"]
    write = service.flows.storage.write

    async def failing(key: str, content: bytes, *, durable: bool = True) -> None:
        if stored in key:
            raise Unavailable
        await write(key, content, durable=durable)

    monkeypatch.setattr(service.flows.storage, "write", failing)
    with pytest.raises(Unavailable):
        await service.attach_captions(media_id, VTT.encode(), ANNA, language="de")
    assert (await service.media(media_id, ANNA))["captions"] == before
    rendition = await _hls(service, media_id)
    assert await _lasting_objects(service, tmp_path) == _known(rendition)


async def test_a_crash_at_any_moment_leaves_a_set_that_plays(
    service: MediaProcessingService, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored is known to nobody then, and goes a day later."""
    media_id = await _completed(service, clip)
    asset = await service.media(media_id, ANNA)
    write, stored = service.flows.storage.write, 0

    class _Crash(BaseException):
        pass

    async def dying(key: str, content: bytes, *, durable: bool = True) -> None:
        nonlocal stored
        await write(key, content, durable=durable)
        stored += 1
        if stored == 4:  # all of it, but the transaction
            raise _Crash

    monkeypatch.setattr(service.flows.storage, "write", dying)
    monkeypatch.setattr("renditor.catalog.sets.give_up", lambda *_, **__: None)  # a dead process gives nothing up
    with pytest.raises(_Crash):
        await service.attach_captions(media_id, VTT.encode(), ANNA, language="de")
    monkeypatch.undo()
    assert await service.media(media_id, ANNA) == asset
    await service.attach_captions(media_id, SRT.encode(), ANNA, language="en")
    assert [track["name"] for track in (await service.media(media_id, ANNA))["captions"]] == ["text-en"]
    rendition = await _hls(service, media_id)
    assert await _lasting_objects(service, tmp_path) == _known(rendition)


async def test_a_video_that_goes_takes_its_captions_with_it(
    service: MediaProcessingService, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_id = await _completed(service, clip)
    await service.attach_captions(media_id, SRT.encode(), ANNA, language="en")
    write, gone = service.flows.storage.write, False

    async def too_late(key: str, content: bytes, *, durable: bool = True) -> None:
        nonlocal gone
        if not gone:
            gone = True
            await service.remove(media_id, ANNA)
        await write(key, content, durable=durable)

    monkeypatch.setattr(service.flows.storage, "write", too_late)
    with pytest.raises(NotFound):
        await service.attach_captions(media_id, VTT.encode(), ANNA, language="de")
    assert await _lasting_objects(service, tmp_path) == set()


async def test_a_set_that_is_made_anew_takes_no_captions_meanwhile(service: MediaProcessingService, clip: Path) -> None:
    media_id = await _completed(service, clip)
    await service.run_recipe(service._principal(ANNA), media_id, "video")
    with pytest.raises(Conflict) as refused:
        await service.attach_captions(media_id, SRT.encode(), ANNA)
    assert refused.value.error_code == "not-completed"


async def test_what_was_added_stays_when_the_set_is_made_anew(
    service: MediaProcessingService, clip: Path, tmp_path: Path
) -> None:
    """Of the file's own tracks one is as it was, one had been removed and replaced by another of its name."""
    text, source = tmp_path / "own.srt", tmp_path / "own.mkv"
    text.write_text(SRT.replace("Hello", "Own"))
    languages = ("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=fre")
    media.ffmpeg("-i", clip, "-i", text, "-map", "0", "-map", "1", "-map", "1", "-c", "copy", *languages, source)
    media_id = await _completed(service, source)
    await service.detach_captions(media_id, "text-en", ANNA)
    await service.attach_captions(media_id, SRT.encode(), ANNA, language="en", default="true")
    await service.attach_captions(media_id, VTT.encode(), ANNA, language="de", label="Deutsch")
    await _make_anew(service, media_id, "video")
    after = await _hls(service, media_id)
    tracks = after.metadata["captions"]
    assert [(track["name"], track["label"], track["default"]) for track in tracks] == [
        ("text-fr", "French", False),
        ("text-en", "English", True),
        ("text-de", "Deutsch", False),
    ]
    assert "Deutsch" in await _text(service, after, "master.m3u8")
    assert "Deutsch" in await _text(service, after, "manifest.mpd")
    for track, word in zip(tracks, ("Own", "Hello", "Hallo"), strict=True):
        assert word in await _text(service, after, f"{track['folder']}/captions.vtt")
    stored = [item.bytes async for item in service.flows.storage.list(after.key)]
    assert after.bytes == sum(stored)
    await service.detach_captions(media_id, "text-en", ANNA)
    assert [track["name"] for track in (await service.media(media_id, ANNA))["captions"]] == ["text-fr", "text-de"]


async def test_a_recipe_without_streams_keeps_what_was_done_for_the_next_with_them(
    service: MediaProcessingService, clip: Path, tmp_path: Path
) -> None:
    """Added: there until it is removed, also meanwhile. Removed: gone for good."""
    text, source = tmp_path / "own.srt", tmp_path / "own.mkv"
    text.write_text(SRT)
    languages = ("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=fre")
    media.ffmpeg("-i", clip, "-i", text, "-map", "0", "-map", "1", "-map", "1", "-c", "copy", *languages, source)
    media_id = await _completed(service, source)
    await service.detach_captions(media_id, "text-en", ANNA)
    for language in ("de", "it"):
        await service.attach_captions(media_id, VTT.encode(), ANNA, language=language)
    await _make_anew(service, media_id, "picture")
    asset = await service.media(media_id, ANNA)
    assert [one["kind"] for one in asset["renditions"]] == ["poster"]
    assert [track["name"] for track in asset["captions"]] == ["text-de", "text-it"]
    with pytest.raises(Conflict) as refused:
        await service.attach_captions(media_id, SRT.encode(), ANNA)
    assert refused.value.error_code == "no-streams"
    await service.detach_captions(media_id, "text-it", ANNA)
    await _make_anew(service, media_id, "picture")
    await _make_anew(service, media_id, "video")
    rendition = await _hls(service, media_id)
    assert [track["name"] for track in rendition.metadata["captions"]] == ["text-fr", "text-de"]
    assert "Hallo" in await _text(service, rendition, f"{rendition.metadata['captions'][1]['folder']}/captions.vtt")
    for name in ("text-fr", "text-de"):
        await service.detach_captions(media_id, name, ANNA)
    await _make_anew(service, media_id, "video")
    asset = await service.media(media_id, ANNA)
    assert asset["captions"] == []
    assert not any({"removed", "captions"} & set(one["metadata"]) for one in asset["renditions"])
    assert "SUBTITLES" not in await _text(service, await _hls(service, media_id), "master.m3u8")
    await _make_anew(service, media_id, "chapters")  # it has none
    asset = await service.media(media_id, ANNA)
    assert (asset["status"], asset["renditions"], asset["captions"]) == ("completed", [], [])


async def test_there_is_a_limit_to_the_tracks_of_a_video(
    service: MediaProcessingService, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("renditor.ingest.captions._MOST_TRACKS", 2)
    media_id = await _completed(service, clip)
    for _ in range(2):
        await service.attach_captions(media_id, SRT.encode(), ANNA)
    with pytest.raises(RenditorError, match="2 tracks"):
        await service.attach_captions(media_id, SRT.encode(), ANNA)


def test_options_without_anything() -> None:
    assert CaptionOptions.read({"language": "und", "label": "  ", "default": ""}) == CaptionOptions()


async def _make_anew(service: MediaProcessingService, media_id: str, recipe: str) -> None:
    principal = service._principal(ANNA)
    job = await service.run_recipe(principal, media_id, recipe)
    async with asyncio.timeout(60):
        while (await service.job(principal, media_id, job.id)).status in ("queued", "running"):  # noqa: ASYNC110 - jobs say nothing to a loop when they are done
            await asyncio.sleep(0.1)
    assert (await service.job(principal, media_id, job.id)).status == "completed"


async def _hls(service: MediaProcessingService, media_id: str) -> Rendition:
    _, renditions = await service.get(service._principal(ANNA), media_id)
    (rendition,) = (one for one in renditions if one.kind == "hls")
    return rendition


async def _text(service: MediaProcessingService, rendition: Rendition, name: str) -> str:
    return b"".join([chunk async for chunk in service.flows.storage.open(rendition.key + name)]).decode()


def _known(rendition: Rendition) -> set[str]:
    heads = rendition.metadata.get("heads", {}).values()
    folders = [track["folder"] for track in rendition.metadata.get("captions", ())]
    return {*heads, *(f"{folder}/{name}" for folder in folders for name in ("captions.vtt", "index.m3u8"))}


async def _lasting_objects(service: MediaProcessingService, tmp_path: Path) -> set[str]:
    """What changes have added to sets and what the trash would not remove one day."""
    marked = await service.flows.catalog.read(lambda c: c.exec_driver_sql("SELECT key FROM trash").scalars().all())
    storage = tmp_path / "data" / "storage"
    keys = [path.relative_to(storage).as_posix() for path in storage.rglob("*") if path.is_file()]
    lasting = [key for key in keys if not any(key == one or (one[-1] == "/" and key.startswith(one)) for one in marked)]
    added = [key.split("/", 3)[3] for key in lasting if key.startswith("sets/")]
    return {name for name in added if name.startswith(("text", "master-", "manifest-"))}
