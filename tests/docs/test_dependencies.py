"""docs/decisions/dependencies.md against pyproject.toml and the packages' own metadata."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib

import pytest

from tests.docs.pages import DOCS, ROOT, rows

PAGE = DOCS / "decisions" / "dependencies.md"
LISTED = {cells[0].strip("`"): cells for cells in rows(PAGE.read_text()) if cells[0].startswith("`")}


def direct_dependencies() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lists = [project["project"]["dependencies"], *project["project"].get("optional-dependencies", {}).values()]
    lists += project["dependency-groups"].values()
    names = [re.match(r"[A-Za-z0-9._-]+", line) for group in lists for line in group]
    return {name[0].lower() for name in names if name}


def test_every_direct_dependency_has_a_row_and_no_row_is_stale() -> None:
    assert set(LISTED) == direct_dependencies()


# In an environment of their own, which `make audit` makes.
ELSEWHERE = {"pip-audit", "cyclonedx-bom"}


@pytest.mark.parametrize("name", sorted(set(LISTED) - ELSEWHERE))
def test_licence_is_what_the_package_says(name: str) -> None:
    metadata = importlib.metadata.metadata(name).json
    said = " ".join(str(metadata.get(field, ""))[:2000] for field in ("license_expression", "license", "classifier"))
    licence = re.sub(r"\(.*\)", "", LISTED[name][2])
    families = re.findall(r"Apache|0BSD|BSD|MIT|MPL|LGPL|GPL|Zlib|CC0", licence)
    assert families
    for family in families:
        spelled = {"MPL": "MPL|Mozilla", "LGPL": "LGPL|Lesser"}.get(family, family)
        assert re.search(spelled, said), f"{name} does not say {family}: {said}"
