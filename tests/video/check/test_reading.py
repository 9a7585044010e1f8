from __future__ import annotations

import pytest

from renditor.video.check.reading import resolve

SERVER = "https://media.example.com"


@pytest.mark.parametrize(
    ("base", "uri", "name"),
    [
        ("master.m3u8", "480p/index.m3u8", "480p/index.m3u8"),
        ("480p/index.m3u8", "1.m4s", "480p/1.m4s"),
        ("480p/index.m3u8", "../audio/1.m4s", "audio/1.m4s"),
        ("480p/index.m3u8", "./a%20b.m4s?x=1", "480p/a b.m4s"),
    ],
)
def test_links_in_a_folder(base: str, uri: str, name: str) -> None:
    assert resolve("", base, uri) == name


@pytest.mark.parametrize(
    "uri", ["/x", "//host/x", "http://host/x", "file:///x", "../x", "..", "", ".", "a/../../x", "data:,x"]
)
def test_links_that_lead_out_of_a_folder(uri: str) -> None:
    with pytest.raises(ValueError, match="link"):
        resolve("", "master.m3u8", uri)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("480p/1.m4s", "a/480p/1.m4s"),
        ("/main/files/1.m4s", "main/files/1.m4s"),
        ("../../1.m4s?sig=x", "1.m4s?sig=x"),
        (f"{SERVER}/b.m4s", "b.m4s"),
        ("https://MEDIA.example.com:443/b.m4s", "b.m4s"),
    ],
)
def test_links_on_a_server(uri: str, name: str) -> None:
    assert resolve(SERVER, "a/master.m3u8?sig=x", uri) == name


@pytest.mark.parametrize(
    "uri",
    [
        "//other.example.com/x",
        "http://media.example.com/x",
        "https://media.example.com:444/x",
        "file:///x",
        "http://[x",
    ],
)
def test_links_to_other_servers(uri: str) -> None:
    with pytest.raises(ValueError, match=r"link|IPv6"):
        resolve(SERVER, "a/master.m3u8", uri)
