"""The supervisor with real children: order, restarts, stops, and ends of every kind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from renditor.supervisor import Child

SUPERVISE = """
import json, sys
from renditor import supervisor
children = [supervisor.Child(**child) for child in json.loads(sys.argv[1])]
constants = json.loads(sys.argv[2])
if not constants:
    supervisor.take_over(children)
vars(supervisor).update(constants)
sys.exit(supervisor.Supervisor(children).run())
"""

# Notes what happens to it in a file of its folder; ends in order on SIGTERM after so many seconds.
CHILD = """
import os, signal, sys, time
from renditor.guard import die_with_parent
die_with_parent()
name, ending = sys.argv[1], float(sys.argv[2])
def note(event):
    with open("journal", "a") as journal:
        journal.write(f"{event} {name} {os.getpid()} {time.time()}\\n")
def end(*_):
    note("told")
    time.sleep(ending)
    note("ended")
    os._exit(0)
signal.signal(signal.SIGTERM, end)
note("started")
while True:
    time.sleep(60)
"""


def child(name: str, ending: float = 0, **options: Any) -> Child:
    return Child(name, [sys.executable, "-c", CHILD, name, str(ending)], **options)


def shell(name: str, script: str, **options: Any) -> Child:
    return Child(name, ["/bin/sh", "-c", script], **options)


class House:
    """A supervisor in a process of its own, and the folder its children work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None

    def supervise(self, *children: Child, **constants: float) -> subprocess.Popen[str]:
        """Without constants: through ``take_over``, as it really runs. With: the loop alone, at other speeds."""
        specifications = json.dumps([one.specification() for one in children])
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, specifications, json.dumps(constants)],
            cwd=self.folder,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OURS": "inherited"},
        )
        return self.process

    def events(self, event: str) -> list[tuple[str, int, float]]:
        path = self.folder / "journal"
        lines = path.read_text(encoding="ascii").splitlines() if path.exists() else []
        parts = [line.split() for line in lines]
        return [(name, int(pid), float(at)) for what, name, pid, at in parts if what == event]

    def started(self, count: int) -> list[int]:
        wait_until(lambda: len(self.events("started")) >= count)
        return [pid for _, pid, _ in self.events("started")]

    def finish(self, within: float = 5) -> tuple[int, str]:
        """Exit status and messages."""
        assert self.process is not None
        _, messages = self.process.communicate(timeout=within)
        return self.process.returncode, messages

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        assert self.process is not None
        self.process.send_signal(number)
        return self.finish()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    if house.process is not None:
        house.process.kill()
        house.process.wait()
    left = [pid for _, pid, _ in house.events("started") if alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    if house.process is not None and house.process.stderr is not None:
        house.process.stderr.close()
    assert not left, "a child was left behind"


def alive(pid: int) -> bool:
    """Zombies are dead: not every first process of a container collects them."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], within: float = 5) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_children_are_started_in_order_and_stopped_in_reverse(house: House, number: int) -> None:
    supervisor = house.supervise(child("first"), child("second", ending=0.3), child("third"))
    pids = house.started(3)
    assert {psutil.Process(pid).ppid() for pid in pids} == {supervisor.pid}
    names = {pid: name for name, pid, _ in house.events("started")}
    assert [names[pid] for pid in sorted(pids)] == ["first", "second", "third"]
    assert all(os.getsid(pid) == pid for pid in pids)
    status, messages = house.stop(number)
    assert (status, messages) == (0, "")
    assert [name for name, _, _ in house.events("told")] == ["third", "second", "first"]
    (_, _, ended), (_, _, told) = house.events("ended")[1], house.events("told")[2]
    assert told >= ended, "the next one is told when the one before has ended"


def test_it_is_a_small_program_that_shows_no_secret(house: House) -> None:
    supervisor = house.supervise(shell("one", 'echo "$OURS $SECRET" > env; sleep 60', env={"SECRET": "hidden"}))
    wait_until(lambda: (house.folder / "env").exists() and (house.folder / "env").read_text() != "")
    assert (house.folder / "env").read_text() == "inherited hidden\n"
    running = psutil.Process(supervisor.pid)
    assert "supervisor.py" in running.cmdline()[3]
    assert "hidden" not in " ".join(running.cmdline())
    assert "hidden" not in str(running.environ())
    assert running.memory_info().rss < 20 << 20
    assert running.num_threads() == 1
    before = running.cpu_times()
    time.sleep(0.5)
    assert running.cpu_times() == before, "it sleeps until something happens"
    assert house.stop()[0] == 0


def test_a_child_that_ends_is_started_again_ever_later(house: House) -> None:
    house.supervise(shell("flaky", "date +%s.%N >> starts; exit 3"), child("calm"), FIRST_DELAY=0.1, LONGEST_DELAY=0.3)
    starts = house.folder / "starts"
    wait_until(lambda: starts.exists() and len(starts.read_text().splitlines()) >= 5)
    status, messages = house.stop()
    assert status == 0
    times = [float(line) for line in starts.read_text().splitlines()]
    gaps = [later - sooner for sooner, later in pairwise(times)]
    for gap, least in zip(gaps, [0.1, 0.2, 0.3, 0.3], strict=False):
        assert least <= gap < least + 1
    lines = messages.splitlines()
    assert lines[0] == "renditor: flaky ended (exit status 3); starting it again in 0.1 s"
    assert lines[1] == "renditor: flaky ended (exit status 3), 2 times in a row; starting it again in 0.2 s"
    assert len(house.events("started")) == 1


def test_a_child_that_was_healthy_starts_again_without_growing_delay(house: House) -> None:
    house.supervise(
        shell("crashing", "date >> starts; sleep 0.2; kill -SEGV $$"),
        FIRST_DELAY=0.05,
        HEALTHY_SECONDS=0.1,
        START_SECONDS=0.1,
    )
    starts = house.folder / "starts"
    wait_until(lambda: starts.exists() and len(starts.read_text().splitlines()) >= 4)
    status, messages = house.stop()
    assert status == 0
    line = "renditor: crashing ended (killed by SIGSEGV); starting it again in 0.05 s"
    assert set(messages.splitlines()) == {line}


def test_what_a_child_leaves_behind_is_killed(house: House) -> None:
    house.supervise(shell("parent", "sleep 60 & echo $! > left; sleep 0.2; exit 1"), FIRST_DELAY=30)
    left = house.folder / "left"
    wait_until(lambda: left.exists() and left.read_text() != "")
    pid = int(left.read_text())
    assert alive(pid)
    wait_until(lambda: not alive(pid))
    assert house.stop()[0] == 0


def test_a_child_that_will_not_stop_is_killed_in_time(house: House) -> None:
    house.supervise(child("calm"), child("stubborn", ending=60), GRACE_SECONDS=1, TURN_SECONDS=0.2)
    house.started(2)
    asked = time.monotonic()
    status, messages = house.stop()
    assert 1 <= time.monotonic() - asked < 2
    assert status == 0
    assert "renditor: stubborn did not stop in 1 s; killing" in messages
    assert [name for name, _, _ in house.events("ended")] == ["calm"], "it had its turn nevertheless"


def test_a_second_signal_kills_at_once(house: House) -> None:
    supervisor = house.supervise(child("stubborn", ending=60))
    house.started(1)
    supervisor.send_signal(signal.SIGINT)
    wait_until(lambda: bool(house.events("told")))
    time.sleep(0.7)
    assert supervisor.poll() is None
    asked = time.monotonic()
    assert house.stop(signal.SIGINT)[0] == 0
    assert time.monotonic() - asked < 0.5


def test_the_echo_of_a_signal_is_not_impatience(house: House) -> None:
    """make and shells pass on the signal that a terminal has sent to all of them already."""
    supervisor = house.supervise(child("slow", ending=0.5))
    house.started(1)
    supervisor.send_signal(signal.SIGINT)
    time.sleep(0.1)
    assert house.stop(signal.SIGTERM)[0] == 0
    assert [name for name, _, _ in house.events("ended")] == ["slow"]


def test_nothing_survives_kill_9_of_the_supervisor(house: House) -> None:
    without_kernel = CHILD.replace("die_with_parent()", "guard._asked_the_kernel = lambda _: False; die_with_parent()")
    without_kernel = "from renditor import guard\n" + without_kernel
    supervisor = house.supervise(
        child("one"), child("two"), Child("piped", [sys.executable, "-c", without_kernel, "piped", "0"])
    )
    pids = house.started(3)
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: not any(alive(pid) for pid in pids), within=2)
    assert {name for name, _, _ in house.events("ended")} == {"one", "two", "piped"}, "each stopped in order"


def test_an_essential_child_that_is_misconfigured_stops_all(house: House) -> None:
    house.supervise(
        child("calm"), shell("web", "sleep 0.3; exit 2", essential=True, hint="Choose another port with --port.")
    )
    status, messages = house.finish()
    assert status == 2
    assert messages == "renditor: web refuses to start (exit status 2); stopping. Choose another port with --port.\n"
    assert len(house.events("started")) == len(house.events("ended"))


def test_an_essential_child_that_never_starts_well_stops_all(house: House) -> None:
    house.supervise(shell("web", "echo x >> starts; exit 1", essential=True, hint="Look above."), FIRST_DELAY=0.05)
    status, messages = house.finish()
    assert status == 1
    assert (house.folder / "starts").read_text() == "x\n" * 3
    last = messages.splitlines()[-1]
    assert last == "renditor: web ended 3 times right after its start, last: exit status 1; stopping. Look above."


def test_an_essential_child_that_once_started_well_is_never_given_up(house: House) -> None:
    script = "echo x >> starts; [ $(wc -l < starts) = 1 ] && sleep 0.4; exit 1"
    house.supervise(shell("web", script, essential=True), FIRST_DELAY=0.01, START_SECONDS=0.3, LONGEST_DELAY=0.05)
    starts = house.folder / "starts"
    wait_until(lambda: starts.exists() and len(starts.read_text().splitlines()) > 6)
    assert house.stop()[0] == 0


@pytest.mark.parametrize(
    ("lame", "message"),
    [
        (Child("lame", ["/bin/sh", "-c", "exit 2"]), "lame refuses to start (exit status 2)"),
        (Child("lame", ["/nowhere/lame"]), "lame refuses to start (it cannot be run: No such file or directory)"),
        (Child("lame", ["/bin/true"], restart=False), "lame has ended (exit status 0)"),
    ],
)
def test_the_others_go_on_without_a_child_that_is_not_essential(house: House, lame: Child, message: str) -> None:
    supervisor = house.supervise(lame, child("calm"))
    house.started(1)
    time.sleep(0.6)
    assert supervisor.poll() is None
    status, messages = house.stop()
    assert status == 0
    assert messages == f"renditor: {message}; going on without it\n"


def test_a_stop_during_the_pause_before_a_restart(house: House) -> None:
    supervisor = house.supervise(shell("flaky", "exit 1"), FIRST_DELAY=30)
    assert supervisor.stderr is not None
    assert "starting it again in 30 s" in supervisor.stderr.readline()
    asked = time.monotonic()
    assert house.stop() == (0, "")
    assert time.monotonic() - asked < 1
