"""renditor doctor: each check tells good from bad, by looking at the real thing."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from renditor import config
from renditor.catalog.base import Catalog
from renditor.catalog.settings import CatalogSettings
from renditor.cli import checks
from renditor.ffmpeg.binaries import Binaries, Binary, Capabilities
from tests.attacks import certificates
from tests.cli.conftest import Run
from tests.server import RunningServer, free_port


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> config.Settings:
    monkeypatch.setenv("RENDITOR_PORT", str(free_port()))
    return config.load()


def test_a_healthy_machine(process: Run) -> None:
    """The whole report on the machine that runs the tests, where pictures and videos are made in all other tests."""
    done = process("doctor", "--json", RENDITOR_PORT=str(free_port()))
    assert done.status == 0, done.out
    report = {check["name"]: check for check in done.json["checks"]}
    assert list(report) == list(checks.CHECKS)
    assert done.json["status"] in ("OK", "WARN")
    assert "reads and writes jpg, png, webp, avif, gif" in report["libvips"]["what"]
    assert report["libvips"]["what"][:2] == "8."
    assert "hls, mp4, poster" in report["conversion"]["what"]
    assert report["server"]["status"] == "WARN"
    assert set(done.json["protections"]) == {"landlock_abi", "seccomp", "rlimits", "pdeathsig"}
    assert all(bool(check["fix"]) == (check["status"] != "OK") for check in report.values())
    assert not Path("data").exists()


def test_a_failure_is_told_with_its_fix(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("broken").write_text("no program")
    monkeypatch.setenv("RENDITOR_FFMPEG__FFMPEG", "broken")
    done = run("doctor")
    assert done.status == 1
    assert "FAIL  ffmpeg" in done.out
    assert "fix: Check the path in the setting ffmpeg.ffmpeg" in done.out
    monkeypatch.setenv("RENDITOR_PORT", "web")
    done = run("doctor")
    assert done.status == 1
    assert "FAIL  settings" in done.out


def test_a_misspelt_setting_is_told(run: Run, settings: config.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.settings(settings).status == "OK"
    monkeypatch.setenv("RENDITOR_PROT", "80")
    monkeypatch.setenv("RENDITOR_DELIVERY__PRESETS__SMALL", "w_100")
    found = checks.settings(config.load())
    assert (found.status, found.what) == ("WARN", "No setting is named RENDITOR_PROT.")
    assert "WARN  settings" in run("doctor").out
    monkeypatch.setenv("RENDITOR_LIMITS__UPLOADED", "5/hour")
    done = run("doctor")
    assert done.status == 1
    assert "FAIL  settings" in done.out
    assert "There is no setting 'limits.uploaded'" in done.out


def test_symptoms_lead_to_checks() -> None:
    assert set(checks.SYMPTOMS.values()) <= set(checks.CHECKS)
    assert {"Unknown encoder 'libx264'", "Conversion failed!"} <= set(checks.SYMPTOMS)


def test_missing_encoders_are_named() -> None:
    """The guide's first trouble: an FFmpeg without libx264."""
    binary = Binary(Path("/usr/bin/ffmpeg"), "7.1", "0" * 64, Capabilities(encoders=frozenset({"aac", "mjpeg"})))
    found = {one.name: one for one in checks.media_programs(Binaries(ffmpeg=binary))}
    assert found["libx264"].status == "FAIL"
    assert "imageio-ffmpeg" in (found["libx264"].fix or "")
    assert found["aac"].status == "OK"
    assert found["libsvtav1"].status == "WARN"
    assert found["packager"].status == "FAIL"


def test_the_data_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert checks.data_folder(data).status == "OK"
    assert not data.exists()
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    assert (checks.data_folder(data).status, checks.data_folder(data).fix) == ("WARN", f"chmod 700 {data}")
    data.chmod(0o700)
    assert checks.data_folder(data).status == "OK"
    (tmp_path / "file").touch()
    assert checks.data_folder(tmp_path / "file").status == "FAIL"
    assert checks.disk_space(tmp_path / "not" / "there").what


# SQLAlchemy leaves the connection it could not set up to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_database(settings: config.Settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"data": tmp_path})
    assert checks.database(settings).status == "OK"
    file = tmp_path / "catalog.sqlite"
    assert not file.exists()
    file.write_bytes(b"")
    assert checks.database(settings).status == "WARN"
    catalog = Catalog(settings.catalog_url, CatalogSettings())
    catalog.migrate()
    catalog.close()
    assert checks.database(settings).status == "OK"
    file.write_bytes(b"this is no database" * 100)
    assert checks.database(settings).status == "FAIL"
    away = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/none/catalog.sqlite"})
    assert checks.database(away).status == "FAIL"


def test_the_server(settings: config.Settings, server: RunningServer) -> None:
    assert checks.server(settings).status == "WARN"
    there = settings.model_copy(update={"port": server.port, "public_url": "https://elsewhere.example"})
    assert checks.server(there).status == "OK"


def test_another_program_at_the_port(settings: config.Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.port)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        found = checks.server(settings)
        thread.join()
    assert found.status == "FAIL"
    assert "Another program" in found.what


def test_a_certificate_that_ends_soon(settings: config.Settings, tmp_path: Path) -> None:
    for days, status in ((30, "OK"), (13, "WARN"), (-1, "FAIL")):
        cert, key = certificates.make(tmp_path, days=(-30, days))
        found = checks.tls(settings.model_copy(update={"tls_cert": cert, "tls_key": key}))
        assert found.status == status
        assert bool(found.fix) == (status != "OK")


def test_few_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for soft, status in ((100, "FAIL"), (512, "WARN"), (65_536, "OK")):
        monkeypatch.setattr("resource.getrlimit", lambda _, soft=soft: (soft, soft))
        assert checks.open_files().status == status
