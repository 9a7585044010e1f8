"""Descriptions of sources that do not exist, for tests of what is decided from them."""

from __future__ import annotations

from typing import Any

from renditor.ffmpeg.probe import AudioStream, MediaProbe


def sound(**changes: Any) -> AudioStream:
    base: dict[str, Any] = {"index": 0, "codec": "flac", "channels": 2, "sample_rate": 44_100, "bit_depth": 16}
    return AudioStream(**{**base, **changes})


def song(*streams: AudioStream, **changes: Any) -> MediaProbe:
    base: dict[str, Any] = {"media_type": "audio", "format": "flac", "duration": 10.0, "bytes": 100_000}
    return MediaProbe(**{**base, "audio": streams or (sound(),), **changes})
