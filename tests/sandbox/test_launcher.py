from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import uvloop

from renditor.errors import LimitExceeded, Unavailable
from renditor.sandbox import forkserver
from renditor.sandbox.launcher import Completed, Launcher
from renditor.sandbox.policy import Limits, Policy

from .conftest import LIMITS, eventually, gone, python, python_policy

POLICY = Policy(limits=LIMITS)


def server_of(launcher: Launcher) -> psutil.Process:
    assert launcher._process is not None
    return psutil.Process(launcher._process.pid)


async def run_python(launcher: Launcher, code: str, **options: object) -> Completed:
    policy = options.pop("policy", python_policy())
    return await launcher.run(python(code), policy=policy, timeout=20, **options)  # type: ignore[arg-type]


async def test_output_exit_code_and_signal_come_back(launcher: Launcher) -> None:
    done = await run_python(launcher, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    done = await run_python(launcher, "import os; os.abort()")
    assert done.returncode == -signal.SIGABRT


async def test_lines_come_while_the_program_runs(launcher: Launcher) -> None:
    seen: list[tuple[str, float]] = []
    started = time.monotonic()
    done = await run_python(
        launcher,
        "import time; print('one', flush=True); time.sleep(.4); print('two\\r\\nthree', end='')",
        on_line=lambda line: seen.append((line, time.monotonic() - started)),
    )
    assert [line for line, _ in seen] == ["one", "two", "three"]
    assert seen[1][1] - seen[0][1] > 0.3
    assert done.stdout == b""


async def test_bytes_come_as_they_are_and_are_not_kept(launcher: Launcher) -> None:
    seen: list[bytes] = []
    code = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 4096)"
    done = await run_python(launcher, code, on_data=seen.append, max_output=1)
    assert b"".join(seen) == bytes(range(256)) * 4096
    assert (done.returncode, done.stdout) == (0, b"")


async def test_a_failing_listener_stops_the_program(launcher: Launcher, tmp_path: Path) -> None:
    def listen(line: str) -> None:
        (tmp_path / "pid").write_text(line)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run_python(launcher, "import os,time; print(os.getpid(), flush=True); time.sleep(60)", on_line=listen)
    assert gone(int((tmp_path / "pid").read_text()))


async def test_endless_output_stops_the_program(launcher: Launcher) -> None:
    with pytest.raises(LimitExceeded):
        await run_python(launcher, "while True: print('x' * 1000)", max_output=100_000)


async def test_of_stderr_the_end_is_kept(launcher: Launcher) -> None:
    done = await run_python(launcher, "import sys; sys.stderr.write('x' * 1_000_000 + 'reason')")
    assert len(done.stderr) == 64 * 1024
    assert done.stderr.endswith(b"reason")


async def test_only_the_given_environment_arrives(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDITOR_SECRET", "hunter2")
    done = await run_python(launcher, "import os; print(sorted(os.environ))", env={"GIVEN": "1"})
    names = set(eval(done.stdout))
    assert names - {"LC_CTYPE"} == {"GIVEN", "HOME", "LANG", "PATH"}
    assert set(server_of(launcher).environ()) - {"LC_CTYPE"} == {"HOME", "LANG", "PATH"}


async def test_only_the_given_descriptors_arrive_in_order(launcher: Launcher, tmp_path: Path) -> None:
    files = []
    for name in ("first", "second"):
        (tmp_path / name).write_text(name)
        files.append(os.open(tmp_path / name, os.O_RDONLY))
    secret = os.open("/etc/passwd", os.O_RDONLY)
    os.set_inheritable(secret, True)
    reader, writer = os.pipe()
    code = (
        "import os\n"
        "def open_(n):\n"
        "    try: os.fstat(n); return True\n"
        "    except OSError: return False\n"
        "print([n for n in range(256) if open_(n)], os.read(0, 9), os.read(3, 9), os.read(4, 9))"
    )
    child = await launcher.spawn(
        python(code), policy=python_policy(), stdin=files[1], stdout=writer, pass_fds=[files[0], files[1]]
    )
    assert await child.wait() == 0
    assert os.read(reader, 1000) == b"[0, 1, 2, 3, 4] b'second' b'first' b''\n"
    for descriptor in (*files, secret, reader, writer):
        os.close(descriptor)


async def test_a_program_that_cannot_start_says_why(launcher: Launcher, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await launcher.run(["/nowhere/ffmpeg"], policy=POLICY, timeout=5)
    text = tmp_path / "text"
    text.write_text("not a program")
    text.chmod(0o755)
    with pytest.raises(OSError, match="Exec format"):
        await launcher.run([str(text)], policy=POLICY, timeout=5)
    with pytest.raises(FileNotFoundError):
        await launcher.run(["/bin/true"], policy=POLICY, cwd=tmp_path / "missing", timeout=5)
    with pytest.raises(FileNotFoundError):
        await launcher.run(["/bin/true"], policy=Policy(read=("/missing",), limits=LIMITS), timeout=5)
    assert (await launcher.run(["/bin/true"], policy=POLICY, timeout=5)).returncode == 0


async def test_the_policy_holds_in_the_program(launcher: Launcher, tmp_path: Path) -> None:
    job, original = tmp_path / "job", tmp_path / "original"
    job.mkdir()
    original.write_text("bytes")
    code = f"""
import os, socket
def attempt(action):
    try: return repr(action())
    except OSError as error: return type(error).__name__
print(attempt(lambda: open({str(original)!r}).read()))
print(attempt(lambda: open({str(original)!r}, 'a')))
print(attempt(lambda: open('out', 'w').write('x')))
print(attempt(lambda: open('/etc/passwd')))
print(attempt(lambda: open({str(tmp_path / "escape")!r}, 'w')))
print(attempt(lambda: os.fork()))
print(attempt(lambda: os.execv('/bin/true', ['true'])))
print(attempt(lambda: os.kill(os.getppid(), 9)))
print(attempt(lambda: socket.socket()))
"""
    policy = python_policy(read=(original,), write=(job,))
    done = await run_python(launcher, code, policy=policy, cwd=job)
    assert done.stdout.decode().split("\n")[:-1] == ["'bytes'", "PermissionError", "1", *["PermissionError"] * 6]
    assert (job / "out").read_text() == "x"


async def test_what_a_program_wrote_it_cannot_run(launcher: Launcher, tmp_path: Path) -> None:
    shutil.copy("/bin/true", tmp_path / "payload")
    code = "import os\nos.execv('payload', ['payload'])"
    done = await run_python(launcher, code, policy=python_policy(write=(tmp_path,)), cwd=tmp_path)
    assert b"PermissionError" in done.stderr


async def test_the_loader_runs_no_other_program(launcher: Launcher) -> None:
    """The loader must be executable for the program to start, but it finds nothing that it could load."""
    loader = forkserver._interpreter(python("")[0])
    done = await run_python(launcher, f"import os\nos.execv({loader!r}, ['loader', '/bin/true'])")
    assert done.returncode == 127
    assert b"/bin/true: cannot open" in done.stderr


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        ("while True: pass", -signal.SIGKILL),  # hard limit reached with the soft one: SIGKILL
        ("open('big', 'wb').write(bytes(3_000_000))", -signal.SIGXFSZ),
        ("bytearray(2_000_000_000)", 1),
    ],
)
async def test_limits_end_the_program(launcher: Launcher, tmp_path: Path, code: str, ended: int) -> None:
    limits = Limits(memory=512 * 1024**2, cpu_seconds=1, file_size=1_000_000)
    if "open" in code:
        code = f"import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); {code}"
    policy = python_policy(write=(tmp_path,), limits=limits)
    done = await launcher.run(python(code), policy=policy, cwd=tmp_path, timeout=20)
    assert done.returncode == ended
    assert ended != 1 or b"MemoryError" in done.stderr


async def test_a_time_limit_kills_at_once(launcher: Launcher) -> None:
    code = "import signal, time\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\ntime.sleep(60)"
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        await launcher.run(python(code), policy=python_policy(), timeout=0.5)
    assert time.monotonic() - started < 3
    assert not server_of(launcher).children()


async def test_a_cancelled_caller_takes_its_program_along(launcher: Launcher) -> None:
    task = asyncio.create_task(run_python(launcher, "import time; time.sleep(60)"))
    server = server_of(launcher)
    assert await asyncio.to_thread(eventually, lambda: bool(server.children()))
    (child,) = server.children()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(child.pid)


async def test_a_child_nobody_holds_is_killed(launcher: Launcher) -> None:
    child = await launcher.spawn(["/bin/sleep", "60"], policy=POLICY)
    pid = child.pid
    child.close()
    assert await asyncio.to_thread(eventually, lambda: gone(pid))


async def test_kill_is_answered_by_wait(launcher: Launcher) -> None:
    child = await launcher.spawn(["/bin/sleep", "60"], policy=POLICY)
    child.kill()
    assert await child.wait() == -signal.SIGKILL
    assert await child.wait() == -signal.SIGKILL
    child.kill()  # nothing to kill any more, and no error


async def test_each_child_leads_a_session_of_its_own(launcher: Launcher) -> None:
    child = await launcher.spawn(["/bin/sleep", "60"], policy=POLICY)
    assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
    assert os.getsid(server_of(launcher).pid) != os.getsid(0)
    child.close()


async def test_close_stops_every_child(launcher: Launcher) -> None:
    children = [await launcher.spawn(["/bin/sleep", "60"], policy=POLICY) for _ in range(3)]
    launcher.close()
    assert await asyncio.to_thread(eventually, lambda: all(gone(child.pid) for child in children))
    with pytest.raises(Unavailable):
        await children[0].wait()
    with pytest.raises(Unavailable, match="stopping"):
        await launcher.spawn(["/bin/true"], policy=POLICY)
    launcher.start()
    assert (await launcher.run(["/bin/true"], policy=POLICY, timeout=5)).returncode == 0
    for child in children:
        child.close()


@pytest.mark.parametrize("wait", [True, False])
async def test_a_killed_launcher_takes_its_children_along_and_is_replaced(launcher: Launcher, wait: bool) -> None:
    child = await launcher.spawn(["/bin/sleep", "60"], policy=POLICY)
    server = server_of(launcher)
    os.kill(server.pid, signal.SIGKILL)
    if wait:
        with pytest.raises(Unavailable):
            await child.wait()
        assert await asyncio.to_thread(eventually, lambda: gone(child.pid))
    assert (await launcher.run(["/bin/true"], policy=POLICY, timeout=5)).returncode == 0
    assert server_of(launcher).pid != server.pid
    assert await asyncio.to_thread(eventually, lambda: gone(child.pid))
    child.close()


async def test_a_run_whose_launcher_is_killed_says_so(launcher: Launcher) -> None:
    call = asyncio.create_task(launcher.run(["/bin/sleep", "60"], policy=POLICY, timeout=60))
    assert await asyncio.to_thread(eventually, lambda: bool(server_of(launcher).children()))
    await asyncio.sleep(0.1)
    os.kill(server_of(launcher).pid, signal.SIGKILL)
    with pytest.raises(Unavailable, match="stopped"):
        await call


OWNER = """
import asyncio, sys, threading
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.policy import Limits, Policy

async def main(launcher):
    policy = Policy(limits=Limits(1 << 30, 10, 1 << 20))
    child = await launcher.spawn(["/bin/sleep", "60"], policy=policy)
    print(launcher._process.pid, child.pid, flush=True)
    await child.wait()

launcher = Launcher()
starter = threading.Thread(target=launcher.start)  # a thread that ends: the launcher must outlive it
starter.start()
starter.join()
asyncio.run(main(launcher))
"""


def test_kill_9_of_the_owner_leaves_nothing() -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout as output:
        server, child = map(int, output.readline().split())
        assert not gone(server)
        assert not gone(child)
        owner.kill()
        owner.wait()
    assert eventually(lambda: gone(server) and gone(child))


async def test_two_event_loops_and_many_calls_at_once(launcher: Launcher) -> None:
    async def many(prefix: str) -> list[bytes]:
        calls = (launcher.run(["/bin/echo", f"{prefix}{n}"], policy=POLICY, timeout=20) for n in range(20))
        return [done.stdout for done in await asyncio.gather(*calls)]

    elsewhere: list[bytes] = []
    thread = threading.Thread(target=lambda: elsewhere.extend(uvloop.run(many("b"))))
    thread.start()
    here = await many("a")
    await asyncio.to_thread(thread.join)
    assert here == [f"a{n}\n".encode() for n in range(20)]
    assert elsewhere == [f"b{n}\n".encode() for n in range(20)]


async def test_nothing_is_left_open_after_many_runs(launcher: Launcher) -> None:
    server = server_of(launcher)
    await launcher.run(["/bin/true"], policy=POLICY, timeout=5)
    us = psutil.Process()
    ours, theirs = us.num_fds(), server.num_fds()
    for _ in range(30):
        await launcher.run(["/bin/true"], policy=POLICY, timeout=5)
        with pytest.raises(OSError, match="No such file"):
            await launcher.run(["/bin/nothing"], policy=POLICY, timeout=5)
    assert us.num_fds() == ours
    assert await asyncio.to_thread(eventually, lambda: server.num_fds() <= theirs)


async def test_a_request_that_is_too_large_is_refused(launcher: Launcher) -> None:
    with pytest.raises(OSError, match=r"too (long|large)"):
        await launcher.run(["/bin/true", "x" * 1_000_000], policy=POLICY, timeout=5)
    assert (await launcher.run(["/bin/true"], policy=POLICY, timeout=5)).returncode == 0


@pytest.fixture
def launcher_without_seccomp(tmp_path: Path) -> Launcher:
    """As on a kernel without seccomp, where a program can fork: everything else is the real thing."""
    folder = Path(forkserver.__file__).parent
    for name in ("forkserver.py", "descriptors.py", "policy.py", "seccomp.py"):
        shutil.copy(folder / name, tmp_path / name)
    with open(tmp_path / "seccomp.py", "a") as file:
        file.write("\n\ndef available() -> bool:\n    return False\n")

    class WithoutSeccomp(Launcher):
        _script = tmp_path / "forkserver.py"

    return WithoutSeccomp()


GRANDCHILD = """
import os, signal, time
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(os.getpid(), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("ending", ["time.sleep(60)", "time.sleep(0.3)"])
async def test_grandchildren_die_with_the_group(launcher_without_seccomp: Launcher, ending: str) -> None:
    launcher = launcher_without_seccomp
    seen: list[int] = []
    call = launcher.run(
        python(GRANDCHILD + ending),
        policy=python_policy(),
        timeout=1.5,
        on_line=lambda line: seen.append(int(line)),
    )
    if ending == "time.sleep(60)":
        with pytest.raises(TimeoutError):
            await call
    else:
        assert (await call).returncode == 0
    assert len(seen) == 1
    assert await asyncio.to_thread(eventually, lambda: gone(seen[0]))
    launcher.close()
