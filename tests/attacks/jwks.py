"""An issuer of tokens: a real https server with its public keys, for the server's guarded client."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.attacks import certificates


class Issuer:
    """``keys``: what signs, by kid. Answers until it is stopped; ``asked``: how often it was asked."""

    def __init__(self, folder: Path) -> None:
        self.keys: dict[str, Any] = {}
        self.asked = 0
        self.certificate, private = certificates.make(folder)
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                body = json.dumps({"keys": issuer.public()}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, private)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self, key_id: str) -> None:
        self.keys[key_id] = ec.generate_private_key(ec.SECP256R1())

    def public(self) -> list[dict[str, Any]]:
        algorithm = jwt.get_algorithm_by_name("ES256")
        return [
            algorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": name, "use": "sig", "alg": "ES256"}
            for name, key in self.keys.items()
        ]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
