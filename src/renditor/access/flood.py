"""How many refusals get an entry of the audit log each. What is beyond is counted: nobody fills the disk by asking."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Final

from renditor.access.ratelimit import Rate, network_of
from renditor.models import Principal

# For all together: an attacker may have many addresses.
_ALL: Final = ""
_TIMES: Final = 10
# Principals and addresses that are known at a time, and that are counted by name. Attackers invent more.
_KNOWN: Final = 4096
_NAMED: Final = 20
OTHERS: Final = "others"


class Flood:
    """Counts the refusals of one process. The generic cell rate algorithm, in memory: no refusal costs a write.

    Args:
        each: entries of one principal or address; all together get ten times as many.
    """

    def __init__(self, each: Rate) -> None:
        self._each = each
        self._arrival: OrderedDict[str, float] = OrderedDict()
        self._suppressed: Counter[str] = Counter()

    def admits(self, who: str, now: float) -> bool:
        """Whether this refusal gets an entry of its own; else it is counted. ``now``: seconds, of any clock."""
        if self._take(who, 1, now) and self._take(_ALL, _TIMES, now):
            return True
        known = who in self._suppressed or len(self._suppressed) < _NAMED
        self._suppressed[who if known else OTHERS] += 1
        return False

    @property
    def suppressed(self) -> int:
        """How many were counted since they were last told."""
        return self._suppressed.total()

    def tell(self) -> dict[str, int]:
        """Whose refusals have no entry, and how many. They count as told from now on."""
        told, self._suppressed = dict(self._suppressed), Counter()
        return told

    def _take(self, who: str, times: int, now: float) -> bool:
        arrival = max(self._arrival.pop(who, now), now) + self._each.increment / times
        admitted = arrival - now <= self._each.period
        self._arrival[who] = arrival if admitted else arrival - self._each.increment / times
        if len(self._arrival) > _KNOWN:
            self._arrival.popitem(last=False)
        return admitted


def refused(principal: Principal | None, address: str) -> str:
    """Whose refusal it is: of a key or owner, else of an address."""
    return network_of(address) if principal is None else principal.key_id or principal.owner
