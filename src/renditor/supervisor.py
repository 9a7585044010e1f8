"""The parent of all our processes: starts them, starts them again when they end, and stops them in order.

Standard library only, one thread, and nothing of ours imported: it has to stay up when everything else falls over. One
thread also because Linux ties "die with your parent" (see ``guard``) to the thread that forked.

``take_over`` replaces the calling process by this file run as a program; what to supervise travels through an inherited
descriptor, because arguments and environment are for all to see.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Final, NoReturn

MISCONFIGURED: Final = 2
"""Exit status by which a child says that starting it again is useless."""
FIRST_DELAY: Final = 0.25
LONGEST_DELAY: Final = 30.0
HEALTHY_SECONDS: Final = 30.0
"""A child that lived so long is started again without delay as if for the first time."""
START_SECONDS: Final = 10.0
"""A child that ended sooner did not start."""
FAILED_STARTS: Final = 3
"""So many failed starts in a row of an essential child that never started well before: a person should look."""
GRACE_SECONDS: Final = 8.0
"""From the first signal to SIGKILL. Service managers and people expect an end within ten."""
TURN_SECONDS: Final = 2.0
"""How long the next child in the order of stopping waits for the one before."""
IMPATIENT_SECONDS: Final = 0.5
"""A second signal sooner than this is an echo: make, shells and terminals pass on what reaches us directly as well."""
LAST_SECONDS: Final = 1.5
"""From SIGKILL to leaving without those that do not even react to that."""

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Child:
    """One process to keep running.

    Args:
        name: what messages call it.
        argv: the command; no secrets, everybody can read it.
        env: added to the environment of the supervisor.
        essential: without it there is no point in going on: if it cannot start, everything stops.
        restart: start it again whenever it ends.
        hint: said when it cannot start; what a person may do about it.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: dict[str, str] | None = None,
        essential: bool = False,
        restart: bool = True,
        hint: str = "",
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.env = env or {}
        self.essential = essential
        self.restart = restart
        self.hint = hint

    def specification(self) -> dict[str, Any]:
        return dict(vars(self))


def take_over(children: Sequence[Child]) -> NoReturn:
    """Become the supervisor of ``children``, started in this order: this process id, another program. Never returns."""
    specification = json.dumps([child.specification() for child in children]).encode()
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("children", 0)
    else:
        import tempfile  # noqa: PLC0415 - not needed on Linux, and the supervisor itself must stay small

        descriptor = os.dup(tempfile.TemporaryFile().fileno())  # noqa: SIM115 - outlives this function on purpose
    os.write(descriptor, specification)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.set_inheritable(descriptor, True)
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, "-I", "-S", os.path.realpath(__file__), str(descriptor)]
    os.execv(sys.executable, command)  # noqa: S606 - no shell is the point


class _Supervised:
    """A child and what has become of it so far."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.due_at: float | None = 0.0
        self.told_at: float | None = None
        self.delay = FIRST_DELAY
        self.failed_starts = 0
        self.has_started_well = False


class Supervisor:
    """The loop. ``run`` returns the exit status: 0 after a stop that was asked for."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._all = [_Supervised(child) for child in children]
        self._stopping_at: float | None = None
        self._killed_at: float | None = None
        self._status = 0
        # Its reading end goes to the children; that nobody writes is the point (see guard).
        self._life_pipe = os.pipe()
        self._wakeup = self._catch_signals()

    def run(self) -> int:
        while True:
            self._collect_ended()
            now = time.monotonic()
            if self._stopping_at is None:
                self._start_due(now)
            elif self._stop_further(now):
                return self._status
            self._wait()

    def _catch_signals(self) -> int:
        reading, writing = os.pipe()
        for descriptor in (reading, writing):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in (*_STOP_SIGNALS, signal.SIGCHLD):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                # Started with nohup, to outlive its terminal.
                continue
            signal.signal(number, lambda *_: None)
        return reading

    def _wait(self) -> None:
        """Sleep until a signal comes or something is due."""
        now = time.monotonic()
        if self._stopping_at is not None:
            pause: float | None = 0.1
        else:
            due = [one.due_at for one in self._all if one.due_at is not None]
            pause = max(0.0, min(due) - now) if due else None
        if not select.select([self._wakeup], [], [], pause)[0]:
            return
        for number in os.read(self._wakeup, 4096):
            if number in _STOP_SIGNALS:
                self._asked_to_stop()

    def _asked_to_stop(self) -> None:
        now = time.monotonic()
        if self._stopping_at is None:
            self._stopping_at = now
        elif now - self._stopping_at > IMPATIENT_SECONDS:
            self._kill_all(now)

    def _start_due(self, now: float) -> None:
        for one in self._all:
            if one.due_at is not None and one.due_at <= now:
                one.due_at = None
                self._start(one)

    def _start(self, one: _Supervised) -> None:
        life = self._life_pipe[0]
        parent = {"RENDITOR_PARENT_PID": str(os.getpid()), "RENDITOR_LIFE_FD": str(life)}
        one.started_at = time.monotonic()
        try:
            # A session of its own: Ctrl-C reaches the supervisor alone, which stops the children in order, and all that
            # a child leaves behind can be killed by its group.
            one.process = subprocess.Popen(
                one.child.argv,
                env={**os.environ, **one.child.env, **parent},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=(life,),
            )
        except OSError as error:
            self._handle_end(one, f"it cannot be run: {error.strerror}", MISCONFIGURED)

    def _collect_ended(self) -> None:
        running = {one.process.pid: one for one in self._all if one.process is not None}
        while True:
            try:
                # Any child: as first process of a container this one inherits and has to collect all orphans.
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in running:
                self._ended(running[pid], os.waitstatus_to_exitcode(status))

    def _ended(self, one: _Supervised, code: int) -> None:
        if one.process is None:
            return
        _kill_group(one.process.pid)
        one.process.returncode = code
        one.process = None
        if self._stopping_at is None:
            self._handle_end(one, _in_words(code), code)

    def _handle_end(self, one: _Supervised, how: str, code: int) -> None:
        child, lived = one.child, time.monotonic() - one.started_at
        if code == MISCONFIGURED:
            self._give_up(one, f"{child.name} refuses to start ({how})", MISCONFIGURED)
            return
        if not child.restart:
            self._give_up(one, f"{child.name} has ended ({how})", 1)
            return
        if lived >= START_SECONDS:
            one.has_started_well = True
            one.failed_starts = 0
        else:
            one.failed_starts += 1
        if child.essential and not one.has_started_well and one.failed_starts >= FAILED_STARTS:
            self._give_up(one, f"{child.name} ended {one.failed_starts} times right after its start, last: {how}", 1)
            return
        if lived >= HEALTHY_SECONDS:
            one.delay = FIRST_DELAY
        one.due_at = time.monotonic() + one.delay
        again = f", {one.failed_starts} times in a row" if one.failed_starts > 1 else ""
        _say(f"{child.name} ended ({how}){again}; starting it again in {one.delay:g} s")
        one.delay = min(one.delay * 2, LONGEST_DELAY)

    def _give_up(self, one: _Supervised, message: str, status: int) -> None:
        one.due_at = None
        consequence = "stopping" if one.child.essential else "going on without it"
        _say(f"{message}; {consequence}{'. ' if one.child.hint else ''}{one.child.hint}")
        if not one.child.essential:
            return
        self._status = status
        self._stopping_at = time.monotonic()

    def _stop_further(self, now: float) -> bool:
        """One more look at a stop under way: tell the next in reverse order, kill at the end. True: all is done."""
        left = [one for one in reversed(self._all) if one.process is not None]
        if not left:
            return True
        if self._killed_at is not None:
            if now - self._killed_at < LAST_SECONDS:
                return False
            _say(f"{', '.join(one.child.name for one in left)} cannot be killed; leaving")
            return True
        if now - (self._stopping_at or now) > GRACE_SECONDS:
            _say(f"{', '.join(one.child.name for one in left)} did not stop in {GRACE_SECONDS:g} s; killing")
            self._kill_all(now)
            return False
        for one in left:
            if one.told_at is None:
                one.told_at = now
                _signal(one, signal.SIGTERM)
            if now - one.told_at < TURN_SECONDS:
                break
        return False

    def _kill_all(self, now: float) -> None:
        self._killed_at = now
        for one in self._all:
            if one.process is not None:
                _kill_group(one.process.pid)


def _signal(one: _Supervised, number: int) -> None:
    if one.process is not None:
        # Still to be collected by us, so the number cannot belong to anybody else.
        os.kill(one.process.pid, number)


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # Nobody left; macOS says "not permitted" for a group of zombies.
        return


def _in_words(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def _say(message: str) -> None:
    try:
        sys.stderr.write(f"renditor: {message}\n")
        sys.stderr.flush()
    except OSError:
        # Nobody reads any more: no reason to end.
        return


def main() -> int:
    with open(int(sys.argv[1]), "rb") as specification:
        children = [Child(**child) for child in json.load(specification)]
    return Supervisor(children).run()


if __name__ == "__main__":
    sys.exit(main())
