"""Commands that are stopped in the middle: they end at once, and nothing of them stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from renditor.testing import media

QUICK_SECONDS = 20  # with every core busy; alone it takes 0.2


@pytest.fixture
def encoding(samples: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A conversion that would take minutes, with FFmpeg at work."""
    media.ffmpeg("-stream_loop", "200", "-i", samples / "clip.mp4", "-c", "copy", "long.mp4")
    command = [sys.executable, "-m", "renditor.cli", "video", "long.mp4", "out.mp4", "--preset", "veryslow"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not any(list(folder.glob("video.mp4")) for folder in Path(os.environ["TMPDIR"]).glob("renditor-*")):
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    yield process
    process.kill()
    process.wait()


def gone(processes: list[psutil.Process]) -> bool:
    end = time.monotonic() + QUICK_SECONDS
    while time.monotonic() < end:
        if all(not one.is_running() or one.status() == psutil.STATUS_ZOMBIE for one in processes):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_work_and_cleans_up(encoding: subprocess.Popen[bytes], number: signal.Signals) -> None:
    children = psutil.Process(encoding.pid).children(recursive=True)
    assert any("ffmpeg" in child.name() for child in children)
    began = time.monotonic()
    encoding.send_signal(number)
    out, err = encoding.communicate(timeout=QUICK_SECONDS)
    assert encoding.returncode == 128 + number
    assert time.monotonic() - began < QUICK_SECONDS
    assert (out, err) == (b"", b"")
    assert gone(children)
    assert [path.name for path in Path().iterdir()] == ["long.mp4"]
    # That the temporary folder is empty again is checked after every test.


def test_a_killed_command_leaves_no_process(encoding: subprocess.Popen[bytes]) -> None:
    children = psutil.Process(encoding.pid).children(recursive=True)
    encoding.kill()
    encoding.communicate()
    assert gone(children)
    assert [path.name for path in Path().iterdir()] == ["long.mp4"]
    for folder in Path(os.environ["TMPDIR"]).iterdir():  # nobody was left to clear it
        subprocess.run(["rm", "-r", folder], check=True)
