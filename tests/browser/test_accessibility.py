"""axe-core's WCAG 2.2 A and AA rules over each state of the page, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from tests.server import RunningServer

from .visit import Visit, node_module

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(visit: Visit) -> list[str]:
    page = visit.page
    if not page.evaluate("'axe' in window"):
        page.evaluate(node_module("axe-core/axe.min.js").read_text())
    found = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
    return [f"{one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_violation_in_any_state(
    visit: Visit, server: RunningServer, photo: Path, clip: Path, song: Path, scheme: Literal["light", "dark"]
) -> None:
    visit.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    visit.page.goto(server.url)
    visit.page.locator("#gate").wait_for()
    assert violations(visit) == []

    visit.enter(server.key)
    visit.page.evaluate("document.getElementById('workspace').toggleAttribute('data-empty', true)")
    assert violations(visit) == []
    visit.page.evaluate("document.getElementById('workspace').toggleAttribute('data-empty', false)")

    visit.add(song)
    visit.finished("song.mp3")
    assert violations(visit) == []
    visit.add(clip)
    visit.finished("clip.mp4")
    visit.page.get_by_role("button", name="Go to 0:00").wait_for()
    assert violations(visit) == []
    visit.add({"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"plain text"})
    visit.finished("notes.jpg", "failed")
    assert violations(visit) == []
    visit.add(photo)
    visit.finished("photo.jpg")
    visit.page.get_by_role("radio", name="Fill").check()
    assert violations(visit) == []
    visit.page.get_by_role("button", name="Delete photo.jpg").click()
    assert violations(visit) == []
