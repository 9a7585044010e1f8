"""Known holes: which versions have them, what is said, and that the list that is shipped is sound."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3

import pytest

from renditor.cli import versions
from renditor.cli.versions import Installed, advisories, check, check_age, parse
from renditor.ffmpeg.binaries import Binaries

LIST = """
date = 2026-01-31

[components.thing]
name = "Thing"
update = "Install the newest Thing."

[[advisories]]
identifier = "CVE-2026-0001"
component = "thing"
affected = [["1.0", "1.2.3"], ["2.0.0", "2.0.2"]]
severity = "high"
date = 2026-01-30
source = "https://example.com/"
summary = "a file writes where it should not"
note = "Not here."
"""
THING = versions.read(LIST)


@pytest.mark.parametrize(
    ("text", "number"),
    [("n9.0.2-17-g2a571b6068-20260930", (9, 0, 2)), ("5.1.9-0+deb12u1", (5, 1, 9)), ("3.0.19", (3, 0, 19)),
     ("OpenSSL 1.1.1w  11 Sep 2023", (1, 1, 1)), ("8.18.7", (8, 18, 7)), ("N-118000-g1234567", None), ("unknown", None),
     ("3.11.7+", (3, 11, 7)), ("git-2024-05-01-abc1.2", None)],
)  # fmt: skip
def test_versions_as_programs_write_them(text: str, number: tuple[int, ...] | None) -> None:
    assert parse(text) == number


@pytest.mark.parametrize(
    ("version", "hit"),
    [("0.9", False), ("1.0", True), ("1.2.2", True), ("1.2.3", False), ("1.2.10", False), ("1.10", False),
     ("2.0.0", True), ("2.0.1-1", True), ("2.0.2", False), ("10.0", False)],
)  # fmt: skip
def test_ranges(version: str, hit: bool) -> None:
    found = check([Installed("thing", version)], THING)
    assert found.status == ("WARN" if hit else "OK")
    assert f"Thing {version}" in found.what


def test_a_hole_is_told_with_its_fix() -> None:
    found = check([Installed("thing", "1.1", "here"), Installed("thing", "3.0", "there")], THING)
    assert "Thing 1.1 (here) has CVE-2026-0001 (high: a file writes where it should not. Not here)" in found.what
    assert found.what.endswith("All: Thing 1.1 (here), Thing 3.0 (there)")
    assert (found.fix or "").startswith("Install the newest Thing. A distribution may have repaired it")


def test_a_build_without_a_number_is_shown_and_not_judged() -> None:
    assert check([Installed("thing", "N-118000-gabc")], THING).status == "OK"


def test_a_list_older_than_half_a_year_warns() -> None:
    assert check_age(THING, dt.date(2026, 7, 30)).status == "OK"
    found = check_age(THING, dt.date(2026, 7, 31))
    assert (found.status, found.what) == ("WARN", "1 known holes, as of 2026-01-31: 181 days old.")


def test_the_shipped_list_is_sound() -> None:
    known = advisories()
    assert len({entry.identifier for entry in known.entries}) == len(known.entries) >= 15
    for entry in known.entries:
        assert re.fullmatch(r"CVE-\d{4}-\d{4,7}|GHSA(-[0-9a-z]{4}){3}", entry.identifier)
        assert entry.component in known.names
        assert entry.severity in ("low", "medium", "high", "critical")
        assert entry.source.startswith("https://")
        assert entry.date <= known.date
        assert all(first < repaired for first, repaired in entry.affected)
    assert set(known.names) == set(known.updates) == {entry.component for entry in known.entries}


@pytest.mark.parametrize(
    ("component", "version", "identifier"),
    [("libwebp", "1.3.1", "CVE-2023-4863"), ("ffmpeg", "n8.1.1", "CVE-2026-8461"), ("ffmpeg", "7.1.4", "CVE-2026-8461"),
     ("libheif", "1.21.2", "CVE-2026-32738"), ("libheif", "1.23.1", "GHSA-g89c-p67h-r497"),
     ("libheif", "1.23.2", "GHSA-x8r2-mggj-j6wr"), ("openssl", "3.0.6", "CVE-2022-3602"),
     ("python", "3.11.7", "CVE-2023-6597"), ("sqlite", "3.50.1", "CVE-2025-6965"),
     ("libvips", "8.16.0", "CVE-2025-29769"), ("pillow", "12.1.1", "CVE-2026-42308")],
)  # fmt: skip
def test_known_holes_are_found(component: str, version: str, identifier: str) -> None:
    assert identifier in check([Installed(component, version)], advisories()).what


def test_what_is_installed_here_is_asked_of_itself() -> None:
    """Every component of the list but the programs, which the check of this machine as a whole looks for."""
    found = versions.installed(Binaries())
    by_name = {one.component: one for one in found}
    assert set(by_name) == set(advisories().names) - {"ffmpeg"}
    assert by_name["sqlite"].version == sqlite3.sqlite_version
    assert all(parse(one.version) for one in found)


def test_the_locked_packages_have_no_known_hole() -> None:
    """Those that are locked by renditor: for Python, OpenSSL and SQLite of the machine nobody here can speak."""
    ours = {"libvips", "pillow", "libheif", "libwebp", "libtiff", "libjpeg-turbo"}
    found = [one for one in versions.installed(None) if one.component in ours or one.where == "cryptography"]
    assert check(found, advisories()).status == "OK"
