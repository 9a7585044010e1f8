"""Which versions of programs and libraries this machine has, against the list of known holes in ``advisories.toml``.

The list says up to which day it was read; nothing is asked from the network. Distributions repair holes without
changing the number of a version, so a match is a warning: the fix says where to look.
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import re
import sqlite3
import ssl
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from renditor.cli.checks import Finding, ok, warn
from renditor.ffmpeg.binaries import Binaries

_LIST: Final = "advisories.toml"
_OLD_DAYS: Final = 180  # a quarter of holes are attacked within weeks; half a year is for those who update twice a year
_ASK_SECONDS: Final = 60
# In a process of its own: what decodes pictures is never loaded into ours.
_ASK: Final = """
import json, pyvips, pillow_heif
from PIL import __version__, features
found = {"libvips": ".".join(str(pyvips.version(part)) for part in range(3)), "pillow": __version__}
found["libheif"] = pillow_heif.libheif_version()
names = {"libwebp": "webp", "libtiff": "libtiff", "libjpeg-turbo": "libjpeg_turbo"}
for name, asked in names.items():
    found[name] = features.version(asked)
print(json.dumps(found))
"""

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Installed:
    """A part of this machine: which component of the list it is, its version as it says it, and where it is."""

    component: str
    version: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Advisory:
    """One known hole. ``identifier``: of CVE or GitHub; ``affected``: (from, before) pairs of versions."""

    identifier: str
    component: str
    affected: tuple[tuple[Version, Version], ...]
    severity: str
    date: dt.date
    summary: str
    source: str
    note: str | None = None

    def hits(self, version: Version) -> bool:
        """Whether a version has the hole."""
        return any(first <= version < repaired for first, repaired in self.affected)


@dataclass(frozen=True, slots=True)
class Advisories:
    """The list. ``names`` and ``updates`` go by component."""

    date: dt.date
    names: Mapping[str, str]
    updates: Mapping[str, str]
    entries: tuple[Advisory, ...]


@cache
def advisories() -> Advisories:
    """The list that is shipped with renditor."""
    return read(resources.files("renditor.cli").joinpath(_LIST).read_text("utf-8"))


def read(text: str) -> Advisories:
    """A list of this form. Raises: KeyError, TypeError, ValueError: it is not."""
    given = tomllib.loads(text)
    parts = given["components"]
    return Advisories(
        date=given["date"],
        names={key: part["name"] for key, part in parts.items()},
        updates={key: part["update"] for key, part in parts.items()},
        entries=tuple(_entry(raw) for raw in given["advisories"]),
    )


def _entry(raw: dict[str, Any]) -> Advisory:
    affected = tuple((_exact(first), _exact(repaired)) for first, repaired in raw.pop("affected"))
    return Advisory(affected=affected, **raw)


def _exact(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))


def parse(version: str) -> Version | None:
    """The number in ``n9.0.2-17-g2a5``, ``5.1.9-0+deb12u1`` or ``OpenSSL 3.0.19 27 Jan 2026``; None: there is none, as
    in builds from a branch."""
    found = re.search(r"(?<![\w.-])n?(\d+(?:\.\d+)+)", version)
    return _exact(found[1]) if found else None


def installed(binaries: Binaries | None) -> list[Installed]:
    """Everything of the list that is on this machine. ``binaries``: None where the programs could not be looked for."""
    found = [
        Installed("python", platform.python_version()),
        Installed("openssl", ssl.OPENSSL_VERSION.split()[1], "Python"),
        Installed("openssl", _openssl_of_cryptography(), "cryptography"),
        Installed("sqlite", sqlite3.sqlite_version),
        *(Installed(component, version) for component, version in _of_pictures().items() if version),
    ]
    programs = [] if binaries is None else [("ffmpeg", binaries.ffmpeg), ("ffprobe", binaries.ffprobe)]
    return found + [Installed("ffmpeg", binary.version, name) for name, binary in programs if binary is not None]


def _openssl_of_cryptography() -> str:
    from cryptography.hazmat.backends.openssl import backend  # noqa: PLC0415 - slow to import, and only wanted here

    return backend.openssl_version_text().split()[1]


def _of_pictures() -> dict[str, str | None]:
    """Empty where the libraries cannot be loaded, which the check ``libvips`` tells of."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ASK], capture_output=True, text=True, timeout=_ASK_SECONDS, check=True
        )
        versions: dict[str, str | None] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return {}
    return versions


def check(parts: Sequence[Installed], known: Advisories) -> Finding:
    """The versions, and which of them have a hole of the list."""
    shown = ", ".join(dict.fromkeys(_shown(part, known) for part in parts))
    hit = [(part, entry) for part in parts if (number := parse(part.version)) for entry in _holes(part, number, known)]
    if not hit:
        return ok("versions", shown)
    lines: dict[str, list[str]] = {}
    for part, entry in hit:
        lines.setdefault(_shown(part, known), []).append(_told(entry))
    holes = "; ".join(f"{part} has {', '.join(entries)}" for part, entries in lines.items())
    updates = dict.fromkeys(known.updates[part.component] for part, _ in hit)
    return warn("versions", f"{holes}. All: {shown}", " ".join((*updates, _BACKPORTS)))


_BACKPORTS: Final = (
    "A distribution may have repaired it without a new number: its security tracker tells. What reads uploads is in the"
    " sandbox either way."
)


def _holes(part: Installed, number: Version, known: Advisories) -> Iterable[Advisory]:
    return (entry for entry in known.entries if entry.component == part.component and entry.hits(number))


def _told(entry: Advisory) -> str:
    note = f". {entry.note.rstrip('.')}" if entry.note else ""
    return f"{entry.identifier} ({entry.severity}: {entry.summary}{note})"


def _shown(part: Installed, known: Advisories) -> str:
    where = f" ({part.where})" if part.where else ""
    return f"{known.names[part.component]} {part.version}{where}"


def check_age(known: Advisories, today: dt.date | None = None) -> Finding:
    """Whether the list itself is still of use."""
    days = ((today or dt.datetime.now(dt.UTC).date()) - known.date).days
    what = f"{len(known.entries)} known holes, as of {known.date}"
    if days > _OLD_DAYS:
        return warn(
            "advisories", f"{what}: {days} days old.", "Update renditor; `make audit` asks for what is known today."
        )
    return ok("advisories", what)
