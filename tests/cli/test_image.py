"""renditor image."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from tests.cli.conftest import Run


@pytest.mark.parametrize("extension", ["jpg", "jpeg", "png", "webp", "avif", "gif"])
def test_the_extension_says_the_format(run: Run, samples: Path, extension: str) -> None:
    target = Path(f"small.{extension}")
    done = run("image", samples / "photo.jpg", target, "-t", "c_fill,w_60,h_40", "--json")
    assert done.status == 0
    assert (done.json["width"], done.json["height"]) == (60, 40)
    assert done.json["bytes"] == target.stat().st_size
    loader = {"jpeg": "jpeg", "jpg": "jpeg", "avif": "heif"}.get(extension, extension)
    picture = pyvips.Image.new_from_file(str(target))
    assert (picture.width, picture.height) == (60, 40)
    assert picture.get("vips-loader").startswith(loader)


def test_the_photo_comes_out_upright_and_without_position(process: Run, samples: Path) -> None:
    done = process("image", samples / "photo.jpg", "upright.jpg")
    assert done.status == 0
    assert done.out.startswith("upright.jpg: jpg, 480 x 640 px, ")
    assert done.err == ""
    picture = pyvips.Image.new_from_file("upright.jpg")
    assert (picture.width, picture.height) == (480, 640)
    assert not [name for name in picture.get_fields() if "GPS" in name]


def test_a_format_in_the_transformation_wins(run: Run, samples: Path) -> None:
    done = run("image", samples / "photo.jpg", "small.bin", "-t", "w_50,f_png", "--json")
    assert done.json["format"] == "png"
    assert Path("small.bin").read_bytes().startswith(b"\x89PNG")


def test_what_is_wrong_with_what_was_typed_is_wrong_usage(run: Run, samples: Path) -> None:
    photo = samples / "photo.jpg"
    for arguments, said in (
        ((photo, "out.jpg", "-t", "w_huge"), "w_huge"),
        ((photo, "out.jpg", "-t", "zz_1"), "zz_1"),
        ((photo, "out.xyz"), "out.xyz"),
        ((photo, "out"), "The format of out is not known"),
        ((photo, ".jpg"), "The format of .jpg is not known"),
        ((photo, "out.jpg", "-t", "c_crop,w_10,h_10,x_9999"), "outside the picture"),
    ):
        done = run("image", *arguments)
        assert done.status == 2
        assert said in done.error
    assert list(Path().iterdir()) == []


def test_what_is_wrong_with_the_files_is_failure(run: Run, samples: Path) -> None:
    for source, said in (
        (samples / "fake.jpg", "not of an accepted type"),
        (samples / "clip.mp4", "is a video file"),
        (Path("missing.jpg"), "No such file"),
    ):
        done = run("image", source, "out.jpg", "-t", "w_10")
        assert done.status == 1
        assert said in done.error
    photo = samples / "photo.jpg"
    assert "is the input itself" in run("image", photo, photo).error
    assert "There is no folder" in run("image", photo, "none/out.jpg").error
    assert list(Path().iterdir()) == []


def test_a_result_replaces_an_older_one_only_when_it_is_there(run: Run, samples: Path) -> None:
    target = Path("out.png")
    target.write_bytes(b"the old one")
    assert run("image", samples / "fake.jpg", target).status == 1
    assert target.read_bytes() == b"the old one"
    assert run("image", samples / "photo.jpg", target, "-t", "w_20").status == 0
    assert target.read_bytes().startswith(b"\x89PNG")
