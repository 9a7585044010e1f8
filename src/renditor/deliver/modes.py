"""Who may ask for which rendition: the delivery modes."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from renditor.deliver.settings import DeliverySettings
from renditor.errors import InvalidTransformation, NotFound, Unauthenticated
from renditor.transformation import Component, parse
from renditor.transformation.expressions import Deferred
from renditor.transformation.operations import (
    ASPECT_RATIO,
    CROP,
    DEFAULT_IMAGE,
    DPR,
    FLAG,
    FORMAT,
    GRAVITY,
    QUALITY,
    STREAMING_PROFILE,
    WIDTH,
)
from renditor.transformation.path import DeliveryPath, split_delivery_path
from renditor.transformation.sign import sign, verify
from renditor.transformation.values import AUTO

# What may stand beside a width of the ladder: each with so few values that all pictures of an asset can be counted.
_ANY_VALUE = {CROP.key, FORMAT.key, GRAVITY.key, QUALITY.key}
_RATIOS = {Fraction(a, b) for a, b in ((1, 1), (2, 1), (3, 2), (4, 3), (5, 4), (16, 9), (21, 9))}
_LISTED: dict[str, Callable[[Any], bool]] = {
    ASPECT_RATIO.key: lambda value: value in _RATIOS or 1 / value in _RATIOS,
    DPR.key: lambda value: value == AUTO or value in (Decimal(1), Decimal("1.5"), Decimal(2), Decimal(3)),
    FLAG.key: lambda value: (
        {flag.name for flag in value} <= {"attachment", "getinfo", "immutable_cache", "progressive"}
    ),
}
# What may follow a preset.
_ABOUT_THE_FILE = {FORMAT.key, QUALITY.key, FLAG.key}


class Gate:
    """Decides by the mode; ``secrets``, newest first, check the signatures, ``signing`` makes them."""

    def __init__(self, settings: DeliverySettings, *secrets: str) -> None:
        self._settings = settings
        self.secrets = secrets
        self.signing = secrets[0]
        self._presets = {parse(text, settings.presets).components for text in settings.presets.values()}

    def check(self, path: DeliveryPath) -> None:
        """Raises: Unauthenticated (401) saying what this server asks for."""
        if path.signature is not None:
            if not any(verify(path.signature, path.signed, secret) for secret in self.secrets):
                raise Unauthenticated(
                    "The signature of this URL does not match.", code="bad-signature", hint=self._how_to_sign()
                )
            return
        mode = self._settings.mode
        if mode == "open" or (mode == "ladder" and self._on_ladder(path)):
            return
        what = "signed URLs only" if mode == "signed" else f"the widths {list(self._settings.widths)} and presets"
        raise Unauthenticated(
            f"Without a signature this server delivers {what}.", code="signature-required", hint=self._how_to_sign()
        )

    def check_remote(self, path: DeliveryPath, host: str) -> None:
        """As ``check``, for a picture of another site. Raises: Unauthenticated: also an unsigned one of a host that is
        not in ``fetch_hosts``: else anybody could have this server fetch and keep anything."""
        if path.signature is None and host not in self._settings.fetch_hosts:
            raise Unauthenticated(
                "Without a signature this server fetches from the hosts of its list only.",
                code="signature-required",
                hint=self._how_to_sign(),
            )
        self.check(path)

    def remote_id(self, url: str) -> str:
        """The public id that the picture behind a URL is kept under. Without the secret nobody can upload to it.

        The oldest secret: a new one changes no ids until the one before is retired.
        """
        return f"fetched/{hmac.digest(self.secrets[-1].encode(), f'fetched:{url}'.encode(), 'sha256').hex()}"

    def opened(self, tail: str) -> str:
        """The tail of a path without signature, with one in front of it where this server asks for one.

        A tail that nothing is delivered under (too long, or a transformation of an older version) stays as it is.
        """
        if self._settings.mode == "open":
            return tail
        try:
            path = split_delivery_path(tail)
            self.check(path)
        except (InvalidTransformation, NotFound):
            return tail
        except Unauthenticated:
            return f"s--{sign(path.signed, self.signing, long=True)}--/{tail}"
        return tail

    def _on_ladder(self, path: DeliveryPath) -> bool:
        asked = path.transformation.without(STREAMING_PROFILE, DEFAULT_IMAGE).components
        if not asked or asked in self._presets:
            return True
        *before, last = asked
        if tuple(before) in self._presets:
            return {key for key, _ in last.parameters} <= _ABOUT_THE_FILE and self._component_on_ladder(last)
        return not before and self._component_on_ladder(last)

    def _component_on_ladder(self, component: Component) -> bool:
        return all(self._parameter_on_ladder(key, value) for key, value in component.parameters)

    def _parameter_on_ladder(self, key: str, value: Any) -> bool:
        if isinstance(value, Deferred):
            return False
        if key == WIDTH.key:
            return value == AUTO or value in self._settings.widths
        return key in _ANY_VALUE or (key in _LISTED and _LISTED[key](value))

    @staticmethod
    def _how_to_sign() -> str:
        return (
            "Put s--<signature>--/ before the transformation; the signature is the first 32 characters of"
            " base64url(sha256(transformation/public_id.ext + secret)), the secret is what `renditor secrets show"
            " delivery` prints; renditor.transformation.sign.sign() does it."
        )
