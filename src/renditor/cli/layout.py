"""How ``--help`` looks: commands in groups, arguments by their plain names, an example to copy."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from renditor.cli.terminal import BAD_USAGE


class Command(TyperCommand):
    """A command whose epilog is its examples, one a line: shown as they are, never wrapped."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments by their names alone: what kind of value Python makes of them is nobody's business."""
        shown = [(each.param_type_name, each.get_help_record(ctx)) for each in self.get_params(ctx)]
        arguments = [(row[0].split()[0], row[1]) for kind, row in shown if row and kind == "argument"]
        options = [row for kind, row in shown if row and kind == "option"]
        for heading, rows in (("Arguments", arguments), ("Options", options)):
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        del ctx
        if self.epilog:
            formatter.write_paragraph()
            lines = self.epilog.splitlines()
            formatter.write("\n  ".join(["Examples:" if len(lines) > 1 else "Example:", *lines]) + "\n")


class Group(TyperGroup):
    """A group that lists its commands under the headings that they name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help(), err=True)
            raise typer.Exit(BAD_USAGE)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None:
                heading = getattr(command, "rich_help_panel", None) or "Commands"
                sections.setdefault(heading, []).append((name, command.get_short_help_str(100)))
        width = max(len(name) for rows in sections.values() for name, _ in rows)
        for heading, rows in sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), text) for name, text in rows])
