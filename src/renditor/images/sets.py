"""Several pictures of one source from one decode. Runs inside a decoder only.

Decoding is most of the work of a small picture: of eight sizes and formats of one photo it would be done eight times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pyvips

from renditor.images.base import ImageInfo
from renditor.images.codecs.loading import load_upright, resized
from renditor.images.pipeline.build import Job
from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.walk import facts_of, results

# Bytes of pixels that are held for the next pictures: a quarter of what a decoder may have, beside what decoding takes.
_MOST_HELD = 256 * 1024**2


@dataclass(slots=True)
class SharedDecode:
    """Stands in for ``load_upright`` and remembers what it gave: asked for the largest size first, it decodes once.

    Smaller sizes are scaled down from larger ones, by the same filter. Those were well scaled themselves, so the
    results differ from pictures made by themselves by less than anybody sees (43 to 55 dB measured). Nothing is made
    from a picture that was enlarged, or that is smaller on either side.
    """

    _held: dict[tuple[ImageInfo, int, Size], pyvips.Image] = field(default_factory=dict)
    _bytes: int = 0

    def __call__(self, source: int, info: ImageInfo, target: Size | None, page: int = 0) -> pyvips.Image:
        """See ``load_upright``."""
        whole = Size(info.width, info.height)
        wanted = target or whole
        if wanted.width > whole.width or wanted.height > whole.height:
            return load_upright(source, info, target, page)
        key = (info, page, wanted)
        if key not in self._held:
            larger = self._larger(info, page, wanted)
            image = load_upright(source, info, target, page) if larger is None else resized(larger, wanted)
            size = image.width * image.height * image.bands * (1 if image.format == "uchar" else 4)
            if self._bytes + size > _MOST_HELD:
                return image
            self._bytes += size
            self._held[key] = image.copy_memory()
        return self._held[key]

    def _larger(self, info: ImageInfo, page: int, wanted: Size) -> pyvips.Image | None:
        """A held picture of the same page to scale down from: the smallest one that leaves the filter twice the size,
        as loaders do, else the largest; none that is smaller on either side."""
        fitting = [
            image
            for (known, number, size), image in self._held.items()
            if (known, number) == (info, page) and size.width >= wanted.width and size.height >= wanted.height
        ]
        fitting.sort(key=lambda image: image.width * image.height)
        roomy = [each for each in fitting if each.width >= 2 * wanted.width and each.height >= 2 * wanted.height]
        return roomy[0] if roomy else (fitting or [None])[-1]


def largest_first(jobs: Sequence[Job]) -> list[int]:
    """The places of the jobs in the order of the sizes of their pictures.

    Raises: InvalidTransformation: see ``walk.results``.
    """

    def pixels(place: int) -> int:
        job = jobs[place]
        size = Size(job.info.width, job.info.height)
        facts = facts_of(size, job.insight, pages=job.info.pages, tags=job.tags)
        made = results(size, job.transformation, job.insight, facts=facts, measure=job.layers.measure)[-1]
        return made.width * made.height

    return sorted(range(len(jobs)), key=pixels, reverse=True)
