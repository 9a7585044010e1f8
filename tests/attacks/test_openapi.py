"""schemathesis: requests made from the server's own description of itself, valid and invalid."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from renditor.testing import media
from tests.client import Client
from tests.server import RunningServer

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance"


def run(server: RunningServer, folder: Path, known: str, *options: str) -> None:
    """A longer run by hand: SCHEMATHESIS_EXAMPLES=100 and this file alone. ``known``: its configuration file."""
    (folder / "schemathesis.toml").write_text(known)
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json",
        "-H", f"Authorization: Bearer {server.key}",
        "--phases", "coverage,fuzzing", "--checks", CHECKS, "--seed", "1", "--continue-on-failure",
        "--max-examples", os.environ.get("SCHEMATHESIS_EXAMPLES", "3"), "--suppress-health-check", "all",
        "--generation-database", "none", "--request-timeout", "20",
        "--exclude-path-regex", "/events$",  # an answer without an end
        *options,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000, check=False, cwd=folder)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr


def test_everything_that_the_document_describes(attacked: RunningServer, tmp_path: Path) -> None:
    """No 5xx; no status and no type of content that the document does not have."""
    run(attacked, tmp_path, "")


@pytest.mark.parametrize("kind", ["photo", "video"])
def test_everything_of_an_asset_that_is_there(
    attacked: RunningServer, owner: Client, tmp_path: Path, kind: str
) -> None:
    """Ids that the document alone does not tell end in 404: these lead to what lies behind it."""
    path = media.photo(tmp_path / "a.jpg", 60, 40) if kind == "photo" else media.video(tmp_path / "a.mp4", "160x90", 1)
    asset = owner.done(owner.upload(path).json()["id"])
    created = owner.call("POST", "/uploads", headers={"tus-resumable": "1.0.0", "upload-length": "100000"})
    upload = created.headers["location"].rpartition("/")[2]
    known = f'[parameters]\nmedia_id = "{asset["id"]}"\nupload_id = "{upload}"\n'
    run(attacked, tmp_path, known, "--exclude-method", "DELETE")
    assert owner.call("GET", f"/media/{asset['id']}").status_code == 200
