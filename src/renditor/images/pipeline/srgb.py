"""One colour space for all that follows: sRGB, 8 bits. Runs inside a decoder only."""

from __future__ import annotations

import pyvips


def to_srgb(image: pyvips.Image) -> pyvips.Image:
    """sRGB, 8 bits, from whatever the file holds: CMYK, grey, 16 bits, another profile. Alpha stays."""
    if image.get_typeof("icc-profile-data") or image.interpretation == "cmyk":
        # CMYK without a profile is read with the one that is built into libvips.
        try:
            image = image.icc_transform(
                "srgb", embedded=True, intent="relative", black_point_compensation=True, depth=8
            )
        except pyvips.Error:
            # A damaged profile, or one for another kind of picture: browsers show such files as if it were absent.
            image = image.copy()
            image.remove("icc-profile-data")
    return image if image.interpretation == "srgb" and image.format == "uchar" else image.colourspace("srgb")
