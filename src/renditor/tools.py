"""The tools: the part of the composition that local commands share with the server. No catalog, no jobs, no service.

What is imported here, every local command pays for before it begins: the import rules keep the database, the job engine
and the web framework out.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from renditor import registry
from renditor.config import Settings
from renditor.ffmpeg.binaries import Binaries, resolve
from renditor.ffmpeg.run import Toolbox
from renditor.routing import Providers
from renditor.sandbox.broker import BrokerClient
from renditor.sandbox.launcher import Launcher
from renditor.sandbox.pool import Decoder, DecoderPool

DECODER_MODULE = "renditor.images.decoder"


@dataclass(frozen=True, slots=True)
class Tools:
    """The sandbox, the programs and the providers.

    ``background``: one decoder that stands back for all other work; it starts when it is used first.
    """

    launcher: Launcher
    decoder: Decoder
    background: DecoderPool
    binaries: Binaries
    toolbox: Toolbox
    providers: Providers

    async def close(self) -> None:
        if isinstance(self.decoder, DecoderPool):
            await self.decoder.close()
        await self.background.close()
        self.launcher.close()


def build_tools(settings: Settings, cache: Path, *, own_decoders: bool) -> Tools:
    """Start the sandbox and build the providers. ``cache`` remembers what was learned about the programs."""
    binaries = find_programs(settings, cache)
    launcher = Launcher()
    launcher.start()
    toolbox = Toolbox(launcher, binaries, settings.ffmpeg)
    decoder: Decoder
    if own_decoders:
        decoder = DecoderPool(launcher, DECODER_MODULE, settings.sandbox)
    else:
        decoder = BrokerClient(renderer_socket(settings.data))
    providers = Providers(
        images={"libvips": registry.load("images", "libvips")(decoder, settings.images)},
        video={"ffmpeg": registry.load("video", "ffmpeg")(toolbox, settings.video)},
        audio={"ffmpeg": registry.load("audio", "ffmpeg")(toolbox)},
    )
    one = settings.sandbox.model_copy(update={"decoders": 1})
    background = DecoderPool(launcher, DECODER_MODULE, one, background=True)
    return Tools(launcher, decoder, background, binaries, toolbox, providers)


def find_programs(settings: Settings, cache: Path) -> Binaries:
    """FFmpeg, ffprobe and packager; quick where ``cache`` knows them. Raises: Unavailable: a configured one is bad."""
    return resolve(settings.ffmpeg, cache / "tools.json")


def user_cache() -> Path:
    """Where commands that have no data folder remember things (XDG base directories)."""
    configured = os.environ.get("XDG_CACHE_HOME")
    if configured:
        return Path(configured) / "renditor"
    try:
        return Path.home() / ".cache" / "renditor"
    except RuntimeError:  # a container's user without a home
        return Path(tempfile.gettempdir()) / f"renditor-cache-{os.getuid()}"


def renderer_socket(data: Path) -> Path:
    """Where the machine's renderer process listens."""
    return data / "run" / "renderer.sock"
