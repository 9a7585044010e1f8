"""The command line: one file per command. Rooms are imported inside commands, so that ``--help`` answers at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from typing import Annotated, Any, Final

import typer

from renditor import __version__
from renditor.cli import (
    audio,
    audit,
    config,
    doctor,
    extract_audio,
    gc,
    hls,
    image,
    keys,
    layout,
    operations,
    probe,
    secrets,
    serve,
    srcset,
    storyboard,
    terminal,
    thumbnail,
    token,
    upload,
    video,
    waveform,
    worker,
)

FILES, SERVER, ACCESS = "Work on files (no server needed)", "Server", "Keys, settings, health"


@dataclass(frozen=True, slots=True)
class Command:
    """A row of the commands table. ``name`` may have two words; the lines of ``example`` are shown by ``--help`` and
    tested."""

    name: str
    run: Callable[..., Any]
    panel: str
    example: str


COMMANDS: Final = (
    Command("serve", serve.command, SERVER, serve.EXAMPLE),
    Command("worker", worker.command, SERVER, worker.EXAMPLE),
    Command("probe", probe.command, FILES, probe.EXAMPLE),
    Command("image", image.command, FILES, image.EXAMPLE),
    Command("srcset", srcset.command, FILES, srcset.EXAMPLE),
    Command("operations", operations.command, FILES, operations.EXAMPLE),
    Command("video", video.command, FILES, video.EXAMPLE),
    Command("hls", hls.command, FILES, hls.EXAMPLE),
    Command("thumbnail", thumbnail.command, FILES, thumbnail.EXAMPLE),
    Command("storyboard", storyboard.command, FILES, storyboard.EXAMPLE),
    Command("audio", audio.command, FILES, audio.EXAMPLE),
    Command("extract-audio", extract_audio.command, FILES, extract_audio.EXAMPLE),
    Command("waveform", waveform.command, FILES, waveform.EXAMPLE),
    Command("upload", upload.command, SERVER, upload.EXAMPLE),
    Command("gc", gc.command, SERVER, gc.EXAMPLE),
    Command("doctor", doctor.command, ACCESS, doctor.EXAMPLE),
    Command("keys create", keys.create, ACCESS, keys.CREATE_EXAMPLE),
    Command("keys list", keys.listing, ACCESS, keys.LIST_EXAMPLE),
    Command("keys revoke", keys.revoke, ACCESS, keys.REVOKE_EXAMPLE),
    Command("audit verify", audit.verify, ACCESS, audit.VERIFY_EXAMPLE),
    Command("audit list", audit.listing, ACCESS, audit.LIST_EXAMPLE),
    Command("token issue", token.issue, ACCESS, token.ISSUE_EXAMPLE),
    Command("secrets list", secrets.listing, ACCESS, secrets.LIST_EXAMPLE),
    Command("secrets show", secrets.show, ACCESS, secrets.SHOW_EXAMPLE),
    Command("secrets set", secrets.change, ACCESS, secrets.SET_EXAMPLE),
    Command("secrets rotate", secrets.rotate, ACCESS, secrets.ROTATE_EXAMPLE),
    Command("secrets retire", secrets.retire, ACCESS, secrets.RETIRE_EXAMPLE),
    Command("secrets reseal", secrets.reseal, ACCESS, secrets.RESEAL_EXAMPLE),
    Command("config show", config.show, ACCESS, config.EXAMPLE),
)
GROUPS: Final = {
    "audit": "Look at the audit log, check it.",
    "keys": "Make, list and revoke API keys.",
    "token": "Make JSON Web Tokens.",
    "secrets": "What the server signs and seals with.",
    "config": "Look at the settings.",
}

_EXIT = "Exit status: 0 done, 1 failed, 2 wrong usage."


def build() -> typer.Typer:
    """The whole command line."""
    settings: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
    top = typer.Typer(
        name="renditor",
        help="One original, many renditions: images, video and audio behind one API.",
        epilog=_EXIT,
        context_settings=settings,
        cls=layout.Group,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    top.callback()(_top)
    groups = {}
    for name, text in GROUPS.items():
        groups[name] = typer.Typer(help=text, cls=layout.Group, context_settings=settings)
        top.add_typer(groups[name], name=name, rich_help_panel=ACCESS)
    for command in COMMANDS:
        group, _, name = command.name.rpartition(" ")
        place = groups[group] if group else top
        panel = None if group else command.panel
        place.command(name, cls=layout.Command, rich_help_panel=panel, epilog=command.example)(command.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit status: 0 done, 1 failed, 2 wrong usage, 128 + n ended by signal n."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # names of files may hold what the terminal's encoding cannot show
    try:
        status = typer.main.get_command(build())(given, prog_name="renditor", standalone_mode=False)
    except KeyboardInterrupt:
        return terminal.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last resort of a program: one line for people instead of a trace
        return terminal.fail(error, given)
    return status if isinstance(status, int) else 0


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"renditor {__version__}")
        raise typer.Exit


def _top(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass
