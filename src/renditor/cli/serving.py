"""What ``serve`` and ``worker`` do before the supervisor takes over: claim the data folder, pass the settings on."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import ssl
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from renditor import app
from renditor.cli.terminal import CommandError
from renditor.config import Settings
from renditor.errors import Unavailable
from renditor.supervisor import Child

_CHECK_LOG = "The lines above say why; `renditor doctor` checks this machine."


def prepare_data(settings: Settings) -> None:
    """Make the data folder. Raises: CommandError naming it, which no error of a server does; OutOfSpace."""
    try:
        app.prepare_data(settings)
    except Unavailable as error:
        reason = getattr(error.__cause__, "strerror", None) or "unknown reason"
        raise CommandError(
            f"The data folder {settings.data} cannot be written: {reason}.",
            hint="Give it to the user that runs renditor, or name another with --data or RENDITOR_DATA.",
            code=error.error_code,
        ) from None


def claim(data: Path, name: str) -> None:
    """Let no second process tree of this kind use the data folder, for as long as this process id lives.

    The lock belongs to an open file, which stays open when the supervisor takes this process over.

    Raises: CommandError: another one runs.
    """
    lock = os.open(data / "run" / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.read(lock, 20).decode("ascii", "replace").strip()
        raise CommandError(
            f"`renditor {name}` runs already on the data folder {data}.",
            hint=f"Its process id is {pid}: stop it, or name another folder with --data.",
            code="already-running",
        ) from None
    os.truncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    os.set_inheritable(lock, True)


def port_to_use(host: str, port: int) -> int:
    """``port``, or a free one for 0. Raises: CommandError: the address cannot be listened on."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, number) as probe:
            # As the server does it: connections of a server that has just ended are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            chosen: int = probe.getsockname()[1]
            return chosen
    except socket.gaierror:
        raise CommandError(f"The address {host} is not known.", hint="Use --host 127.0.0.1 or 0.0.0.0.") from None
    except OSError as error:
        raise CommandError(
            f"Port {port} on {host} cannot be used: {error.strerror}.",
            hint=_PORT_HINTS.get(error.errno or 0),
            code="port",
        ) from None


_PORT_HINTS = {
    errno.EADDRINUSE: "Another program has it: choose another with --port, or let renditor choose with --port 0.",
    errno.EACCES: "Ports below 1024 belong to root: choose another with --port, and put a proxy before it.",
    errno.EADDRNOTAVAIL: "No network card of this machine has that address: use 127.0.0.1, or 0.0.0.0 for all.",
}


def check_certificate(certificate: Path | None, key: Path | None) -> None:
    """Find out now what the web processes would fail on. Raises: CommandError."""
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        raise CommandError("--tls-cert and --tls-key belong together.", code="bad-settings", status=2)
    try:
        # The password is never asked for: nobody sits at the terminal of a server.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except OSError as error:  # ssl.SSLError is one
        # OpenSSL names no reason for a file that is not PEM at all.
        reason = (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or "not PEM"
        raise CommandError(
            f"The certificate and its key cannot be used: {reason}.",
            hint="Both are PEM files; the key has no password.",
        ) from None
    begins, ends = validity(certificate)
    now = datetime.now(UTC)
    if not begins <= now <= ends:
        raise CommandError(
            f"The certificate expired on {ends:%Y-%m-%d}."
            if now > ends
            else f"The certificate is valid from {begins:%Y-%m-%d} on.",
            hint="Renew it, or look at the clock of this machine.",
        )


def validity(certificate: Path) -> tuple[datetime, datetime]:
    """From when to when the certificate holds, the first of the chain: the server's own."""
    from cryptography import x509  # noqa: PLC0415 - slow to import, and most servers stand behind a proxy

    own = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    return own.not_valid_before_utc, own.not_valid_after_utc


def export(settings: Mapping[str, Any]) -> None:
    """Settings given as flags become environment variables: the processes read the settings anew, and flags win."""
    for name, value in settings.items():
        if value is not None:
            os.environ[f"RENDITOR_{name.upper()}"] = str(value)


def children(*names: str) -> list[Child]:
    """The processes by these names, for the supervisor. Without a web server there is no point in going on."""
    return [
        Child(
            name,
            [sys.executable, "-m", "renditor.processes", name],
            essential=name != "worker" or len(names) == 1,
            hint=_CHECK_LOG,
        )
        for name in names
    ]
