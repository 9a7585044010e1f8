"""``renditor extract-audio``: the sound of a video."""

from __future__ import annotations

from renditor.cli.audio import BitrateOption, SampleRateOption, SourceArgument, TargetArgument, convert
from renditor.cli.terminal import JsonOption

EXAMPLE = "renditor extract-audio interview.mp4 interview.mp3"


def command(
    source: SourceArgument,
    target: TargetArgument,
    *,
    bitrate: BitrateOption = None,
    sample_rate: SampleRateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the sound out of a video.

    The format is that of OUT's extension. A video without sound is an error, never an empty file.
    """
    convert(source, target, bitrate, sample_rate, as_json=as_json)
