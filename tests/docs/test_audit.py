"""``make audit``: what it says and how it ends, by what its tools find. The tools are stand-ins; installing them needs
network, and what they find changes from day to day."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

CLEAN = "No known vulnerabilities found"
HOLE = "Found 1 known vulnerability in 1 package"
AWAY = "ERROR:pip_audit._cli:HTTPSConnectionPool(host='pypi.org'): Max retries exceeded"
UNKNOWN = "ERROR:pip_audit._cli:alembic: Dependency not found on PyPI and could not be audited: alembic (1.20.1)"


def audit(folder: Path, said: str, status: int) -> subprocess.CompletedProcess[str]:
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    tools = folder / "build" / "audit" / "bin"
    tools.mkdir(parents=True)
    shutil.copy(folder / "requirements" / "audit.txt", tools.parent / ".installed")
    programs = {
        "cyclonedx-py": 'while [ $# -gt 1 ]; do shift; done; echo \'{"purl": "pkg:pypi/a@1"}\' > "$1"',
        "pip-audit": f'echo "$@" >> calls; echo "{said}" >&2; exit {status}',
    }
    for name, body in programs.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    return subprocess.run([ROOT / ".ci" / "audit", "python3"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("said", "status", "ends", "calls", "tells"),
    [
        (CLEAN, 0, 0, 3, "build/sbom.json: 1 packages"),
        (HOLE, 1, 1, 3, HOLE),
        (AWAY, 1, 1, 1, "cannot be reached"),
        (UNKNOWN, 1, 1, 1, "cannot be reached or has no entry: nothing is known, good or bad"),
    ],
)
def test_how_it_ends(tmp_path: Path, said: str, status: int, ends: int, calls: int, tells: str) -> None:
    done = audit(tmp_path, said, status)
    assert done.returncode == ends
    assert tells in done.stderr
    assert (tmp_path / "build" / "sbom.json").exists()
    asked = (tmp_path / "calls").read_text().splitlines()
    assert len(asked) == calls
    assert all("--require-hashes" in line and "--strict" in line for line in asked)
