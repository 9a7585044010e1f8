"""Playlists served under another address than their files: their links are given the files' folder."""

from __future__ import annotations

import re

_QUOTED_URI = re.compile(r'URI="([^":/][^":]*)"')
_ROOT = re.compile(r"(<MPD\b[^>]*>)")


def rebase_playlist(text: str, base: str) -> str:
    """Make the relative URIs of an HLS playlist paths below ``base`` (RFC 8216: lines, and URI attributes)."""
    lines = []
    for line in text.splitlines():
        if line.startswith("#"):
            lines.append(_QUOTED_URI.sub(lambda match: f'URI="{base}{match[1]}"', line))
        else:
            lines.append(base + line if line.strip() else line)
    return "\n".join(lines) + "\n"


def rebase_manifest(text: str, base: str) -> str:
    """Give a DASH manifest the folder of its files as first child of ``MPD`` (ISO/IEC 23009-1, 5.6)."""
    return _ROOT.sub(lambda match: f"{match[1]}\n  <BaseURL>{base}</BaseURL>", text, count=1)
