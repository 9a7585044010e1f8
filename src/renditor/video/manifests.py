"""What the packager leaves out of a DASH manifest. Source: ISO/IEC 23009-1."""

from __future__ import annotations

import re
from fractions import Fraction


def finish_manifest(text: str, frame_rate: Fraction) -> str:
    """The DASH manifest without comments and with the planned frame rate.

    The packager takes the rate from the distance of the first two frames, which says little of an uneven video.
    """
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    return re.sub(r'\b(maxFrameRate|frameRate)="[^"]*"', rf'\1="{frame_rate}"', text)


def manifest_files(text: str, counts: dict[str, int]) -> set[str]:
    """The files a manifest made of SegmentTemplates names, given the number of segments by folder."""
    files = set()
    for found in re.finditer(r'<SegmentTemplate\b[^>]*\binitialization="([^"]+)"[^>]*\bmedia="([^"]+)"', text):
        header, media = found[1], found[2]
        folder = media.partition("/")[0]
        files.add(header)
        files.update(media.replace("$Number$", str(number)) for number in range(1, counts.get(folder, 0) + 1))
    return files
