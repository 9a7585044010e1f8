"""What is wrong with a transformation: it is not valid, or it asks for something that is not made here."""

from __future__ import annotations

from renditor.errors import InvalidTransformation

# What is shown of the part at fault: enough to recognise it, and nothing that could break a header or a terminal.
_SHOWN = 80


class TransformationError(InvalidTransformation):
    """The transformation is not valid; ``part`` is the piece at fault, printable and at most 80 characters."""

    def __init__(self, detail: str = "", *, part: str = "", hint: str | None = None, code: str | None = None) -> None:
        super().__init__(detail, hint=hint, code=code)
        self.part = part

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.detail, self.part, self.hint, self.error_code))


class UnsupportedTransformation(TransformationError):
    """``part`` means something to Cloudinary, and is not made here."""


def _rebuild(
    cls: type[TransformationError], detail: str, part: str, hint: str | None, code: str
) -> TransformationError:
    return cls(detail, part=part, hint=hint, code=code)


class NotMade(ValueError):
    """Raised by kinds of value for a text that the grammar knows and nothing here can make."""


def refusal(message: str, part: str, hint: str | None = None) -> TransformationError:
    """The error for ``part``, shown as far as it is printable."""
    shown = _printable(part)
    return TransformationError(f"{message} {shown}".rstrip(), part=shown, hint=hint)


def unsupported(part: str, hint: str | None = None) -> UnsupportedTransformation:
    """The error for a ``part`` that is real and not made here."""
    shown = _printable(part)
    return UnsupportedTransformation(f"Unsupported transformation {shown}", part=shown, hint=hint)


def _printable(part: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in part[:_SHOWN])
