"""The provider over real, sealed decoder processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from renditor.images.libvips import LibvipsImages
from renditor.images.settings import ImageSettings
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.pool import DecoderPool, SandboxSettings

MakeImages = Callable[..., LibvipsImages]


@pytest.fixture
async def make_images() -> AsyncIterator[MakeImages]:
    """Providers with one decoder each; ``memory`` in bytes, the rest are image settings."""
    launcher = Launcher()
    launcher.start()
    pools: list[DecoderPool] = []

    def make(memory: int = 1024**3, **settings: float) -> LibvipsImages:
        sandbox = SandboxSettings(decoders=1, memory=memory)
        pools.append(DecoderPool(launcher, "renditor.images.decoder", sandbox))
        return LibvipsImages(pools[-1], ImageSettings.model_validate(settings))

    yield make
    for pool in pools:
        await pool.close()
    launcher.close()


@pytest.fixture
def images(make_images: MakeImages) -> LibvipsImages:
    return make_images()
