"""Lengths of time as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from renditor.cli.terminal import BAD_USAGE, CommandError

_LENGTH = re.compile(r"([1-9][0-9]{0,8})([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def seconds(text: str, option: str) -> int:
    """``90d``, ``12h``, ``15m``, ``45s`` or ``45`` in seconds. Raises: CommandError naming the option."""
    match = _LENGTH.fullmatch(text.strip())
    if not match:
        raise CommandError(
            f"{option}: {text!r} is no length of time.", hint="Write it as 15m, 12h or 90d.", status=BAD_USAGE
        )
    return int(match[1]) * _SECONDS[match[2]]


def moment(text: str, option: str, now: int) -> int:
    """A length of time from ``now`` on, or a date (its first moment, UTC); ms since 1970. Raises: CommandError."""
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        return now + seconds(text, option) * 1000
    return round((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1000)
