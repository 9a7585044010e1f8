"""A virus on every way in, past a scanner that speaks clamd's protocol, is away, or is a command."""

from __future__ import annotations

import base64
import json
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from renditor.testing import media
from tests.client import Client
from tests.content.clamd import EICAR, listening
from tests.server import RunningServer, start_server

TUS = {"tus-resumable": "1.0.0"}


@pytest.fixture(scope="module")
def address() -> Iterator[Path]:
    # The path of a socket is short (unix(7): 108 bytes).
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "clamd"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, address: Path) -> Iterator[RunningServer]:
    data = tmp_path_factory.mktemp("scanned") / "data"
    with start_server(data, ("--workers", "1"), RENDITOR_CONTENT__SCAN_SOCKET=str(address)) as running:
        yield running


@pytest.fixture(scope="module")
def client(scanned: RunningServer) -> Iterator[Client]:
    made = Client(scanned)
    yield made
    made.close()


@pytest.fixture
def photo(tmp_path: Path) -> bytes:
    return media.photo(tmp_path / "a.jpg", 20, 20).read_bytes()


def kept(server: RunningServer) -> list[bytes]:
    folder = server.data / "quarantine"
    return [path.read_bytes() for path in folder.iterdir()] if folder.exists() else []


def test_a_virus_behind_a_picture_on_every_way_in(client: Client, address: Path, photo: bytes) -> None:
    infected = photo + EICAR
    with listening(address):
        answers = [
            client.upload(infected, "raw.jpg"),
            client.call("POST", "/media/upload", files={"file": ("form.jpg", infected, "image/jpeg")}),
            client.call(
                "POST",
                "/uploads",
                content=infected,
                headers={
                    **TUS,
                    "upload-length": str(len(infected)),
                    "upload-metadata": f"filename {base64.b64encode(b'tus.jpg').decode()}",
                    "content-type": "application/offset+octet-stream",
                },
            ),
        ]
        assert client.upload(photo, "clean.jpg").status_code == 201
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (422, "infected"), answer.text
    (clean,) = client.call("GET", "/media").json()["items"]
    assert clean["filename"] == "clean.jpg"
    server = client.server
    assert kept(server) == [infected]
    stored = [path for path in (server.data / "storage").rglob("*") if path.is_file()]
    assert not any(EICAR in path.read_bytes() for path in stored)
    assert not [path for name in ("spool", "uploads") for path in (server.data / name).rglob("*") if path.is_file()]
    assert "upload_infected" in server.log.read_text()


def test_what_the_scanner_did_not_see_is_not_taken(client: Client, address: Path, photo: bytes) -> None:
    assert not address.exists()
    answer = client.upload(photo + b"x", "unseen.jpg")
    assert (answer.status_code, answer.json()["code"]) == (503, "scan-unavailable")
    assert str(address) not in answer.text
    assert all(item["filename"] != "unseen.jpg" for item in client.call("GET", "/media").json()["items"])


def test_a_command_as_scanner_and_files_that_are_not_kept(tmp_path: Path, photo: bytes) -> None:
    look = "import sys; sys.exit(b'EICAR' in open(sys.argv[1], 'rb').read())"
    program = str(Path(sys.executable).resolve())
    with start_server(
        tmp_path / "data",
        ("--workers", "1"),
        RENDITOR_CONTENT__SCAN_COMMAND=json.dumps([program, "-I", "-S", "-c", look, "{file}"]),
        RENDITOR_CONTENT__SCAN_READS=json.dumps([sysconfig.get_paths()["stdlib"]]),
        RENDITOR_CONTENT__QUARANTINE="delete",
    ) as server:
        client = Client(server)
        try:
            answer = client.upload(photo + EICAR, "a.jpg")
            assert (answer.status_code, answer.json()["code"]) == (422, "infected"), server.log.read_text()[-2000:]
            assert client.upload(photo, "a.jpg").status_code == 201
            assert kept(server) == []
        finally:
            client.close()
