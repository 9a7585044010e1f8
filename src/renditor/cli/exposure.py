"""Checks of ``renditor doctor`` for what is safe on one's own machine and not on the open internet."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from renditor.cli.checks import Finding, fail, ok, warn
from renditor.config import is_loopback
from renditor.content import scan
from renditor.errors import RenditorError, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from renditor.cli.local import Bench
    from renditor.config import Settings
    from renditor.content.settings import ContentSettings


def master_key(settings: Settings) -> Finding:
    """Does it open the secrets of the catalog, and would a copy of the data folder give both away?"""
    name, file = "master-key", settings.data / "secrets" / "master"
    if settings.master_key is None and not file.exists():
        if settings.database_url is None and (settings.data / "catalog.sqlite").exists():
            return fail(name, f"{file} is missing: nothing opens the secrets of the catalog.", _KEY_LOST)
        return ok(name, "not there yet; `renditor serve` makes it")
    try:
        _open_secrets(settings)
    except Unavailable:
        return ok(name, "The catalog cannot be asked whether it fits, see `database`.")
    except RenditorError as error:
        return fail(name, error.detail, error.hint)
    return _place_of_key(settings, name, file)


def _place_of_key(settings: Settings, name: str, file: Path) -> Finding:
    if settings.master_key is not None and file.exists():
        left = "RENDITOR_MASTER_KEY counts; the file secrets/master of the data folder does not, and is still there."
        return warn(name, left, f"Keep a copy elsewhere as long as there are backups of its time, then remove {file}.")
    if settings.master_key is None and settings.database_url is None:
        beside = "It lies in the data folder, beside the secrets it seals: a copy of the folder opens them."
        return warn(name, beside, f"Set RENDITOR_MASTER_KEY to the text of {file}, {_MOVE}")
    return ok(name, "It opens the secrets, and does not lie beside them.")


_MOVE = "for the server and for commands; when the server runs with it, move the file to a safe place."
_KEY_LOST = "Put the copy of it back, or set RENDITOR_MASTER_KEY."


def _open_secrets(settings: Settings) -> None:
    """Raises: BadRequest: they do not open; Unavailable: there are none, or the database does not answer."""
    from renditor import app  # noqa: PLC0415 - slow to import, and only wanted here
    from renditor.access.keyring import PURPOSES  # noqa: PLC0415

    catalog = app.open_catalog(settings)
    try:
        keyrings = app.open_keyrings(settings, catalog)
        if settings.database_url is None and not (settings.data / "catalog.sqlite").exists():
            return
        for purpose in PURPOSES:
            keyrings.of_now(purpose)
    finally:
        catalog.close()


def proxies(settings: Settings) -> Finding:
    name = "proxies"
    everybody = [text for text in settings.trusted_proxies if ipaddress.ip_network(text).prefixlen == 0]
    if everybody:
        return warn(
            name,
            f"trusted_proxies has {everybody[0]}: whoever asks may claim to be at any address, past every limit.",
            "Name the addresses of your own proxies only, such as 10.0.0.5 or 10.0.0.0/24.",
        )
    return ok(name, ", ".join(settings.trusted_proxies) or "none are trusted: who connects is who asks")


def public_bind(settings: Settings) -> Finding:
    name, where = "public-bind", f"{settings.host}:{settings.port}"
    if is_loopback(settings.host):
        return ok(name, f"{where}: for this machine only")
    if settings.tls_cert is None and not (settings.public_url or "").startswith("https://"):
        return warn(
            name,
            f"{where} can be reached from outside, without TLS: keys and files cross the network for all to read.",
            "Set tls_cert and tls_key; or, behind a proxy with TLS, RENDITOR_PUBLIC_URL=https://...",
        )
    return ok(name, f"{where}, {'with TLS' if settings.tls_cert else 'behind a proxy with TLS'}")


def metrics(settings: Settings) -> Finding:
    name = "metrics"
    if settings.metrics and settings.metrics_token is None and not is_loopback(settings.host):
        return warn(
            name,
            "Whoever reaches the server can read /metrics.",
            "Set RENDITOR_METRICS_TOKEN (openssl rand -hex 32) and give it to Prometheus; or RENDITOR_METRICS=false.",
        )
    shown = "off" if not settings.metrics else "for who has the token" if settings.metrics_token else "on this machine"
    return ok(name, shown)


async def scanner(content: ContentSettings, bench: Bench) -> Finding:
    """Have a harmless file scanned, as uploads are."""
    name = "scanner"
    found = scan.scanner(content, bench.tools.launcher)
    if found is None:
        return ok(name, "none is set up")
    file = bench.folder / "harmless.txt"
    file.write_bytes(scan.HARMLESS)
    try:
        infected = await found.scan(file)
    except RenditorError as error:
        return fail(name, error.detail, _NO_SCANNER)
    if infected is not None:
        return fail(name, f"It takes a harmless file for {infected!r}.", _NO_SCANNER)
    return ok(name, "looked at a harmless file, and found nothing")


_NO_SCANNER = (
    "Uploads are refused until it works. clamd: see that it runs and that content.scan_socket names its socket. A"
    " command: run it by hand on a file; what else it reads must be in content.scan_reads."
)
