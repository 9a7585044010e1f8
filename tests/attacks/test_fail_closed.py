"""What the server stands on is taken away while it runs: it says so, keeps nothing by half, goes on when it is back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from renditor.testing import media
from tests.client import Client
from tests.server import RunningServer, start_server

_SIZES = iter(range(50, 10_000))


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start_server(tmp_path_factory.mktemp("standing") / "data") as running:
        yield running


@pytest.fixture
def owner(standing: RunningServer) -> Iterator[Client]:
    made = Client(standing)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _the_chain_is_whole(standing: RunningServer) -> Iterator[None]:
    """After each attack an upload works, without a restart, and the audit log and all originals are whole."""
    yield
    client = Client(standing)
    _until(lambda: client.upload(picture(), "after.jpg").status_code == 201)
    client.close()
    line = [sys.executable, "-m", "renditor.cli", "audit", "verify", "--media", "--json", "--data", str(standing.data)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=standing.data.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["entries"] > 0


def picture() -> bytes:
    """Another one each time: the same bytes are stored once."""
    content: bytes = media.quadrants(next(_SIZES), 40).jpegsave_buffer()
    return content


def refused(answer: httpx.Response, *statuses: int) -> None:
    """A problem of the server's own, which tells nothing about the machine."""
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["request_id"]
    for word in ("Traceback", "File ", "sqlite3", "SQL", "/tmp", "errno"):
        assert word not in answer.text


def ids(client: Client) -> set[str]:
    return {item["id"] for item in client.call("GET", "/media?limit=100").json()["items"]}


def stored(server: RunningServer) -> set[Path]:
    return {path for path in (server.data / "storage").rglob("*") if path.is_file()}


def spooled(server: RunningServer) -> list[Path]:
    return [path for path in (server.data / "spool").iterdir() if path.is_file()]


@contextmanager
def moved(path: Path) -> Iterator[Path]:
    """Away, and back again."""
    away = path.with_name(f"{path.name}.away")
    path.rename(away)
    try:
        yield away
    finally:
        if path.is_dir():
            shutil.rmtree(path)
        away.replace(path)


def test_an_upload_while_the_catalog_is_locked_leaves_nothing(standing: RunningServer, owner: Client) -> None:
    before, files = ids(owner), stored(standing)
    with closing(sqlite3.connect(standing.data / "catalog.sqlite", isolation_level=None)) as locker:
        locker.execute("BEGIN EXCLUSIVE")
        refused(owner.upload(picture(), "a.jpg"), 503)
        locker.execute("ROLLBACK")
    assert ids(owner) == before
    assert stored(standing) == files
    assert spooled(standing) == []


def test_a_change_while_the_catalog_is_locked_is_none(standing: RunningServer, owner: Client) -> None:
    asset = owner.upload(picture(), "a.jpg").json()["id"]
    _settled(standing)
    with closing(sqlite3.connect(standing.data / "catalog.sqlite", isolation_level=None)) as locker:
        locker.execute("BEGIN IMMEDIATE")
        refused(owner.call("PATCH", f"/media/{asset}", json={"tags": ["x"]}), 503)
        refused(owner.call("DELETE", f"/media/{asset}"), 503)
        locker.execute("ROLLBACK")
    assert owner.call("GET", f"/media/{asset}").json()["tags"] == []


def test_no_key_opens_anything_while_the_catalog_is_gone(standing: RunningServer, owner: Client) -> None:
    with moved(standing.data / "catalog.sqlite"):
        refused(owner.upload(picture(), "a.jpg"), 503)
        refused(owner.call("GET", "/media"), 503)
        assert not (standing.data / "catalog.sqlite").exists()  # an empty one would look like a server without data
        assert owner.get("/readyz").status_code == 503


def test_a_catalog_that_was_overwritten_with_garbage_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    """On a server of its own: delivery of a process that has read both files needs a restart."""
    with start_server(tmp_path / "data") as running:
        owner, path = Client(running), running.data / "catalog.sqlite"
        with moved(path):
            path.write_bytes(os.urandom(8192))
            refused(owner.upload(picture(), "a.jpg"), 503)
            refused(owner.call("GET", "/media"), 503)
        owner.close()


def test_a_picture_is_accepted_while_the_database_of_the_jobs_is_gone_and_analysed_later(
    standing: RunningServer, owner: Client
) -> None:
    with moved(standing.data / "jobs.sqlite"):
        answer = owner.upload(picture(), "a.jpg")
        if answer.status_code != 201:
            refused(answer, 503)


def test_an_upload_while_the_storage_is_gone_is_refused_and_makes_no_other(
    standing: RunningServer, owner: Client
) -> None:
    before = ids(owner)
    with moved(standing.data / "storage"):
        refused(owner.upload(picture(), "a.jpg"), 503)
        assert not (standing.data / "storage").exists()  # it would lie below the place where the disk belongs
    assert ids(owner) == before


def test_files_of_a_storage_that_vanished_are_not_taken_for_deleted(standing: RunningServer, owner: Client) -> None:
    content = picture()
    asset = owner.upload(content, "a.jpg").json()
    with moved(standing.data / "storage"):
        refused(owner.call("GET", f"/media/{asset['id']}/original"), 503)
        refused(owner.get(asset["url"].replace("/upload/", "/upload/w_7/")), 503)
    assert owner.call("GET", f"/media/{asset['id']}/original").content == content


def test_an_upload_to_a_storage_that_cannot_be_written_leaves_nothing(standing: RunningServer, owner: Client) -> None:
    before = ids(owner)
    with _read_only(standing.data / "storage"):
        refused(owner.upload(picture(), "a.jpg"), 503)
    assert ids(owner) == before
    assert spooled(standing) == []


def test_a_killed_renderer_comes_back(standing: RunningServer, owner: Client) -> None:
    asset = owner.upload(picture(), "a.jpg").json()
    _kill(standing, "renderer")
    answer = owner.get(asset["url"].replace("/upload/", "/upload/w_8/"))
    if answer.status_code != 200:
        refused(answer, 503)
    _until(lambda: owner.get(asset["url"].replace("/upload/", "/upload/w_6/")).status_code == 200)


def test_a_killed_launcher_comes_back(standing: RunningServer, owner: Client, tmp_path: Path) -> None:
    clip = media.video(tmp_path / "a.mp4", seconds=1)
    assert owner.upload(clip).status_code == 202  # the first video starts it
    _kill(standing, "forkserver")
    answer = owner.upload(clip)
    if answer.status_code != 202:
        refused(answer, 503)
    last: dict[str, Any] = {}

    def accepted() -> bool:
        last.update(owner.upload(clip).json())
        return "status" in last and last["status"] == "processing"

    _until(accepted)
    assert owner.done(last["id"])["status"] == "completed"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server on a small disk, which is not ready below 64 MiB."""
    disk = tmp_path_factory.mktemp("narrow")
    mounting = ["mount", "-t", "tmpfs", "-o", "size=128m", "none", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may mount a small disk here")
    try:
        with start_server(disk / "data") as running:
            yield running
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_takes_no_half_of_a_file(narrow: RunningServer) -> None:
    client = Client(narrow)
    kept = client.upload(picture(), "a.jpg").json()
    before, files = ids(client), stored(narrow)
    filler = narrow.data.parent / "filler"
    with filler.open("wb", buffering=0) as file:
        _fill(file.write)
    answer = client.upload(media.quadrants(1500, 1400).pngsave_buffer(compression=0), "large.png")
    refused(answer, 503, 507)
    assert ids(client) == before
    assert stored(narrow) == files
    assert spooled(narrow) == []
    assert client.call("GET", f"/media/{kept['id']}/original").status_code == 200
    filler.unlink()
    _until(lambda: client.upload(picture(), "b.jpg").status_code == 201)
    client.close()
    line = [sys.executable, "-m", "renditor.cli", "audit", "verify", "--media", "--data", str(narrow.data)]
    assert subprocess.run(line, capture_output=True, check=False, cwd=narrow.data.parent).returncode == 0


def test_no_answer_and_no_line_of_the_log_tells_a_secret_or_a_stack_of_all_this(standing: RunningServer) -> None:
    text = standing.log.read_text(errors="replace")
    shown_once = text.count(standing.key)
    assert shown_once == 1  # the first start tells it
    master = (standing.data / "secrets" / "master").read_text().strip()
    assert master not in text
    assert "request_failed" not in text


def _fill(write: Callable[[bytes], Any]) -> None:
    block = bytes(64 * 1024)
    while block:
        try:
            write(block)
        except OSError:
            block = block[: len(block) // 2]


@contextmanager
def _read_only(folder: Path) -> Iterator[None]:
    """By a mount of its own: root may write to what has no permissions."""
    commands = [["mount", "--bind", str(folder), str(folder)], ["mount", "-o", "remount,ro,bind", str(folder)]]
    for command in commands:
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("only root may mount here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _kill(server: RunningServer, name: str) -> None:
    """The processes of the server whose command line has this name."""
    line = ["ps", "-ww", "-eo", "pid=,ppid=,args="]
    told = subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [(int(pid), int(parent), arguments) for pid, parent, arguments in (row.split(None, 2) for row in told)]
    family, more = {server.pid}, {server.pid}
    while more:
        more = {pid for pid, parent, _ in rows if parent in family} - family
        family |= more
    victims = [pid for pid, _, arguments in rows if pid in family and name in arguments]
    assert victims, f"no {name} runs"
    for victim in victims:
        os.kill(victim, signal.SIGKILL)


def _settled(server: RunningServer) -> None:
    """No job is at work that would notice the attack too."""
    with closing(sqlite3.connect(server.data / "catalog.sqlite")) as database:
        query = "SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')"
        _until(lambda: database.execute(query).fetchone()[0] == 0)


def _until(holds: Callable[[], bool], seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.3)
