"""A server with TLS of its own: what it accepts, what it refuses to start with, and HTTP/2, which only it speaks."""

from __future__ import annotations

import os
import ssl
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks import certificates, http2
from tests.attacks.wire import connect, one, read
from tests.server import RunningServer, free_port, start_server

TOKEN = "a-token-for-prometheus-of-enough-length"
ASK = b"GET %s HTTP/1.1\r\nHost: localhost\r\n%sConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]) -> Iterator[RunningServer]:
    cert, key = certificate
    closed = {"RENDITOR_DOCS": "false", "RENDITOR_METRICS_TOKEN": TOKEN}
    arguments = ("--tls-cert", str(cert), "--tls-key", str(key), "--workers", "1", "--no-worker")
    with start_server(tmp_path_factory.mktemp("secured") / "data", arguments, **closed) as running:
        yield running


@pytest.fixture
def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate[0]))


def test_it_says_that_it_is_to_be_asked_over_tls_only(
    secured: RunningServer, attacked: RunningServer, trusting: ssl.SSLContext
) -> None:
    for path in (b"/", b"/media", b"/main/image/upload/none.jpg", b"/nothing"):
        answer = one(secured.port, ASK % (path, b""), trusting)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        # Over plain HTTP it means nothing, and anybody on the way could have said it.
        assert "strict-transport-security" not in one(attacked.port, ASK % (path, b"")).headers


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_versions_of_tls(secured: RunningServer, trusting: ssl.SSLContext, version: str) -> None:
    trusting.set_ciphers("ALL:@SECLEVEL=0")
    trusting.minimum_version = trusting.maximum_version = ssl.TLSVersion[version]
    with pytest.raises(ssl.SSLError, match=r"HANDSHAKE_FAILURE|PROTOCOL_VERSION"):
        connect(secured.port, trusting)


def test_weak_ciphers(secured: RunningServer, trusting: ssl.SSLContext) -> None:
    trusting.maximum_version = ssl.TLSVersion.TLSv1_2
    with connect(secured.port, trusting) as connection:
        assert connection.version() == "TLSv1.2"
        assert connection.cipher()[0].startswith("ECDHE")
    trusting.set_ciphers("AES128-SHA:AES256-SHA:AES128-SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        connect(secured.port, trusting)


def test_plain_http_to_the_port_of_tls(secured: RunningServer) -> None:
    with connect(secured.port) as connection:
        connection.sendall(ASK % (b"/healthz", b""))
        received, _ = read(connection)
    assert not received.startswith(b"HTTP/")


def test_the_docs_and_the_numbers_can_be_closed(secured: RunningServer, trusting: ssl.SSLContext) -> None:
    for path in (b"/docs", b"/docs/swagger-ui.css", b"/openapi.json"):
        assert one(secured.port, ASK % (path, b""), trusting).status == 404
    for token in ("", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"bearer {TOKEN}", TOKEN, "Bearer \xff"):
        line = f"Authorization: {token}\r\n".encode("latin-1")
        assert one(secured.port, ASK % (b"/metrics", line), trusting).status == 401
    answer = one(secured.port, ASK % (b"/metrics", f"Authorization: Bearer {TOKEN}\r\n".encode()), trusting)
    assert answer.status == 200
    assert b"renditor_" in answer.body


def test_without_numbers_there_is_nothing_to_ask(tmp_path: Path) -> None:
    with start_server(tmp_path / "data", ("--workers", "1", "--no-worker"), RENDITOR_METRICS="false") as running:
        assert one(running.port, ASK % (b"/metrics", b"")).status == 404
        assert b"/metrics" not in one(running.port, ASK % (b"/openapi.json", b"")).body


def test_a_token_that_can_be_guessed_is_refused_at_the_start(tmp_path: Path) -> None:
    done = serve(tmp_path, RENDITOR_METRICS_TOKEN="prometheus")
    assert done.returncode in (1, 2)
    assert "metrics_token" in done.stderr.splitlines()[0]
    assert "prometheus" not in done.stderr


def http2_to(server: RunningServer, context: ssl.SSLContext, *sent: bytes) -> list[tuple[int, int, bytes]]:
    """The frames that the server answers with. It may end the connection before all is sent."""
    context.set_alpn_protocols(["h2"])
    with connect(server.port, context) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        try:
            connection.sendall(http2.OPENING + http2.frame(http2.SETTINGS))
            for part in sent:
                connection.sendall(part)
        except (ConnectionError, ssl.SSLError):
            pass
        received, _ = read(connection)
    return http2.frames(received)


def reasons(found: list[tuple[int, int, bytes]]) -> list[bytes]:
    """What the server said when it ended the connection."""
    return [payload[8:] for kind, _, payload in found if kind == http2.GOAWAY]


BOTH = http2.END_HEADERS | http2.END_STREAM


def test_http2_rapid_reset(secured: RunningServer, trusting: ssl.SSLContext) -> None:
    """CVE-2023-44487: requests that are taken back as soon as they are made cost their sender nothing."""
    cancel = struct.pack(">I", 8)
    pairs = (
        http2.frame(http2.HEADERS, BOTH, stream, http2.get(b"/media"))
        + http2.frame(http2.RST_STREAM, 0, stream, cancel)
        for stream in range(1, 40_000, 2)
    )
    assert reasons(http2_to(secured, trusting, *pairs)) == [b"too_many_resets"]


def test_http2_endless_continuation(secured: RunningServer, trusting: ssl.SSLContext) -> None:
    """The flood of CONTINUATION frames of 2024: a head without end."""
    first = http2.frame(http2.HEADERS, http2.END_STREAM, 1, http2.get(b"/media"))
    more = [http2.frame(http2.CONTINUATION, 0, 1, http2.field(b"x", b"a" * 100) * 100)] * 5_000
    assert reasons(http2_to(secured, trusting, first, *more)) == [b"too_many_continuations"]


def test_http2_head_beyond_its_limit(secured: RunningServer, trusting: ssl.SSLContext) -> None:
    """One field, kept in the table of the connection and then named 2000 times with a byte each."""
    kept = bytes([0x40, 1]) + b"x" + bytes([126]) + b"a" * 126
    head = http2.frame(http2.HEADERS, BOTH, 1, http2.get(b"/healthz", kept, bytes([0x80 | 62]) * 2000))
    found = http2_to(secured, trusting, head)
    shown = [payload for kind, stream, payload in found if kind == http2.DATA and stream == 1]
    assert b'"ok"' not in b"".join(shown)


def test_http2_more_streams_than_allowed(secured: RunningServer, trusting: ssl.SSLContext) -> None:
    found = http2_to(secured, trusting)
    (settings,) = (payload for kind, _, payload in found if kind == http2.SETTINGS and payload)
    values = dict(struct.unpack(">HI", settings[at : at + 6]) for at in range(0, len(settings), 6))
    assert values[3] == 100  # SETTINGS_MAX_CONCURRENT_STREAMS
    assert values[6] == 32 * 1024  # SETTINGS_MAX_HEADER_LIST_SIZE


@pytest.mark.parametrize(
    "more",
    [(http2.field(b"host", b"x"), http2.field(b"host", b"y")), (http2.field(b"transfer-encoding", b"gzip"),),
     (http2.field(b"x", b"a\r\nX-Injected: yes"),), (http2.field(b"connection", b"upgrade"),),
     (http2.field(b"X-UPPER", b"a"),), (http2.field(b":path", b"/metrics"),)],
    ids=["two hosts", "transfer coding", "line end", "connection", "capitals", "pseudo header behind"],
)  # fmt: skip
def test_http2_heads_that_would_be_two_requests_in_http1(
    secured: RunningServer, trusting: ssl.SSLContext, more: tuple[bytes, ...]
) -> None:
    head = http2.frame(http2.HEADERS, BOTH, 1, http2.get(b"/healthz", *more, authority=b""))
    found = http2_to(secured, trusting, head)
    assert b'"ok"' not in b"".join(payload for kind, _, payload in found if kind == http2.DATA)


def serve(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A start that is refused."""
    command = [
        sys.executable,
        "-m",
        "renditor.cli",
        "serve",
        "--port",
        str(free_port()),
        "--data",
        str(folder / "data"),
    ]
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env=os.environ | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


BAD_PAIRS = {
    "expired": "The certificate expired on ",
    "not yet valid": "The certificate is valid from ",
    "of another key": "KEY_VALUES_MISMATCH",
    "with a password": "cannot be used",
    "no PEM": "cannot be used",
    "the key alone": "belong together",
}


@pytest.mark.parametrize("kind", BAD_PAIRS)
def test_certificates_that_cannot_serve_are_refused_at_the_start(tmp_path: Path, kind: str) -> None:
    days = {"expired": (-30, -1), "not yet valid": (5, 30)}.get(kind, (-1, 30))
    cert, key = certificates.make(tmp_path, days=days, password=b"secret" if kind == "with a password" else None)
    if kind == "of another key":
        key = certificates.make(tmp_path / "other")[1]
    if kind == "no PEM":
        cert.write_text("no certificate")
    pair = () if kind == "the key alone" else ("--tls-cert", str(cert))
    done = serve(tmp_path, *pair, "--tls-key", str(key))
    assert done.returncode in (1, 2)
    first, *rest = done.stderr.splitlines()
    assert BAD_PAIRS[kind] in first
    assert len(rest) <= 1  # the hint
    assert not (tmp_path / "data").exists()
