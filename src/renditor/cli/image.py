"""``renditor image``: pictures from pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from renditor.cli import batch, files, pictures
from renditor.cli.pictures import LayerOption, Order, QualityOption, TransformationOption
from renditor.cli.terminal import BAD_USAGE, CommandError, JsonOption, answer

if TYPE_CHECKING:
    from renditor.cli.local import Bench
    from renditor.images.base import Rendered

EXAMPLE = """renditor image photo.jpg small.avif -t "c_fill,w_800,h_600"
renditor image holiday web --recursive -t c_limit,w_1600 --format webp -q auto
renditor image photo.jpg marked.jpg -t "l_logo,w_120,g_south_east,x_20,y_20" --layer logo=logo.png"""


def command(  # noqa: PLR0913 - one parameter an option
    *,
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="IN", help="A picture, several, or a folder of them.", show_default=False),
    ] = None,
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="The result (.jpg .png .webp .avif .gif .tiff), or a folder for several.",
            show_default=False,
        ),
    ],
    transformation: TransformationOption = "",
    output: Annotated[
        str | None, typer.Option("--format", metavar="FORMAT", help="Format of the results, such as webp.")
    ] = None,
    quality: QualityOption = None,
    layers: LayerOption = None,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="With the folders inside a folder.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="In a folder: make anew what is there already.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Make one picture from another: size, crop, format, quality. Or many from many.

    Results are what a server would deliver. The format is that of OUT's extension, unless --format or the
    transformation (f_webp) names one. In a folder every result has the name of its picture; without a named format it
    keeps its format, and results that are there already are left alone. A picture that cannot be read does not stop the
    others. `renditor operations` lists what CHAIN may hold.
    """
    if not sources:
        hint = "See `renditor image --help`."
        raise CommandError("Missing argument 'OUT'.", hint=hint, code="bad-usage", status=BAD_USAGE)
    order = pictures.read_order(transformation, quality, output, layers)
    if len(sources) > 1 or sources[0].is_dir() or target.is_dir():
        return batch.run(sources, target, order, recursive=recursive, overwrite=overwrite, as_json=as_json)
    _one(sources[0], target, order, as_json=as_json)
    return 0


def _one(source: Path, target: Path, order: Order, *, as_json: bool) -> None:
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    given = files.source(source)
    place = files.target(target, given)
    output = order.format or _format_of(target)

    async def work(bench: Bench) -> Rendered:
        opened, _ = await pictures.opened(bench, given, order.layers)
        bench.report(0.1, "rendering")
        rendered = await pictures.render(bench, opened, order.transformation, output)
        await files.place(rendered.content, place)
        return rendered

    made = local.run(work, f"Making {target.name}")
    shown = {"path": str(place), **pictures.facts(made), "transformation": str(order.transformation)}
    answer(shown, f"{target}: {pictures.line(made)}", as_json=as_json)


def _format_of(target: Path) -> str:
    found = pictures.known_format(files.extension(target, ".jpg"))
    if found is None:
        raise CommandError(
            f"The format of {target.name} is not known.",
            hint="End OUT with .jpg, .png, .webp, .avif, .gif or .tiff, or name the format: --format webp",
            code="no-format",
            status=BAD_USAGE,
        )
    return found
