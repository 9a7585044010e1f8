"""``renditor config show``: every setting, its value, and where that comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli.terminal import JsonOption, answer, paint, table

if TYPE_CHECKING:
    from renditor.config import Settings

EXAMPLE = "RENDITOR_LIMITS__UPLOADS=100/hour renditor config show"

_HIDDEN = "***"
_SECRET_NAME = re.compile(r"secret|password|token|api_key|access_key|master_key|credential", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)([^/@:]*):([^/@]*)@")
_OTHER_VARIABLES = ("RENDITOR_CONFIG", "RENDITOR_DEBUG", "RENDITOR_KEY", "RENDITOR_SERVER", "RENDITOR_TEST_")
_URL_PARAMETER = re.compile(r"(?i)((?:password|secret|token|key)=)[^&]*")


def show(
    host: Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="As for `renditor serve`.")] = None,
    port: Annotated[
        int | None, typer.Option("--port", metavar="PORT", min=0, max=65535, help="As for `renditor serve`.")
    ] = None,
    data: Annotated[Path | None, typer.Option("--data", metavar="DIR", help="As for `renditor serve`.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="As for `renditor serve`.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show all settings with their values and where each comes from: default, file, env or flag.

    renditor.toml (or the file named by RENDITOR_CONFIG) < environment RENDITOR_* < flags. Secrets are hidden.
    """
    from renditor import config  # noqa: PLC0415 - --help stays quick

    flags = {"host": host, "port": port, "data": data, "workers": workers}
    given = {name: value for name, value in flags.items() if value is not None}
    settings = config.load(**given)
    file = config.config_file().absolute()
    found = list(_settings(settings, given))
    value = {"file": str(file) if file.is_file() else None, "settings": {setting["name"]: setting for setting in found}}
    rows = [("SETTING", "VALUE", "FROM"), *((s["name"], _text(s["value"]), _origin(s)) for s in found)]
    there = "" if file.is_file() else " (not there)"
    answer(value, f"Settings file: {file}{there}\n\n{table(rows)}", as_json=as_json)


def unknown_variables(settings: Settings) -> list[str]:
    """``RENDITOR_*`` variables that name no setting, sorted. What is wrong below a known name is refused on reading."""
    known = settings.model_dump()
    names = [name for name in os.environ if name.startswith("RENDITOR_") and not name.startswith(_OTHER_VARIABLES)]
    return sorted(name for name in names if name.removeprefix("RENDITOR_").lower().partition("__")[0] not in known)


def _settings(settings: Settings, flags: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource  # noqa: PLC0415 - --help stays quick

    from renditor.config import config_file  # noqa: PLC0415

    kind = type(settings)
    sources = (
        ("flag", flags),
        ("env", EnvSettingsSource(kind)()),
        ("file", TomlConfigSettingsSource(kind, config_file())()),
    )
    for path, value in _leaves(settings.model_dump(mode="json")):
        yield {
            "name": ".".join(path),
            "value": _hide(path[-1], value),
            "from": next((name for name, values in sources if _has(values, path)), "default"),
            "variable": f"RENDITOR_{'__'.join(path).upper()}",
        }


def _leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value


def _has(values: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(values, Mapping) or name not in values:
            return False
        values = values[name]
    return True


def _hide(name: str, value: Any) -> Any:
    """Passwords inside URLs, and whatever is called a secret."""
    if not isinstance(value, str):
        return value
    if _SECRET_NAME.search(name):
        return _HIDDEN
    if "://" not in value:
        return value
    return _URL_PARAMETER.sub(rf"\1{_HIDDEN}", _URL_PASSWORD.sub(rf"\1:{_HIDDEN}@", value))


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(map(str, value)) or "-" if isinstance(value, list) else str(value)


def _origin(setting: Mapping[str, Any]) -> str:
    if setting["from"] == "env":
        return paint(f"env {setting['variable']}", "green")
    return str(setting["from"]) if setting["from"] == "default" else paint(setting["from"], "green")
