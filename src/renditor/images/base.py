"""The images seam: two calls every provider answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

from renditor.errors import NotFound
from renditor.images.analysis.findings import Analysis
from renditor.images.insight import NOTHING_KNOWN, Insight
from renditor.transformation import Transformation


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the header of an image says. ``width`` and ``height`` in px as displayed (EXIF orientation applied).

    ``has_gain_map``: an Ultra HDR JPEG, which carries a second picture that says how much brighter HDR screens show it.
    ``flat``: graphics rather than a photo (few colours, large plain areas); known from the probe's decode only.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    pages: int = 1
    has_alpha: bool = False
    bands: int = 3
    bit_depth: int = 8
    colour_space: str = "srgb"
    has_icc: bool = False
    has_gain_map: bool = False
    flat: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ImageInfo:
        """Read what some version of renditor wrote: names that this one does not know are passed over."""
        return cls(**{one.name: values[one.name] for one in fields(cls) if one.name in values})


@dataclass(frozen=True, slots=True)
class Source:
    """A picture on local disk, and what is known about it.

    ``format`` is what its first bytes say. ``layers``: the pictures that the transformation lays over it, by public id.
    ``tags``: what conditions may ask for.
    """

    path: Path
    format: str
    insight: Insight = NOTHING_KNOWN
    layers: Mapping[str, Source] = field(default_factory=dict)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished picture held in memory. ``pages``: frames of an animation; equal neighbours may be stored as one."""

    content: bytes
    content_type: str
    format: str
    width: int
    height: int
    pages: int = 1


@dataclass(frozen=True, slots=True)
class RemoteURL:
    """A finished picture that the provider itself delivers (Cloudinary renders and delivers)."""

    url: str


def missing_layer(public_id: str) -> NotFound:
    """For a layer that is not there, and for one that this request may not see: nobody can tell which."""
    return NotFound(f"Resource not found - {public_id}")


class ImageProvider(Protocol):
    """Renders pictures. Sources are paths on this machine that *we* named; nothing in them comes from a user."""

    async def probe(self, source: Path, fmt: str) -> ImageInfo:
        """Read the header in the sandbox, apply the pixel and frame limits, and decode once to find damage.

        Args:
            source: the original on local disk.
            fmt: the format its first bytes say (``jpg``, ``png``, ``webp``, ``avif``, ``gif``, ``tiff``).

        Raises:
            CorruptMedia: truncated or damaged (422).
            UnsupportedMedia: a format or a compression that is not read here (415).
            LimitExceeded: more pixels or frames than allowed (422), found from the header alone.
            Overloaded: no decoder was free in time (503).
        """
        ...

    async def render(self, source: Source, transformation: Transformation, output: str) -> Rendered | RemoteURL:
        """Make one picture. ``output`` is a concrete format (``jpg png webp avif gif``), never ``auto``.

        Raises:
            InvalidTransformation: the transformation cannot be applied to this picture (400).
            NotFound: it names a layer that the source does not have (404).
            CorruptMedia, UnsupportedMedia, LimitExceeded, Overloaded: as for ``probe``.
        """
        ...

    async def render_set(
        self, source: Source, wanted: Sequence[tuple[Transformation, str]]
    ) -> list[Rendered | RemoteURL]:
        """Make several pictures of one source, in the order of ``wanted`` (transformation and ``output`` of each).

        A provider that renders itself decodes once where it can. Nothing is made if one of them cannot be.

        Raises: as for ``render``.
        """
        ...

    async def analyse(self, source: Source) -> Analysis:
        """Look at the first frame: faces, focal point, colours, hashes, and the quality it needs. Takes 0.5 s of CPU.

        Raises:
            CorruptMedia, UnsupportedMedia, LimitExceeded, Overloaded: as for ``probe``.
        """
        ...
