"""Rates as they are written, and whom an address stands for."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.access.ratelimit import Rate, network_of
from renditor.access.settings import AccessSettings
from renditor.config import Limits
from renditor.errors import BadRequest


def test_rates() -> None:
    assert Rate.parse("10/hour") == Rate(10, 3600)
    assert Rate.parse("999999999/second").increment == 1 / 999_999_999
    assert Rate.parse_limit("3/day") == Rate(3, 86_400)
    assert Rate.parse_limit("off") is None


@pytest.mark.parametrize(
    "text", ["", "0/hour", "10", "10/week", "-1/hour", " 1/hour", "1/hour\n", "1e3/hour", "off ", "\u0661/hour"]
)
def test_what_is_no_rate(text: str) -> None:
    for parse in (Rate.parse, Rate.parse_limit):
        with pytest.raises(BadRequest):
            parse(text)


def test_settings_of_limits() -> None:
    assert Limits.model_validate({"requests": "off", "owner_bytes": "none", "owner_files": "7"}).owner_files == 7
    for wrong in ({"requests": "none"}, {"uploads": "off"}, {"owner_jobs": 0}, {"owner_bytes": "off"}):
        with pytest.raises(ValueError, match="validation error"):
            Limits.model_validate(wrong)
    with pytest.raises(ValueError, match="not a rate"):
        AccessSettings(failed_logins="off")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),  # of a socket for both kinds: not all of IPv4 in one
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:x", "unix:x"),
    ],
)
def test_whom_an_address_stands_for(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_all_addresses_of_a_network_are_one(address: ipaddress.IPv6Address, host: int) -> None:
    if address.ipv4_mapped is None and int(address) >> 64:
        assert network_of(str(address)) == network_of(str(ipaddress.IPv6Address((int(address) >> 64 << 64) + host)))


@given(st.text(max_size=60))
def test_any_text_stands_for_something(text: str) -> None:
    assert isinstance(network_of(text), str)
