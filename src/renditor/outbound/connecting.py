"""From a host name to a connection: looked up once, every answer checked, and connected to what was checked.

What asks twice (once to check, once to connect) can be told two different things: DNS rebinding. Here the name ends
at the look-up; TLS still verifies the certificate for it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import httpcore

from renditor.outbound.addresses import refusal
from renditor.outbound.settings import OutboundSettings
from renditor.outbound.urls import Refused

# Addresses of one host that are tried one after the other: a name with hundreds would keep us busy until the deadline.
_TRIED = 4
# Threads for look-ups, which cannot be interrupted. They are not those that the rest of the process works with: names
# whose servers never answer would take them all.
_LOOKUPS = 8


class Resolver:
    """Looks host names up by the system's resolver."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="resolver")

    async def resolve(self, host: str, port: int) -> list[IPv4Address | IPv6Address]:
        """All addresses of a host, in the system's order. Raises: OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port)
        return [ip_address(text) for text in dict.fromkeys(found)]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    # As bytes: a text would go through Python's own older IDNA.
    answers = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in answers]


@dataclass(slots=True)
class Meter:
    """Bytes that may still be read from a connection, framing and all."""

    left: int

    def take(self, count: int) -> None:
        """Raises: httpcore.ReadError: it is too much."""
        self.left -= count
        if self.left < 0:
            raise httpcore.ReadError("more than an honest answer has")


class MeteredStream(httpcore.AsyncNetworkStream):
    """A stream whose bytes are counted.

    httpcore ends a head of more than 100 KiB, but takes any number of interim answers (1xx) before it, and of chunks
    with nothing but extensions in a body: at the speed of a network, they keep a core busy until the deadline.
    """

    def __init__(self, stream: httpcore.AsyncNetworkStream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # httpcore's
        data = await self._stream.read(max_bytes, timeout)
        self._meter.take(len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # httpcore's
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's
    ) -> httpcore.AsyncNetworkStream:
        return MeteredStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._meter)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Opens one connection, to an address that may be reached; it can open nothing else (no Unix sockets).

    It remembers the stream, so that it can be closed when TLS is broken off half-way.
    """

    def __init__(self, resolver: Resolver, settings: OutboundSettings, meter: Meter) -> None:
        self._resolver = resolver
        self._settings = settings
        self._meter = meter
        self._sockets = httpcore.AnyIOBackend()
        self._stream: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises: Refused: an address that may not be reached, or none that answers."""
        addresses = await self._checked(host, port)
        fault: Exception | None = None
        for address in addresses[:_TRIED]:
            try:
                stream = await self._sockets.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                fault = error
                continue
            self._stream = stream
            return MeteredStream(stream, self._meter)
        raise Refused(f"no connection: {type(fault).__name__}", host)

    async def aclose(self) -> None:
        """Close the connection, if it was opened."""
        if self._stream is not None:
            await self._stream.aclose()

    async def _checked(self, host: str, port: int) -> list[IPv4Address | IPv6Address]:
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                addresses = await self._resolver.resolve(host, port)
        except TimeoutError:
            raise Refused("the name was not found in time", host) from None
        except OSError as error:
            raise Refused(f"the name was not found: {error.strerror}", host) from None
        for address in addresses:
            # One bad answer among good ones is no accident: refuse them all, instead of choosing for the attacker.
            why = refusal(address, self._settings.allowed_networks, self._settings.denied_networks)
            if why is not None:
                raise Refused(f"{address}: {why}", host)
        return addresses
