"""What is written into the job database, and where that is."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import CorruptMedia, Internal, LimitExceeded, RenditorError
from renditor.jobs.dbos.database import JsonSerializer, address, connect

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_values_come_back_equal(value: Any) -> None:
    serializer = JsonSerializer()
    assert serializer.deserialize(serializer.serialize(value)) == value


@pytest.mark.parametrize("error", [CorruptMedia("Cut off.", hint="Again.", code="cut-off"), LimitExceeded("Too many.")])
def test_our_errors_come_back_as_they_were(error: RenditorError) -> None:
    serializer = JsonSerializer()
    again = serializer.deserialize(serializer.serialize(error))
    assert type(again) is type(error)
    assert (again.detail, again.hint, again.error_code) == (error.detail, error.hint, error.error_code)


def test_a_class_from_elsewhere_comes_back_as_its_nearest_known_one() -> None:
    class Special(CorruptMedia):
        pass

    serializer = JsonSerializer()
    assert type(serializer.deserialize(serializer.serialize(Special("Odd.")))) is CorruptMedia


def test_other_errors_leave_their_name_but_not_their_text() -> None:
    serializer = JsonSerializer()
    written = serializer.serialize(FileNotFoundError(2, "No such file", "/secret/path"))
    assert "secret" not in written
    again = serializer.deserialize(written)
    assert isinstance(again, Internal)
    assert "FileNotFoundError" in again.detail


def test_only_classes_of_the_error_tree_are_looked_up_by_name() -> None:
    record = '{"$error":{"class":"annotations","detail":"?","hint":null,"code":"x"}}'
    assert type(JsonSerializer().deserialize(record)) is Internal


def test_a_new_sqlite_file_is_in_wal_mode_and_private_to_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    client = connect(address(None, folder), folder)
    client.destroy()
    connection = sqlite3.connect(folder / "jobs.sqlite")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_postgresql_is_reached_by_the_driver_we_ship(scheme: str, tmp_path: Path) -> None:
    assert address(f"{scheme}://u:p@h/d", tmp_path).drivername == "postgresql+psycopg"
