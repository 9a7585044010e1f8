"""What a process holds in memory of stored pictures: small ones whole, of the others where they lie."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from renditor.models import Asset, Rendition

if TYPE_CHECKING:
    from renditor.deliver.plan import Variant
    from renditor.deliver.responses import Body

# What an entry costs beside its content: the objects of Python around it; bytes.
_ENTRY = 3000


@dataclass(slots=True)
class Stored:
    """A picture that is stored (or just being stored): ``content`` is None for those too large for memory.

    ``stamp``: of its asset, when this was found; with another one it may have been dropped or swapped. ``kept``: its
    object is in storage by now. ``bodies``: the answers made of it. They are kept here and not with the variants they
    answer: those may be thousands, and would hold every content that memory has dropped.
    """

    rendition: Rendition
    stamp: int
    content: bytes | None = None
    kept: bool = True
    bodies: WeakKeyDictionary[Variant, Body] = field(default_factory=WeakKeyDictionary, compare=False)

    @property
    def etag(self) -> str:
        """The digest of what was asked, and a part of the key: the same picture encoded anew is another entity."""
        return f'"{self.rendition.digest}-{self.rendition.key.rsplit("/", 1)[-1][16:26]}"'


class Memory:
    """Pictures by digest, the least recently used ones dropped first.

    Args:
        most: bytes of all pictures together.
        largest: bytes of one picture whose content is held.
    """

    def __init__(self, most: int, largest: int) -> None:
        self._most = most
        self._largest = min(largest, most)
        self._entries: OrderedDict[str, Stored] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, digest: str, asset: Asset) -> Stored | None:
        """The picture, unless pictures of its asset have been dropped or swapped since."""
        stored = self._entries.get(digest)
        if stored is None:
            return None
        if stored.stamp != asset.stamp:
            self.drop(digest)
            return None
        self._entries.move_to_end(digest)
        return stored

    def put(self, digest: str, stored: Stored) -> None:
        self.drop(digest)
        if stored.content is not None and len(stored.content) > self._largest:
            stored = Stored(stored.rendition, stored.stamp, None, stored.kept)
        self._entries[digest] = stored
        self._bytes += _size(stored)
        while self._bytes > self._most and self._entries:
            self._bytes -= _size(self._entries.popitem(last=False)[1])

    def drop(self, digest: str) -> None:
        stored = self._entries.pop(digest, None)
        if stored is not None:
            self._bytes -= _size(stored)


def _size(stored: Stored) -> int:
    return _ENTRY + (len(stored.content) if stored.content is not None else 0)
