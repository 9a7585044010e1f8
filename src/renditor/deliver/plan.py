"""What a path asks for, read once and kept: a request for a known path is answered without reading it again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from renditor.catalog.current import Name
from renditor.deliver.hints import Needs
from renditor.deliver.rendering import Wanted
from renditor.deliver.responses import Head
from renditor.models import Asset
from renditor.transformation.path import DeliveryPath

# Paths that a process remembers, and the longest of them (bytes): several KB each.
_REMEMBERED = 4096
_LONGEST = 1024


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Variant:
    """What one kind of client gets: the picture and the header fields."""

    wanted: Wanted
    head: Head


@dataclass(slots=True)
class Plan:
    """A path, taken apart and allowed. ``variants``: by what clients say that matters here (``hints.Client``).

    They hold for ``assets`` only: the very objects that ``Current`` gave when they were made, the asset itself
    first, then the layers laid over it.
    """

    name: Name
    path: DeliveryPath
    needs: Needs
    assets: tuple[tuple[Name, Asset], ...] = ()
    variants: dict[object, Variant] = field(default_factory=dict)

    def holds_for(self, found: tuple[tuple[Name, Asset], ...]) -> bool:
        """Whether nothing has changed: these are the same objects."""
        pairs = zip(self.assets, found, strict=False)
        return len(self.assets) == len(found) and all(mine[1] is theirs[1] for mine, theirs in pairs)


class Plans:
    """The plans of one process by raw path, the least recently used ones dropped first."""

    def __init__(self) -> None:
        self._plans: OrderedDict[bytes, Plan] = OrderedDict()

    def __contains__(self, raw: bytes) -> bool:
        return raw in self._plans

    def get(self, raw: bytes) -> Plan | None:
        plan = self._plans.get(raw)
        if plan is not None:
            self._plans.move_to_end(raw)
        return plan

    def put(self, raw: bytes, plan: Plan) -> None:
        if len(raw) <= _LONGEST:
            self._plans[raw] = plan
            if len(self._plans) > _REMEMBERED:
                self._plans.popitem(last=False)

    def clear(self) -> None:
        """Forget all: what allowed them holds no longer."""
        self._plans.clear()
