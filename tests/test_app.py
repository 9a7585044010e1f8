"""The composition root: what lies in the data folder before anything is served."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from renditor import app, config
from renditor.config import Settings
from renditor.errors import BadRequest
from renditor.service import Keyrings
from tests.postgres import PostgresServer

OWN = "abcdefghijklmnopqrstuvwxyz0"  # as long as those of Cloudinary


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "sqlite":
        return config.load(data=tmp_path / "data")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.new_database(create=True).replace("postgresql:", "postgresql+psycopg:")
    return config.load(data=tmp_path / "data", database_url=url)


def opened(settings: Settings) -> tuple[Keyrings, list[str]]:
    """The secrets, and those that sign URLs."""
    catalog = app.open_catalog(settings)
    rings = app.open_keyrings(settings, catalog)
    try:
        return rings, [key.secret.decode() for key in rings.of_now("delivery").keys]
    finally:
        catalog.close()


def test_those_who_start_at_once_make_one_set_of_secrets(settings: Settings) -> None:
    app.prepare_data(settings)
    catalog = app.open_catalog(settings)
    catalog.migrate()
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda _: app.open_keyrings(settings, catalog), range(8)))
        list(threads.map(lambda rings: rings.prepare(), made))
    assert sorted(one.purpose for one in made[0].listing()) == ["audit", "delivery", "grants", "tokens"]
    catalog.close()
    (file,) = (settings.data / "secrets").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("master", 0o600)


def test_a_delivery_secret_in_a_file_is_taken_into_the_catalog(settings: Settings) -> None:
    app.prepare_data(settings)
    file = settings.data / "secrets" / "delivery"
    file.write_text(f"{OWN}\n")
    app.first_start(settings)
    assert not file.exists()
    assert opened(settings)[1] == [OWN]
    file.write_text(OWN)  # the same again
    app.first_start(settings)
    assert opened(settings)[1] == [OWN]
    file.write_text(OWN[::-1])
    app.first_start(settings)
    assert opened(settings)[1] == [OWN[::-1], OWN]


@pytest.mark.parametrize("left", ["", "short", "\x00" * 40, "\u00e4" * 40])
def test_a_secret_that_signs_nothing_is_refused(tmp_path: Path, left: str) -> None:
    """An empty file is what a crash between making and writing it leaves."""
    settings = config.load(data=tmp_path / "data")
    app.prepare_data(settings)
    (settings.data / "secrets" / "delivery").write_text(left)
    with pytest.raises(BadRequest) as caught:
        app.first_start(settings)
    assert str(tmp_path) not in caught.value.detail


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_master_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    settings = config.load(data=tmp_path / "data")
    app.first_start(settings)
    (settings.data / "secrets" / "master").chmod(mode)
    with pytest.raises(BadRequest, match="Others may read"):
        app.first_start(settings)


def test_another_master_key_does_not_start(settings: Settings) -> None:
    app.first_start(settings)
    (settings.data / "secrets" / "master").write_text("0f1e2d3c4b5a69788796a5b4c3d2e1f0" * 2)
    with pytest.raises(BadRequest, match="do not open") as caught:
        app.first_start(settings)
    assert "Several machines" in (caught.value.hint or "")
