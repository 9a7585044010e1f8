"""The how-tos about pictures against the engine: sizes in tables, shares of the grammar, programs that are shown."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from renditor.images.pipeline.geometry import Size
from renditor.images.pipeline.walk import results
from renditor.transformation import TransformationError, parse
from renditor.transformation.gravity import GRAVITIES
from tests.docs.pages import DOCS, blocks, rows, section

CUT = DOCS / "how-to" / "cut-and-focus.md"
MOVE = DOCS / "how-to" / "move-from-cloudinary.md"
MODES = [cells for cells in rows(section(CUT, "Which mode?")) if cells[0] != "You want"]
TIERS = {
    cells[0]: int(cells[2].removesuffix(" %"))
    for cells in rows(section(MOVE, "1. See what you use"))
    if cells[0].isdigit()
}


@pytest.mark.parametrize("cells", MODES, ids=lambda cells: cells[1])
def test_size_in_the_table_of_modes(cells: list[str]) -> None:
    width, height = map(int, cells[2].split(" x "))
    assert results(Size(4000, 3000), parse(cells[1].strip("`")))[-1] == Size(width, height)


def test_gravities_in_the_table_exist() -> None:
    named = set(re.findall(r"`g_(\w+)", section(CUT, "What stays in view?")))
    assert len(named) > 5
    assert named <= {name.partition(":")[0] for name in GRAVITIES}


def test_shares_of_the_grammar_are_those_that_are_told(shared_data: Path) -> None:
    every, read = Counter[str](), Counter[str]()
    for line in (shared_data / "transformations.tsv").read_text().splitlines()[1:]:
        tier, text = line.split("\t", 1)
        every[tier] += 1
        try:
            parse(text)
        except TransformationError:
            continue
        read[tier] += 1
    assert f"collection of {every.total()} transformations" in MOVE.read_text()
    assert {tier: int(100 * read[tier] / every[tier]) for tier in every} == pytest.approx(TIERS, abs=1)


def test_the_check_of_a_site_names_what_is_refused() -> None:
    program = next(block.text for block in blocks(MOVE) if block.language == "python")
    asked = "c_fill,w_100,h_100\ne_background_removal\nw_abc\n"
    done = subprocess.run([sys.executable, "-c", program], input=asked, capture_output=True, text=True, check=True)
    assert [line.partition(" -> ")[0] for line in done.stdout.splitlines()] == ["e_background_removal", "w_abc"]
