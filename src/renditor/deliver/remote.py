"""Taking the path of a picture from elsewhere apart.

    /{tenant}/image/fetch/[s--sig--/][transformation/]{url}

The URL stands at the end, percent-encoded or not (its ``?``, ``&`` and ``#`` always are): Cloudinary's fetch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from renditor.errors import NotFound
from renditor.outbound.urls import Refused, Target, parse
from renditor.transformation.path import MAX_TAIL, DeliveryPath, split_delivery_path

_BEGINNING = re.compile(r"https?(?::|%3a)", re.IGNORECASE)
_VERSION = re.compile(r"v[0-9]+")
# Proxies on the way make one slash of two.
_ONE_SLASH = re.compile(r"^(https?:/)(?!/)", re.IGNORECASE)
# Stands for the URL while the rest is read.
_STAND_IN = "v1/x"


@dataclass(frozen=True, slots=True)
class RemotePath:
    """``path``: all but the URL; what its signature covers holds the URL, too. ``target``: the URL."""

    path: DeliveryPath
    target: Target


def split_remote_path(tail: str, presets: Mapping[str, str], *, ignore_unsupported: bool) -> RemotePath:
    """Take what follows ``/image/fetch/`` apart.

    Raises: NotFound: no URL that anything could be fetched from; InvalidTransformation: what stands before it.
    """
    segments = tail.split("/")
    at = next((place for place, segment in enumerate(segments) if _BEGINNING.match(segment)), None)
    if at is None or len(tail) > MAX_TAIL:
        raise NotFound
    before = segments[:at]
    if before and _VERSION.fullmatch(before[-1]):
        del before[-1]
    try:
        url = unquote("/".join(segments[at:]), errors="strict")
        target = parse(_ONE_SLASH.sub(r"\1/", url))
    except (UnicodeDecodeError, Refused):
        raise NotFound from None
    read = split_delivery_path("/".join([*before, _STAND_IN]), "image", presets, ignore_unsupported=ignore_unsupported)
    # As the SDKs sign it: all but these characters escaped, whatever a proxy did to the escapes.
    signed = read.signed.removesuffix("x") + quote(url, safe="/:").replace("~", "%7E")
    return RemotePath(replace(read, signed=signed, version=None), target)
