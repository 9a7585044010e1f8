from __future__ import annotations

import os
from pathlib import Path

import pytest

from renditor.testing import media
from tests.api.test_delivery import stored_pictures
from tests.cli.conftest import Run
from tests.inprocess import in_process

WIDTHS = (50, 60, 70)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with three rendered pictures and an object that belongs to nothing."""
    folder = tmp_path_factory.mktemp("gc")
    with in_process(folder / "data") as client:
        asset = client.upload(media.photo(folder / "a.jpg", 200, 150)).json()
        for width in WIDTHS:
            assert client.get(asset["url"].replace("/upload/", f"/upload/w_{width}/")).status_code == 200
        assert len(stored_pictures(client, asset["id"], len(WIDTHS))) == len(WIDTHS)
    lost = folder / "data" / "storage" / "renditions" / "zz" / "lost"
    lost.mkdir(parents=True)
    (lost / "lost.jpg").write_bytes(b"123")
    os.utime(lost / "lost.jpg", (1, 1))
    return folder / "data"


def objects(data: Path) -> int:
    return sum(path.is_file() for path in (data / "storage" / "renditions").rglob("*"))


def test_make_room(data: Path, run: Run) -> None:
    asked = run("gc", "--data", str(data), "--max-size", "0", "--dry-run", "--json")
    assert asked.status == 0
    planned = asked.json
    assert planned["dry_run"] is True
    assert planned["evicted"]["count"] == len(WIDTHS)
    assert planned["kept"] == {"count": 0, "bytes": 0}
    assert planned["orphans"] == {"count": 1, "bytes": 3}
    assert objects(data) == len(WIDTHS) + 1

    plain = run("gc", "--data", str(data), "--json").json  # no limit: nothing but the lost object
    assert plain["evicted"] == {"count": 0, "bytes": 0}
    assert plain["orphans"]["count"] == 1
    assert objects(data) == len(WIDTHS)

    done = run("gc", "--data", str(data), "--max-size", "1kB", "--json").json
    assert done["kept"]["bytes"] <= 1000
    assert done["evicted"]["count"] == len(WIDTHS) - done["kept"]["count"]
    assert objects(data) == done["kept"]["count"]
    assert "OBJECTS" in run("gc", "--data", str(data)).out


@pytest.mark.parametrize("size", ["much", "10XB", "-5", ""])
def test_a_size_that_is_none(data: Path, run: Run, size: str) -> None:
    done = run("gc", "--data", str(data), "--max-size", size)
    assert done.status == 2
    assert "--max-size" in done.error


def test_a_folder_that_is_none(tmp_path: Path, run: Run) -> None:
    done = run("gc", "--data", str(tmp_path / "nothing"))
    assert done.status == 2
    assert not (tmp_path / "nothing").exists()
