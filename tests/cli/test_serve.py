"""renditor serve and renditor worker: a whole server comes up, says so once, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.conftest import Run
from tests.server import free_port

READY_SECONDS = 60
STOP_SECONDS = 10


@contextmanager
def started(*arguments: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A command that goes on running; killed at the end if it still does."""
    with Path("stderr.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "renditor.cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | env,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def first_object(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The JSON object that a command prints before it goes on running."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line == "}\n":
            return dict(json.loads("".join(lines)))
    raise AssertionError(f"it ended with {process.wait()}: {Path('stderr.log').read_text()}")


def wait_until_ready(url: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
                assert answer.status == 200
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(f"{url} was not ready within {READY_SECONDS} s: {Path('stderr.log').read_text()}")


def family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def wait_until_gone(processes: list[psutil.Process]) -> None:
    """A zombie is gone too: it only waits to be collected."""
    end = time.monotonic() + STOP_SECONDS
    left = processes
    while left and time.monotonic() < end:
        left = [one for one in left if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
        time.sleep(0.05)
    assert left == []


def test_a_server_tells_where_it_is_shows_the_key_once_and_stops_whole(run: Run) -> None:
    """One story: first start, a second start that is refused, orderly stop, second start, death of the parent."""
    with started("serve", "--port", "0", "--data", "d", "--json", "--workers", "1") as process:
        shown = first_object(process)
        assert shown["data"] == str(Path("d").absolute())
        assert shown["pid"] == process.pid
        assert shown["key"].startswith("rk_")
        wait_until_ready(shown["url"])
        assert Path("d").stat().st_mode & 0o777 == 0o700

        done = run("serve", "--port", "0", "--data", "d")
        assert done.status == 1
        assert "runs already on the data folder" in done.error
        assert str(process.pid) in done.err
        done = run("serve", "--port", shown["url"].rpartition(":")[2], "--data", "other")
        assert done.status == 1
        assert "cannot be used: Address already in use" in done.error
        assert not Path("other").exists()
        made = run("keys", "create", "--data", "d", "--name", "while it runs", "--scopes", "read", "--json")
        assert made.status == 0
        request = urllib.request.Request(
            f"{shown['url']}/media", headers={"authorization": f"Bearer {made.json['key']}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["items"] == []

        processes = family(process.pid)
        assert (
            len(processes) >= 6
        )  # supervisor; web master and worker; renderer; launcher; decoder; job worker; launcher
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_SECONDS) == 0
        wait_until_gone(processes)

    with started("serve", "--port", "0", "--data", "d", "--json", "--workers", "1") as process:
        shown = first_object(process)
        assert shown["key"] is None
        wait_until_ready(shown["url"])
        processes = family(process.pid)
        process.kill()
        wait_until_gone(processes)


def test_text_for_people(process: Run) -> None:
    """Printed before the server takes over; here it cannot, so that nothing has to be stopped."""
    code = (
        "from renditor import supervisor; supervisor.take_over = lambda children: print([c.name for c in children]);"
        "import sys; from renditor.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "serve", "--data", "d", "--port", "0", "--no-worker"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "renditor is starting and answers in a moment; Ctrl-C stops it."
    assert any(line.startswith("URL            http://127.0.0.1:") for line in lines)
    assert any(line.startswith("Admin API key  rk_") for line in lines)
    assert lines[-1] == "['renderer', 'web']"
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "rk_" not in again.stdout


def test_a_worker_does_the_jobs_of_a_server_without(run: Run, samples: Path) -> None:
    with started("serve", "--port", "0", "--data", "d", "--json", "--workers", "1", "--no-worker") as server:
        shown = first_object(server)
        wait_until_ready(shown["url"])
        server_options = ("--server", shown["url"], "--key", shown["key"], "--json")
        waiting = run("upload", samples / "song.mp3", *server_options).json["items"][0]
        assert waiting["status"] == "processing"
        with started("worker", "--data", "d", "--json") as worker:
            assert first_object(worker)["data"] == str(Path("d").absolute())
            done = run("upload", samples / "song.mp3", "--wait", *server_options)
            assert done.status == 0, done.err
            assert done.json["items"][0]["status"] == "completed"
            processes = family(worker.pid)
            worker.send_signal(signal.SIGINT)
            assert worker.wait(STOP_SECONDS) == 0
            wait_until_gone(processes)
        processes = family(server.pid)
        server.send_signal(signal.SIGTERM)
        assert server.wait(STOP_SECONDS) == 0
        wait_until_gone(processes)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "192.0.2.7"), "cannot be used: Cannot assign requested address"),
        (("--host", "no.such.host.invalid"), "not known"),
        (("--tls-cert", "cert.pem"), "belong together"),
        (("--tls-cert", "cert.pem", "--tls-key", "key.pem"), "No such file"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_made(run: Run, arguments: tuple[str, ...], said: str) -> None:
    done = run("serve", "--data", "d", "--port", str(free_port()), *arguments)
    assert done.status in (1, 2)
    assert said in done.error
    assert not Path("d").exists()


def test_a_taken_port_is_named(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = run("serve", "--data", "d", "--port", port)
    assert done.status == 1
    assert f"Port {port} on 127.0.0.1" in done.error
    assert "--port" in done.err.splitlines()[1]
    assert not Path("d").exists()


def test_a_database_that_cannot_be_used_is_said_in_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    # The lock on a data folder is held until the process ends: each try gets its own.
    for folder, url, said in (
        ("d1", f"postgresql+psycopg://u:pa@127.0.0.1:{free_port()}/db", "The database does not answer."),
        ("d2", "mysql://u:pa@127.0.0.1/db", "'database_url'"),
        ("d3", "nonsense", "'database_url'"),
    ):
        monkeypatch.setenv("RENDITOR_DATABASE_URL", url)
        done = run("serve", "--data", folder, "--port", "0")
        assert done.status in (1, 2)
        assert said in done.error
        assert "pa@" not in done.err
    monkeypatch.delenv("RENDITOR_DATABASE_URL")


# SQLAlchemy leaves the connection it could not set up to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_database_is_said_in_one_line(run: Run) -> None:
    Path("d").mkdir()
    Path("d/catalog.sqlite").write_text("this is text, and no database at all" * 10)
    done = run("serve", "--data", "d", "--port", "0")
    assert done.status == 1
    assert done.error == "error: The database is damaged."
