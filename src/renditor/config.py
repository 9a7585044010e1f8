"""Settings: the sum of the rooms' own settings. ``renditor.toml`` < environment ``RENDITOR_*`` < command line."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from renditor.access.settings import AccessSettings, LimitText, RateText
from renditor.api.hosts import origin
from renditor.api.proxies import TrustedProxies
from renditor.catalog.settings import CatalogSettings
from renditor.content.limits import GIBIBYTE, SizeLimits
from renditor.content.settings import ContentSettings
from renditor.deliver.settings import DeliverySettings
from renditor.errors import BadRequest
from renditor.ffmpeg.settings import FFmpegSettings
from renditor.images.settings import ImageSettings
from renditor.jobs.base import JobSettings
from renditor.outbound.settings import OutboundSettings
from renditor.recipes.settings import EventSettings, IntegritySettings, RecipeSettings
from renditor.routing import RouteSettings
from renditor.sandbox.pool import SandboxSettings
from renditor.video.base import VideoSettings

CONFIG_VARIABLE = "RENDITOR_CONFIG"
CONFIG_FILE = "renditor.toml"


# A setting that is a number, or none.
Quota = Annotated[int, Field(ge=1)] | Literal["none"]


class Limits(SizeLimits):
    """How much an owner may upload, have and ask for. Keys with the scope admin are exempt."""

    uploads: RateText = Field("10/hour", description="Uploads of one owner; keys with the scope admin are exempt.")

    requests: LimitText = Field("1200/minute", description="Requests of one owner to the API; off: no limit.")
    address_requests: LimitText = Field(
        "3000/minute", description="Requests from one address (IPv6: /64), known callers or not; off: no limit."
    )
    owner_bytes: Quota = Field(
        100 * GIBIBYTE, description="Bytes of all originals and open uploads of one owner; none: no limit."
    )
    owner_files: Quota = Field(100_000, description="Files and open uploads of one owner; none: no limit.")
    owner_jobs: Quota = Field(50, description="Jobs of one owner that are not done; none: no limit.")
    open_uploads: int = Field(100, ge=1, description="Resumable uploads of one owner that are not done.")
    upload_seconds: int = Field(
        86_400, ge=60, le=30 * 86_400, description="How long a resumable upload waits for its next piece, seconds."
    )


class CorsSettings(BaseModel, extra="forbid"):
    """Which web pages may call the API from a browser. Delivery is open to all pages."""

    origins: tuple[str, ...] = Field((), description="Origins such as https://app.example.com.")


class LogSettings(BaseModel, extra="forbid"):
    """How much is logged, and in which form. Logs go to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Lowest level that is logged.")
    format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON lines.")


class Settings(BaseSettings):
    """All settings of a server. Each is a field of ``renditor.toml`` and a variable ``RENDITOR_<SECTION>__<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="RENDITOR_", env_nested_delimiter="__", extra="forbid")

    data: Path = Field(Path("data"), description="Folder of everything that renditor keeps.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    workers: int = Field(default_factory=lambda: min(2, os.cpu_count() or 1), ge=1, le=64, description="Web processes.")
    public_url: str | None = Field(None, description="How the world reaches the server; default: the bind address.")
    database_url: str | None = Field(None, description="postgresql+psycopg://...; default: SQLite in the data folder.")
    master_key: SecretStr | None = Field(
        None,
        description="Seals the secrets in the catalog; default: secrets/master, made at the first start.",
    )
    docs: bool = Field(default=True, description="Serve /docs and /openapi.json.")
    metrics: bool = Field(default=True, description="Serve /metrics.")
    metrics_token: SecretStr | None = Field(
        None,
        min_length=32,
        description="Who asks for /metrics must send it (Authorization: Bearer); at least 32 characters.",
    )
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses or networks of the proxies before the server: their X-Forwarded-For tells who asks."
    )
    hsts_seconds: int = Field(
        31_536_000,
        ge=0,
        description="Over TLS: how long browsers are to use nothing else (Strict-Transport-Security); 0: not said.",
    )
    tls_cert: Path | None = Field(None, description="Certificate chain (PEM) for https.")
    tls_key: Path | None = Field(None, description="Private key (PEM) for https.")

    limits: Limits = Field(default_factory=Limits)
    content: ContentSettings = Field(default_factory=ContentSettings)
    delivery: DeliverySettings = Field(default_factory=DeliverySettings)
    images: ImageSettings = Field(default_factory=ImageSettings)
    ffmpeg: FFmpegSettings = Field(default_factory=FFmpegSettings)
    video: VideoSettings = Field(default_factory=VideoSettings)
    recipes: RecipeSettings = Field(default_factory=RecipeSettings)
    events: EventSettings = Field(default_factory=EventSettings)
    integrity: IntegritySettings = Field(default_factory=IntegritySettings)
    routes: RouteSettings = Field(default_factory=RouteSettings)
    sandbox: SandboxSettings = Field(default_factory=SandboxSettings)
    jobs: JobSettings = Field(default_factory=JobSettings)
    catalog: CatalogSettings = Field(default_factory=CatalogSettings)
    outbound: OutboundSettings = Field(default_factory=OutboundSettings)
    log: LogSettings = Field(default_factory=LogSettings)
    cors: CorsSettings = Field(default_factory=CorsSettings)
    access: AccessSettings = Field(default_factory=AccessSettings)

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        TrustedProxies(value)
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What comes first wins."""
        del dotenv_settings, file_secret_settings
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file()))

    # -- what follows from the settings -------------------------------------------------------------------------------

    @property
    def catalog_url(self) -> str:
        return self.database_url or f"sqlite:///{self.data / 'catalog.sqlite'}"

    @property
    def base_url(self) -> str:
        """The public URL: as set, else made from the bind address (a wildcard is reached as localhost)."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104  # shown, not bound
        scheme = "https" if self.tls_cert else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self.port}"

    @property
    def delivery_url(self) -> str:
        """What the URLs of delivered files begin with."""
        return self.delivery.url or self.base_url

    @property
    def delivery_mode(self) -> DeliverySettings:
        """The delivery settings with ``auto`` decided: open on loopback, where only this machine can ask."""
        if self.delivery.mode != "auto":
            return self.delivery
        return self.delivery.model_copy(update={"mode": "open" if is_loopback(self.host) else "ladder"})


def config_file() -> Path:
    """The settings file: ``$RENDITOR_CONFIG``, else ``renditor.toml`` in the current folder. It need not exist."""
    return Path(os.environ.get(CONFIG_VARIABLE) or CONFIG_FILE)


def load(**overrides: Any) -> Settings:
    """Read the settings; ``overrides`` (from the command line) win where they are not None.

    Raises: BadRequest naming the first setting that is wrong.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    file = config_file()
    if os.environ.get(CONFIG_VARIABLE) and not file.is_file():
        raise BadRequest(f"The settings file named by {CONFIG_VARIABLE} does not exist.", code="bad-settings")
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise _wrong_setting(error) from None
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(
            f"{file.name} cannot be read: {error}.", code="bad-settings", hint="Compare it with renditor.example.toml."
        ) from None
    proxy = settings.delivery.proxy_url
    if proxy is not None and f"{proxy}/".startswith(f"{settings.base_url}/"):
        raise BadRequest(
            "The setting 'delivery.proxy_url' leads back to this server: visitors would be sent in circles.",
            code="bad-settings",
            hint="Give the address of the service that makes what renditor does not.",
        )
    if settings.delivery.url and origin(settings.delivery.url) == origin(settings.base_url):
        raise BadRequest(
            "The settings 'delivery.url' and 'public_url' name one host: files would not be kept apart from the API.",
            code="bad-settings",
            hint="Give delivery a host of its own, or leave delivery.url out.",
        )
    _check_ladders(settings)
    jobs = settings.jobs
    if settings.database_url and not jobs.database_url:  # many machines: their jobs belong together too
        jobs = jobs.model_copy(update={"database_url": settings.database_url})
    return settings.model_copy(update={"data": settings.data.absolute(), "jobs": jobs})


def _check_ladders(settings: Settings) -> None:
    for name, recipe in settings.recipes.video.items():
        if recipe.ladder not in settings.video.ladders:
            known = ", ".join(sorted(settings.video.ladders))
            raise BadRequest(
                f"The setting 'recipes.video.{name}.ladder' names a ladder that does not exist: {recipe.ladder!r}.",
                code="bad-settings",
                hint=f"The ladders of 'video.ladders' are: {known}.",
            )


def _wrong_setting(error: ValidationError) -> BadRequest:
    """The first fault, in the words of the person who wrote the setting."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])
    variable = f"RENDITOR_{'__'.join(str(part) for part in first['loc']).upper()}"
    if first["type"] == "extra_forbidden":
        detail = f"There is no setting {name!r}."
    else:
        detail = f"The setting {name!r} is wrong: {first['msg'].removeprefix('Value error, ').rstrip('.')}."
    return BadRequest(
        detail,
        code="bad-settings",
        hint=f"It stands in {config_file().name}, in {variable} or on the command line;"
        " docs/reference/settings.md lists all settings.",
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches that address to listen on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
