"""The command line as a whole: quick help, exit status, errors in one line, nothing to a pipe that is no answer."""

from __future__ import annotations

import json
import os
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from renditor import __version__, cli
from tests.cli.conftest import Run

COMMANDS = [row.name for row in cli.COMMANDS]


def test_help_lists_every_command_and_is_quick(process: Run) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = process("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.status == 0
    for name in {row.name.split()[0] for row in cli.COMMANDS}:
        assert f"\n  {name} " in done.out
    # Processor time, not the clock: other tests share the machine.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_version(run: Run) -> None:
    assert run("--version").out == f"renditor {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_and_json(run: Run, name: str) -> None:
    done = run(*name.split(), "--help")
    row = next(row for row in cli.COMMANDS if row.name == name)
    assert done.status == 0
    examples = row.example.splitlines()
    heading = "Examples:" if len(examples) > 1 else "Example:"
    assert "\n  ".join([heading, *examples]) + "\n" in done.out
    assert "--json" in done.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_can_be_typed(name: str) -> None:
    """The words after the command are parsed as the command would, without running it."""
    row = next(row for row in cli.COMMANDS if row.name == name)
    group = typer.main.get_command(cli.build())
    for example in row.example.splitlines():
        words = [word for word in shlex.split(example) if not word.startswith("RENDITOR_")]
        assert words[0] == "renditor"
        assert " ".join(words[1:]).startswith(name)
        context, command, rest = group.make_context("renditor", words[1:]), group, words[1:]
        for _ in name.split():
            _, command, rest = command.resolve_command(context, rest)  # type: ignore[attr-defined]
        command.make_context(name, list(rest), parent=context)


def test_help_loads_nothing_heavy() -> None:
    heavy = ("sqlalchemy", "structlog", "fastapi", "httpx", "rich", "pyvips", "dbos", "renditor.app", "renditor.config")
    code = (
        "import sys, renditor.cli; renditor.cli.main(sys.argv[1:]);"
        f"print(*(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)"
    )
    # All commands are imported together: the help of one tells for all.
    done = subprocess.run([sys.executable, "-c", code, "serve", "--help"], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_work_on_files_waits_for_no_server_part(samples: Path) -> None:
    """Half of the time of a short command would go into imports."""
    code = (
        "import json, sys; from renditor.cli import main;"
        "ended = [main([word.replace('IN', sys.argv[1]) for word in line.split()]) for line in sys.argv[2:]];"
        "print(json.dumps([ended, sorted(sys.modules)]), file=sys.stderr)"
    )
    lines = (
        "probe IN/photo.jpg",
        "probe IN/clip.mp4",
        "image IN/photo.jpg small.jpg -t w_8",
        "srcset IN/photo.jpg pictures --widths 8",
        "thumbnail IN/clip.mp4 clip.jpg",
        "hls IN/clip.mp4 stream --dry-run",
        "audio IN/song.mp3 song.opus --dry-run",
        "waveform IN/song.mp3 song.json",
    )
    command = [sys.executable, "-c", code, str(samples), *lines]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ended, modules = json.loads(done.stderr)
    assert ended == [0] * len(lines)
    server = {"sqlalchemy", "dbos", "fastapi", "granian", "structlog", "prometheus_client", "renditor.app", "httpx"}
    assert server.isdisjoint(modules)


def test_nothing_and_a_group_alone_show_help_and_are_wrong_usage(run: Run) -> None:
    for arguments in ((), ("keys",), ("config",)):
        done = run(*arguments)
        assert done.status == 2
        assert done.out == ""
        assert "Commands:" in done.err or "Server:" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("vidio",), "No such command 'vidio'. Did you mean 'video'"),
        (("image", "a", "b", "--foo"), "No such option: --foo"),
        (("image", "a"), "Missing argument 'OUT'"),
        (("serve", "--port", "99999"), "'--port'"),
        (("serve", "--port", "web"), "'--port'"),
    ],
)
def test_wrong_usage_is_one_line_and_a_hint(run: Run, arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert done.status == 2
    assert said in done.error
    assert "--help`." in done.err
    assert done.out == ""


def test_an_error_with_json_is_an_object_too(run: Run) -> None:
    done = run("probe", "missing.mp4", "--json")
    assert done.status == 1
    assert done.json["error"]["code"] == "no-input"
    assert done.error == "error: missing.mp4 cannot be read: No such file or directory."


def test_the_unexpected_is_one_line_and_a_trace_for_those_who_ask(
    run: Run, monkeypatch: pytest.MonkeyPatch, samples: Path
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr("renditor.cli.files.source", broken)
    done = run("probe", samples / "photo.jpg")
    assert done.status == 1
    assert "KeyError" in done.error
    assert "Traceback" not in done.err
    assert "secret detail" not in done.err
    monkeypatch.setenv("RENDITOR_DEBUG", "1")
    assert "Traceback" in run("probe", samples / "photo.jpg").err


def test_a_reader_that_leaves_early_gets_no_complaint(samples: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m renditor.cli config show | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("Settings file:")
    assert done.stderr == ""


def test_wrong_settings_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDITOR_PORT", "web")
    done = run("config", "show")
    assert done.status == 2
    assert "'port'" in done.error


def test_a_name_that_is_not_utf8_does_no_harm(process: Run, samples: Path) -> None:
    name = Path(os.fsdecode(b"caf\xe9.jpg"))
    name.write_bytes((samples / "photo.jpg").read_bytes())
    done = process("probe", name, LC_ALL="C.UTF-8")
    assert done.status == 0
    assert "image" in done.out
    assert process("probe", name, "--json").json["media_type"] == "image"
