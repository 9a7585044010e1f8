"""``renditor config show``: every setting, its value, and where that comes from."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from renditor.cli.terminal import JsonOption, answer, paint, table

if TYPE_CHECKING:
    from renditor.config import Settings

EXAMPLE = "RENDITOR_LIMITS__UPLOADS=100/hour renditor config show"

_HIDDEN = "***"
_SECRET_NAME = re.compile(r"secret|password|token|api_key|access_key|credential", re.IGNORECASE)
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


def unknown_settings(settings: Settings) -> list[str]:
    """Names in the settings file and the environment that mean nothing, sorted: most are misspelt."""
    from renditor.config import config_file  # noqa: PLC0415 - --help stays quick

    known = settings.model_dump()
    content = tomllib.loads(config_file().read_text()) if config_file().is_file() else {}
    names = [".".join(path) for path in _unknown(content, known)]
    return sorted(names + [name for name in os.environ if _is_unknown_variable(name, known)])


def _unknown(
    given: Mapping[str, Any], known: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    for name, value in given.items():
        if name not in known:
            yield (*path, name)
        elif isinstance(value, dict) and isinstance(known[name], dict) and known[name]:
            yield from _unknown(value, known[name], (*path, name))


def _is_unknown_variable(variable: str, known: Any) -> bool:
    if not variable.startswith("RENDITOR_") or variable.startswith(_OTHER_VARIABLES):
        return False
    for name in variable.removeprefix("RENDITOR_").lower().split("__"):
        if not isinstance(known, dict) or not known:  # below a table that users fill, every name is right
            return False
        if name not in known:
            return True
        known = known[name]
    return False


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
