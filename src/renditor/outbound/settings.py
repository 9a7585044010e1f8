"""Settings of what the server may fetch."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BaseModel, Field, PlainValidator

Network = IPv4Network | IPv6Network
Port = Annotated[int, Field(ge=1, le=65535)]
_MEBIBYTE = 1024 * 1024


def _read_network(value: object) -> Network:
    try:
        return value if isinstance(value, IPv4Network | IPv6Network) else ip_network(str(value))
    except ValueError:
        raise ValueError(f"{value} is no network; write one as 10.1.2.0/24 or fd00:1::/64") from None


NetworkField = Annotated[Network, PlainValidator(_read_network)]


class OutboundSettings(BaseModel, extra="forbid"):
    """What the server may fetch from addresses that its users name: files by URL, keys of token issuers, webhooks."""

    http_ports: tuple[Port, ...] = Field((80,), description="Ports that may be reached by http; none: https only.")
    https_ports: tuple[Port, ...] = Field((443,), description="Ports that may be reached by https.")
    allowed_networks: tuple[NetworkField, ...] = Field(
        (),
        description="Private networks that may be reached all the same, such as 10.1.2.0/24: everybody who may upload"
        " can then read what lies there.",
    )
    denied_networks: tuple[NetworkField, ...] = Field(
        (), description="Public networks that may not be reached: your own addresses, a NAT64 prefix of your own."
    )
    deadline: float = Field(
        60, gt=0, le=3600, description="Seconds for one fetch with all its redirects, to the last byte."
    )
    connect_timeout: float = Field(10, gt=0, le=60, description="Seconds to find and reach one address.")
    max_bytes: int = Field(500 * _MEBIBYTE, gt=0, description="Largest answer, in bytes.")
    redirects: int = Field(5, ge=0, le=10, description="Redirects that are followed.")

    def ports_of(self, scheme: str) -> tuple[Port, ...]:
        """The ports that may be reached by ``http`` or ``https``; none by anything else."""
        return {"http": self.http_ports, "https": self.https_ports}.get(scheme, ())
