"""Values that are known only when the picture is: they name variables or measures of the picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deferred:
    """The text of a value in which variables (``$width``) or measures (``iw_div_2``) stand, in canonical spelling."""

    text: str
