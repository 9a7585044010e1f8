"""What a child process may do, and the code that takes everything else away from it. Standard library only.

``lockdown`` runs inside the child, after fork and before exec (tools) or after the imports (decoders). It can be
applied again on top of itself: each layer only takes away. What the running kernel lacks is left out and said by
``protections``; what it has and refuses is an error, so a child never runs with less than reported.

Sources: landlock(7), seccomp(2), prctl(2), capabilities(7).
"""

from __future__ import annotations

import ctypes
import functools
import os
import resource
import signal
import stat
import struct
import sys
from dataclasses import asdict, dataclass
from typing import Any, Final

from renditor.sandbox import seccomp

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38

# The same numbers on every machine (they came after the tables were unified).
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_CREATE_RULESET_VERSION: Final = 1
_LANDLOCK_RULE_PATH_BENEATH: Final = 1

# Landlock file rights, one bit each.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_DIR, _MAKE_REG = 1 << 7, 1 << 8  # devices, sockets, fifos and symbolic links (6, 9-12) are never granted
_REFER, _TRUNCATE = 1 << 13, 1 << 14
# Rights an ABI knows: 1 has 13, 2 adds REFER, 3 adds TRUNCATE, 5 adds IOCTL_DEV.
_RIGHTS_BY_ABI: Final = ((5, 16), (3, 15), (2, 14), (1, 13))
_ON_FILES: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_READ: Final = _READ_FILE | _READ_DIR
_WRITE: Final = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_NETWORK: Final = 0b11  # ABI 4: bind and connect by TCP
_SCOPED: Final = 0b11  # ABI 6: abstract Unix sockets of others, signals to others

_CAPABILITY_VERSION: Final = 0x20080522
# Root reads files of every owner by CAP_DAC_OVERRIDE; Landlock still says which. All other powers go.
_CAP_DAC_OVERRIDE: Final = 1 << 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Resource limits of one child.

    ``memory`` is address space in bytes (a 2 KB AVIF can ask for 2 GB), ``cpu_seconds`` the CPU time of its whole
    life, ``file_size`` bytes of any one file it writes (a full disk), ``open_files`` a count.

    The kernel keeps those. ``total_size`` (bytes on the disk) and ``files`` (files and folders) bound all that it adds
    to the folders it may write to: ``Launcher.run`` looks after them. None: no limit.
    """

    memory: int
    cpu_seconds: int
    file_size: int
    open_files: int = 256
    total_size: int | None = None
    files: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a child may reach. Paths are files or folders that exist; there is never a network.

    ``write`` includes reading, and making and removing files and folders below. ``execute`` names programs it may
    start; the launcher fills it in. ``limits=None`` keeps the limits the process has.
    """

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    limits: Limits | None = None
    execute: tuple[str, ...] = ()


# Nothing but the descriptors it holds: for decoders, once everything is imported.
SEALED: Final = Policy()


@dataclass(frozen=True, slots=True)
class Protections:
    """What the running kernel offers: Landlock's version (0: none), and whether the other layers work."""

    landlock_abi: int
    seccomp: bool
    rlimits: bool
    pdeathsig: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@functools.cache
def protections() -> Protections:
    """Ask the kernel, without changing anything. ``doctor`` and ``/readyz`` show the answer."""
    linux = sys.platform == "linux"
    return Protections(
        landlock_abi=_landlock_abi() if linux else 0,
        seccomp=linux and seccomp.available(),
        rlimits=True,
        pdeathsig=linux,
    )


def lockdown(policy: Policy) -> None:
    """Take everything away from this process that the policy does not grant. There is no way back.

    Landlock binds the calling thread and what it starts; seccomp binds all threads. Call it early.

    Raises:
        OSError: a path of the policy does not exist, or the kernel refused a layer it claims to have.
    """
    if policy.limits is not None:
        _limit(policy.limits)
    kernel = protections()
    if not kernel.pdeathsig:
        return
    _drop_capabilities()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if kernel.landlock_abi:
        _restrict_files(policy, kernel.landlock_abi)
    if kernel.seccomp:
        seccomp.install(may_open=bool(policy.read or policy.write or policy.execute))


def die_with_parent(parent: int, signum: signal.Signals = signal.SIGKILL) -> None:
    """Ask for a signal when the parent ends; end at once if it has ended already.

    To be called first thing, from the main thread. The "parent" is the thread that made this process, so a child
    that a short-lived thread started dies with that thread.

    Args:
        parent: the pid of the parent, as the parent itself told it.
        signum: SIGTERM for processes that have something to put in order, SIGKILL for the rest.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, int(signum))
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)


def _limit(limits: Limits) -> None:
    wanted = {
        resource.RLIMIT_AS: limits.memory,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_size,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_CORE: 0,  # a core file would put other people's pictures on the disk
    }
    for what, value in wanted.items():
        hard = resource.getrlimit(what)[1]
        capped = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (capped, capped))


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _check(_libc().prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero), "prctl")


def _landlock(number: int, *arguments: int | bytes | None) -> int:
    """One of Landlock's calls. Bytes stand for the structure a pointer points to."""
    values = [ctypes.c_char_p(x) if isinstance(x, bytes) or x is None else ctypes.c_long(x) for x in arguments]
    result: int = _libc().syscall(ctypes.c_long(number), *values)
    return result


def _landlock_abi() -> int:
    return max(0, _landlock(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION))


def _restrict_files(policy: Policy, abi: int) -> None:
    bits = next(count for since, count in _RIGHTS_BY_ABI if abi >= since)
    handled = (1 << bits) - 1
    # struct landlock_ruleset_attr grew with the versions; an old kernel refuses the longer form.
    attributes = struct.pack("<Q", handled)
    if abi >= 4:
        attributes += struct.pack("<Q", _NETWORK)
    if abi >= 6:
        attributes += struct.pack("<Q", _SCOPED)
    ruleset = _check(_landlock(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0), "Landlock")
    try:
        for paths, rights in ((policy.read, _READ), (policy.write, _WRITE), (policy.execute, _READ_FILE | _EXECUTE)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        _check(_landlock(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "Landlock")
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(target).st_mode):
            rights &= _ON_FILES
        rule = struct.pack("<Qi", rights, target)
        _check(_landlock(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, rule, 0), "Landlock")
    finally:
        os.close(target)


def _drop_capabilities() -> None:
    """When run by root: give up what root may do beyond reading files. NO_NEW_PRIVS keeps exec from restoring it."""
    header = struct.pack("<Ii", _CAPABILITY_VERSION, 0)
    data = ctypes.create_string_buffer(24)  # two times effective, permitted, inheritable (32 bits each)
    _check(_libc().capget(header, data), "capget")
    permitted = struct.unpack_from("<I", data, 4)[0] | struct.unpack_from("<I", data, 16)[0] << 32
    kept = permitted & _CAP_DAC_OVERRIDE
    if permitted != kept:
        _check(_libc().capset(header, struct.pack("<6I", kept, kept, 0, 0, 0, 0)), "capset")
