"""How often a principal may do a thing: the wording of rates. The exact count is one statement of the catalog."""

from __future__ import annotations

import re
from dataclasses import dataclass

from renditor.errors import BadRequest

_RATE = re.compile(r"([1-9][0-9]{0,8})/(second|minute|hour|day)")
_PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` requests in ``period`` seconds, all of which may come at once."""

    count: int
    period: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read ``10/hour``. Raises: BadRequest."""
        match = _RATE.fullmatch(text)
        if not match:
            raise BadRequest(f"{text!r} is not a rate.", hint="Write a rate as 10/hour; also second, minute, day.")
        return cls(int(match[1]), _PERIODS[match[2]])

    @property
    def increment(self) -> float:
        """Seconds that one request costs."""
        return self.period / self.count
