"""Files with a secret of the server: the master key, and the delivery secret that somebody brings along."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from renditor.errors import BadRequest, of_disk

# Cloudinary's secrets have 27 characters, so that signed URLs can move along. Shorter ones could be guessed.
_SHORTEST_DELIVERY = 27
# Fewer different characters than this are no random text.
_FEWEST_CHARACTERS = 10


def read_master(path: Path) -> str:
    """The master key in the file ``path``: 256 random bits, made where there is none, for this user alone.

    Raises: BadRequest: others may read it; OutOfSpace, Unavailable.
    """
    try:
        if not path.exists():
            place(path, secrets.token_hex(32))
        others = stat.S_IMODE(path.stat().st_mode) & 0o077
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise of_disk(error if isinstance(error, OSError) else OSError()) from error
    if others:
        raise BadRequest(
            "Others may read the master key: the file secrets/master of the data folder.",
            hint="Make it readable by the user of the server alone (chmod 600), and renew it:"
            " renditor secrets reseal --new-key-file FILE.",
            code="bad-settings",
        )
    return text


def read_delivery(path: Path) -> bytes | None:
    """The delivery secret that lies in a file, to be taken into the catalog; None: there is none.

    Raises: BadRequest: it is too short; Unavailable.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise of_disk(error if isinstance(error, OSError) else OSError()) from error
    return delivery_secret(text)


def delivery_secret(text: str) -> bytes:
    """A secret that signs delivery URLs, as somebody wrote it. Raises: BadRequest: it could be guessed."""
    secret = text.strip()
    plain = secret.isascii() and secret.isprintable()
    if len(secret) < _SHORTEST_DELIVERY or len(set(secret)) < _FEWEST_CHARACTERS or not plain:
        raise BadRequest(
            "The secret that signs delivery URLs is too short, not random, or no plain text.",
            hint=f"Give {_SHORTEST_DELIVERY} random characters or more, such as those of: openssl rand -hex 32.",
            code="bad-settings",
        )
    return secret.encode()


def place(path: Path, text: str, *, instead: bool = False) -> None:
    """Write a file that is there whole or not at all; where another process was first, its file stays.

    ``instead``: it takes the place of the one that is there. Raises: OSError.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(fd)
        if instead:
            temporary.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
