"""How large an upload may be."""

from __future__ import annotations

from pydantic import BaseModel, Field

from renditor.models import MediaType

MEBIBYTE = 1024 * 1024
GIBIBYTE = 1024 * MEBIBYTE


class SizeLimits(BaseModel, extra="forbid"):
    """Largest accepted upload for each media type, in bytes. Enforced while the body streams in, declared or not."""

    image: int = Field(10 * MEBIBYTE, gt=0, description="Largest image, in bytes.")
    video: int = Field(500 * MEBIBYTE, gt=0, description="Largest video, in bytes.")
    audio: int = Field(100 * MEBIBYTE, gt=0, description="Largest audio file, in bytes.")

    def of(self, media_type: MediaType) -> int:
        return {"image": self.image, "video": self.video, "audio": self.audio}[media_type]

    @property
    def largest(self) -> int:
        return max(self.image, self.video, self.audio)
