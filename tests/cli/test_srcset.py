"""renditor srcset: the files, and a snippet that names them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
import pyvips

from renditor.testing import media
from tests.cli.conftest import Run
from tests.html import Tags


def offered(text: str) -> dict[str, int]:
    return {name: int(width[:-1]) for name, width in (entry.rsplit(" ", 1) for entry in text.split(", "))}


@pytest.fixture
def photo() -> Path:
    return media.photo(Path("my photo.jpg"), 800, 600)


def test_files_and_snippet_fit_together(run: Run, photo: Path) -> None:
    done = run("srcset", photo, "site", "--widths", "200,400,1600", "--alt", 'A "quoted" day', "--sizes", "50vw")
    assert done.status == 0
    assert done.err == ""
    tags = Tags(done.out).found
    assert [tag for tag, _ in tags] == ["picture", "source", "source", "img"]
    image = tags[-1][1]
    assert (image["alt"], image["sizes"]) == ('A "quoted" day', "50vw")
    assert (image["width"], image["height"], image["loading"]) == ("800", "600", "lazy")
    names = {}
    for tag, values in tags[1:]:
        loader = {"image/avif": "heifload", "image/webp": "webpload"}.get(values.get("type", ""), "jpegload")
        assert list(offered(values["srcset"]).values()) == [200, 400, 800], tag
        for url, width in offered(values["srcset"]).items():
            picture = pyvips.Image.new_from_buffer((Path("site") / unquote(url)).read_bytes(), "")
            assert picture.width == width
            assert picture.get("vips-loader").startswith(loader)
            names[unquote(url)] = width
    assert set(names) == {path.name for path in Path("site").iterdir()}
    assert image["src"] in offered(image["srcset"])


def test_json_names_every_file(run: Run, photo: Path) -> None:
    done = run("srcset", photo, "site", "--widths", "100", "--formats", "webp,png", "--url-prefix", "/img/", "--json")
    assert [(Path(item["path"]).name, item["format"]) for item in done.json["files"]] == [
        ("my photo-100.webp", "webp"),
        ("my photo-100.png", "png"),
    ]
    assert done.json["srcset"] == "/img/my%20photo-100.png 100w"
    assert all(item["bytes"] == Path(item["path"]).stat().st_size for item in done.json["files"])


def test_a_transformation_holds_for_every_file(run: Run, photo: Path) -> None:
    done = run("srcset", photo, "site", "--widths", "100,50", "-t", "ar_1:1,c_fill,f_png", "-q", "70", "--json")
    assert [(item["width"], item["height"], item["format"]) for item in done.json["files"]] == [
        (50, 50, "png"),
        (100, 100, "png"),
    ]


def test_transparency_has_a_fallback_that_keeps_it(run: Run) -> None:
    picture = pyvips.Image.black(60, 40, bands=4).copy(interpretation="srgb")
    picture.pngsave("logo.png")
    done = run("srcset", "logo.png", "site", "--widths", "60", "--json")
    assert [item["format"] for item in done.json["files"]] == ["avif", "webp", "png"]


def test_the_folder_may_hold_other_files(run: Run, photo: Path) -> None:
    Path("site").mkdir()
    Path("site/index.html").write_text("mine")
    assert run("srcset", photo, "site", "--widths", "50").status == 0
    assert Path("site/index.html").read_text() == "mine"


def test_what_cannot_be_is_said_and_leaves_nothing(run: Run, photo: Path, samples: Path) -> None:
    for arguments, said in (
        (("--widths", "wide"), "widths"),
        (("--widths", "0"), "widths"),
        (("--formats", "auto"), "formats"),
        (("--formats", "docx"), "formats"),
        (("-t", "w_huge"), "w_huge"),
        (("-t", "c_crop,w_10,h_10,x_5000"), "outside"),
    ):
        done = run("srcset", photo, "site", *arguments)
        assert done.status == 2, arguments
        assert said in done.error
    assert run("srcset", samples / "fake.jpg", "site").status == 1
    assert run("srcset", samples / "clip.mp4", "site").status == 1
    assert "is a file" in run("srcset", photo, photo).error
    assert not Path("site").exists()
