"""Each test confines a fresh Python process by the real kernel and reports what came of what it tried."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from renditor.sandbox.policy import Limits, protections

# Run in the child: `attempts` is a list of expressions; each ends as "done" or as the name of its error.
PRELUDE = """
import ctypes, errno, json, os, resource, signal, socket, subprocess, sys, threading, time
from renditor.sandbox.policy import SEALED, Limits, Policy, lockdown
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    if libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in arguments]) < 0:
        raise OSError(ctypes.get_errno(), "")
def attempt(expression):
    try:
        return f"done: {eval(expression)!r}"
    except OSError as error:
        return errno.errorcode[error.errno]
    except ValueError:  # what Python makes of EPERM from setrlimit
        return "EPERM"
"""


def confined(folder: Path, lock: str, *attempts: str) -> list[str]:
    code = f"{PRELUDE}\n{lock}\nprint(json.dumps([attempt(e) for e in {attempts!r}]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result: list[str] = json.loads(done.stdout)
    return result


def test_this_kernel_has_every_layer() -> None:
    found = protections()
    assert found.to_json() == {"landlock_abi": found.landlock_abi, "seccomp": True, "rlimits": True, "pdeathsig": True}
    assert found.landlock_abi >= 1


def test_folders_are_read_only_or_writable_and_nothing_else_opens(tmp_path: Path) -> None:
    for name in ("shown", "job", "hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    (tmp_path / "job" / "way-out").symlink_to(tmp_path / "hidden" / "file")
    results = confined(
        tmp_path,
        "lockdown(Policy(read=('shown',), write=('job',)))",
        "open('shown/file').read()",
        "open('shown/file', 'r+')",
        "open('shown/new', 'w')",
        "open('job/new', 'w').write('1')",
        "os.rename('job/new', 'job/moved')",
        "os.unlink('job/moved')",
        "os.mkdir('job/folder')",
        "os.rename('job/file', 'job/folder/file')",
        "os.rename('job/folder/file', 'hidden/stolen')",
        "open('job/way-out').read()",
        "open('hidden/file').read()",
        "os.listdir('/')",
        "open('/etc/passwd').read()",
        "open('/proc/self/environ').read()",
    )
    assert results == [
        "done: 'x'", "EACCES", "EACCES", "done: 1", "done: None", "done: None", "done: None", "done: None",
        "EACCES", "EACCES", "EACCES", "EACCES", "EACCES", "EACCES",
    ]  # fmt: skip


def test_single_files_can_be_granted(tmp_path: Path) -> None:
    (tmp_path / "original").write_text("x")
    (tmp_path / "sibling").write_text("y")
    results = confined(
        tmp_path,
        "lockdown(Policy(read=('original',)))",
        "open('original').read()",
        "open('sibling').read()",
        "open('original', 'r+')",
        "os.truncate('original', 0)",
        "os.chmod('original', 0o666)",
        "os.utime('original')",
        "os.setxattr('original', 'user.a', b'b')",
        "os.link('original', 'copy')",
    )
    assert results == ["done: 'x'", "EACCES", "EACCES", "EPERM", "EPERM", "EPERM", "EPERM", "EPERM"]


def test_outputs_cannot_be_made_into_traps(tmp_path: Path) -> None:
    """A link or a pipe among the outputs would send whoever reads them elsewhere, or make him wait for ever."""
    results = confined(
        tmp_path,
        "lockdown(Policy(write=('.',)))",
        "os.symlink('/etc/passwd', 'poster.jpg')",
        "os.mkfifo('video.mp4')",
        "os.mknod('device', 0o20666, os.makedev(1, 8))",
    )
    assert results == ["EPERM"] * 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "attack",
    [
        "socket.socket()",
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)",
        "socket.socketpair()",
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
        "os.kill(os.getppid(), 9)",
        "os.kill(-1, 9)",
        "os.killpg(0, 9)",
        "signal.pidfd_send_signal(0, 9)",
        "os.setsid()",
        "os.memfd_create('program')",
        "call(101, 16, os.getppid(), 0, 0)",  # ptrace attach
        "call(310, os.getppid(), 0, 0, 0, 0, 0)",  # process_vm_readv
        "call(425, 8, 0)",  # io_uring_setup
        "call(321, 0, 0, 0)",  # bpf
        "call(165, 0, 0, 0, 0, 0)",  # mount
        "call(272, 0x10000000)",  # unshare: a user namespace
        "call(250, 0, 0)",  # keyctl
        "call(323, 0)",  # userfaultfd
        "call(157, 1, 0, 0, 0, 0)",  # prctl: outlive the parent
        "resource.setrlimit(resource.RLIMIT_CPU, (200, 200))",
    ],
)
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers in the attacks are those of x86-64")
def test_attacks_on_other_processes_and_the_kernel_fail(tmp_path: Path, attack: str) -> None:
    lock = "lockdown(Policy(write=('.',), limits=Limits(1 << 30, 100, 1 << 20)))"
    assert confined(tmp_path, lock, attack) in (["EPERM"], ["EACCES"])


def test_threads_run_and_a_second_layer_takes_the_rest(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    results = confined(
        tmp_path,
        "lockdown(Policy(write=('.',)))\nheld = open('file')",
        "[(t := threading.Thread(target=lambda: None)).start(), t.join()] and 'ran'",
        "open('file').read()",
        "lockdown(SEALED)",
        "open('file').read()",
        "os.unlink('file')",
        "os.execv(sys.executable, ['python'])",
        "lockdown(Policy(read=('.',)))",
        "held.read()",
    )
    assert results[:3] == ["done: 'ran'", "done: 'x'", "done: None"]
    assert results[3:6] == ["EPERM"] * 3
    assert results[6] in {"EPERM", "EACCES"}
    assert results[7] == "done: 'x'"


def test_limits_hold_and_never_rise(tmp_path: Path) -> None:
    results = confined(
        tmp_path,
        "resource.setrlimit(resource.RLIMIT_CPU, (5, 5))\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "lockdown(Policy(write=('.',), limits=Limits(memory=1 << 28, cpu_seconds=100, file_size=1000, open_files=20)))",
        "resource.getrlimit(resource.RLIMIT_CPU)",
        "resource.getrlimit(resource.RLIMIT_AS)[0] == 1 << 28",
        "resource.getrlimit(resource.RLIMIT_CORE)",
        "open('big', 'wb', buffering=0).write(bytes(2000))",
        "open('big', 'ab', buffering=0).write(bytes(2000))",
        "[os.dup(0) for _ in range(30)]",
    )
    assert results == ["done: (5, 5)", "done: True", "done: (0, 0)", "done: 1000", "EFBIG", "EMFILE"]


def test_a_path_that_is_missing_is_an_error_not_a_gap(tmp_path: Path) -> None:
    assert confined(tmp_path, "", "lockdown(Policy(read=('nowhere',)))") == ["ENOENT"]


def test_what_the_kernel_reports_of_the_process(tmp_path: Path) -> None:
    (report,) = confined(tmp_path, "lockdown(Policy(read=('/proc',)))", "open('/proc/self/status').read()")
    fields = dict(line.split(":", 1) for line in report.removeprefix("done: ").strip("'").split("\\n") if ":" in line)
    values: dict[str, Any] = {name: text.replace("\\t", "").strip() for name, text in fields.items()}
    assert values["NoNewPrivs"] == "1"
    assert values["Seccomp"] == "2"
    assert int(values["CapEff"], 16) in {0, 2}  # run by root: CAP_DAC_OVERRIDE alone is left


DIES_WITH_PARENT = """
import os, sys, time
from renditor.sandbox.policy import die_with_parent
print(os.getpid(), flush=True)
die_with_parent(int(sys.argv[1]))
print("alive", flush=True)
time.sleep(60)
"""


def test_a_child_of_a_parent_that_is_gone_ends_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", DIES_WITH_PARENT, "1"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "alive" not in done.stdout


def test_a_child_dies_with_its_parent() -> None:
    middle = (
        "import os, subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {DIES_WITH_PARENT!r}, str(os.getpid())])\n"
        "time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", middle], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as output:
        output.readline()
        assert output.readline() == "alive\n"
        parent.send_signal(signal.SIGKILL)
        started = time.monotonic()
        parent.wait()
        assert output.read() == ""  # end of file: the child, the other holder of this pipe, is gone too
    assert time.monotonic() - started < 5


def test_limits_have_a_bound_for_open_files() -> None:
    assert Limits(memory=1, cpu_seconds=1, file_size=1).open_files == 256
