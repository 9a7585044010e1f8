"""The error tree: every way a request, a command or a job can fail, as a value of the product.

Each class carries what a person at either end needs: a stable ``code`` (clients switch on it), the HTTP ``status``,
a ``title``, and an instance ``detail`` and ``hint``. Neither ever holds a path, a command line or a stack.

    RenditorError
    |- BadRequest 400          |- InvalidTransformation 400 (``part`` goes to X-Cld-Error)
    |- Unauthenticated 401     |- Forbidden 403          |- NotFound 404
    |- MethodNotAllowed 405    |- Conflict 409 (StillUploading)  |- TooLarge 413           |- UnsupportedMedia 415
    |- RangeNotSatisfiable 416 |- Unprocessable 422
    |  |- CorruptMedia         |- LimitExceeded          |- NoSuchStream
    |  |- BlockedURL           |- FetchFailed
    |- StillProcessing 423     |- TooManyRequests 429    |- HeadTooLarge 431
    |- Internal 500
    |  |- ProcessingFailed (a step of a recipe failed: ``tool`` said so)
    |- Overloaded 503          |- Unavailable 503        |- OutOfSpace 507
"""

from __future__ import annotations

import errno
from typing import ClassVar


class RenditorError(Exception):
    """Base of all errors that may be shown to a user.

    Args:
        detail: one sentence on what went wrong with *this* request; no paths, no secrets.
        hint: what the person can do about it.
        code: a more exact stable code than the class's own.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str = "", *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.hint = hint
        self.error_code = code or self.code

    def __reduce__(self) -> tuple[object, ...]:
        """Errors travel between processes and out of job steps: keep code and hint when pickled."""
        return (_rebuild, (type(self), self.detail, self.hint, self.error_code))


def _rebuild(cls: type[RenditorError], detail: str, hint: str | None, code: str) -> RenditorError:
    return cls(detail, hint=hint, code=code)


class BadRequest(RenditorError):
    code, status, title = "bad-request", 400, "The request cannot be understood"


class InvalidTransformation(BadRequest):
    """A delivery transformation that is not valid or not supported; ``detail`` names the part at fault."""

    code, title = "invalid-transformation", "The transformation is not valid"


class Unauthenticated(RenditorError):
    code, status, title = "unauthenticated", 401, "A valid API key is needed"


class Forbidden(RenditorError):
    code, status, title = "forbidden", 403, "This key may not do that"


class NotFound(RenditorError):
    """Unknown, foreign and malformed ids all raise this with the same text: nothing may tell them apart."""

    code, status, title = "not-found", 404, "Not found"


class MethodNotAllowed(RenditorError):
    code, status, title = "method-not-allowed", 405, "This resource does not answer that method"


class Conflict(RenditorError):
    code, status, title = "conflict", 409, "The request conflicts with what is stored"


class StillUploading(Conflict):
    """Another request with the same Idempotency-Key is at it."""

    code, title = "idempotency-in-progress", "The same upload is under way"


class TooLarge(RenditorError):
    code, status, title = "too-large", 413, "The upload is larger than allowed"


class UnsupportedMedia(RenditorError):
    code, status, title = "unsupported-media", 415, "This kind of file is not accepted"


class RangeNotSatisfiable(RenditorError):
    """``size``: bytes of the whole file, so that the client can ask again."""

    code, status, title = "range-not-satisfiable", 416, "The requested range lies outside the file"

    def __init__(self, detail: str = "", *, hint: str | None = None, code: str | None = None, size: int = 0) -> None:
        super().__init__(detail, hint=hint, code=code)
        self.size = size


class Unprocessable(RenditorError):
    code, status, title = "unprocessable", 422, "The content cannot be processed"


class CorruptMedia(Unprocessable):
    code, title = "corrupt-media", "The file is damaged or incomplete"


class LimitExceeded(Unprocessable):
    """Pixels, duration, frames or streams beyond the limits of this server: refused before anything is decoded."""

    code, title = "limit-exceeded", "The file is beyond the limits of this server"


class NoSuchStream(Unprocessable):
    """Asked for audio of a file without audio, or for a picture of a file without one."""

    code, title = "no-such-stream", "The file has no such stream"


class BlockedURL(Unprocessable):
    """A URL that nothing is fetched from. Why (a private address, no such name, nobody answers) is never said: it would
    tell a stranger what there is in our network. The log has the cause.
    """

    code, title = "blocked-url", "Nothing can be fetched from this URL"


class FetchFailed(Unprocessable):
    """A server on the public internet answered, but not with a whole file."""

    code, title = "fetch-failed", "The file could not be fetched"


class RequestTimeout(RenditorError):
    code, status, title = "slow-body", 408, "The body of the request comes too slowly"


class Gone(RenditorError):
    code, status, title = "gone", 410, "This is no longer there"


class PreconditionFailed(RenditorError):
    code, status, title = "precondition-failed", 412, "The request rests on something that is not so"


class ChecksumMismatch(RenditorError):
    """The status is that of the tus protocol."""

    code, status, title = "checksum-mismatch", 460, "The body is not what its checksum says"


class Locked(RenditorError):
    code, status, title = "locked", 423, "Another request is writing to this"


class StillProcessing(RenditorError):
    code, status, title = "still-processing", 423, "The file is still being processed"


class TooManyRequests(RenditorError):
    """``retry_after``: seconds until the next request of this kind is welcome."""

    code, status, title = "too-many-requests", 429, "Too many requests"

    def __init__(
        self, detail: str = "", *, hint: str | None = None, code: str | None = None, retry_after: int = 1
    ) -> None:
        super().__init__(detail, hint=hint, code=code)
        self.retry_after = retry_after


class HeadTooLarge(RenditorError):
    code, status, title = "head-too-large", 431, "The header fields of the request are too large"


class Internal(RenditorError):
    code, status, title = "internal", 500, "Something went wrong on our side"


class ProcessingFailed(Internal):
    """A tool failed on media that had passed the checks. ``detail`` is the tool's own reason, cleaned of paths."""

    code, title = "processing-failed", "Processing failed"


class Overloaded(RenditorError):
    code, status, title = "overloaded", 503, "The server is busy"


class Unavailable(RenditorError):
    code, status, title = "unavailable", 503, "A part of the server is not available"


class Corrupt(Unavailable):
    """The stored bytes are others than those that were uploaded. Nobody gets them, and nothing is made of them."""

    code, title = "corrupt", "The stored file is damaged"

    def __init__(self, detail: str = "", *, hint: str | None = None, code: str | None = None) -> None:
        super().__init__(detail, hint=hint or "Upload the same file again, or restore it from a backup.", code=code)


class ToolKilled(Unavailable):
    """A media program was killed by somebody else: the kernel, short of memory, or a person. Worth another try."""

    code, title = "tool-killed", "A media program was killed from outside"


class OutOfSpace(RenditorError):
    code, status, title = "out-of-space", 507, "The server has no space left"


def failed_check(reason: str) -> ProcessingFailed:
    """The error of a result that was read back and is not as it should be. ``reason``: a sentence without its end."""
    return ProcessingFailed(
        f"The result did not pass its check: {reason}.",
        hint="Try once more. If it ends in the same way, export the file again, and please report it.",
    )


def of_disk(error: OSError) -> RenditorError:
    """The user's error for a failed write: a full disk is told apart from a broken one."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfSpace(hint="Free some space on the disk of the data folder or point RENDITOR_DATA to a larger one.")
    return Unavailable("The data folder cannot be written.", hint="`renditor doctor` tells what is wrong with it.")
