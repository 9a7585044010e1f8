"""What may be said with an upload, checked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from renditor.content.sniff import declares_svg
from renditor.errors import BadRequest
from renditor.models import Visibility
from renditor.transformation.path import public_id_fault

_VERSION_SEGMENT = re.compile(r"v\d+")
# No control characters, no line separators, no halves of surrogate pairs (which have no UTF-8).
_TAG = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff,]{1,100}")
_MAX_TAGS = 50


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """What may be said with an upload. All of it is checked before it is used. ``svg``: it is declared to be SVG."""

    filename: str | None = None
    public_id: str | None = None
    folder: str | None = None
    visibility: Visibility = "public"
    tags: tuple[str, ...] = ()
    recipe: str | None = None
    overwrite: bool = False
    svg: bool = False

    @classmethod
    def read(cls, values: dict[str, str], filename: str | None, content_type: str | None = None) -> UploadOptions:
        """From query parameters or form fields; ``content_type`` is that of the file. Raises: BadRequest naming the
        option."""
        known = {"public_id", "folder", "visibility", "tags", "recipe", "overwrite"}
        unknown = sorted(set(values) - known)
        if unknown:
            raise BadRequest(f"Unknown option {unknown[0]!r}.", hint=f"Options are {', '.join(sorted(known))}.")
        visibility = values.get("visibility", "public")
        if visibility not in ("public", "private"):
            raise BadRequest("visibility is 'public' or 'private'.")
        overwrite = values.get("overwrite", "false").lower()
        if overwrite not in ("true", "false", "1", "0"):
            raise BadRequest("overwrite is 'true' or 'false'.")
        return cls(
            filename=clean_filename(filename),
            public_id=check_public_id(values.get("public_id"), "public_id"),
            folder=check_public_id(values.get("folder", "").strip("/"), "folder"),
            visibility="private" if visibility == "private" else "public",
            tags=check_tags(tag.strip() for tag in values.get("tags", "").split(",") if tag.strip()),
            recipe=values.get("recipe") or None,
            overwrite=overwrite in ("true", "1"),
            svg=declares_svg(filename, content_type),
        )


def clean_filename(name: str | None) -> str | None:
    """The last part of a client's file name, without control characters, at most 255 characters. Only ever shown."""
    if not name:
        return None
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c)[0] != "C")
    return kept.strip()[:255] or None


def check_tags(tags: Iterator[str]) -> tuple[str, ...]:
    """Raises: BadRequest."""
    wanted = tuple(dict.fromkeys(tags))
    if len(wanted) > _MAX_TAGS or not all(_TAG.fullmatch(tag) for tag in wanted):
        raise BadRequest(f"At most {_MAX_TAGS} tags of up to 100 characters, without commas.")
    return wanted


def check_public_id(value: str | None, name: str) -> str | None:
    """The value where it is fit to be a public id or a folder; None where there is none. Raises: BadRequest."""
    if not value:
        return None
    fault = public_id_fault(value)
    if fault:
        raise BadRequest(f"This {name} cannot be used. {fault}.", code="bad-public-id")
    # A folder named v123 could not be told from a version in a delivery path.
    if any(_VERSION_SEGMENT.fullmatch(part) for part in value.split("/")[: None if name == "folder" else -1]):
        raise BadRequest(f"This {name} cannot be used: v and digits is how versions are written.", code="bad-public-id")
    return value
