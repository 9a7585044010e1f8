"""The checks of ``renditor doctor``. Each looks at the real thing: a file is written, a picture rendered, a video made.

To add one: a row in ``CHECKS`` (its name is stable, docs and scripts rely on it) and a function that gives its finding.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from ssl import CERT_NONE, PROTOCOL_TLS_CLIENT, SSLContext
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from renditor.errors import RenditorError, Unavailable
from renditor.ffmpeg import checks as programs
from renditor.images.base import Source
from renditor.sandbox.policy import protections

if TYPE_CHECKING:
    from renditor.cli.local import Bench
    from renditor.config import Settings
    from renditor.ffmpeg.binaries import Binaries

Status = Literal["OK", "WARN", "FAIL"]

# Name -> what it looks at, in the order of the report.
CHECKS: Final[Mapping[str, str]] = {
    "python": "This Python can run renditor.",
    "open-files": "A process may hold enough files and connections open.",
    "clock": "The clock is right: signed URLs and job leases depend on it.",
    "temp-folder": "Local commands have room for their temporary files.",
    "settings": "renditor.toml and RENDITOR_* hold valid settings, and no others.",
    "data-folder": "The data folder can be written, and others cannot read it.",
    "disk-space": "The disk of the data folder has room.",
    "database": "The catalog answers, and its tables have this version.",
    "tls": "The certificate and its key fit.",
    "master-key": "It opens the secrets of the catalog, and does not lie beside them.",
    "public-bind": "Who can reach the server from outside does so with TLS.",
    "proxies": "Proxies are believed that are one's own, and nobody else.",
    "metrics": "Numbers are not for everybody.",
    "server": "A server answers at the configured port, and is ready.",
    "landlock": "The kernel confines decoders to their files.",
    "seccomp": "The kernel confines decoders to harmless system calls.",
    "rlimits": "Memory and CPU time of decoders are limited.",
    "pdeathsig": "No process outlives its parent.",
    "ffmpeg": "FFmpeg is there.",
    "ffprobe": "ffprobe is there.",
    "packager": "Shaka Packager is there.",
    "libx264": "FFmpeg encodes H.264.",
    "aac": "FFmpeg encodes AAC.",
    "mjpeg": "FFmpeg encodes JPEG.",
    "libmp3lame": "FFmpeg encodes MP3.",
    "libopus": "FFmpeg encodes Opus.",
    "libvorbis": "FFmpeg encodes Vorbis.",
    "libx265": "FFmpeg encodes H.265.",
    "libvpx-vp9": "FFmpeg encodes VP9.",
    "libsvtav1": "FFmpeg encodes AV1.",
    "libwebp": "FFmpeg encodes WebP.",
    "tone-mapping": "FFmpeg brings HDR to ordinary screens.",
    "libvips": "A sandboxed decoder reads and writes every picture format.",
    "versions": "Programs and libraries have no hole that this renditor knows of.",
    "advisories": "The list of known holes is not older than half a year.",
    "scanner": "The scanner of uploads, where one is set up, passes a harmless file.",
    "conversion": "A small video of our own is converted and read back, in the sandbox.",
}

# What people see -> the check that explains it.
SYMPTOMS: Final[Mapping[str, str]] = {
    "Unknown encoder 'libx264'": "libx264",
    "Conversion failed!": "conversion",
    "ffmpeg is not installed.": "ffmpeg",
    "The database does not answer.": "database",
    "The server has no space left": "disk-space",
    "The data folder cannot be written.": "data-folder",
    "A decoder process cannot be started.": "libvips",
}

_OLDEST_PYTHON = (3, 11)
_FEW_FILES, _TOO_FEW_FILES = 1024, 256
_LITTLE_SPACE, _NO_SPACE = 2_000_000_000, 64 * 1024 * 1024  # bytes; below the second /readyz is not ready
_EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)  # no clock that is right shows an earlier time
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_SERVER_SECONDS = 3
_SOON = timedelta(days=14)  # what renews certificates by itself has done so by then

# A 1 x 1 GIF. All pictures of the check are made from it.
_SMALLEST_GIF = bytes.fromhex("47494638396101000100800000ffffff0000002c00000000010001000002024401003b")
_TEST_VIDEO = (
    *("-f", "lavfi", "-i", "testsrc2=size=128x72:rate=10:duration=1"),
    *("-f", "lavfi", "-i", "sine=frequency=440:duration=1"),
    *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "mp4", "test.mp4"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. ``fix`` says what to do; it is None where nothing is wrong."""

    name: str
    status: Status
    what: str
    fix: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def ok(name: str, what: str) -> Finding:
    return Finding(name, "OK", what)


def warn(name: str, what: str, fix: str) -> Finding:
    return Finding(name, "WARN", what, fix)


def fail(name: str, what: str, fix: str | None = None) -> Finding:
    return Finding(name, "FAIL", what, fix)


# -- this machine -----------------------------------------------------------------------------------------------------


def python() -> Finding:
    version = platform.python_version()
    if sys.version_info < _OLDEST_PYTHON:
        return fail("python", f"Python {version} is too old.", "Install Python 3.11 or newer.")
    return ok("python", f"Python {version} on {platform.system()} {platform.release()} {platform.machine()}")


def open_files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    fix = "Raise it: `ulimit -n 65536`, LimitNOFILE=65536 in a systemd unit, --ulimit nofile=65536 for a container."
    shown = "unlimited" if soft == resource.RLIM_INFINITY else f"{soft:,}"
    if soft != resource.RLIM_INFINITY and soft < _FEW_FILES:
        look = fail if soft < _TOO_FEW_FILES else warn
        return look("open-files", f"A process may open only {shown} files.", fix)
    return ok("open-files", f"{shown} files a process")


def clock() -> Finding:
    now = datetime.now(UTC)
    shown = now.strftime("%Y-%m-%d %H:%M:%S UTC")
    fix = "Turn time synchronisation on: `timedatectl set-ntp true`, or on the host of this container or machine."
    if now < _EARLIEST:
        return fail("clock", f"The clock says {shown}.", fix)
    if sys.platform == "linux":
        timex = ctypes.create_string_buffer(512)  # struct timex with modes = 0: only asks
        if ctypes.CDLL(None).adjtimex(timex) == _TIME_ERROR:
            return warn("clock", f"{shown}; the kernel does not know it to be synchronised.", fix)
    return ok("clock", shown)


def temp_folder() -> Finding:
    name, fix = "temp-folder", "Free some space there, or set TMPDIR to a larger folder that you may write to."
    try:
        folder = Path(tempfile.gettempdir())
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"renditor")
    except OSError as error:
        return fail(name, f"No temporary file can be written: {error.strerror}.", fix)
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_SPACE:
        return warn(name, f"{folder} has {_size(free)} free.", fix)
    return ok(name, f"{folder}, {_size(free)} free")


# -- the server's own -------------------------------------------------------------------------------------------------


def settings(values: Settings) -> Finding:
    """They are valid; does each variable also mean something? One that is misspelt has no effect."""
    from renditor.cli.config import unknown_variables  # noqa: PLC0415 - slow to import, and only wanted here
    from renditor.config import config_file  # noqa: PLC0415

    file = config_file()
    unknown = unknown_variables(values)
    if unknown:
        return warn("settings", f"No setting is named {', '.join(unknown)}.", _MISSPELT)
    return ok("settings", f"{file} and the environment" if file.is_file() else "defaults and the environment")


_MISSPELT = "Compare with `renditor config show`: a name that is not on its list has no effect."


def data_folder(data: Path) -> Finding:
    name = "data-folder"
    there = _nearest(data)
    if not os.access(there, os.W_OK | os.X_OK):
        return fail(
            name, f"{there} cannot be written.", "Give it to the user that runs renditor, or set RENDITOR_DATA."
        )
    if there != data:
        return ok(name, f"{data} is not there yet; `renditor serve` makes it.")
    if not data.is_dir():
        return fail(name, f"{data} is not a folder.", "Set RENDITOR_DATA, or --data, to a folder.")
    mode = stat.S_IMODE(data.stat().st_mode)
    if mode & 0o077:
        return warn(name, f"{data} can be entered by others (mode {mode:04o}).", f"chmod 700 {data}")
    return ok(name, f"{data} (mode {mode:04o})")


def disk_space(data: Path) -> Finding:
    free = shutil.disk_usage(_nearest(data)).free
    fix = "Free some space on the disk of the data folder or point RENDITOR_DATA to a larger one."
    if free < _LITTLE_SPACE:
        look = fail if free < _NO_SPACE else warn
        return look("disk-space", f"Only {_size(free)} are free.", fix)
    return ok("disk-space", f"{_size(free)} free")


def database(settings: Settings) -> Finding:
    from renditor.catalog.base import Catalog  # noqa: PLC0415 - slow to import, and only wanted here

    name = "database"
    if settings.database_url is None and not (settings.data / "catalog.sqlite").exists():
        return ok(name, "SQLite; not there yet, `renditor serve` makes it.")
    kind = urlsplit(settings.catalog_url).scheme.partition("+")[0]
    fix = "Check that it runs and that database_url names it, with user and password."
    if kind == "sqlite":
        fix = "Check the owner and the disk of the data folder; it must not lie on a network drive."
    try:
        catalog = Catalog(settings.catalog_url, settings.catalog)
        try:
            has, wanted = catalog.version()
        finally:
            catalog.close()
    except RenditorError as error:
        return fail(name, error.detail, fix if error.error_code == Unavailable.code else error.hint)
    if has == wanted:
        return ok(name, f"{kind}, tables of version {has}")
    if has is not None and has > wanted:
        return fail(
            name, f"Its tables have version {has}; this renditor knows {wanted}.", "Install the newer renditor."
        )
    return warn(
        name, f"Its tables have version {has or '0'} of {wanted}.", "Start `renditor serve`: it brings them up to date."
    )


def tls(settings: Settings) -> Finding:
    from renditor.cli.serving import check_certificate, validity  # noqa: PLC0415
    from renditor.cli.terminal import CommandError  # noqa: PLC0415

    try:
        check_certificate(settings.tls_cert, settings.tls_key)
    except CommandError as error:
        return fail("tls", error.detail, error.hint)
    if settings.tls_cert is None:
        return ok("tls", "not asked for: http")
    ends = validity(settings.tls_cert)[1]
    shown = f"certificate and key fit; valid until {ends:%Y-%m-%d}"
    if ends - datetime.now(UTC) < _SOON:
        return warn("tls", shown, "Renew the certificate, then restart renditor: it reads it at the start.")
    return ok("tls", shown)


def server(settings: Settings) -> Finding:
    """Ask ``/readyz`` at the bind address."""
    name = "server"
    url = urlsplit(settings.model_copy(update={"public_url": None}).base_url)
    try:
        status, body = _get(url.scheme, url.hostname or "", url.port or 0, "/readyz")
    except ConnectionRefusedError:
        return warn(name, f"Nothing runs at {url.geturl()}.", "Start it: renditor serve")
    except (OSError, HTTPException) as error:
        return fail(name, f"{url.geturl()} does not answer as it should ({type(error).__name__}).", _OTHER)
    if status == 200 and b'"ready"' in body:
        return ok(name, f"{url.geturl()} is ready.")
    if status == 503 and b'"checks"' in body:
        return fail(name, f"{url.geturl()} runs and is not ready.", f"See what it says: curl {url.geturl()}/readyz")
    return fail(name, f"Another program answers at {url.geturl()}.", _OTHER)


_OTHER = "Find it with `ss -ltnp`, or choose another port: RENDITOR_PORT, --port."


def _get(scheme: str, host: str, port: int, path: str) -> tuple[int, bytes]:
    connection = HTTPConnection(host, port, timeout=_SERVER_SECONDS)
    if scheme == "https":
        # Nothing is told or believed: only whether this machine's own server is there.
        context = SSLContext(PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = CERT_NONE
        connection = HTTPSConnection(host, port, timeout=_SERVER_SECONDS, context=context)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read(64 * 1024)
    finally:
        connection.close()


# -- the sandbox and what runs in it ----------------------------------------------------------------------------------


def sandbox() -> list[Finding]:
    kernel = protections()
    newer = "Run renditor on Linux 5.13 or newer"
    without = "Decoders run without this layer; the others stay."
    abi = kernel.landlock_abi
    return [
        ok("landlock", f"version {abi}")
        if abi
        else warn("landlock", f"This kernel has no Landlock. {without}", f"{newer}, with landlock in its `lsm=` list."),
        ok("seccomp", "active")
        if kernel.seccomp
        else warn("seccomp", f"No system call filters. {without}", f"{newer}, on x86-64 or ARM64."),
        ok("rlimits", "active")
        if kernel.rlimits
        else fail("rlimits", "Memory and CPU time cannot be limited.", "Run renditor on Linux or macOS."),
        ok("pdeathsig", "active")
        if kernel.pdeathsig
        else warn("pdeathsig", "Processes are ended by a pipe instead, a little later.", newer + "."),
    ]


def media_programs(binaries: Binaries) -> list[Finding]:
    """FFmpeg, ffprobe, packager and what FFmpeg was built with."""
    found = []
    for check in programs.check(binaries):
        status: Status = "OK" if check.ok else "FAIL" if check.required else "WARN"
        found.append(Finding(check.name.replace(" ", "-"), status, check.what, check.fix or None))
    return found


async def libvips(bench: Bench) -> Finding:
    """Write each format and read it back, in a decoder process."""
    from renditor.images.base import RemoteURL  # noqa: PLC0415 - only where there are tools
    from renditor.images.codecs.formats import FORMATS  # noqa: PLC0415
    from renditor.transformation import parse  # noqa: PLC0415

    provider = bench.tools.providers.images["libvips"]
    source = bench.folder / "picture.gif"
    source.write_bytes(_SMALLEST_GIF)
    fix = (
        "Install the packages pyvips and pyvips-binary into this Python, both of the versions in requirements/run.txt."
    )
    try:
        for fmt in FORMATS:
            rendered = await provider.render(Source(source, "gif"), parse("w_64,h_64"), fmt)
            if not isinstance(rendered, RemoteURL):
                made = bench.folder / f"picture.{fmt}"
                made.write_bytes(rendered.content)
                await provider.probe(made, fmt)
    except RenditorError as error:
        return fail("libvips", error.detail, fix)
    return ok("libvips", f"{_libvips_version()}: reads and writes {', '.join(FORMATS)}")


def _libvips_version() -> str:
    """Asked in a process of its own: libvips is never loaded into ours."""
    code = "import pyvips; print(*(pyvips.version(part) for part in range(3)), sep='.')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip() or "unknown version"


async def conversion(bench: Bench) -> Finding:
    """The whole way of an upload, in small: probe, plan, encode, package, poster, read back."""
    from renditor.ffmpeg.run import Budget  # noqa: PLC0415 - only where there are tools
    from renditor.video.ffmpeg import FFmpegVideo  # noqa: PLC0415

    name, folder = "conversion", bench.folder / "conversion"
    provider = bench.tools.providers.video["ffmpeg"]
    fix = (
        "Look at the other checks first. Where this one is OK and one file fails, the file is at fault: "
        "`renditor probe FILE` tells what is wrong with it."
    )
    if not isinstance(provider, FFmpegVideo):
        return warn(name, "The video provider does not work on this machine.", "Set RENDITOR_ROUTES__VIDEO=ffmpeg.")
    try:
        (folder / "job").mkdir(parents=True)
        await bench.tools.toolbox.ffmpeg(_TEST_VIDEO, folder=folder, budget=Budget(60, 100_000_000))
        source = folder / "test.mp4"
        plan = provider.plan(await provider.probe(source))
        outputs = await provider.run(plan, source, folder / "job", bench.report)
    except (RenditorError, OSError) as error:
        return fail(name, error.detail if isinstance(error, RenditorError) else str(error.strerror), fix)
    return ok(name, f"made and checked {', '.join(output.kind for output in outputs)} of a test video")


def _nearest(path: Path) -> Path:
    """The path itself, or the closest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"
