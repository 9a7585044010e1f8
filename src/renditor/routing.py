"""MediaRouter: which provider works on which media type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, Field

from renditor.audio.base import AudioProvider
from renditor.errors import Unavailable
from renditor.images.base import ImageProvider
from renditor.models import MediaType
from renditor.video.base import VideoProvider

Provider = TypeVar("Provider")


class RouteSettings(BaseModel, extra="forbid"):
    """The provider of each media type, by its name in the registry."""

    image: str = Field("libvips", description="Provider of pictures.")
    video: str = Field("ffmpeg", description="Provider of videos.")
    audio: str = Field("ffmpeg", description="Provider of audio.")


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers that are built, by name."""

    images: Mapping[str, ImageProvider]
    video: Mapping[str, VideoProvider]
    audio: Mapping[str, AudioProvider]


class MediaRouter:
    """Picks the provider of an asset. An asset keeps the route it was given, so that a change applies to new ones.

    Args:
        providers: what is built.
        routes: which one is used for new assets of each type.

    Raises:
        Unavailable: a route names a provider that is not built.
    """

    def __init__(self, providers: Providers, routes: RouteSettings) -> None:
        self._providers = providers
        self._routes: dict[MediaType, str] = {"image": routes.image, "video": routes.video, "audio": routes.audio}
        for pick in (self.images, self.video, self.audio):
            pick()

    def route(self, media_type: MediaType) -> str:
        """The name of the provider for a new asset of this type."""
        return self._routes[media_type]

    def images(self, route: str | None = None) -> ImageProvider:
        return self._pick(self._providers.images, "image", route)

    def video(self, route: str | None = None) -> VideoProvider:
        return self._pick(self._providers.video, "video", route)

    def audio(self, route: str | None = None) -> AudioProvider:
        return self._pick(self._providers.audio, "audio", route)

    def _pick(self, built: Mapping[str, Provider], media_type: MediaType, route: str | None) -> Provider:
        name = route or self._routes[media_type]
        if name not in built:
            raise Unavailable(
                f"There is no {media_type} provider named {name!r}.", hint=f"Built are: {', '.join(sorted(built))}."
            )
        return built[name]
