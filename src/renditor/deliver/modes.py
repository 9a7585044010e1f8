"""Who may ask for which rendition: the delivery modes."""

from __future__ import annotations

from renditor.deliver.settings import DeliverySettings
from renditor.errors import Unauthenticated
from renditor.transformation import Component, parse
from renditor.transformation.operations import CROP, FORMAT, GRAVITY, QUALITY, STREAMING_PROFILE, WIDTH
from renditor.transformation.path import DeliveryPath
from renditor.transformation.sign import verify

_LADDER_OPERATIONS = {CROP.key, FORMAT.key, GRAVITY.key, QUALITY.key, WIDTH.key}


class Gate:
    """Decides by the mode; ``secret`` checks the signatures."""

    def __init__(self, settings: DeliverySettings, secret: str) -> None:
        self._settings = settings
        self._secret = secret
        self._presets = {str(parse(text)) for text in settings.presets.values()}

    def check(self, path: DeliveryPath) -> None:
        """Raises: Unauthenticated (401) saying what this server asks for."""
        if path.signature is not None:
            if not verify(path.signature, path.signed, self._secret):
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

    def _on_ladder(self, path: DeliveryPath) -> bool:
        asked = path.transformation.without(STREAMING_PROFILE)
        if str(asked) in self._presets or not asked:
            return True
        return len(asked.components) == 1 and self._component_on_ladder(asked.components[0])

    def _component_on_ladder(self, component: Component) -> bool:
        width = component.get(WIDTH)
        listed = width is None or width in self._settings.widths
        return listed and {operation.key for operation in component.operations} <= _LADDER_OPERATIONS

    @staticmethod
    def _how_to_sign() -> str:
        return (
            "Put s--<signature>--/ before the transformation; the signature is the first 32 characters of"
            " base64url(sha256(transformation/public_id.ext + secret)), the secret is in secrets/delivery of the data"
            " folder; renditor.transformation.sign.sign() does it."
        )
