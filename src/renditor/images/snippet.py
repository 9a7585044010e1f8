"""The HTML of a responsive image: ``<img>`` with ``srcset``, inside ``<picture>`` where formats are offered one by one.

Pure. Every value is escaped: public ids, alternative texts and ``sizes`` come from users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from renditor.images.pipeline.geometry import Size

# px. ``src`` serves what knows no ``srcset``: old browsers, feed readers, previews in chats.
_FALLBACK_WIDTH = 1280


@dataclass(frozen=True, slots=True)
class Offer:
    """One picture under its URL, as large as it really is."""

    url: str
    size: Size


@dataclass(frozen=True, slots=True)
class Source:
    """The same picture at several widths, narrowest first, in one format (None: whichever the server chooses)."""

    content_type: str | None
    offers: tuple[Offer, ...]

    @property
    def srcset(self) -> str:
        return ", ".join(f"{offer.url} {offer.size.width}w" for offer in self.offers)


@dataclass(frozen=True, slots=True)
class Words:
    """What the author of a page says: the width the picture takes in it, and what it shows."""

    sizes: str = "100vw"
    alt: str = ""


def html(sources: Sequence[Source], words: Words, placeholder: str | None = None) -> str:
    """The snippet. Width and height keep the place of the picture free while it loads; it loads when it comes near.

    Args:
        sources: best format first; the last one is what every browser can show, and goes into ``<img>``.
        words: sizes and alternative text.
        placeholder: ``data:`` URL of a tiny picture shown meanwhile. Not for transparent pictures: it would shine
            through.
    """
    *better, last = sources
    lines = [f"  {_tag('source', _attributes(source, words))}" for source in better]
    image = _tag("img", _image(last, words, placeholder))
    return "\n".join(["<picture>", *lines, f"  {image}", "</picture>"]) if better else image


def _attributes(source: Source, words: Words) -> dict[str, str]:
    kind = {"type": source.content_type} if source.content_type else {}
    return kind | {"srcset": source.srcset, "sizes": words.sizes}


def _image(source: Source, words: Words, placeholder: str | None) -> dict[str, str]:
    largest = source.offers[-1].size
    smaller = [offer for offer in source.offers if offer.size.width <= _FALLBACK_WIDTH]
    attributes = {
        "src": (smaller[-1] if smaller else source.offers[0]).url,
        "srcset": source.srcset,
        "sizes": words.sizes,
        "width": str(largest.width),
        "height": str(largest.height),
        "alt": words.alt,
        "loading": "lazy",
        "decoding": "async",
    }
    if placeholder:
        attributes["style"] = f"background:url('{placeholder}') center/cover no-repeat"
    return attributes


def _tag(name: str, attributes: dict[str, str]) -> str:
    written = " ".join(f'{attribute}="{escape(value)}"' for attribute, value in attributes.items())
    return f"<{name} {written}>"
