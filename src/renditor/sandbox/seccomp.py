"""The system calls a locked-down process may not make, as a raw seccomp program (no libseccomp). Standard library only.

A list of what is forbidden, not of what is allowed: decoders of many builds must run, and everything a file could be
reached by is closed by Landlock first. Numbers that are newer than this table answer ENOSYS.

Sources: seccomp(2), ``asm/unistd_64.h`` (x86-64) and ``asm-generic/unistd.h`` (aarch64) of Linux 6.18.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass
from typing import Final

_SECCOMP_SET_MODE_FILTER: Final = 1
_SECCOMP_GET_ACTION_AVAIL: Final = 2
_FILTER_FLAG_TSYNC: Final = 1

_ALLOW: Final = 0x7FFF0000
_KILL_PROCESS: Final = 0x80000000
_ERRNO: Final = 0x00050000

# BPF opcodes: load a word of seccomp_data, jump if equal / greater / any bit set, return.
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data (bytes)

# mseal, Linux 6.10. Later calls are unknown to this table, so they do not exist for a locked-down process. The x32
# calls of x86-64 (number | 0x40000000) would slip past a list of forbidden numbers: they fall under this rule too.
_LAST_KNOWN: Final = 462

_Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Machine:
    """One instruction set: its audit name (``linux/audit.h``), its column in ``CALLS``, its number of seccomp(2)."""

    audit: int
    column: int
    seccomp: int


MACHINES: Final = {
    "x86_64": Machine(audit=0xC000003E, column=0, seccomp=317),
    "aarch64": Machine(audit=0xC00000B7, column=1, seccomp=277),
}

# name -> number on (x86-64, aarch64); None where the machine never had the call.
CALLS: Final[dict[str, tuple[int | None, int | None]]] = {
    # Network: no decoder or encoder has any business on it.
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # Other processes: start, read, trace, signal, steer them, or raise one's own limits.
    "fork": (57, None),
    "vfork": (58, None),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setpgid": (109, 154),
    "setsid": (112, 157),
    "setns": (308, 268),
    "unshare": (272, 97),
    "setrlimit": (160, 164),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    # Identity.
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "setfsuid": (122, 151),
    "setfsgid": (123, 152),
    "setgroups": (116, 159),
    "capset": (126, 91),
    # What Landlock does not watch: modes, owners, times and attributes of other files of the same user; truncation
    # by path before its ABI 3; memory files, which it lets anyone execute. Links and devices left in a job folder
    # would be followed by whoever reads the outputs.
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "truncate": (76, 45),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    # Channels to other processes of the same user that are not files.
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # Kernel surface that media tools do not use and that exploits do.
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_setup": (206, 0),
    "io_submit": (209, 2),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "mount": (165, 40),
    "umount2": (166, 39),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "personality": (135, 92),
    "vmsplice": (278, 75),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "lookup_dcookie": (212, 18),
    "vhangup": (153, 58),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
}

# Forbidden on top, once a process needs no file and no program by name any more (a decoder after its imports).
# Landlock binds only the thread that asks for it; this list binds all threads of the process.
NAMING_CALLS: Final[dict[str, tuple[int | None, int | None]]] = {
    "open": (2, None),
    "openat": (257, 56),
    "openat2": (437, 437),
    "creat": (85, None),
    "execve": (59, 221),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
}

# Calls of which only some uses are forbidden.
_CLONE, _CLONE3 = (56, 220), (435, 435)
_KILL, _TGKILL = (62, 129), (234, 131)
_PRCTL, _FCNTL, _IOCTL, _PRLIMIT = (157, 167), (72, 25), (16, 29), (302, 261)
_FALLOCATE: Final = (285, 47)

_CLONE_THREAD: Final = 0x00010000
# PR_SET_PDEATHSIG: a child must not outlive its parent. PR_SET_MM: rewrites what /proc shows of the process.
_PRCTL_FORBIDDEN: Final = (1, 35)
# F_SETOWN, F_SETSIG, F_SETOWN_EX: any signal to any process of the same user through asynchronous input.
_FCNTL_FORBIDDEN: Final = (8, 10, 15)
# TIOCSCTTY, TIOCSTI, TIOCLINUX: typing into the user's terminal. FIOSETOWN, SIOCSPGRP: as F_SETOWN.
_IOCTL_FORBIDDEN: Final = (0x540E, 0x5412, 0x541C, 0x8901, 0x8902)


def _argument(index: int, *, high: bool = False) -> _Instruction:
    """Load half of a 64-bit argument; both machines are little-endian, so the low half comes first."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index + (4 if high else 0))


def _refuse(error: int = errno.EPERM) -> _Instruction:
    return (_RETURN, 0, 0, _ERRNO | error)


def _for_call(number: int, *body: _Instruction) -> list[_Instruction]:
    """Run ``body`` if this is the call, else go on. A body always ends in a return."""
    return [(_EQUAL, 0, len(body), number), *body]


def _unless(test: _Instruction, *, index: int) -> list[_Instruction]:
    """Refuse the call unless the low half of the argument passes the test."""
    opcode, _, _, value = test
    return [_argument(index), (opcode, 0, 1, value), (_RETURN, 0, 0, _ALLOW), _refuse()]


def _if_among(values: tuple[int, ...], *, index: int) -> list[_Instruction]:
    """Refuse the call if the low half of the argument is one of the values."""
    body = [_argument(index)]
    for value in values:
        body += [(_EQUAL, 0, 1, value), _refuse()]
    return [*body, (_RETURN, 0, 0, _ALLOW)]


def build_filter(machine: Machine, *, pid: int, may_open: bool) -> bytes:
    """The seccomp program as an array of ``struct sock_filter``.

    Args:
        machine: whose numbers to use.
        pid: the process it is for: the only one it may signal (``abort`` and pthreads signal themselves).
        may_open: False forbids every call that names a file or starts a program as well.
    """
    column = machine.column
    program: list[_Instruction] = [
        # 32-bit calls (int 0x80) have other numbers: a process that makes one is an exploit.
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_GREATER, 0, 1, _LAST_KNOWN),
        _refuse(errno.ENOSYS),
        # glibc asks for threads by clone3 first, whose flags lie in memory out of a filter's sight. ENOSYS makes it
        # use clone; EPERM would make pthread_create fail.
        *_for_call(_CLONE3[column], _refuse(errno.ENOSYS)),
        *_for_call(_CLONE[column], *_unless((_ANY_BIT, 0, 0, _CLONE_THREAD), index=0)),
        *_for_call(_KILL[column], *_unless((_EQUAL, 0, 0, pid), index=0)),
        *_for_call(_TGKILL[column], *_unless((_EQUAL, 0, 0, pid), index=0)),
        *_for_call(_PRCTL[column], *_if_among(_PRCTL_FORBIDDEN, index=0)),
        *_for_call(_FCNTL[column], *_if_among(_FCNTL_FORBIDDEN, index=1)),
        *_for_call(_IOCTL[column], *_if_among(_IOCTL_FORBIDDEN, index=1)),
        # Modes of fallocate reserve blocks beyond the end of a file, unseen by RLIMIT_FSIZE. 0 is plain growth.
        *_for_call(_FALLOCATE[column], *_unless((_EQUAL, 0, 0, 0), index=1)),
        # prlimit64 also reads limits: allowed while its "new limit" pointer is null.
        *_for_call(
            _PRLIMIT[column],
            _argument(2),
            (_EQUAL, 0, 3, 0),
            _argument(2, high=True),
            (_EQUAL, 0, 1, 0),
            (_RETURN, 0, 0, _ALLOW),
            _refuse(),
        ),
    ]
    forbidden = CALLS if may_open else CALLS | NAMING_CALLS
    for numbers in forbidden.values():
        number = numbers[column]
        if number is not None:
            program += _for_call(number, _refuse())
    program.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in program)


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def available() -> bool:
    """Whether this machine's numbers are known and its kernel takes seccomp programs (Linux 4.14 and later)."""
    machine = MACHINES.get(platform.machine())
    if machine is None or not hasattr(os, "memfd_create"):
        return False
    action = ctypes.c_uint32(_ERRNO)
    return _seccomp(machine, _SECCOMP_GET_ACTION_AVAIL, 0, ctypes.addressof(action)) == 0


def install(*, may_open: bool) -> None:
    """Put the filter on all threads of this process, for good. NO_NEW_PRIVS must be set.

    Raises:
        OSError: the kernel refused it.
    """
    machine = MACHINES[platform.machine()]
    code = build_filter(machine, pid=os.getpid(), may_open=may_open)
    program = _Program(len(code) // 8, code)
    # TSYNC: threads that imports have started already must not stay free.
    if _seccomp(machine, _SECCOMP_SET_MODE_FILTER, _FILTER_FLAG_TSYNC, ctypes.addressof(program)) != 0:
        raise OSError(ctypes.get_errno(), "seccomp refused the filter")


def _seccomp(machine: Machine, operation: int, flags: int, address: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result: int = libc.syscall(
        ctypes.c_long(machine.seccomp), ctypes.c_ulong(operation), ctypes.c_ulong(flags), ctypes.c_void_p(address)
    )
    return result
