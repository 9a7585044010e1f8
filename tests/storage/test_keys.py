"""Names of objects and files: ours, whatever the client calls them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import renditor
from renditor.content import sniff
from renditor.storage.keys import MEDIA_EXTENSIONS, generate_safe_filename


@given(st.text())
def test_any_name_becomes_a_safe_one(name: str) -> None:
    safe = generate_safe_filename(name)
    assert re.fullmatch(r"[0-9a-z]{26}(\.[0-9a-z]{2,4})?", safe)
    assert safe != generate_safe_filename(name)


@pytest.mark.parametrize(
    ("name", "end"),
    [("'; rm -rf /; echo '.mp4", ".mp4"), ("../../Photo.JPG", ".jpg"), ("a.mp4\0.php", ""), ("shell.php", ""),
     ("x.mp4;touch y", ""), ("archive.tar.gz", ""), (".htaccess", ""), ("", ""), ("photo.jpg/", ".jpg")],
)  # fmt: skip
def test_only_extensions_of_media_stay(name: str, end: str) -> None:
    safe = renditor.generate_safe_filename(name)
    assert safe[26:] == end


def test_every_format_that_is_accepted_keeps_its_extension() -> None:
    formats = {value.format for value in vars(sniff).values() if isinstance(value, sniff.Sniffed)}
    assert formats - MEDIA_EXTENSIONS <= {"svg"}  # which is drawn, and never kept under its name
