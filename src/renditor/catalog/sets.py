"""Sets of files that change after they were made known. What is stored beside them is new, and made known by its name.

A set of HLS and DASH is named by its *heads*, the master playlist and the manifest. Stored objects never change: a set
that changes gets new heads under new names, and ``metadata["heads"]`` of its rendition says which count. So whoever
dies in the middle leaves the set as it was, and of two who change it at once the later one begins again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from renditor.catalog import assets, trash
from renditor.catalog.assets import read_rendition
from renditor.catalog.schema import renditions
from renditor.errors import Unavailable
from renditor.models import Rendition, now_ms

# Kinds of renditions: a set of HLS and DASH, and what people added to it for as long as its video has none.
SET: Final = "hls"
KEPT: Final = "captions"

# Answers that are being sent, and players that hold the playlists of a minute ago, still ask for what was replaced; ms.
_STILL_READ_MS: Final = 120_000
_LATE_MS: Final = 5_000


def captioned(connection: sa.Connection, asset_id: str) -> Rendition | None:
    """What holds the captions of a video: its set, or what keeps them until it has one again."""
    return assets.rendition(connection, asset_id, SET) or assets.rendition(connection, asset_id, KEPT)


def removed_tracks(rendition: Rendition) -> frozenset[str]:
    """The names of tracks of the video's own file that were removed: they stay so when everything is made anew."""
    return frozenset(rendition.metadata.get("removed", ()))


def revision(rendition: Rendition) -> int:
    """How often a set has changed, and once more."""
    return int(rendition.metadata.get("revision", 1))


def stored_name(rendition: Rendition, head: str) -> str:
    """The name under which the present master playlist or manifest is stored, in the folder of the set."""
    return str(rendition.metadata.get("heads", {}).get(head, head))


def change(
    connection: sa.Connection, before: Rendition, after: Rendition, fresh: Collection[str], gone: Collection[str]
) -> bool:
    """Let a set be something else from now on, one ``revision`` later.

    Args:
        connection: the transaction.
        before: the set as it was when the change was worked out.
        after: what it becomes; its metadata name the new heads.
        fresh: objects and folders that were stored for it, marked by ``trash.intend``.
        gone: those that belong to it no more.

    Returns: False: somebody else has changed or removed it since; nothing was done.

    Raises:
        Unavailable: what was stored is gone again.
    """
    query = sa.select(renditions).where(renditions.c.id == before.id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None or revision(read_rendition(row)) != revision(before):
        return False
    if trash.take_back(connection, fresh) != len(fresh):
        raise Unavailable("Storing took too long.", hint="Try again.")
    metadata = after.metadata | {"revision": revision(before) + 1}
    connection.execute(
        renditions.update().where(renditions.c.id == before.id).values(metadata=metadata, bytes=after.bytes)
    )
    trash.throw(connection, gone)
    # The heads that it was made known with stay: all that follow are made of them.
    replaced = [before.key + name for name in before.metadata.get("heads", {}).values()]
    trash.throw(connection, replaced, not_before=now_ms() + _STILL_READ_MS)
    return True


def give_up(connection: sa.Connection, rendition_id: str, keys: Collection[str]) -> None:
    """Send what was stored for a set to the trash, but what did become known (an answer of the database was lost)."""
    row = connection.execute(sa.select(renditions).where(renditions.c.id == rendition_id)).one_or_none()
    known = _objects(read_rendition(row)) if row else set()
    # A file that was just being stored is there this much later at the latest: threads are not stopped.
    trash.throw(connection, [key for key in keys if key not in known], not_before=now_ms() + _LATE_MS)


def _objects(rendition: Rendition) -> set[str]:
    """What changes have added to a set."""
    names = [*rendition.metadata.get("heads", {}).values()]
    names += [f"{track['folder']}/" for track in rendition.metadata.get("captions", ())]
    return {rendition.key + name for name in names}
