"""URLs as attackers write them: what could mean two servers means none."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from renditor.outbound.urls import Refused, Target, follow, parse

GOOD = {
    "http://example.com": "http://example.com/",
    "HTTPS://EXAMPLE.com/A?b=C#d": "https://example.com/A?b=C",
    "https://example.com:443/": "https://example.com/",
    "http://example.com:443/": "http://example.com:443/",
    "http://example.com?x=1": "http://example.com/?x=1",
    "http://example.com#@evil.example": "http://example.com/",
    "http://example.com/a@b:c": "http://example.com/a@b:c",
    "http://93.184.216.34/": "http://93.184.216.34/",
    "http://[2606:4700:0:0::1111]/": "http://[2606:4700::1111]/",
    "http://[::ffff:127.0.0.1]/": "http://[::ffff:7f00:1]/",
    "http://bücher.example/straße": "http://xn--bcher-kva.example/stra%C3%9Fe",
    "http://faß.example/": "http://xn--fa-hia.example/",
    "http://a_b.example/%2e%2e/": "http://a_b.example/%2e%2e/",
    "http://example.com/a|b{c}": "http://example.com/a%7Cb%7Bc%7D",
    "http://minio:9000/x": "http://minio:9000/x",
    "http://127。0。0。1/": "http://127.0.0.1/",
}

BAD = [
    # forms of 127.0.0.1 that resolvers understand
    "http://2130706433/",
    "http://0x7f000001/",
    "http://017700000001/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0177.0.0.1/",
    "http://0x7f.0.0.1/",
    "http://127.0.0.01/",
    "http://127.0.0.1.5/",
    "http://256.0.0.1/",
    "http://0/",
    "http://0x/",
    "http://①②⑦.⓪.⓪.①/",
    # dots at the end
    "http://example.com./",
    "http://127.0.0.1./",
    "http://localhost./",
    "http://./",
    "http://a..b/",
    # user names
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://@example.com/",
    "http://example.com:80@evil.example/",
    "http://example.com%40evil.example/",
    "http://example.com%2f@evil.example/",
    # backslashes, blanks, controls
    "http://example.com\\@evil.example/",
    "http:\\\\example.com\\",
    "http://example.com/\\evil",
    "http://example.com/a b",
    "http://exa mple.com/",
    " http://example.com/",
    "http://example.com/\r\nHost: evil",
    "http://example.com/\n",
    "http://example.com\r\n.evil/",
    "http://exam\tple.com/",
    "http://example.com/\x00",
    "http://example.com/\x7f",
    "http://example.com/\u2028x",
    "http://example.com/\ud800",
    "http://example\u00ad.com\u0000/",
    # hosts that are none
    "http:///x",
    "http://",
    "http://:80/",
    "http:example.com",
    "http:/example.com",
    "//example.com/",
    "example.com",
    "",
    "http://%31%32%37.0.0.1/",
    "http://-a.example/",
    "http://a-.example/",
    f"http://{'a' * 64}.example/",
    f"http://{'a.' * 127}example/",
    "http://exa*mple.com/",
    "http://exam<ple.com/",
    "http://xn--/",
    "http://\u200d.example/",
    "http://[::1",
    "http://::1/",
    "http://[::1]x/",
    "http://[fe80::1%25eth0]/",
    "http://[fe80::1%eth0]/",
    "http://[1.2.3.4]/",
    "http://[]/",
    "http://[v1.x]/",
    "http://[::ffff:0177.0.0.1]/",
    # ports
    "http://example.com:x/",
    "http://example.com:-1/",
    "http://example.com:80:80/",
    "http://example.com:123456/",
    "http://example.com:٨٠/",
    # schemes
    "ftp://example.com/",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "gopher://example.com:80/_x",
    "dict://example.com:80/",
    "ws://example.com/",
    "javascript:alert(1)//example.com",
    "data:image/png;base64,AAAA",
    "jar:http://example.com/!/",
    "httpx://example.com/",
    f"http://example.com/{'a' * 9000}",
]


@pytest.mark.parametrize("url", GOOD)
def test_honest_urls_are_read(url: str) -> None:
    assert str(parse(url)) == GOOD[url]
    assert parse(str(parse(url))) == parse(url)


@pytest.mark.parametrize("url", BAD, ids=ascii)
def test_ambiguous_urls_are_refused(url: str) -> None:
    with pytest.raises(Refused):
        parse(url)


def test_a_port_is_read_as_it_stands() -> None:
    assert parse("http://example.com:0/").port == 0
    assert parse("http://example.com:00080/").port == 80
    assert parse("https://example.com/").port == 443
    assert parse("http://example.com:8080/").authority == "example.com:8080"
    assert parse("http://[2606::1]:8080/").authority == "[2606::1]:8080"


@settings(deadline=None)  # a busy machine is no failure
@given(st.text())
@example("http://[")
@example("http://\u3002/")
@example("http://a/\u00a0")
def test_no_text_does_anything_but_be_read_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"http://{text}/", f"http://a.example/{text}"):
        try:
            target = parse(url)
        except Refused:
            continue
        assert str(target).isascii()
        assert target.path.isprintable()
        assert " " not in target.path
        assert parse(str(target)) == target


@settings(deadline=None)  # a busy machine is no failure
@given(st.from_regex(r"[0-9a-fA-FxX.]{1,20}", fullmatch=True))
def test_a_host_that_resolvers_take_for_a_number_is_written_in_four_decimals(host: str) -> None:
    try:
        number = socket.inet_aton(host)
    except OSError:
        return
    try:
        read = parse(f"http://{host}/").host
    except Refused:
        return
    assert IPv4Address(read).packed == number
    assert read == host


BASE = Target("https", "example.com", 443, "/a/b?c")


@pytest.mark.parametrize(
    ("location", "to"),
    [
        (b"/x", "https://example.com/x"),
        (b"x", "https://example.com/a/x"),
        (b"?y", "https://example.com/a/b?y"),
        (b"//other.example/x", "https://other.example/x"),
        (b"https://other.example", "https://other.example/"),
        ("/straße".encode(), "https://example.com/stra%C3%9Fe"),
        (b"#top", "https://example.com/a/b?c"),
    ],
)
def test_redirects_are_resolved_against_where_they_came_from(location: bytes, to: str) -> None:
    assert str(follow(BASE, location)) == to


@pytest.mark.parametrize(
    "location",
    [
        b"http://example.com/",
        b"ftp://example.com/",
        b"file:///etc/passwd",
        b"javascript:alert(1)",
        b"//user@evil.example/",
        b"/\\evil.example/",
        b"\\\\evil.example/",
        b"https://2130706433/",
        b"https://[::1",
        b"https://exa\xffmple.com/",
        b"/a b",
        b"https://evil.example, https://other.example",
    ],
)
def test_redirects_elsewhere_than_to_https_are_refused(location: bytes) -> None:
    with pytest.raises(Refused):
        follow(BASE, location)


def test_http_may_be_redirected_to_https() -> None:
    assert follow(parse("http://example.com/"), b"https://example.com/").scheme == "https"
