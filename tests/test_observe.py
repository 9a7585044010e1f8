"""What is logged: no secrets, and no lines that somebody else wrote."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.observe import on_one_line, without_secrets

KEY = "rk_01m839w1j1px4qvdqvpvmbf7ej_" + "ab" * 32
TOKEN = KEY.replace("rk_", "rt_")
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"Bearer {KEY}", "Bearer rk_***"),
        (f"/media/x/events?token={TOKEN}&a=b", "/media/x/events?token=rt_***&a=b"),
        (f"token {JWT}!", "token ***!"),
        ("/main/image/private/g--abc.def--/w_3/cat.jpg", "/main/image/private/g--***--/w_3/cat.jpg"),
        ("/main/image/upload/s--Ab_-12--/cat.jpg", "/main/image/upload/s--***--/cat.jpg"),
        ("postgresql+psycopg://anna:p%40ss:w@db/media", "postgresql+psycopg://***@db/media"),
        ("https://example.com:443/a@b 12:30", "https://example.com:443/a@b 12:30"),
    ],
)
def test_what_opens_something_is_left_out(text: str, left: str) -> None:
    assert without_secrets(text) == left


@given(st.text())
def test_any_text_stays_on_its_line(text: str) -> None:
    assert on_one_line(text).isprintable()
    assert len(on_one_line(text).splitlines()) <= 1


PROGRAM = f"""
import logging
from renditor import observe
observe.configure_logs("info", FORM)
observe.log().info("seen", path="a\\r\\nforged\\x1b[31m\\u2028forged", password="canary", url="/files/g--canary--/a")
try:
    raise ValueError("told\\nforged {TOKEN} \\x1b[0m")
except ValueError:
    observe.log().exception("failed")
logging.getLogger("other").warning("a\\nforged \\x1b %s", "{KEY}")
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_that_is_logged_forges_a_line_or_tells_a_secret(form: str) -> None:
    program = PROGRAM.replace("FORM", repr(form))
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr
    assert "canary" not in told
    assert "ab" * 32 not in told
    assert "\x1b" not in told
    assert "forged" in told
    assert not any(line.startswith("forged") for line in told.splitlines())
    if form == "json":
        lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
        assert [line["event"] for line in lines] == ["seen", "failed"]
