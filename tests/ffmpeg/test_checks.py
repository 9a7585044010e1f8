from __future__ import annotations

from pathlib import Path

from renditor.ffmpeg.binaries import Binaries, Binary, Capabilities
from renditor.ffmpeg.checks import Check, check


def by_name(binaries: Binaries) -> dict[str, Check]:
    return {one.name: one for one in check(binaries)}


def test_the_packages_pass_every_check(binaries: Binaries) -> None:
    assert [one for one in check(binaries) if not one.ok or one.fix] == []


def test_nothing_installed_says_what_to_install() -> None:
    found = by_name(Binaries())
    assert {one.name for one in found.values() if not one.ok and one.required} == {"ffmpeg", "ffprobe", "packager"}
    assert "imageio-ffmpeg" in found["ffmpeg"].fix


def test_a_missing_encoder_has_a_fix() -> None:
    poor = Binary(Path("ffmpeg"), "5.1.9-0+deb12u1", "", Capabilities(encoders=frozenset({"aac", "mjpeg"})))
    found = by_name(Binaries(ffmpeg=poor))
    assert (found["libx264"].ok, found["libx264"].required) == (False, True)
    assert "built without" in found["libx264"].fix
    assert (found["libsvtav1"].ok, found["libsvtav1"].required) == (False, False)
    assert (found["tone mapping"].ok, found["tone mapping"].required) == (False, False)
    assert found["ffmpeg"].ok


def test_an_old_ffmpeg_is_too_old() -> None:
    old = Binary(Path("ffmpeg"), "4.4.2-0ubuntu0", "")
    assert not by_name(Binaries(ffmpeg=old))["ffmpeg"].ok
    branch = Binary(Path("ffmpeg"), "N-12345-gabcdef", "")
    assert by_name(Binaries(ffmpeg=branch))["ffmpeg"].ok
