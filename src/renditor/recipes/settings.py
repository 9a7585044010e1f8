"""Settings of the recipes: what is made of an upload."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal, Self

from pydantic import BaseModel, Field, field_validator, model_validator

from renditor.jobs.base import ANALYSIS, EAGER, SQUEEZE
from renditor.video.plan import OUTPUTS, OutputKind, Tier
from renditor.video.steps import DEFAULT_LADDER

AudioContainer = Literal["mp3", "m4a", "opus", "ogg", "flac", "wav"]

# The recipes of uploads that name none.
VIDEO: Final = "video"
AUDIO: Final = "audio"
# Names of jobs that are not recipes of uploads.
_TAKEN = frozenset({ANALYSIS, EAGER, SQUEEZE})
# A recipe's name stands in URLs, job rows and labels of metrics.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


class VideoRecipe(BaseModel, extra="forbid", frozen=True):
    """What is made of a video."""

    tier: Tier | None = Field(None, description="instant, standard or best; default: `video.tier`.")
    ladder: str = Field(DEFAULT_LADDER, description="Name of a ladder of `video.ladders`.")
    outputs: tuple[OutputKind, ...] = Field(
        OUTPUTS, min_length=1, description="What is made: hls (with DASH), mp4, poster, storyboard, preview, chapters."
    )
    first_playable: bool = Field(
        default=True,
        description="Publish the lowest quality of a long video first; the others join it as they are made.",
    )
    copy_compliant: bool = Field(
        default=True, description="Take over the pictures of a source that is fit for streaming as it is."
    )

    @field_validator("outputs")
    @classmethod
    def _each_once(cls, outputs: tuple[OutputKind, ...]) -> tuple[OutputKind, ...]:
        if len(set(outputs)) < len(outputs):
            raise ValueError("an output is named twice")
        return outputs


class AudioRecipe(BaseModel, extra="forbid", frozen=True, allow_inf_nan=False):
    """What is made of an audio file. In the settings of a server both bit rates are filled in."""

    formats: tuple[AudioContainer, ...] = Field(
        ("mp3", "m4a", "opus"), description="Files that are made: mp3, m4a, opus, ogg, flac, wav."
    )
    bitrate: int | None = Field(
        None, ge=32_000, le=320_000, description="MP3 and AAC, in bit/s; default: `recipes.audio_bitrate`."
    )
    opus_bitrate: int | None = Field(
        None, ge=16_000, le=256_000, description="Opus, in bit/s; default: `recipes.opus_bitrate`."
    )
    # EBU Tech 3341 measures down to -70 LUFS; outside of these bounds no player or programme has its target.
    loudness: float | None = Field(
        None, ge=-40, le=-5, description="Bring the sound to this loudness, in LUFS; -16 is usual. Default: as it is."
    )
    waveform: bool = Field(default=True, description="Peaks and a picture of the sound.")
    hls: bool = Field(default=True, description="An adaptive stream (HLS and DASH) of the sound.")
    chapters: bool = Field(default=True, description="The chapters of the file, where it has some, as WebVTT.")

    @model_validator(mode="after")
    def _makes_something(self) -> Self:
        if len(set(self.formats)) < len(self.formats):
            raise ValueError("a format is named twice")
        if not (self.formats or self.hls or self.waveform):
            raise ValueError("nothing would be made")
        return self


class RecipeSettings(BaseModel, extra="forbid"):
    """What is made of an upload: without being asked, or by the recipe that it names.

    ``video`` and ``audio`` always hold the recipe of the same name, which uploads get that name none.
    """

    audio_bitrate: int = Field(192_000, ge=32_000, le=320_000, description="MP3 and AAC renditions of audio, in bit/s.")
    opus_bitrate: int = Field(96_000, ge=16_000, le=256_000, description="Opus renditions of audio, in bit/s.")
    video: dict[str, VideoRecipe] = Field(
        default_factory=dict,
        validate_default=True,
        description="Recipes for videos by name; an upload chooses one by `recipe=NAME`. The one called `video` is"
        " for all that choose none.",
    )
    audio: dict[str, AudioRecipe] = Field(
        default_factory=dict,
        validate_default=True,
        description="Recipes for audio files by name; the one called `audio` is for all that choose none.",
    )

    @field_validator("video")
    @classmethod
    def _with_video(cls, own: dict[str, VideoRecipe]) -> dict[str, VideoRecipe]:
        _check_names(own)
        return {VIDEO: VideoRecipe(), **own}

    @field_validator("audio")
    @classmethod
    def _with_audio(cls, own: dict[str, AudioRecipe]) -> dict[str, AudioRecipe]:
        _check_names(own)
        return {AUDIO: AudioRecipe(), **own}

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if both := self.video.keys() & self.audio.keys():
            raise ValueError(f"{min(both)!r} names a recipe for video and one for audio")
        rates = {"bitrate": self.audio_bitrate, "opus_bitrate": self.opus_bitrate}
        for name, recipe in self.audio.items():
            missing = {key: rate for key, rate in rates.items() if getattr(recipe, key) is None}
            self.audio[name] = recipe.model_copy(update=missing)
        return self


def _check_names(recipes: Iterable[str]) -> None:
    for name in recipes:
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise ValueError(f"{name!r} cannot be the name of a recipe: use a-z, 0-9 and -, at most 32 characters")


class EventSettings(BaseModel, extra="forbid", allow_inf_nan=False):
    """Streams of events: how many a web process keeps open, and how quick they are."""

    # Each open stream holds a connection and some memory.
    streams: int = Field(1000, ge=1, le=100_000, description="Streams of events that one web process keeps open.")
    streams_per_owner: int = Field(50, ge=1, le=100_000, description="Of these, streams of one owner.")
    # Whoever went without a word is noticed at last.
    stream_seconds: float = Field(
        900, ge=1, le=86_400, description="Seconds until a stream is ended; clients ask for another."
    )
    poll_seconds: float = Field(0.5, ge=0.25, le=60, description="How often a process with streams asks the catalog.")
    keep_alive_seconds: float = Field(
        15, ge=0.25, le=300, description="A stream without news says that it is alive: proxies cut off silent ones."
    )


class IntegritySettings(BaseModel, extra="forbid"):
    """How stored originals are read back in the background."""

    bytes_per_second: int = Field(
        4_194_304, ge=0, description="How fast a worker reads originals back while no job waits; 0: not at all."
    )
    every_days: float = Field(7, gt=0, description="How often each original is read back, if there is time for it.")
