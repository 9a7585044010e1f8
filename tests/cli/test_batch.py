"""renditor image with several pictures: what is made, what is left alone, and what goes wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import pyvips

from renditor.testing import media
from tests.cli.conftest import Run


@pytest.fixture
def folder() -> Path:
    """holiday/: two pictures, a text, a text that says it is a picture, a hidden picture; a third picture below."""
    root = Path("holiday")
    (root / "beach").mkdir(parents=True)
    media.photo(root / "a.jpg", 120, 80)
    pyvips.Image.black(40, 30, bands=3).copy(interpretation="srgb").pngsave(str(root / "b.png"))
    media.photo(root / "beach" / "c.jpg", 80, 120)
    media.photo(root / ".hidden.jpg", 8, 8)
    (root / "notes.txt").write_text("no picture")
    return root


def files_below(folder: str) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def width_of(path: str) -> int:
    return int(pyvips.Image.new_from_buffer(Path(path).read_bytes(), "").width)  # by name libvips would remember it


def test_a_folder_keeps_names_and_formats(run: Run, folder: Path) -> None:
    done = run("image", folder, "web", "-t", "c_limit,w_50", "--json")
    assert done.status == 0
    assert files_below("web") == ["a.jpg", "b.png"]
    assert (width_of("web/a.jpg"), width_of("web/b.png")) == (50, 40)
    assert (done.json["kept"], done.json["failed"]) == ([], [])
    items = {Path(item["source"]).name: item for item in done.json["items"]}
    assert set(items) == {"a.jpg", "b.png"}
    assert items["a.jpg"]["path"] == str(Path("web/a.jpg").absolute())
    assert items["a.jpg"]["bytes"] == Path("web/a.jpg").stat().st_size


def test_folders_inside_come_along_when_asked(run: Run, folder: Path) -> None:
    assert run("image", folder, "web", "--recursive", "--format", "webp", "-q", "50").status == 0
    assert files_below("web") == ["a.webp", "b.webp", "beach/c.webp"]
    assert pyvips.Image.new_from_file("web/beach/c.webp").get("vips-loader") == "webpload"


def test_results_inside_the_folder_are_no_sources(run: Run, folder: Path) -> None:
    for _ in range(2):
        assert run("image", folder, folder / "web", "-r", "--overwrite").status == 0
    assert files_below("holiday/web") == ["a.jpg", "b.png", "beach/c.jpg"]


def test_what_is_there_already_is_left_alone(run: Run, folder: Path) -> None:
    Path("web").mkdir()
    Path("web/a.jpg").write_bytes(b"mine")
    done = run("image", folder, "web", "--json")
    assert done.status == 0
    assert [Path(item["path"]).name for item in done.json["kept"]] == ["a.jpg"]
    assert Path("web/a.jpg").read_bytes() == b"mine"
    assert run("image", folder, "web", "--overwrite").status == 0
    assert width_of("web/a.jpg") == 120


def test_one_bad_picture_does_not_stop_the_others(run: Run, folder: Path) -> None:
    (folder / "aa.jpg").write_text("this is no picture")
    whole = (folder / "a.jpg").read_bytes()
    (folder / "ab.jpg").write_bytes(whole[: len(whole) // 2])
    done = run("image", folder, "web", "--json")
    assert done.status == 1
    assert files_below("web") == ["a.jpg", "b.png"]
    failed = {Path(item["source"]).name: item["code"] for item in done.json["failed"]}
    assert failed == {"aa.jpg": "unsupported-media", "ab.jpg": "corrupt-media"}
    lines = [line for line in done.err.splitlines() if line.startswith("error:")]
    assert len(lines) == 2
    assert all("holiday" in line for line in lines)


def test_the_text_names_every_result_and_counts(run: Run, folder: Path) -> None:
    (folder / "bad.jpg").write_text("this is no picture")
    assert run("image", folder, "web").out.splitlines()[-1] == "web: 2 made, 1 failed"
    again = run("image", folder, "web")
    assert again.out == "web: 2 there already, 1 failed\n"


def test_files_that_are_named_go_to_a_folder(run: Run, folder: Path) -> None:
    shutil.copy(folder / "a.jpg", "without-extension")
    done = run("image", folder / "b.png", "without-extension", "web")
    assert done.status == 0
    assert files_below("web") == ["b.png", "without-extension.jpg"]
    Path("there").mkdir()
    assert run("image", folder / "a.jpg", "there").status == 0
    assert files_below("there") == ["a.jpg"]


def test_two_results_of_one_name_are_one_and_a_failure(run: Run, folder: Path) -> None:
    shutil.copy(folder / "b.png", folder / "a.png")
    done = run("image", folder, "web", "--format", "webp", "--json")
    assert done.status == 1
    assert [(Path(item["source"]).name, item["code"]) for item in done.json["failed"]] == [("a.png", "same-name")]
    assert width_of("web/a.webp") == 120


def test_no_picture_takes_its_own_place(run: Run, folder: Path) -> None:
    before = (folder / "a.jpg").read_bytes()
    done = run("image", folder, folder, "--overwrite", "-t", "w_10")
    assert done.status == 1
    assert "its own place" in done.err
    assert (folder / "a.jpg").read_bytes() == before


def test_what_cannot_begin_is_said_at_once(run: Run, folder: Path) -> None:
    Path("empty").mkdir()
    assert "There is no picture" in run("image", "empty", "web").error
    assert "is a file" in run("image", folder, folder / "a.jpg").error
    assert "There is no folder" in run("image", folder, folder / "a.jpg" / "web").error
    assert "No such file" in run("image", folder / "a.jpg", "missing.jpg", "web").error
    for arguments, said in (
        (("--format", "docx"), "not made as 'docx'"),
        (("-q", "200"), "q_200"),
        (("--layer", "logo"), "--layer logo"),
    ):
        done = run("image", folder, "web", *arguments)
        assert done.status == 2
        assert said in done.error
    assert not Path("web").exists()


def test_presets_of_the_settings_can_be_used(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDITOR_DELIVERY__PRESETS", '{"card": "c_fill,w_30,h_30"}')
    done = run("image", folder / "a.jpg", "card.png", "-t", "t_card", "--json")
    assert (done.json["width"], done.json["height"]) == (30, 30)
    assert run("image", folder / "a.jpg", "card.png", "-t", "t_none").status == 2


def test_layers_are_files_with_names(run: Run, folder: Path) -> None:
    pyvips.Image.black(20, 10, bands=3).copy(interpretation="srgb").pngsave("logo.png")
    chain = "l_logo/fl_layer_apply,g_north_west"
    done = run("image", folder, "web", "--format", "png", "-t", chain, "--layer", "logo=logo.png")
    assert done.status == 0
    for name in ("a", "b"):
        picture = pyvips.Image.new_from_buffer(Path(f"web/{name}.png").read_bytes(), "")
        assert max(picture(5, 5)[:3]) == 0
    missing = run("image", folder / "a.jpg", "marked.png", "-t", chain)
    assert missing.status == 1
    assert "logo" in missing.error
