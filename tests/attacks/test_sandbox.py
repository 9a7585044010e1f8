"""Code inside the sandbox against the server outside: as FFmpeg and as an image decoder, after a file took them over.

The same policy, limits and launcher as in the product, as the same user as the server. What single system calls come to
is in tests/sandbox; here stands what an intruder would want.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from renditor.errors import LimitExceeded, RenditorError
from renditor.ffmpeg.budget import Budget
from renditor.ffmpeg.workspace import workspace
from renditor.sandbox.folders import clear
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.pool import DecoderPool
from renditor.tools import renderer_socket
from tests.attacks.conftest import SECRET
from tests.attacks.hostile import HostileToolbox
from tests.client import Client
from tests.sandbox.conftest import eventually, gone
from tests.server import RunningServer

MIB = 1024**2
REFUSED = {"EPERM", "EACCES"}


@pytest.fixture
def taken(launcher: Launcher) -> HostileToolbox:
    """An FFmpeg that does what the attacker wants."""
    return HostileToolbox(launcher)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "job"
    folder.mkdir()
    return folder


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setblocking(False)
        yield made


def family(server: RunningServer) -> list[psutil.Process]:
    parent = psutil.Process(server.pid)
    return [parent, *parent.children(recursive=True)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def secrets_of(server: RunningServer) -> list[Path]:
    """What an intruder would read first."""
    kept = [path for path in server.data.rglob("*") if path.is_file() and path.suffix != ".db"]
    processes = [Path("/proc") / str(one.pid) / name for one in family(server) for name in ("environ", "maps", "mem")]
    return [*kept, *processes, Path("/etc/passwd"), Path("/etc/shadow"), Path("/etc/hosts"), Path("/proc/1/environ")]


async def test_reading_the_secrets_of_the_server(taken: HostileToolbox, job: Path, attacked: RunningServer) -> None:
    wanted = secrets_of(attacked)
    assert any(path.parent.name == "secrets" for path in wanted)
    assert any(SECRET in one.environ().values() for one in family(attacked))
    said = await taken.attempts(job, *(f"open({str(path)!r}, 'rb').read(1)" for path in wanted))
    assert set(said) == {"EACCES"}


async def test_its_own_surroundings_hold_no_secret(taken: HostileToolbox, job: Path, monkeypatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    said = await taken.attempts(job, "dict(os.environ)", "open('/proc/self/environ').read()", "os.listdir('/proc')")
    assert SECRET not in said[0]
    assert said[1:] == ["EACCES", "EACCES"]


async def test_listing_what_others_have(taken: HostileToolbox, job: Path, attacked: RunningServer) -> None:
    folders = ["/", "/tmp", "/home", "/root", str(attacked.data), str(attacked.data / "storage"), str(job.parent)]
    assert set(await taken.attempts(job, *(f"os.listdir({folder!r})" for folder in folders))) == {"EACCES"}


async def test_writing_outside_the_job_folder(taken: HostileToolbox, job: Path, attacked: RunningServer) -> None:
    original = job.parent / "original"
    original.write_text("bytes")
    (job / "made").write_text("a result")
    targets = [
        attacked.data / "catalog.sqlite", attacked.data / "storage" / "planted", job.parent / "planted", original,
        Path("/dev/shm/planted"), Path("/var/tmp/planted"), Path("/etc/cron.d/planted"), Path("../planted"),
    ]  # fmt: skip
    actions = [f"open({str(target)!r}, 'ab')" for target in targets]
    actions += [f"os.rename('made', {str(job.parent / 'moved')!r})", f"os.unlink({str(original)!r})"]
    actions += [f"os.truncate({str(original)!r}, 0)", f"os.link({str(original)!r}, 'mine')"]
    said = await taken.attempts(job, *actions, reads=[original])
    assert set(said) <= REFUSED
    assert original.read_text() == "bytes"
    assert names(job.parent) == ["job", "original"]


async def test_traps_among_the_results(taken: HostileToolbox, job: Path) -> None:
    """A link or a device in place of a result would have the server publish another file, or wait for ever."""
    said = await taken.attempts(
        job, "os.symlink('/etc/passwd', 'poster.jpg')", "os.mkfifo('video.mp4')", "os.mknod('disk', 0o60666, 0x800)"
    )
    assert set(said) <= REFUSED
    assert names(job) == ["said"]


async def test_network_access_from_ffmpeg(
    taken: HostileToolbox, job: Path, listener: socket.socket, attacked: RunningServer
) -> None:
    """By every way out; a listener on this machine sees nothing."""
    port = listener.getsockname()[1]
    said = await taken.attempts(
        job,
        f"socket.create_connection(('127.0.0.1', {port}), 2)",
        f"socket.create_connection(('127.0.0.1', {attacked.port}), 2)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))",
        "socket.socket(socket.AF_INET6)",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socket(40, socket.SOCK_STREAM)",  # AF_VSOCK: to the host of a virtual machine
        "socket.create_server(('127.0.0.1', 0))",
        "socket.getaddrinfo('example.com', 80)",
    )
    assert set(said[:-1]) <= REFUSED
    assert not said[-1].startswith("done")
    with pytest.raises(BlockingIOError):
        listener.accept()


async def test_unix_sockets(taken: HostileToolbox, job: Path, attacked: RunningServer) -> None:
    """The renderer's among them, through which another picture could be asked for."""
    path = str(renderer_socket(attacked.data))
    said = await taken.attempts(
        job,
        f"socket.socket(socket.AF_UNIX).connect({path!r})",
        "socket.socket(socket.AF_UNIX).connect('\\0abstract')",
        "socket.socketpair()",
        "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
    )
    assert set(said) <= REFUSED


async def test_signals_to_other_processes(
    taken: HostileToolbox, job: Path, attacked: RunningServer, owner: Client
) -> None:
    before = {one.pid for one in family(attacked)}
    targets = [*before, os.getpid(), -1, 0]
    said = await taken.attempts(job, *(f"os.kill({pid}, 9)" for pid in targets), "os.killpg(os.getppid(), 9)")
    assert set(said) <= REFUSED
    assert {one.pid for one in family(attacked)} >= before
    assert owner.get("/readyz").status_code == 200


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of system calls are those of x86-64")
async def test_tracing_and_memory_of_other_processes(taken: HostileToolbox, job: Path, attacked: RunningServer) -> None:
    calls = [f"call({number}, {pid}, 0, 0, 0, 0)" for pid in (attacked.pid, os.getpid()) for number in (310, 311, 438)]
    calls += [f"call(101, {kind}, {attacked.pid}, 0, 0)" for kind in (16, 0x4206)]  # PTRACE_ATTACH, PTRACE_SEIZE
    calls += [f"call(434, {attacked.pid}, 0)", f"call(312, {attacked.pid}, {attacked.pid}, 0, 0, 0)"]  # pidfd, kcmp
    assert set(await taken.attempts(job, *calls)) <= REFUSED


async def test_a_fork_bomb(taken: HostileToolbox, job: Path) -> None:
    said = await taken.attempts(job, "os.fork()", "os.posix_spawn('/bin/sh', ['sh', '-c', ':(){ :|:& };:'], {})")
    assert set(said) <= REFUSED


async def test_a_bomb_of_threads(taken: HostileToolbox, job: Path) -> None:
    """Threads are allowed; each takes of the memory that is limited, and all end with their process."""
    code = (
        "made = 0\n"
        "try:\n"
        "    while made < 20000:\n"
        "        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "        made += 1\n"
        "except (RuntimeError, MemoryError):\n"
        "    pass\n"
        "open('said', 'w').write(str(made)); os._exit(0)"
    )
    await taken.run(code, job)
    assert int((job / "said").read_text()) < 5000


async def test_running_another_program(taken: HostileToolbox, job: Path) -> None:
    code = "open('payload', 'w').write('#!/bin/sh\\ntouch came-through\\n')"
    await taken.run(code, job)
    (job / "payload").chmod(0o755)
    said = await taken.attempts(
        job,
        "os.execv('payload', ['payload'])",
        "os.execv('/bin/sh', ['sh', '-c', 'touch came-through'])",
        "os.memfd_create('payload')",
        "libc.system(b'touch came-through') and None",
    )
    assert set(said[:-1]) <= REFUSED
    assert not (job / "came-through").exists()


async def test_memory(taken: HostileToolbox, job: Path) -> None:
    with pytest.raises(RenditorError):
        await taken.run("kept = [bytearray(256 << 20) for _ in range(1000)]", job)


@pytest.mark.parametrize("flags", ["mmap.MAP_SHARED", "mmap.MAP_PRIVATE"])
async def test_memory_that_is_mapped(taken: HostileToolbox, job: Path, flags: str) -> None:
    """Not the program's own heap, and shared memory that belongs to no process."""
    tried = (
        f"[mmap.mmap(-1, 1 << 30, {flags}) for _ in range(64)]",
        "open('/dev/shm/x', 'wb')",
        "open('/dev/zero', 'r+b')",
    )
    actions = ", ".join(f"attempt(lambda: {one})" for one in tried)
    await taken.run(f"import mmap\njson.dump([{actions}], open('said', 'w'))", job)
    said = json.loads((job / "said").read_text())
    assert said[0] == "ENOMEM"
    assert set(said[1:]) <= REFUSED


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of system calls are those of x86-64")
async def test_parts_of_the_kernel_that_exploits_use(taken: HostileToolbox, job: Path) -> None:
    calls = {
        "io_uring_setup": "425, 8, 0", "userfaultfd": "323, 0", "bpf": "321, 0, 0, 0", "add_key": "248, 0, 0, 0, 0, 0",
        "keyctl": "250, 0, -4, 0", "request_key": "249, 0, 0, 0, 0", "perf_event_open": "298, 0, 0, -1, -1, 0",
        "a user namespace": "272, 0x10000000", "a mount namespace": "272, 0x20000", "setns": "308, 0, 0",
        "clone into a namespace": "56, 0x10000011, 0, 0, 0, 0", "clone3": "435, 0, 88", "mount": "165, 0, 0, 0, 0, 0",
        "a System V segment": "29, 0, 1 << 30, 0o1600", "a message queue": "68, 0, 0o1600",
        "a 64-bit call by its x32 number": "0x40000000 + 41, 2, 1, 0", "a call of tomorrow": "463, 0",
    }  # fmt: skip
    said = await taken.attempts(job, *(f"call({arguments})" for arguments in calls.values()))
    assert {name for name, answer in zip(calls, said, strict=True) if answer not in REFUSED | {"ENOSYS"}} == set()


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of system calls are those of x86-64")
async def test_opening_by_other_calls(taken: HostileToolbox, job: Path, attacked: RunningServer) -> None:
    """openat2, and a folder opened for its path alone, meet the same rules as open."""
    prelude = (
        "how = ctypes.create_string_buffer(24)\n"
        "def by_openat2(path):\n    path = ctypes.create_string_buffer(path)\n"
        "    call(437, -100, ctypes.addressof(path), ctypes.addressof(how), 24)\n"
        "def beneath(folder, name):\n    os.open(name, os.O_RDONLY, dir_fd=os.open(folder, os.O_PATH))\n"
    )
    catalog = attacked.data / "catalog.sqlite"
    actions = [f"by_openat2({str(catalog).encode()!r})", "by_openat2(b'/etc/passwd')", "beneath('/etc', 'passwd')"]
    actions.append(f"beneath({str(attacked.data)!r}, 'catalog.sqlite')")
    tried = ", ".join(f"attempt(lambda: {action})" for action in actions)
    await taken.run(f"{prelude}json.dump([{tried}], open('said', 'w'))", job)
    assert set(json.loads((job / "said").read_text())) <= REFUSED


async def test_processor_time(taken: HostileToolbox, job: Path) -> None:
    with pytest.raises(LimitExceeded, match="processor time"):
        await taken.run("while True: pass", job, Budget(seconds=60, file_size=1, cpu_seconds=1))


async def test_a_disk_filled_by_one_file(taken: HostileToolbox, job: Path) -> None:
    code = "file = open('big', 'wb')\nwhile True: file.write(bytes(100_000))"
    with pytest.raises(RenditorError):
        await taken.run(code, job)
    assert (job / "big").stat().st_size <= 1_000_000


async def test_a_file_with_a_hole_as_large_as_the_disk(taken: HostileToolbox, job: Path) -> None:
    code = "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nfile = open('big', 'wb')\n"
    tries = ("file.truncate(1 << 40)", "os.truncate('big', 1 << 40)", "os.posix_fallocate(file.fileno(), 0, 1 << 40)")
    tried = ", ".join(f"attempt(lambda: {one})" for one in tries)
    await taken.run(f"{code}json.dump([{tried}], open('said', 'w'))", job)
    assert set(json.loads((job / "said").read_text())) <= {"EFBIG", "EPERM"}
    assert (job / "big").stat().st_size == 0


# How a disk is filled by files that are each allowed, and by which budget it ends.
MAPPING = """import mmap
while True:
    with open('m', 'w+b') as file:
        os.unlink('m'); file.write(bytes(900_000)); file.flush(); kept.append(mmap.mmap(file.fileno(), 4096))"""
FILLING = {
    "many small files": ("while True:\n    n += 1; open(f'{n}', 'wb').write(b'x')", "files"),
    "many empty folders": ("while True:\n    n += 1; os.mkdir(f'{n}')", "files"),
    "folders in folders": ("while True:\n    os.mkdir('d'); os.chdir('d')", "files"),
    "many large files": ("while True:\n    n += 1; open(f'{n}', 'wb').write(bytes(900_000))", "disk space"),
    "large files that are gone but open": (
        "while True:\n    n += 1; kept.append(open('m', 'wb')); kept[-1].write(bytes(900_000)); os.unlink('m')",
        "disk space",
    ),
    "large files that are gone but mapped": (
        MAPPING,
        "disk space",
    ),
    "folders that are closed": (
        "os.mkdir('x', 0o300); os.chdir('x')\nwhile True:\n    n += 1; os.mkdir(f'{n}', 0)",
        "files",
    ),
}


@pytest.mark.parametrize("kind", FILLING)
async def test_a_disk_filled_by_files_that_are_each_allowed(taken: HostileToolbox, job: Path, kind: str) -> None:
    code, budget = FILLING[kind]
    code = f"open('pid', 'w').write(str(os.getpid()))\nn, kept = 0, []\n{code}"
    with pytest.raises(LimitExceeded, match=f"budget of {budget}"):
        async with workspace(job, ()):
            # What it has made when it fails by itself, on its number of open files, counts in the same way.
            await taken.run(f"try:\n{textwrap.indent(code, '    ')}\nexcept OSError: time.sleep(10)", job)
    pid = job / "pid"
    assert gone(int(pid.read_text()))
    clear(job)
    assert list(job.parent.iterdir()) == []


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of system calls are those of x86-64")
async def test_reserving_the_disk(taken: HostileToolbox, job: Path) -> None:
    """FALLOC_FL_KEEP_SIZE takes blocks beyond the end of a file, which no limit on its size sees."""
    tried = "[attempt(lambda: call(285, file.fileno(), mode, 0, 1 << 40)) for mode in (1, 17)]"
    await taken.run(f"file = open('big', 'wb')\njson.dump({tried}, open('said', 'w'))", job)
    assert set(json.loads((job / "said").read_text())) <= REFUSED
    assert (job / "big").stat().st_blocks == 0


@pytest.mark.parametrize("stream", [1, 2])
async def test_talking_without_end(taken: HostileToolbox, job: Path, stream: int) -> None:
    """To the log of errors, of which the end is kept, or in one line: neither fills the memory of the server."""
    before = psutil.Process().memory_info().rss
    with pytest.raises(LimitExceeded):
        await taken.run(f"while True: os.write({stream}, b'x' * 65536)", job, Budget(20, 1, cpu_seconds=1))
    assert psutil.Process().memory_info().rss - before < 64 * MIB


async def test_ignoring_sigterm(taken: HostileToolbox, job: Path) -> None:
    code = (
        "for number in range(1, 65):\n"
        "    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\n"
        "open('pid', 'w').write(str(os.getpid()))\n"
        "time.sleep(60)"
    )
    task = asyncio.create_task(taken.run(code, job))
    pid = job / "pid"
    assert await asyncio.to_thread(eventually, lambda: pid.exists() and pid.read_text() != "")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(int(pid.read_text()))


async def test_outliving_its_time(taken: HostileToolbox, job: Path) -> None:
    """By a session or a process group of its own, which a kill of the group would miss."""
    code = "open('pid', 'w').write(str(os.getpid()))\n"
    code += "json.dump([attempt(os.setsid), attempt(lambda: os.setpgid(0, 0))], open('said', 'w'))\ntime.sleep(60)"
    with pytest.raises(LimitExceeded):
        await taken.run(code, job, Budget(seconds=2, file_size=1_000_000))
    assert (job / "said").read_text() == '["EPERM", "EPERM"]'
    assert gone(int((job / "pid").read_text()))


# -- as an image decoder ----------------------------------------------------------------------------------------------


async def decoder_says(pool: DecoderPool, source: Path, attack: str, path: Path) -> str:
    descriptor = os.open(source, os.O_RDONLY)
    try:
        request = {"do": "attack", "attack": attack, "path": str(path)}
        answer = await pool.call(request, descriptor, timeout=20)
    finally:
        os.close(descriptor)
    said: str = answer.meta["result"]
    return said


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture"
    path.write_bytes(b"a picture that took the decoder over")
    return path


async def test_reading_the_secrets_of_the_server_from_a_decoder(
    make_pool: Callable[..., DecoderPool], picture: Path, attacked: RunningServer
) -> None:
    pool = make_pool()
    for path in secrets_of(attacked):
        assert await decoder_says(pool, picture, "read", path) == "PermissionError"


@pytest.mark.parametrize("attack", ["socket", "unix_socket", "fork", "spawn", "exec", "kill_parent", "ptrace", "list"])
async def test_leaving_a_decoder(
    make_pool: Callable[..., DecoderPool], picture: Path, attacked: RunningServer, attack: str
) -> None:
    assert await decoder_says(make_pool(), picture, attack, attacked.data) == "PermissionError"


@pytest.mark.parametrize("attack", ["write", "unlink", "chmod", "rename"])
async def test_harming_the_server_from_a_decoder(
    make_pool: Callable[..., DecoderPool], picture: Path, attacked: RunningServer, attack: str
) -> None:
    catalog = attacked.data / "catalog.sqlite"
    before = catalog.stat()
    assert await decoder_says(make_pool(), picture, attack, catalog) == "PermissionError"
    assert (catalog.stat().st_ino, catalog.stat().st_mode) == (before.st_ino, before.st_mode)
