"""Settings of the recipes."""

from __future__ import annotations

from pydantic import BaseModel, Field


class RecipeSettings(BaseModel, extra="forbid"):
    """What is made of an upload without being asked."""

    audio_bitrate: int = Field(192_000, ge=32_000, le=320_000, description="MP3 and AAC renditions of audio, in bit/s.")
    opus_bitrate: int = Field(96_000, ge=16_000, le=256_000, description="Opus renditions of audio, in bit/s.")
