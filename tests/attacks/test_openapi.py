"""schemathesis: requests made from the server's own description of itself, valid and invalid."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.server import RunningServer

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance"


def test_everything_that_the_document_describes(attacked: RunningServer, tmp_path: Path) -> None:
    """No 5xx; no status and no type of content that the document does not have.

    A longer run by hand: SCHEMATHESIS_EXAMPLES=100 and this test alone.
    """
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{attacked.url}/openapi.json",
        "-H", f"Authorization: Bearer {attacked.key}",
        "--phases", "coverage,fuzzing", "--checks", CHECKS, "--seed", "1", "--continue-on-failure",
        "--max-examples", os.environ.get("SCHEMATHESIS_EXAMPLES", "3"), "--suppress-health-check", "all",
        "--generation-database", "none", "--request-timeout", "20",
        "--exclude-path-regex", "/events$",  # an answer without an end
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
