"""``renditor image``: one picture from another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from renditor.cli import files
from renditor.cli.terminal import BAD_USAGE, CommandError, JsonOption, answer, size

if TYPE_CHECKING:
    from renditor.cli.local import Bench
    from renditor.images.base import Rendered
    from renditor.transformation import Transformation

EXAMPLE = 'renditor image photo.jpg small.avif -t "c_fill,w_800,h_600"'

# Extensions people write -> formats of the delivery grammar.
_EXTENSIONS = {"jpg": "jpg", "jpeg": "jpg", "png": "png", "webp": "webp", "avif": "avif", "gif": "gif"}


def command(
    source: Annotated[Path, typer.Argument(metavar="IN", help="The picture.", show_default=False)],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="The result: .jpg .png .webp .avif .gif", show_default=False)
    ],
    transformation: Annotated[
        str, typer.Option("-t", "--transformation", metavar="CHAIN", help="As in delivery URLs, such as c_fit,w_800.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Make one picture from another: size, crop, format, quality.

    The result is what a server would deliver. Its format is that of OUT's extension, unless the transformation names
    one (f_webp).
    """
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick
    from renditor.transformation import parse  # noqa: PLC0415

    wanted = parse(transformation)
    given = files.source(source)
    place = files.target(target, given)
    output = _output_format(wanted, target)

    async def work(bench: Bench) -> Rendered:
        rendered = await _render(bench, given, wanted, output)
        await files.place(rendered.content, place)
        return rendered

    made = local.run(work, f"Making {target.name}")
    count = len(made.content)
    shown = {
        "path": str(place),
        "format": made.format,
        "content_type": made.content_type,
        "width": made.width,
        "height": made.height,
        "pages": made.pages,
        "bytes": count,
        "transformation": str(wanted),
    }
    answer(shown, f"{target}: {made.format}, {made.width} x {made.height} px, {size(count)}", as_json=as_json)


async def _render(bench: Bench, source: Path, wanted: Transformation, output: str) -> Rendered:
    from renditor.cli import local  # noqa: PLC0415 - --help stays quick
    from renditor.images.base import RemoteURL, Source  # noqa: PLC0415
    from renditor.transformation.operations import FORMAT  # noqa: PLC0415

    sniffed = local.look(source)
    if sniffed.media_type != "image":
        raise CommandError(
            f"{source.name} is a {sniffed.media_type} file, not a picture.",
            hint="`renditor thumbnail` takes a picture from a video.",
        )
    bench.report(0.1, "rendering")
    provider = bench.router.images()
    await provider.probe(source, sniffed.format)  # damage and limits are said before work begins, as for an upload
    rendered = await provider.render(Source(source, sniffed.format), wanted.without(FORMAT), output)
    if isinstance(rendered, RemoteURL):
        raise CommandError("The images provider in the settings delivers by URL and makes no local files.")
    return rendered


def _output_format(wanted: Transformation, target: Path) -> str:
    """``f_`` names it, else the extension does. ``f_auto`` is for browsers, which say what they can show."""
    from renditor.transformation.operations import FORMAT  # noqa: PLC0415 - --help stays quick

    named = wanted.last(FORMAT)
    if named and named != "auto":
        return str(named)
    extension = files.extension(target, ".jpg")
    if extension in _EXTENSIONS:
        return _EXTENSIONS[extension]
    raise CommandError(
        f"The format of {target.name} is not known.",
        hint="End OUT with .jpg, .png, .webp, .avif or .gif, or name the format: -t f_webp",
        code="no-format",
        status=BAD_USAGE,
    )
