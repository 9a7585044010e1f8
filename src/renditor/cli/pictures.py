"""What the commands for pictures share: their options, and the way from a user's file to a finished picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli import files
from renditor.cli.terminal import BAD_USAGE, CommandError, size

if TYPE_CHECKING:
    from renditor.cli.local import Bench
    from renditor.images.base import ImageInfo, Rendered, Source
    from renditor.transformation import Transformation

TransformationOption = Annotated[
    str,
    typer.Option(
        "-t", "--transformation", metavar="CHAIN", help="As in delivery URLs, such as c_fit,w_800, or a preset: t_name."
    ),
]
QualityOption = Annotated[
    str | None,
    typer.Option("-q", "--quality", metavar="Q", help="1 to 100, auto, auto:best, auto:eco or auto:low."),
]
LayerOption = Annotated[
    list[str] | None,
    typer.Option("--layer", metavar="NAME=FILE", help="The picture that l_NAME and u_NAME mean; can be repeated."),
]

# Extensions people write -> formats of the delivery grammar.
_ALIASES = {"jpeg": "jpg", "jpe": "jpg", "tif": "tiff"}


@dataclass(frozen=True, slots=True)
class Order:
    """What is made of a picture. ``format`` None: nobody named one. ``layers``: files by the name of the layer."""

    transformation: Transformation
    format: str | None
    layers: dict[str, Path]


def read_order(transformation: str, quality: str | None, output: str | None, layers: Sequence[str] | None) -> Order:
    """The options as they were typed; ``--quality`` and ``--format`` win over the transformation's own.

    Raises: TransformationError, CommandError.
    """
    from renditor import config  # noqa: PLC0415 - --help stays quick
    from renditor.transformation import parse  # noqa: PLC0415
    from renditor.transformation.operations import FORMAT, QUALITY  # noqa: PLC0415

    wanted = parse(transformation, config.load().delivery.presets)
    if quality is not None:
        asked = parse(f"{QUALITY.key}_{quality}")
        wanted = parse("/".join(str(part) for part in (wanted.without(QUALITY), asked) if part))
    named = output or wanted.last(FORMAT)  # f_auto is for browsers, which say what they can show
    chosen = asked_format(named) if named and named != "auto" else None
    return Order(wanted, chosen, _read_layers(layers or ()))


def _read_layers(given: Sequence[str]) -> dict[str, Path]:
    layers = {}
    for text in given:
        name, _, path = text.partition("=")
        if not (name and path):
            raise CommandError(
                f"--layer {text} is not understood.",
                hint="Write --layer logo=logo.png for l_logo.",
                code="bad-usage",
                status=BAD_USAGE,
            )
        layers[name] = files.source(Path(path))
    return layers


def known_format(name: str) -> str | None:
    """The format of this name or extension, if pictures are made in it."""
    from renditor.images.codecs.formats import FORMATS  # noqa: PLC0415 - --help stays quick

    plain = _ALIASES.get(name.lower(), name.lower())
    return plain if plain in FORMATS else None


def asked_format(name: str) -> str:
    """The format somebody named. Raises: CommandError: pictures are not made in it."""
    from renditor.images.codecs.formats import FORMATS  # noqa: PLC0415 - --help stays quick

    found = known_format(name)
    if found is None:
        hint = f"They are made as {', '.join(FORMATS)}."
        raise CommandError(f"Pictures are not made as {name!r}.", hint=hint, code="no-format", status=BAD_USAGE)
    return found


async def opened(bench: Bench, path: Path, layers: dict[str, Path]) -> tuple[Source, ImageInfo]:
    """A file as a source of the engine, with what its header says. Damage and limits are told now, as for an upload.

    Raises: CommandError: no picture; and all that ``ImageProvider.probe`` raises.
    """
    from renditor.images.base import Source  # noqa: PLC0415 - --help stays quick

    info = await _probed(bench, path)
    over = {name: Source(file, (await _probed(bench, file)).format) for name, file in layers.items()}
    return Source(path, info.format, layers=over), info


async def _probed(bench: Bench, path: Path) -> ImageInfo:
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    sniffed = local.look(path)
    if sniffed.media_type != "image":
        raise CommandError(
            f"{path.name} is a {sniffed.media_type} file, not a picture.",
            hint="`renditor thumbnail` takes a picture from a video.",
        )
    return await bench.router.images().probe(path, sniffed.format)


async def render(bench: Bench, source: Source, transformation: Transformation, output: str) -> Rendered:
    """Raises: CommandError: the provider keeps its pictures to itself; and all that ``ImageProvider.render`` raises."""
    from renditor.transformation.operations import FORMAT  # noqa: PLC0415 - --help stays quick

    return local_picture(await bench.router.images().render(source, transformation.without(FORMAT), output))


def local_picture(made: Rendered | object) -> Rendered:
    """Raises: CommandError: it is a URL."""
    from renditor.images.base import Rendered  # noqa: PLC0415 - --help stays quick

    if not isinstance(made, Rendered):
        raise CommandError("The images provider in the settings delivers by URL and makes no local files.")
    return made


def facts(made: Rendered) -> dict[str, Any]:
    """A finished picture for ``--json``."""
    return {
        "format": made.format,
        "content_type": made.content_type,
        "width": made.width,
        "height": made.height,
        "pages": made.pages,
        "bytes": len(made.content),
    }


def line(made: Rendered) -> str:
    """A finished picture for people."""
    return f"{made.format}, {made.width} x {made.height} px, {size(len(made.content))}"
