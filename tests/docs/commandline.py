"""The command line as the docs' tests see it: names, arguments and options, taken from the real commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from renditor import cli


@dataclass(frozen=True)
class Parameter:
    """``spelled``: the metavar of an argument, or all spellings of an option with its metavar."""

    names: tuple[str, ...]
    metavar: str
    text: str
    is_option: bool
    takes_value: bool

    @property
    def spelled(self) -> str:
        if not self.is_option:
            return self.metavar
        return ", ".join(self.names) + (f" {self.metavar}" if self.takes_value else "")


@dataclass(frozen=True)
class Command:
    name: str
    text: str
    example: str
    parameters: tuple[Parameter, ...]

    @property
    def options(self) -> dict[str, Parameter]:
        """Spelling -> option; ``--help`` included."""
        given = {name: item for item in self.parameters if item.is_option for name in item.names}
        return given | {name: Parameter((name,), "", "", True, False) for name in ("--help", "-h")}


def commands() -> dict[str, Command]:
    """What is typed after ``renditor`` -> the command, in the order of ``--help``."""
    found = dict(_below(typer.main.get_command(cli.build()), ""))
    return {row.name: _command(row.name, row.example, found[row.name]) for row in cli.COMMANDS}


def groups() -> set[str]:
    return set(cli.GROUPS)


def _below(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _below(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def _command(name: str, example: str, command: Any) -> Command:
    return Command(name, command.help or "", example, tuple(_parameter(item) for item in command.params))


def _parameter(item: Any) -> Parameter:
    is_option = item.param_type_name == "option"
    takes_value = is_option and not item.is_flag
    default = item.default
    shown = takes_value and isinstance(default, str | int) and not isinstance(default, bool) and default != ""
    text = " ".join((item.help or "").split())
    if shown:
        text += f" Default: `{default}`."
    if is_option and item.required:
        text = f"{text.removesuffix('.')}. Required."
    metavar = item.metavar or item.name.upper().rpartition("_")[2]
    if item.nargs == -1:
        metavar += "..."
    return Parameter(tuple(item.opts), metavar, text, is_option, takes_value)
