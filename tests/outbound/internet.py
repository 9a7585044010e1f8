"""A small internet, in which every address answers: the client is tried against it, and what it reaches is noted.

    python -m tests.outbound.internet namespace|patched CERTIFICATE KEY

``namespace``: in a network and mount namespace of its own (``unshare -n -m``), where all addresses lead to this
machine, with a name server of its own; nothing of the client is touched. ``patched``: where namespaces are not allowed,
look-ups and connections are replaced inside the process. Prints one JSON object: what came of each case of
``ssrf.CASES``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpcore

from renditor.errors import RenditorError
from renditor.outbound.client import OutboundClient
from renditor.outbound.settings import OutboundSettings
from tests.outbound.ssrf import ALIASES, CASES, ZONE

NAME_SERVER = "127.0.0.53"
PORTS = {80: False, 22: False, 443: True, 6379: False, 8080: False, 8443: None}  # plain, TLS, or silence
MEBIBYTE = 1024 * 1024
SETTINGS = OutboundSettings(https_ports=(443, 8443), deadline=2, connect_timeout=1, max_bytes=8 * MEBIBYTE)

Handler = Callable[[asyncio.StreamWriter, str], Awaitable[None]]


class Names:
    """What the name server knows, and how often it was asked."""

    def __init__(self) -> None:
        self._asked: Counter[tuple[str, int]] = Counter()

    def find(self, name: str, family: int) -> list[str] | None:
        """The addresses of a family (4 or 6); None: no such name."""
        answers = ZONE.get(ALIASES.get(name, name))
        if answers is None:
            return None
        addresses = answers[min(self._asked[name, family], len(answers) - 1)]
        self._asked[name, family] += 1
        return [address for address in addresses if ip_address(address).version == family]


class NameServer(asyncio.DatagramProtocol):
    """DNS (RFC 1035): A, AAAA and aliases."""

    def __init__(self, names: Names) -> None:
        self._names = names

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        end = data.index(b"\0", 12) + 5
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode().lower())
            at += 1 + data[at]
        name, kind = ".".join(labels), struct.unpack_from(">H", data, end - 4)[0]
        found = self._names.find(name, 6 if kind == 28 else 4) if kind in (1, 28) else []
        records = b""
        if name in ALIASES:
            alias = b"".join(bytes([len(part)]) + part.encode() for part in ALIASES[name].split(".")) + b"\0"
            records = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 0, len(alias)) + alias
        for address in found or ():
            packed = ip_address(address).packed
            owner = b"\xc0\x0c" if name not in ALIASES else struct.pack(">H", 0xC000 | (end + 12))
            records += owner + struct.pack(">HHIH", kind, 1, 0, len(packed)) + packed
        count = len(found or ()) + (name in ALIASES)
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | (3 if found is None else 0), 1, count, 0, 0)
        self._transport.sendto(head + data[12:end] + records, addr)


class Web:
    """Every web server there is. ``reached``: the addresses and ports that were connected to; ``sent``: bytes."""

    def __init__(self) -> None:
        self.reached: list[tuple[str, int]] = []
        self.sent = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            request = await reader.readuntil(b"\r\n\r\n")
            target = request.split(b" ", 2)[1].decode()
            await getattr(self, "do_" + urlsplit(target).path[1:].partition("/")[0], self.do_file)(writer, target)
        writer.close()

    async def silence(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        self.sent += len(data)
        await writer.drain()

    async def _endless(self, writer: asyncio.StreamWriter, piece: bytes, pause: float = 0, most: int = 512) -> None:
        while self.sent < most * MEBIBYTE:
            await self._send(writer, piece)
            await asyncio.sleep(pause)

    async def do_file(self, writer: asyncio.StreamWriter, _: str) -> None:
        name = writer.get_extra_info("sockname")[0]
        body = f"file of {name}".encode()
        await self._send(writer, b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

    async def do_to(self, writer: asyncio.StreamWriter, target: str) -> None:
        to = target.partition("?")[2].encode()
        await self._send(writer, b"HTTP/1.1 302 Found\r\nlocation: %b\r\ncontent-length: 0\r\n\r\n" % to)

    async def do_loop(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"HTTP/1.1 302 Found\r\nlocation: /loop\r\ncontent-length: 0\r\n\r\n")

    async def do_endless(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"HTTP/1.1 200 OK\r\n\r\n")
        await self._endless(writer, bytes(65536))

    async def do_announced(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (512 * MEBIBYTE))
        await self._endless(writer, bytes(65536))

    async def do_bomb(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b")
        await self._endless(writer, bytes(65536))

    async def do_drip(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\n")
        await self._endless(writer, b"x", 0.1)

    async def do_slow(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"HTTP/1.1 200 OK\r\nx: ")
        await self._endless(writer, b"x", 0.1)

    async def do_silent(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._endless(writer, b"", 1)

    async def do_fields(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"HTTP/1.1 200 OK\r\n")
        await self._endless(writer, b"x: y\r\n" * 1000)

    async def do_field(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"HTTP/1.1 200 OK\r\nx: ")
        await self._endless(writer, b"y" * 65536)

    async def do_interim(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._endless(writer, b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)

    async def do_extensions(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await self._endless(writer, b"1;" + b"x" * 16000 + b"\r\nx\r\n")

    async def do_broken(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\nabc")

    async def do_noise(self, writer: asyncio.StreamWriter, _: str) -> None:
        await self._send(writer, b"SSH-2.0-OpenSSH_9.2\r\n")


def isolate() -> None:
    """Make all addresses lead here, and all questions for names to our name server."""
    for command in ("link set lo up", "route add local 0.0.0.0/0 dev lo", "-6 route add local ::/0 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    with tempfile.TemporaryDirectory() as folder:  # what is mounted stays until this process ends
        for name, text in {
            "resolv.conf": f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n",
            "nsswitch.conf": "hosts: files dns\n",
            "hosts": "127.0.0.1 localhost\n::1 localhost\n",
        }.items():
            place, instead = Path("/etc", name).resolve(), Path(folder, name)
            instead.write_text(text)
            if place.exists():
                subprocess.run(["mount", "--bind", instead, place], check=True)


def patch(names: Names, web: Web, ports: dict[int, int]) -> None:
    """Look names up in our zone, and connect to our web instead of the address, which is written down."""
    real_lookup, real_connect = socket.getaddrinfo, httpcore.AnyIOBackend.connect_tcp

    def look_up(host: Any, port: Any, *_: Any, **options: Any) -> Any:
        text = host.decode() if isinstance(host, bytes) else host
        with contextlib.suppress(ValueError):
            return real_lookup(str(ip_address(text)), port, **options)
        text = {"localhost": "loopback.example"}.get(text, text)
        found = [names.find(text, family) for family in (4, 6)]
        if found == [None, None]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        addresses = [address for answers in found for address in answers or ()]
        return [entry for address in addresses for entry in real_lookup(address, port, **options)]

    async def connect(self: Any, host: str, port: int, *rest: Any, **named: Any) -> Any:
        web.reached.append((host, port))
        return await real_connect(self, "127.0.0.1", ports[port], *rest, **named)

    socket.getaddrinfo = look_up
    httpcore.AnyIOBackend.connect_tcp = connect  # type: ignore[method-assign]


async def listen(web: Web, tls: ssl.SSLContext, *, everywhere: bool) -> dict[int, int]:
    """Open the ports; returns where each is."""
    found = {}
    for port, kind in PORTS.items():

        async def take(reader: Any, writer: Any, port: int = port, kind: bool | None = kind) -> None:
            if everywhere:
                web.reached.append((writer.get_extra_info("sockname")[0], port))
            await (web.silence if kind is None else web.answer)(reader, writer)

        host, number = (["0.0.0.0", "::"], port) if everywhere else (["127.0.0.1"], 0)
        server = await asyncio.start_server(take, host, number, ssl=tls if kind else None)
        found[port] = server.sockets[0].getsockname()[1]
    return found


async def try_all(how: str, certificate: str, key: str) -> dict[str, Any]:
    """What comes of each case; ``unguarded``: what a client without guard reaches."""
    names, web = Names(), Web()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    ports = await listen(web, tls, everywhere=how == "namespace")
    if how == "namespace":
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: NameServer(names), local_addr=(NAME_SERVER, 53))
    else:
        patch(names, web, ports)
    causes: list[str] = []
    client = OutboundClient(SETTINGS, lambda host, reason: causes.append(f"{host}: {reason}"))
    results: dict[str, Any] = {}
    for name, case in CASES.items():
        web.reached.clear()
        causes.clear()
        web.sent = 0
        said, body = "", b""
        try:
            body = await client.get(case.url, SETTINGS.max_bytes)
            outcome = "file"
        except RenditorError as error:
            outcome, said = error.error_code, f"{error.detail} {error.hint}"
        await asyncio.sleep(0.01)  # until then what was connected is written down
        results[name] = {
            "outcome": outcome, "said": said, "body": body.decode(), "causes": list(causes),
            "reached": list(web.reached), "sent": web.sent,
        }  # fmt: skip
    await client.aclose()
    web.reached.clear()
    async with httpcore.AsyncConnectionPool() as unguarded:
        answer = await unguarded.request("GET", "http://private.example/file")
    return {"results": results, "unguarded": {"status": answer.status, "reached": web.reached}}


def main() -> None:
    how, certificate, key = sys.argv[1:]
    if how == "namespace":
        isolate()
    report = asyncio.run(try_all(how, certificate, key))
    # Of this program; what getrusage tells may be of the one that started it.
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) // 1024
    print(json.dumps(report | {"peak_mebibytes": peak}))


if __name__ == "__main__":
    main()
