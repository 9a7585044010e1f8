"""The HTML of responsive images, read back by a parser as a browser would."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from renditor.images.pipeline.geometry import Size
from renditor.images.snippet import Offer, Source, Words, html

SMALL = Offer("https://media.example/a/w_320/v1/cat.jpg", Size(320, 240))
MIDDLE = Offer("https://media.example/a/w_1280/v1/cat.jpg", Size(1280, 960))
LARGE = Offer("https://media.example/a/w_1920/v1/cat.jpg", Size(1920, 1440))
ANY = Source("image/jpeg", (SMALL, MIDDLE, LARGE))


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        assert not data.strip()


def read(text: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader.tags


def test_one_source_is_one_img() -> None:
    tags = read(html([ANY], Words("50vw", "A cat")))
    assert [name for name, _ in tags] == ["img"]
    assert tags[0][1] == {
        "src": MIDDLE.url,
        "srcset": f"{SMALL.url} 320w, {MIDDLE.url} 1280w, {LARGE.url} 1920w",
        "sizes": "50vw",
        "width": "1920",
        "height": "1440",
        "alt": "A cat",
        "loading": "lazy",
        "decoding": "async",
    }


def test_formats_are_sources_of_a_picture_with_a_fallback() -> None:
    avif = Source("image/avif", (Offer("cat-320.avif", SMALL.size),))
    tags = read(html([avif, ANY], Words()))
    assert [name for name, _ in tags] == ["picture", "source", "img"]
    assert tags[1][1] == {"type": "image/avif", "srcset": "cat-320.avif 320w", "sizes": "100vw"}
    assert tags[2][1]["src"] == MIDDLE.url
    assert tags[2][1]["alt"] == ""


def test_a_picture_wider_than_the_fallback_is_its_own_fallback() -> None:
    assert read(html([Source("image/jpeg", (LARGE,))], Words()))[0][1]["src"] == LARGE.url


def test_the_placeholder_is_a_background() -> None:
    style = read(html([ANY], Words(), "data:image/png;base64,AAAA"))[0][1]["style"]
    assert style == "background:url('data:image/png;base64,AAAA') center/cover no-repeat"


@given(st.text(), st.text(), st.text())
def test_nothing_a_user_says_leaves_its_attribute(alt: str, sizes: str, name: str) -> None:
    # The parser reads a bare CR as it stands and HTML has no NUL: neither is about escaping.
    alt, sizes, name = (text.replace("\r", "").replace("\0", "") for text in (alt, sizes, name))
    offer = Offer(name, Size(1, 1))
    tags = read(html([Source("image/avif", (offer,)), Source("image/jpeg", (offer,))], Words(sizes, alt)))
    assert [tag for tag, _ in tags] == ["picture", "source", "img"]
    assert tags[2][1]["alt"] == alt
    assert tags[1][1]["sizes"] == sizes
    assert tags[2][1]["src"] == name
