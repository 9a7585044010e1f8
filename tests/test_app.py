"""The composition root: what lies in the data folder before anything is served."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from renditor import app
from renditor.errors import BadRequest


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    return tmp_path


def test_processes_that_start_at_once_have_one_signing_secret(data: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: app.signing_secret(data), range(32)))
    assert len(made) == 1
    assert len(made.pop()) == 64
    (file,) = (data / "secrets").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("left", ["", "short"])
def test_a_secret_that_signs_nothing_is_refused(data: Path, left: str) -> None:
    """An empty file is what a crash between making and writing it leaves."""
    (data / "secrets" / "delivery").write_text(left)
    with pytest.raises(BadRequest) as caught:
        app.signing_secret(data)
    assert str(data) not in caught.value.detail
