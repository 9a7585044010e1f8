"""Settings of delivery."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator, model_validator

from renditor.transformation.presets import with_shipped


class DeliverySettings(BaseModel, extra="forbid"):
    """Who may ask for which renditions, what is kept of them, and how long others may keep them."""

    mode: Literal["auto", "open", "ladder", "signed"] = Field(
        "auto",
        description="open: anything; ladder: presets, widths of `widths` and signed URLs; signed: signed URLs only;"
        " auto: open while bound to loopback, else ladder.",
    )
    url: str | None = Field(
        None,
        description="Deliver from a host of its own, such as https://files.example.com: that host answers nothing but"
        " files, the API's host no files. By default both are one.",
    )
    widths: tuple[int, ...] = Field(
        (320, 480, 640, 800, 960, 1024, 1280, 1600, 1920, 2560, 3840),
        description="Widths (px) that `ladder` allows without a signature, and the steps of `w_auto`.",
    )
    presets: dict[str, str] = Field(
        default_factory=dict,
        validate_default=True,
        description="Named transformations, used as t_<name>; `thumb` and `max` are there beside them.",
    )
    max_renditions_per_asset: int = Field(
        200, ge=1, description="Stored pictures of one asset at most, in every mode: ends the asking for every size."
    )
    max_age: int = Field(3600, ge=0, description="How long URLs without a version may be cached, in seconds.")
    on_unsupported: Literal["error", "ignore", "proxy"] = Field(
        "error",
        description="Transformations with parts that nothing here makes. error: 400 names the part; ignore: they are"
        " left out; proxy: the visitor is sent to `proxy_url`.",
    )
    proxy_url: str | None = Field(
        None, description='Where `on_unsupported = "proxy"` sends visitors (307): this address and the same path.'
    )
    memory_cache: int = Field(
        64 * 1024**2, ge=0, description="Bytes of pictures that each web process holds in memory; 0: none."
    )
    memory_largest: int = Field(
        1024**2, ge=0, description="Bytes of the largest picture held in memory; larger ones are read from storage."
    )
    cache_size: int | None = Field(
        None,
        ge=0,
        description="Bytes of stored pictures to keep; beyond, those unused for longest go. Pictures made ahead, videos"
        " and originals do not count. By default there is no limit.",
    )
    squeeze_after: int = Field(
        20, ge=0, description="Deliveries after which a picture is encoded again with more effort; 0: never."
    )
    fetch_hosts: tuple[str, ...] = Field(
        (),
        description="Hosts whose pictures `image/fetch` delivers without a signature, such as www.example.com. Whoever"
        " asks decides which of their pictures are fetched and kept.",
    )
    fetch_ttl: int = Field(
        7 * 86400, ge=60, description="Seconds for which pictures of other sites are kept; then they are fetched anew."
    )
    accel_prefix: str | None = Field(
        None,
        description="Leave the sending of stored files to nginx: answers are empty and name the file below this path in"
        " X-Accel-Redirect. For local storage behind nginx only.",
    )

    @field_validator("presets")
    @classmethod
    def _with_shipped(cls, own: dict[str, str]) -> dict[str, str]:
        return with_shipped(own)

    @field_validator("url")
    @classmethod
    def _is_origin(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment or "@" in value:
            raise ValueError("give an address such as https://files.example.com")
        return value.rstrip("/")

    @field_validator("proxy_url")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("give an address such as https://res.cloudinary.com/CLOUD")
        return None if value is None else value.rstrip("/")

    @field_validator("accel_prefix")
    @classmethod
    def _is_path(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("/"):
            raise ValueError("give a path such as /_files")
        return None if value is None else value.rstrip("/")

    @model_validator(mode="after")
    def _proxy_has_address(self) -> Self:
        if self.on_unsupported == "proxy" and not self.proxy_url:
            raise ValueError("on_unsupported = proxy needs proxy_url")
        return self
