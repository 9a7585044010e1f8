"""A watched page, waiting with a limit, and what to do where no browser is installed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import pytest
from playwright.sync_api import Dialog, Page

NODE_MODULES = Path(__file__).parent / "node_modules"
SETUP = ".ci/setup-browser installs it"
STEP_MS = 15_000  # one step in the page; a broken page or playlist must fail, not hang
PROCESSING_S = 180  # a video on two busy cores


def lacking(what: str) -> NoReturn:
    """Skip, or fail where the environment says that a browser has to be there (continuous integration does)."""
    if os.environ.get("RENDITOR_TEST_BROWSER") == "required":
        pytest.fail(f"{what}: {SETUP}")
    pytest.skip(f"{what}: {SETUP}")


def node_module(path: str) -> Path:
    """A file out of ``node_modules``; the test is skipped where it is not installed."""
    file = NODE_MODULES / path
    if not file.is_file():
        lacking(f"{path} is not in tests/browser/node_modules")
    return file


def until(check: Callable[[], Any], what: str, seconds: float = STEP_MS / 1000) -> Any:
    """Ask ``check`` until it answers something true. Playwright's own wait needs ``eval``, which the page forbids."""
    end = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)
    return value


@dataclass
class Visit:
    """One page in a browser context of its own, with everything that went wrong in it."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.set_default_timeout(STEP_MS)
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        # The context's requests, not the page's: workers and media players ask too.
        self.page.context.on("request", lambda request: self._note(request.url))

    def _dialog(self, dialog: Dialog) -> None:
        if dialog.type != "beforeunload":
            self.errors.append(f"dialog: {dialog.message}")
        dialog.accept()

    def _note(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "blob:", "data:")):
            self.foreign.append(url)

    def enter(self, key: str) -> None:
        """Open the page as the line in the terminal does: with the key in the fragment."""
        self.page.goto(f"{self.url}/#key={key}")
        self.page.locator("#workspace").wait_for()

    def add(self, *files: Path | dict[str, Any]) -> None:
        """Choose files in the picker."""
        self.page.locator("#files").set_input_files(list(files))  # type: ignore[arg-type]

    def item(self, name: str) -> Any:
        """The newest line of that name in the list."""
        return self.page.locator("#items li").filter(has_text=name).first

    def phase(self, name: str) -> str | None:
        value: str | None = self.item(name).get_attribute("data-phase")
        return value

    def finished(self, name: str, phase: str = "completed", seconds: float = PROCESSING_S) -> None:
        until(lambda: self.phase(name) in {"completed", "failed", "cancelled"}, f"{name} ends", seconds)
        assert self.phase(name) == phase, self.item(name).inner_text()

    def open(self, name: str) -> None:
        self.item(name).locator(".pick").click()

    def assert_clean(self) -> None:
        assert self.errors == []
        assert self.foreign == []
