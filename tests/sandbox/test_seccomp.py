"""The filter for both machines is run by a small BPF interpreter here; test_policy runs the real one in the kernel."""

from __future__ import annotations

import errno
import platform
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.sandbox import seccomp
from renditor.sandbox.seccomp import CALLS, MACHINES, NAMING_CALLS, Machine, build_filter

ALLOW, KILL, REFUSED, UNKNOWN = 0x7FFF0000, 0x80000000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
PID = 4242
CLONE_THREAD = 0x00010000

machines = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())


def decide(machine: Machine, number: int, *arguments: int, audit: int | None = None, may_open: bool = True) -> int:
    """What the filter answers to one system call."""
    program = build_filter(machine, pid=PID, may_open=may_open)
    instructions = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    values = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    data = struct.pack("<IIQ6Q", number, machine.audit if audit is None else audit, 0, *values)
    accumulator, at = 0, 0
    while True:
        opcode, if_true, if_false, operand = instructions[at]
        at += 1
        match opcode:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", data, operand)
            case 0x15:
                at += if_true if accumulator == operand else if_false
            case 0x25:
                at += if_true if accumulator > operand else if_false
            case 0x45:
                at += if_true if accumulator & operand else if_false
            case 0x06:
                return int(operand)
            case _:
                raise AssertionError(opcode)


def number_of(name: str, machine: Machine) -> int:
    special = {
        "clone": (56, 220), "clone3": (435, 435), "kill": (62, 129), "tgkill": (234, 131), "prctl": (157, 167),
        "fcntl": (72, 25), "ioctl": (16, 29), "prlimit64": (302, 261), "read": (0, 63), "mmap": (9, 222),
        "futex": (202, 98), "recvmsg": (47, 212), "exit_group": (231, 94), "seccomp": (317, 277),
    }  # fmt: skip
    number = {**CALLS, **NAMING_CALLS, **special}[name][machine.column]
    assert number is not None
    return number


@machines
def test_every_listed_call_is_refused(machine: Machine) -> None:
    for name, numbers in CALLS.items():
        number = numbers[machine.column]
        if number is not None:
            assert decide(machine, number) == REFUSED, name


@machines
@pytest.mark.parametrize("name", ["read", "mmap", "futex", "recvmsg", "exit_group", "seccomp", "openat", "execve"])
def test_what_media_programs_need_is_allowed(machine: Machine, name: str) -> None:
    assert decide(machine, number_of(name, machine)) == ALLOW


@machines
def test_a_sealed_process_can_name_no_file(machine: Machine) -> None:
    for name, numbers in NAMING_CALLS.items():
        number = numbers[machine.column]
        if number is not None:
            assert decide(machine, number, may_open=False) == REFUSED, name
    assert decide(machine, number_of("read", machine), may_open=False) == ALLOW


@machines
@given(number=st.integers(463, 2**32 - 1))
def test_calls_newer_than_the_table_do_not_exist(machine: Machine, number: int) -> None:
    assert decide(machine, number) == UNKNOWN


@given(number=st.integers(0, 600))
def test_x32_calls_do_not_exist(number: int) -> None:
    assert decide(MACHINES["x86_64"], number | 0x40000000) == UNKNOWN


@machines
@pytest.mark.parametrize("audit", [0x40000003, 0x40000028, 0xC00000B7 ^ 0xC000003E])
def test_calls_of_another_machine_kill(machine: Machine, audit: int) -> None:
    assert decide(machine, number_of("read", machine), audit=audit) == KILL


@machines
def test_threads_are_allowed_and_processes_are_not(machine: Machine) -> None:
    clone = number_of("clone", machine)
    assert decide(machine, clone, CLONE_THREAD | 0x100) == ALLOW
    assert decide(machine, clone, 17) == REFUSED
    assert decide(machine, clone, 0x10000000) == REFUSED  # CLONE_NEWUSER
    assert decide(machine, number_of("clone3", machine)) == UNKNOWN


@machines
@pytest.mark.parametrize("name", ["kill", "tgkill"])
@given(pid=st.integers(0, 2**32 - 1))
def test_only_itself_can_be_signalled(machine: Machine, name: str, pid: int) -> None:
    assert decide(machine, number_of(name, machine), pid) == (ALLOW if pid == PID else REFUSED)
    assert decide(machine, number_of(name, machine), PID) == ALLOW


@machines
def test_limits_can_be_read_but_not_set(machine: Machine) -> None:
    prlimit = number_of("prlimit64", machine)
    assert decide(machine, prlimit, 0, 7, 0, 0x7FFF_0000_1000) == ALLOW
    assert decide(machine, prlimit, 0, 7, 0x1000) == REFUSED
    assert decide(machine, prlimit, 0, 7, 0x1_0000_0000) == REFUSED  # low half zero


@machines
@pytest.mark.parametrize(
    ("name", "position", "value"),
    [("prctl", 0, 1), ("prctl", 0, 35), ("fcntl", 1, 8), ("fcntl", 1, 10), ("fcntl", 1, 15),
     ("ioctl", 1, 0x5412), ("ioctl", 1, 0x541C), ("ioctl", 1, 0x8901)],
)  # fmt: skip
def test_single_uses_of_a_call_are_refused(machine: Machine, name: str, position: int, value: int) -> None:
    arguments = [0, 0]
    arguments[position] = value
    assert decide(machine, number_of(name, machine), *arguments) == REFUSED
    arguments[position] = 3
    assert decide(machine, number_of(name, machine), *arguments) == ALLOW
    # The kernel looks at 32 bits of these: setting a higher one must not hide the value.
    arguments[position] = value | 1 << 32
    assert decide(machine, number_of(name, machine), *arguments) == REFUSED


@machines
def test_no_number_is_listed_twice(machine: Machine) -> None:
    numbers = [pair[machine.column] for pair in (CALLS | NAMING_CALLS).values()]
    known = [number for number in numbers if number is not None]
    assert len(known) == len(set(known))
    assert len(build_filter(machine, pid=PID, may_open=False)) // 8 < 4096  # the kernel's limit


@pytest.mark.skipif(platform.machine() != "x86_64", reason="compares with this machine's own headers")
def test_numbers_agree_with_the_kernel_headers() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel headers are not installed")
    official = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", header.read_text())}
    ours = {name: numbers[0] for name, numbers in (CALLS | NAMING_CALLS).items() if name in official}
    assert len(ours) > 100
    assert ours == {name: official[name] for name in ours}


def test_a_machine_without_a_table_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seccomp.available()
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not seccomp.available()
