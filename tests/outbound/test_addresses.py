"""The table of addresses against the registries of IANA, facts of ``ipaddress``, and random addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renditor.outbound.addresses import IPV4_DENIED, IPV6_ALLOWED, IPV6_DENIED, Special, embedded, refusal

# The special-purpose address registries (as of 2025-10-09) and multicast: all that is not "globally reachable".
IANA_NOT_GLOBAL = """
0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29 192.0.0.8/32
192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4
240.0.0.0/4 255.255.255.255/32
::1/128 ::/128 ::ffff:0:0/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/32 2001:2::/48 2001:db8::/32 2001:10::/28
2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 ff00::/8
"""
# Global to IANA, but nothing that a file lies on: anycast of protocols, translations, relays, sinks of names.
IANA_GLOBAL_BUT_REFUSED = """
192.0.0.9/32 192.0.0.10/32 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.175.48.0/24
64:ff9b::/96 2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:3::/32 2001:4:112::/48 2001:20::/28 2001:30::/28
2620:4f:8000::/48
"""
CLOUD_METADATA = {
    "AWS, GCP, Azure, Hetzner and others": "169.254.169.254",
    "AWS: credentials of containers": "169.254.170.2",
    "AWS over IPv6": "fd00:ec2::254",
    "GCP over IPv6": "fd20:ce::254",
    "Azure's wire server": "168.63.129.16",
    "Alibaba": "100.100.100.200",
    "Oracle": "192.0.0.192",
}
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
          "168.63.129.15", "168.63.129.17", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001:82a::200e",
          "2001:200::1", "2001:4860:4860::8888", "2400:cb00::1", "2620:4f:7fff:ffff::1", "3ffe:ffff::1"]  # fmt: skip


def ends(network: IPv4Network | IPv6Network) -> list[IPv4Address | IPv6Address]:
    return [network[0], network[-1], network[network.num_addresses // 2]]


@pytest.mark.parametrize("text", [*IANA_NOT_GLOBAL.split(), *IANA_GLOBAL_BUT_REFUSED.split()])
def test_every_special_network_is_refused_from_end_to_end(text: str) -> None:
    assert all(refusal(address) for address in ends(ip_network(text)))


@pytest.mark.parametrize("cloud", CLOUD_METADATA)
def test_metadata_of_clouds_is_refused(cloud: str) -> None:
    assert refusal(ip_address(CLOUD_METADATA[cloud]))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_open(text: str) -> None:
    assert refusal(ip_address(text)) is None


@pytest.mark.parametrize("special", [*IPV4_DENIED, *IPV6_DENIED], ids=lambda special: str(special.network))
def test_no_entry_of_the_table_is_wider_than_it_says(special: Special) -> None:
    network = special.network
    just_outside = [
        number for number in (int(network[0]) - 1, int(network[-1]) + 1) if 0 <= number < 1 << network.max_prefixlen
    ]
    kind = type(network[0])
    tables = IPV4_DENIED if kind is IPv4Address else IPV6_DENIED
    for number in just_outside:
        in_others = any(kind(number) in other.network for other in tables if other is not special)
        open_at_all = kind is IPv4Address or kind(number) in IPV6_ALLOWED
        assert (refusal(kind(number)) is None) == (open_at_all and not in_others)


@settings(deadline=None)  # a busy machine is no failure
@given(st.ip_addresses())
def test_nothing_that_python_knows_to_be_private_is_open(address: IPv4Address | IPv6Address) -> None:
    special = (
        address.is_private or address.is_loopback or address.is_link_local or address.is_multicast
        or address.is_reserved or address.is_unspecified or getattr(address, "is_site_local", False)
    )  # fmt: skip
    if special:
        assert refusal(address)
    if refusal(address) is None:
        assert address.is_global


@settings(deadline=None)  # a busy machine is no failure
@given(st.ip_addresses(v=4))
def test_public_ipv4_is_what_no_entry_holds(address: IPv4Address) -> None:
    assert (refusal(address) is None) == (not any(address in special.network for special in IPV4_DENIED))


@settings(deadline=None)  # a busy machine is no failure
@given(st.ip_addresses(v=4))
def test_no_translated_address_is_open(inner: IPv4Address) -> None:
    number = int(inner)
    forms = {
        "mapped": (0xFFFF << 32) | number,
        "compatible": number,
        "NAT64": (0x0064_FF9B << 96) | number,
        "local NAT64": (0x0064_FF9B_0001 << 80) | number,
        "6to4": (0x2002 << 112) | (number << 80) | 1,
        "Teredo": (0x2001_0000 << 96) | (number ^ 0xFFFFFFFF),
    }
    for name, value in forms.items():
        assert refusal(IPv6Address(value)), name
    for name in ("mapped", "NAT64", "6to4", "Teredo"):
        assert embedded(IPv6Address(forms[name])) == inner, name


def test_an_opened_network_is_open_and_nothing_beside_it() -> None:
    allowed = (ip_network("10.1.2.0/24"), ip_network("fd00:1::/64"))
    assert refusal(ip_address("10.1.2.3"), allowed) is None
    assert refusal(ip_address("fd00:1::5"), allowed) is None
    assert refusal(ip_address("10.1.3.3"), allowed)
    assert refusal(ip_address("127.0.0.1"), allowed)
    assert refusal(ip_address("::ffff:10.1.2.3"), allowed)


def test_an_opened_translation_does_not_open_what_lies_behind_it() -> None:
    allowed = (ip_network("64:ff9b::/96"),)
    assert refusal(ip_address("64:ff9b::8.8.8.8"), allowed) is None
    assert refusal(ip_address("64:ff9b::10.0.0.1"), allowed)
    assert refusal(ip_address("64:ff9b::169.254.169.254"), allowed)


def test_what_the_operator_denies_is_refused_even_where_it_was_opened() -> None:
    ours = (ip_network("93.184.216.0/24"), ip_network("10.1.2.9/32"))
    assert refusal(ip_address("93.184.216.34"), denied=ours)
    assert refusal(ip_address("10.1.2.9"), (ip_network("10.1.2.0/24"),), ours)
    assert refusal(ip_address("8.8.8.8"), denied=ours) is None


def test_an_address_of_one_interface_is_refused() -> None:
    assert refusal(IPv6Address("2606:4700::1111%eth0"))
