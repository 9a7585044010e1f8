"""What every request passes first: heads that no honest client sends go no further.

granian (hyper) already refuses most of what is malformed: control bytes, conflicting or negative ``Content-Length``,
white space before a colon, folded lines, more than 100 header fields. Of ``Content-Length`` beside
``Transfer-Encoding`` it drops the first and closes the connection behind the response (RFC 9112, 6.3): nothing can be
smuggled behind it. The rest is refused here; docs/decisions/0029-http-hardening.md has the whole list.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from renditor.api import problems
from renditor.api.delivery import Message, Receive, Scope, Send
from renditor.api.proxies import TrustedProxies
from renditor.api.server import SAFE, Server
from renditor.errors import BadRequest, HeadTooLarge, MethodNotAllowed, RenditorError

# The methods that something here answers, and PUT, which clients send by mistake and are told so. CONNECT would make a
# tunnel of the connection.
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# Bytes of all header fields: a key, a name and some hints are a few hundred. More is memory that anybody could take.
_MOST_HEAD: Final = 32 * 1024
# RFC 9110, 7.2 and RFC 3986, 3.2.2: a name or IPv4 address, or an IPv6 address in brackets, and a port.
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")
_OLD: Final = ("1", "1.0")
_ONE_AT_A_TIME: Final = ("1", "1.0", "1.1")
_BODY_IN_CHUNKS: Final = b"chunked"
# An IPv4 client at a socket for both kinds (RFC 4291, 2.5.5.2).
_MAPPED: Final = "::ffff:"


class Front:
    """ASGI: checks the head of each request, finds out whose it is, and says over TLS that nothing else is to be used.

    Args:
        application: answers what passes.
        hsts_seconds: how long browsers are to remember it; 0: nothing is said. For TLS only (RFC 6797, 7.2).
        proxies: whose word on the client's address counts; the ``client`` of what passes is the real one.
    """

    def __init__(self, application: Server, hsts_seconds: int, proxies: TrustedProxies) -> None:
        self._application = application
        self._proxies = proxies
        self._hsts = (b"strict-transport-security", b"max-age=%d" % hsts_seconds) if hsts_seconds else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if self._hsts is not None and scope["scheme"] == "https":
                send = _with(self._hsts, send)
            fault = _fault(scope)
            if fault is not None:
                await _refuse(fault, send)
                return
            peer, port = scope.get("client") or ("", 0)
            if peer and (self._proxies or peer.startswith(_MAPPED)):
                forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
                scope["client"] = (self._proxies.client(peer, forwarded), port)
            if scope["http_version"] in _ONE_AT_A_TIME and _has_body(scope):
                receive, send = _closing(receive, send)
        await self._application(scope, receive, send)


def _fault(scope: Scope) -> RenditorError | None:
    """What is wrong with the head of a request."""
    size = hosts = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name == b"host":
            hosts += 1
            # granian makes an empty one where there is none, which only HTTP/1.0 allows (RFC 9112, 3.2). Two are a
            # proxy and a server at odds over whom the request is for.
            if hosts > 1 or not (_HOST.fullmatch(value) or (not value and scope["http_version"] in _OLD)):
                return BadRequest("A request has one Host header, with a host.", code="bad-host")
        elif name == b"transfer-encoding" and value.lower() != _BODY_IN_CHUNKS:
            # "gzip, chunked" would be taken with its gzip as content (RFC 9112, 6.1).
            return BadRequest("The body may be chunked and nothing else.", code="bad-transfer-encoding")
    if size > _MOST_HEAD:
        return HeadTooLarge(f"All header fields together may have {_MOST_HEAD} bytes.")
    return None if scope["method"] in _METHODS else MethodNotAllowed()


async def _refuse(error: RenditorError, send: Send) -> None:
    """Answer and close: what follows on the connection is not to be understood as a request."""
    content, headers = problems.encode(error, secrets.token_hex(8))
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    lines += [*SAFE, (b"content-length", b"%d" % len(content)), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": error.status, "headers": lines})
    await send({"type": "http.response.body", "body": content})


def _with(line: tuple[bytes, bytes], send: Send) -> Send:
    async def send_with(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), line]
        await send(message)

    return send_with


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 "))
        for name, value in scope["headers"]
    )


def _closing(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Say that the connection ends where the body was not read to its end.

    The server closes it then, for what follows is still that body; a client that is not told would send its next
    request into a connection that ends, and could not know whether it was heard (RFC 9112, 9.6).
    """
    whole = False

    async def receive_noted() -> Message:
        nonlocal whole
        message = await receive()
        whole = whole or (message["type"] == "http.request" and not message.get("more_body", False))
        return message

    async def send_told(message: Message) -> None:
        if message["type"] == "http.response.start" and not whole:
            message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
        await send(message)

    return receive_noted, send_told
