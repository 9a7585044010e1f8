"""``renditor srcset``: a picture at several widths, and the HTML that offers them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from renditor.cli import files, pictures
from renditor.cli.pictures import LayerOption, Order, QualityOption, TransformationOption
from renditor.cli.terminal import BAD_USAGE, CommandError, JsonOption, answer
from renditor.errors import Unprocessable

if TYPE_CHECKING:
    from renditor.cli.local import Bench
    from renditor.images.base import ImageInfo
    from renditor.images.responsive import Candidate

EXAMPLE = """renditor srcset photo.jpg site/img --widths 320,640,1024,1920 --alt "The harbour at night"
renditor srcset photo.jpg site/img --formats avif,webp,jpg --sizes 50vw --url-prefix /img/"""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The command's options. ``widths`` (px) and ``formats`` are separated by commas."""

    order: Order
    widths: str
    formats: str
    page: _Page


@dataclass(frozen=True, slots=True)
class _Page:
    """What the page says: where the files are reached from it, the HTML attributes."""

    prefix: str
    sizes: str
    alt: str


def command(  # noqa: PLR0913 - one parameter an option
    source: Annotated[Path, typer.Argument(metavar="IN", help="The picture.", show_default=False)],
    target: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder for the files; it is made.", show_default=False)
    ],
    *,
    widths: Annotated[
        str, typer.Option("--widths", metavar="PX,PX", help="Default: the widths of delivery in the settings.")
    ] = "",
    formats: Annotated[
        str,
        typer.Option(
            "--formats", metavar="FORMAT,FORMAT", help="Best first; JPEG or PNG for old browsers is added if missing."
        ),
    ] = "avif,webp",
    transformation: TransformationOption = "",
    quality: QualityOption = None,
    layers: LayerOption = None,
    sizes: Annotated[str, typer.Option("--sizes", help="How wide the page shows it, as in HTML.")] = "100vw",
    alt: Annotated[str, typer.Option("--alt", metavar="TEXT", help="What the picture shows, in words.")] = "",
    prefix: Annotated[str, typer.Option("--url-prefix", metavar="URL", help="What stands before names in HTML.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a picture at several widths and formats, and print the HTML that offers them.

    All come from one decode. No file is wider than the original. Files are named after the picture and their width;
    older ones of the same name are replaced.
    """
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick

    order = pictures.read_order(transformation, quality, None, layers)
    given, place = files.source(source), files.open_folder(target)
    wanted = _Wanted(order, widths, order.format or formats, _Page(prefix, sizes, alt))
    shown = local.run(lambda bench: _make(bench, given, place, wanted), f"Making {source.name} for pages")
    answer(shown, shown["html"], as_json=as_json)


async def _make(bench: Bench, given: Path, place: Path, wanted: _Wanted) -> dict[str, Any]:
    from renditor.images.codecs.formats import FORMATS  # noqa: PLC0415 - --help stays quick
    from renditor.images.pipeline.geometry import Size  # noqa: PLC0415
    from renditor.images.snippet import Offer, Source, Words, html  # noqa: PLC0415

    opened, info = await pictures.opened(bench, given, wanted.order.layers)
    offered = _offered(info, wanted, bench)
    bench.report(0.2, "rendering")
    pairs = [(one.transformation, fmt) for fmt, some in offered.items() for one in some]
    offers: dict[str, list[Offer]] = {fmt: [] for fmt in offered}
    shown = []
    await asyncio.to_thread(place.mkdir, parents=True, exist_ok=True)
    for made in map(pictures.local_picture, await bench.router.images().render_set(opened, pairs)):
        name = f"{given.stem}-{made.width}.{made.format}"
        await files.place(made.content, place / name)
        offers[made.format].append(Offer(wanted.page.prefix + quote(name), Size(made.width, made.height)))
        shown.append({"path": str(place / name), **pictures.facts(made)})
    sources = [Source(FORMATS[fmt].content_type, tuple(some)) for fmt, some in offers.items()]
    text = html(sources, Words(wanted.page.sizes, wanted.page.alt))
    return {"files": shown, "srcset": sources[-1].srcset, "sizes": wanted.page.sizes, "html": text}


def _offered(info: ImageInfo, wanted: _Wanted, bench: Bench) -> dict[str, list[Candidate]]:
    from renditor.images.responsive import AUTO, MAX_WIDTHS, by_format  # noqa: PLC0415 - --help stays quick

    widths = wanted.widths or ",".join(map(str, bench.settings.delivery.widths[:MAX_WIDTHS]))
    if wanted.formats.strip() == AUTO:
        raise _bad_usage("formats: Files have one format each: name them, such as avif,webp,jpg.")
    try:
        return by_format(info, wanted.order.transformation, widths, wanted.formats)
    except Unprocessable as error:
        raise _bad_usage(error.detail) from None


def _bad_usage(detail: str) -> CommandError:
    return CommandError(f"--{detail}", hint="See `renditor srcset --help`.", code="bad-usage", status=BAD_USAGE)
