"""Responsive images of an asset: which of its pictures a page should offer, and under which paths.

Paths that this server would refuse without a signature come signed: who asks is the owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from renditor.deliver.modes import Gate
from renditor.deliver.settings import DeliverySettings
from renditor.errors import Conflict, Unprocessable
from renditor.images.analysis.thumbhash import placeholder_data_url
from renditor.images.base import ImageInfo
from renditor.images.codecs.formats import FORMATS, has_alpha
from renditor.images.insight import Insight
from renditor.images.pipeline.geometry import Size
from renditor.images.responsive import AUTO, MAX_WIDTHS, OFFERED, Candidate, by_format, is_plain_resize
from renditor.images.snippet import Words
from renditor.models import Asset
from renditor.transformation import Transformation, parse
from renditor.transformation.operations import FORMAT

_PLAIN = "/,:_$!~.-"  # what stands in a transformation as it is
_MOST_TEXT = 1000  # characters of ``alt`` and ``sizes``: they come back several times in one answer


@dataclass(frozen=True, slots=True)
class Asked:
    """What the author of a page says, as it was typed. Empty: the default.

    ``widths`` in px and ``formats`` (``auto``, ``avif``, ``webp``, ...) are separated by commas; ``transformation`` is
    a chain or a preset (``t_name``).
    """

    widths: str = ""
    formats: str = ""
    transformation: str = ""
    sizes: str = ""
    alt: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """One picture: its path behind ``upload/``, encoded, with version and signature; and its true size."""

    tail: str
    size: Size


@dataclass(frozen=True, slots=True)
class Offered:
    """Everything a snippet is made of.

    ``formats``: content type (None: the server chooses) and links, narrowest first, of each; the last one is what
    every browser shows.
    """

    formats: tuple[tuple[str | None, tuple[Link, ...]], ...]
    words: Words
    placeholder: str | None


class Offers:
    """Answers what pages should offer."""

    def __init__(self, settings: DeliverySettings, gate: Gate) -> None:
        self._widths = settings.widths
        self._presets = settings.presets
        self._gate = gate

    def of(self, asset: Asset, asked: Asked) -> Offered:
        """The pictures of ``asset`` that a page should offer.

        Raises:
            Conflict: the asset is private: a page could not show it.
            Unprocessable: no picture, or bad widths, formats or texts.
            InvalidTransformation: it is not valid, or cannot be applied to this picture.
        """
        words = _words(asked)
        pictures = self._pictures(asset, asked)
        if asset.visibility != "public":
            raise Conflict(
                "The asset is private: no page can show it.", code="private-asset", hint="Make it public first (PATCH)."
            )
        wanted = self.read(asked.transformation)
        info = ImageInfo.from_json(asset.metadata)
        hidden = has_alpha(info, wanted) or not is_plain_resize(wanted)
        formats = tuple(
            (None if fmt == AUTO else FORMATS[fmt].content_type, tuple(self._link(asset, one, fmt) for one in some))
            for fmt, some in pictures.items()
        )
        return Offered(formats, words, None if hidden else _placeholder(asset))

    def chains(self, asset: Asset, asked: Asked) -> list[Transformation]:
        """The same pictures as transformations that name their format. Raises: as ``of``, but for private assets."""
        return [
            _with_format(one.transformation, fmt) for fmt, some in self._pictures(asset, asked).items() for one in some
        ]

    def read(self, text: str) -> Transformation:
        """A chain or a preset. Raises: InvalidTransformation."""
        return parse(text, self._presets)

    def _pictures(self, asset: Asset, asked: Asked) -> dict[str, list[Candidate]]:
        """By format, the best one first."""
        check_picture(asset)
        wanted = self.read(asked.transformation)
        widths = asked.widths or ",".join(map(str, self._widths[:MAX_WIDTHS]))
        formats = asked.formats or wanted.last(FORMAT) or AUTO
        info, insight = ImageInfo.from_json(asset.metadata), Insight.from_json(asset.metadata)
        return by_format(info, wanted, widths, formats, insight)

    def _link(self, asset: Asset, one: Candidate, fmt: str) -> Link:
        transformation = _with_format(one.transformation, fmt) if fmt == AUTO else one.transformation
        name = f"{quote(asset.public_id, safe='/')}.{_extension(asset, fmt)}"
        tail = f"{quote(str(transformation), safe=_PLAIN)}/v{asset.version}/{name}"
        return Link(self._gate.opened(tail), one.size)


def check_picture(asset: Asset) -> None:
    """Raises: Unprocessable: a video or a song."""
    if asset.media_type != "image":
        raise Unprocessable(f"This is {asset.media_type}, not a picture.", code="not-a-picture")


def _with_format(transformation: Transformation, fmt: str) -> Transformation:
    return parse(f"{transformation},{FORMAT.key}_{fmt}")


def _extension(asset: Asset, fmt: str) -> str:
    """``f_auto`` chooses whatever the extension is; the asset's own looks best."""
    if fmt != AUTO:
        return fmt
    return asset.format if asset.format in OFFERED else "jpg"


def _placeholder(asset: Asset) -> str | None:
    """None while nobody has looked at the picture."""
    thumbhash = asset.metadata.get("thumbhash")
    return placeholder_data_url(thumbhash) if thumbhash else None


def _words(asked: Asked) -> Words:
    for name, text in (("alt", asked.alt), ("sizes", asked.sizes)):
        if len(text) > _MOST_TEXT:
            raise Unprocessable(f"{name}: At most {_MOST_TEXT} characters.", code="invalid-parameter")
    return Words(asked.sizes, asked.alt) if asked.sizes else Words(alt=asked.alt)
