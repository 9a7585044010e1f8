"""Presets: transformations with a name, ``t_<name>``."""

from __future__ import annotations

from collections.abc import Mapping

# Those that are there without being asked for. ``max`` is what a picture becomes that should lose nothing visible.
SHIPPED: Mapping[str, str] = {
    "thumb": "c_fill,g_auto,h_200,w_200",
    "max": "c_limit,f_auto,fl_progressive,h_2160,q_auto:best,w_3840",
}


def with_shipped(own: Mapping[str, str]) -> dict[str, str]:
    """The shipped presets and an owner's own, which win."""
    return {**SHIPPED, **own}
