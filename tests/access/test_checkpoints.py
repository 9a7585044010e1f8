"""Checkpoints in a file."""

from __future__ import annotations

import json
import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.access.audit import Checkpoint
from renditor.access.checkpoints import append, read

MADE = [Checkpoint("main", number, "m" * 64, 1000 + number, f"k.{number}") for number in (3, 7)]


def test_what_was_appended_is_read_and_nothing_else_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.jsonl"
    append(path, MADE[:1])
    append(path, [])
    append(path, MADE[1:])
    assert read(path) == (MADE, 0)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_log_is_read_too_and_its_other_lines_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    values = {name: getattr(MADE[0], name) for name in Checkpoint.__slots__}
    told = json.dumps(values | {"event": "audit_checkpoint", "level": "info"})
    path.write_text(f'URL  http://127.0.0.1\n{told}\n{{"event": "media_deleted"}}\n')
    assert read(path) == (MADE[:1], 0)


@pytest.mark.parametrize(
    "line",
    ["{", "{}", '{"tenant": "main"}', '{"event": "audit_checkpoint"}', '{"tenant":1,"number":"x","mac":1,"at":1}'],
)
def test_a_damaged_line_is_told_but_a_last_one_that_was_cut_is_not(tmp_path: Path, line: str) -> None:
    path = tmp_path / "checkpoints.jsonl"
    append(path, MADE)
    with path.open("a") as file:
        file.write(line)
    assert read(path) == (MADE, 0)
    with path.open("a") as file:
        file.write("\n")
    assert read(path) == (MADE, 1)


@pytest.mark.parametrize("torn", [b"{", b'{"tenant": "main", "numb', b"\xff"])
def test_what_comes_after_a_line_that_was_cut_short_is_not_lost(tmp_path: Path, torn: bytes) -> None:
    """By a full disk or a crash: it cost the next checkpoint, and was taken for an edit ever after."""
    path = tmp_path / "checkpoints.jsonl"
    path.write_bytes(torn)
    append(path, MADE[:1])
    with path.open("ab") as file:
        file.write(torn)
    append(path, MADE[1:])
    assert read(path) == (MADE, 0)


def test_a_disk_that_takes_a_part_of_a_line_is_told(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.jsonl"
    append(path, MADE[:1])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 20, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            append(path, MADE[1:])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    append(path, MADE[1:])
    assert read(path) == (MADE, 0)


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "checkpoints.jsonl").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic links"):
        append(tmp_path / "checkpoints.jsonl", MADE)


@given(st.binary(max_size=300))
def test_whatever_a_file_holds_it_is_read(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(content)
    read(path)
