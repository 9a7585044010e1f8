"""The parts of the docs that are made from the code, and the command that renews them.

    python -m tests.docs.derived

A page holds ``<!-- derived: NAME -->`` ... ``<!-- end -->``; what stands between is what ``DERIVED[NAME]()`` returns.
``test_derived.py`` compares.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from renditor import errors
from renditor.config import Settings
from renditor.recipes.settings import AudioRecipe, VideoRecipe
from renditor.transformation import choices, flags, gravity
from renditor.transformation.conditions import COMPARISONS
from renditor.transformation.effects import EFFECTS, Parameter
from renditor.transformation.expressions import MEASURES
from renditor.transformation.flags import FlagsKind
from renditor.transformation.gravity import GravityKind
from renditor.transformation.kinds import ChoiceKind
from renditor.transformation.operations import OPERATIONS, Operation
from renditor.transformation.presets import SHIPPED
from renditor.video.steps import Step
from tests.docs.commandline import commands
from tests.docs.pages import ROOT, pages

_BLOCK = re.compile(r"(<!-- derived: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
EXAMPLE_FILE = ROOT / "renditor.example.toml"

# Too short to be taken: who forgets to put a secret in its place is told so at the start.
_SECRET = '"<openssl rand -hex 32>"'
# Values to show for settings that have none by default.
_EXAMPLES = {
    "public_url": '"https://media.example.com"',
    "database_url": '"postgresql+psycopg://user:password@localhost/renditor"',
    "master_key": _SECRET,
    "metrics_token": _SECRET,
    "tls_cert": '"/etc/renditor/fullchain.pem"',
    "tls_key": '"/etc/renditor/privkey.pem"',
    "delivery.url": '"https://files.example.com"',
    "delivery.presets": '{ card = "c_fill,w_640,ar_16:9,f_auto" }',
    "delivery.proxy_url": '"https://res.cloudinary.com/demo"',
    "delivery.accel_prefix": '"/_files"',
    "delivery.cache_size": "10_737_418_240",
    "ffmpeg.ffmpeg": '"/usr/bin/ffmpeg"',
    "ffmpeg.ffprobe": '"/usr/bin/ffprobe"',
    "ffmpeg.packager": '"/usr/local/bin/packager"',
    "video.ladders": "{ small = [{ short_side = 480, crf = 24, maxrate = 1_000_000 }] }",
    "recipes.video": '{ clip = { tier = "instant", outputs = ["hls", "poster"] } }',
    "recipes.audio": '{ podcast = { formats = ["mp3"], bitrate = 96_000, loudness = -16 } }',
    "jobs.database_url": '"postgresql://user:password@localhost/renditor_jobs"',
    "access.jwt_issuer": '"https://login.example.com/"',
    "access.jwt_audience": '"https://media.example.com"',
    "access.jwt_secret": _SECRET,
    "access.jwt_jwks_url": '"https://login.example.com/.well-known/jwks.json"',
    "content.scan_socket": '"/run/clamav/clamd.ctl"',
    "content.scan_command": '["/usr/bin/clamscan", "--no-summary", "{file}"]',
    "cors.origins": '["https://app.example.com"]',
}
_BY_MACHINE = "depends on the machine"


@dataclass(frozen=True)
class Setting:
    """One setting. ``default`` is TOML, or None: none, or found on the machine."""

    name: str
    default: str | None
    by_machine: bool
    meaning: str

    @property
    def variable(self) -> str:
        return "RENDITOR_" + self.name.upper().replace(".", "__")

    @property
    def size(self) -> str:
        """A number of bytes as people read it, or empty."""
        count = int(self.default) if self.default and self.default.replace("_", "").isdigit() else 0
        for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB")):
            if count and count % unit == 0:
                return f"{count // unit} {name}"
        return ""

    @property
    def section(self) -> str:
        return self.name.rpartition(".")[0]


def settings() -> list[Setting]:
    """Every setting, in the order of the models; the ones without section first."""
    return list(_settings(Settings))


def _settings(model: type[BaseModel], prefix: str = "") -> Iterator[Setting]:
    fields = sorted(model.model_fields.items(), key=lambda item: _submodel(item[1]) is not None)
    for name, field in fields:
        below = _submodel(field)
        if below:
            yield from _settings(below, f"{prefix}{name}.")
            continue
        made_here = field.default_factory is not None and field.default_factory not in (dict, list, tuple)
        value = None if made_here else field.get_default(call_default_factory=True)
        meaning = field.description or _first_sentence(model)
        yield Setting(f"{prefix}{name}", _toml(value), made_here, meaning)


def _submodel(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _first_sentence(model: type[BaseModel]) -> str:
    text = " ".join((model.__doc__ or "").split())
    return re.split(r"(?<=\.) ", text)[0]


def _toml(value: Any) -> str | None:
    if value is None or value is PydanticUndefined or value == {}:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:_}" if isinstance(value, int) and value >= 1_000_000 else str(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) or "" for item in value) + "]"
    return '"' + str(value) + '"'


def settings_tables() -> str:
    parts, section = ["| Setting | Variable | Default | Meaning |\n|---|---|---|---|"], ""
    for setting in settings():
        if setting.section != section:
            section = setting.section
            parts.append(f"\n### {section}\n\n| Setting | Variable | Default | Meaning |\n|---|---|---|---|")
        default = _BY_MACHINE if setting.by_machine else f"`{setting.default}`" if setting.default else "none"
        default += f" ({setting.size})" if setting.size else ""
        parts.append(f"| `{setting.name}` | `{setting.variable}` | {default} | {_cell(setting.meaning)} |")
    return "\n".join(parts)


# Settings that hold entries by name: what an entry is called, and its model.
_ENTRIES: tuple[tuple[str, type[BaseModel]], ...] = (
    ("recipes.video.NAME", VideoRecipe),
    ("recipes.audio.NAME", AudioRecipe),
    ("[[video.ladders.NAME]]", Step),
)


def entries_tables() -> str:
    parts = []
    for title, model in _ENTRIES:
        lines = [f"### {title}", "", "| Setting | Default | Meaning |", "|---|---|---|"]
        for setting in _settings(model):
            required = model.model_fields[setting.name].is_required()
            default = f"`{setting.default}`" if setting.default else "must be given" if required else "none"
            lines.append(f"| `{setting.name}` | {default} | {_cell(setting.meaning)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def example_file() -> str:
    lines = [
        "# Every setting of renditor with its default. Copy this file to renditor.toml, take the # away from what you",
        "# want to change, and see what counts with: renditor config show",
        "# The environment wins over this file (limits.uploads is also RENDITOR_LIMITS__UPLOADS), options of a command",
        "# win over both. renditor.toml is looked for in the current folder; RENDITOR_CONFIG names another file.",
    ]
    section = ""
    for setting in settings():
        if setting.section != section:
            section = setting.section
            lines += ["", f"[{section}]"]
        key = setting.name.rpartition(".")[2]
        lines.append("")
        lines += [f"# {line}" for line in _wrap(setting.meaning, 116)]
        if setting.by_machine:
            lines.append(f"# Default: {_BY_MACHINE}.")
            lines.append(f"#{key} = 2")
        elif setting.default is None:
            lines.append("# Default: none. Example:")
            lines.append(f"#{key} = {_EXAMPLES[setting.name]}")
        else:
            lines.append(f"#{key} = {setting.default}" + (f"  # {setting.size}" if setting.size else ""))
    return "\n".join(lines) + "\n"


def _wrap(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


# -- the delivery grammar ---------------------------------------------------------------------------------------------


def operations_table() -> str:
    lines = ["| Parameter | Name | For | Value | What it does |", "|---|---|---|---|---|"]
    for operation in OPERATIONS:
        media = " and ".join(sorted(operation.media))
        doc = _cell(operation.doc) + _WAITS[operation.waits]
        lines.append(f"| `{operation.label}` | {operation.name} | {media} | {_values(operation)} | {doc} |")
    return "\n".join(lines)


# What of a value may be a variable, in a word after its description.
_WAITS = {
    "never": "",
    "variable": " May be a variable.",
    "whole": " May be an expression.",
    "decimal": " May be an expression.",
    "layer": " May hold variables.",
}


def _values(operation: Operation[Any]) -> str:
    kind = operation.kind
    if isinstance(kind, ChoiceKind | FlagsKind | GravityKind):
        return ", ".join(f"`{name}`" for name in kind.options)
    return _cell(kind.expects)


def choices_tables() -> str:
    named = {
        "Crop modes": ("c", choices.CROP_MODES),
        "Gravities": ("g", gravity.GRAVITIES),
        "Formats": ("f", choices.FORMATS),
        "Flags": ("fl", flags.FLAGS),
        "Colour spaces": ("cs", choices.COLOUR_SPACES),
    }
    parts = []
    for title, (key, options) in named.items():
        rows = [f"| `{key}_{name}` | {_cell(meaning)} |" for name, meaning in options.items()]
        parts.append("\n".join([f"### {title}\n", "| | |\n|---|---|", *rows]))
    return "\n\n".join(parts)


def effects_table() -> str:
    lines = [
        "| Effect | What it does | Arguments (what they are when left out) | Reads |",
        "|---|---|---|---|",
    ]
    for name, declared in EFFECTS.items():
        parameters = [*declared.parameters, *declared.repeated]
        arguments = "; ".join(f"{one.name}: {_cell(_expects(one))} ({_default(one)})" for one in parameters)
        arguments += ", and so on" if declared.repeated else ""
        reads = " ".join(f"`{key}`" for key in sorted(declared.uses))
        doc = declared.doc + (" (of a layer, beside `fl_layer_apply`)" if declared.layers_only else "")
        lines.append(f"| `e_{name}` | {_cell(doc)} | {arguments} | {reads} |")
    return "\n".join(lines)


def _expects(parameter: Parameter) -> str:
    kind = parameter.kind
    return ", ".join(kind.options) if isinstance(kind, ChoiceKind) else kind.expects


def _default(parameter: Parameter) -> str:
    written: str = parameter.kind.write(parameter.default)  # type: ignore[arg-type]  # a default is of its kind
    return written


def expressions_tables() -> str:
    measures = {name: meaning for name, (meaning, _) in MEASURES.items()}
    named = {"Measures": measures, "Comparisons": COMPARISONS}
    parts = []
    for title, options in named.items():
        rows = [f"| `{name}` | {_cell(meaning)} |" for name, meaning in options.items()]
        parts.append("\n".join([f"### {title}\n", "| | |\n|---|---|", *rows]))
    return "\n\n".join(parts)


def presets_table() -> str:
    rows = [f"| `t_{name}` | `{text}` |" for name, text in SHIPPED.items()]
    return "\n".join(["| | |\n|---|---|", *rows])


# -- errors -----------------------------------------------------------------------------------------------------------


def error_classes() -> list[type[errors.RenditorError]]:
    """Every class of the tree that has a code of its own, by status."""

    def below(kind: type[errors.RenditorError]) -> Iterator[type[errors.RenditorError]]:
        for child in kind.__subclasses__():
            if child.__module__ == errors.__name__:
                yield child
                yield from below(child)

    return sorted(below(errors.RenditorError), key=lambda kind: (kind.status, kind.code))


def errors_table() -> str:
    lines = ["| Status | Code | Title |", "|---|---|---|"]
    lines += [f"| {kind.status} | `{kind.code}` | {kind.title} |" for kind in error_classes()]
    return "\n".join(lines)


# -- the command line -------------------------------------------------------------------------------------------------


def commands_reference() -> str:
    parts = []
    for name, command in commands().items():
        paragraphs = [" ".join(part.split()) for part in command.text.split("\n\n")]
        lines = [f"## renditor {name}", "", "\n\n".join(paragraphs), "", "```sh", command.example, "```", ""]
        lines += ["| | |", "|---|---|"]
        lines += [f"| `{item.spelled}` | {_cell(item.text)} |" for item in command.parameters]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "\\<")


# -- the pages --------------------------------------------------------------------------------------------------------

DERIVED: dict[str, Callable[[], str]] = {
    "settings": settings_tables,
    "entries": entries_tables,
    "operations": operations_table,
    "choices": choices_tables,
    "effects": effects_table,
    "expressions": expressions_tables,
    "presets": presets_table,
    "errors": errors_table,
    "commands": commands_reference,
}


def renewed(text: str) -> str:
    """A page's text with all derived parts as they should be."""
    return _BLOCK.sub(lambda match: f"{match[1]}\n{DERIVED[match['name']]()}\n\n{match[3]}", text)


def used(page: Path) -> list[str]:
    return [match["name"] for match in _BLOCK.finditer(page.read_text())]


def main() -> None:
    for page in pages():
        old = page.read_text()
        new = renewed(old)
        if new != old:
            page.write_text(new)
            print(f"renewed {page.relative_to(ROOT)}")
    if not EXAMPLE_FILE.exists() or EXAMPLE_FILE.read_text() != example_file():
        EXAMPLE_FILE.write_text(example_file())
        print(f"renewed {EXAMPLE_FILE.name}")


if __name__ == "__main__":
    main()
