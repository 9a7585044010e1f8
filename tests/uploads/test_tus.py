"""What the headers of the tus protocol say, and what a request may do."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import BadRequest, Conflict, Forbidden, Gone, RenditorError, TooLarge, UnsupportedMedia
from renditor.uploads.tus import (
    BODY_TYPE,
    Checksum,
    Upload,
    answer,
    appended,
    check_append,
    joined,
    read_checksum,
    read_creation,
    read_metadata,
)

NOW = 1_000_000
OPEN = Upload("u1", "main", "anna", 100, "", NOW, NOW, NOW + 1000, offset=40)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_metadata() -> None:
    text = f"filename {encoded('Zoë 🎬.mp4')}, is_confidential,tags {encoded('a,b')}"
    assert read_metadata(text) == {"filename": "Zoë 🎬.mp4", "is_confidential": "", "tags": "a,b"}
    assert read_metadata("") == {}


@pytest.mark.parametrize(
    "text",
    [
        "filename !!!",
        "filename /w==",
        "filename \xff",
        f"a {encoded('1')},a {encoded('2')}",
        "na\x00me YQ==",
        "ü YQ==",
        f"{'k' * 101} YQ==",
        "x" * 9000,
        ",".join(f"k{number} YQ==" for number in range(33)),
        "a YQ==, a YQ==",
    ],
)
def test_bad_metadata(text: str) -> None:
    with pytest.raises(BadRequest):
        read_metadata(text)


@given(st.dictionaries(st.from_regex(r"[a-z_-]{1,20}", fullmatch=True), st.text(max_size=40), max_size=8))
def test_metadata_comes_back_as_it_was(values: dict[str, str]) -> None:
    assert read_metadata(",".join(f"{key} {encoded(value)}" for key, value in values.items())) == values


@given(st.lists(st.tuples(st.sampled_from(["filename", "tags", "x"]), st.text(max_size=20)), max_size=4))
def test_any_metadata_is_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(BadRequest):
        read_metadata(",".join(f"{key} {value}" for key, value in pairs))


@given(st.sampled_from(["sha1", "sha256"]), st.text(max_size=60))
def test_any_checksum_is_read_or_refused(algorithm: str, digest: str) -> None:
    with contextlib.suppress(BadRequest):
        read_checksum(f"{algorithm} {digest}")


@given(
    st.dictionaries(
        st.sampled_from(["upload-length", "upload-metadata", "upload-concat", "upload-defer-length"]),
        st.text(max_size=60),
    )
)
def test_any_creation_is_read_or_refused(headers: dict[str, str]) -> None:
    try:
        found = read_creation(headers, 1000, "/uploads/")
    except RenditorError as error:
        assert error.status in (400, 413)
    else:
        assert found.concat == "final" or 0 <= (found.length or 0) <= 1000


@pytest.mark.parametrize("length", ["-1", "1.5", "0x10", "+5", "", " ", "1e3", "٣", "9" * 30, "007"])
def test_a_length_that_is_none(length: str) -> None:
    with pytest.raises(BadRequest):
        read_creation({"upload-length": length}, 10**12, "/uploads/")


def test_too_long_and_no_length() -> None:
    with pytest.raises(TooLarge):
        read_creation({"upload-length": "1001"}, 1000, "/uploads/")
    for headers in ({}, {"upload-defer-length": "1"}):
        with pytest.raises(BadRequest):
            read_creation(headers, 1000, "/uploads/")


def test_parts_are_named_by_path_or_url() -> None:
    found = read_creation({"upload-concat": "final;/uploads/a https://h.example:1/base/uploads/b"}, 9, "/uploads/")
    assert (found.concat, found.parts, found.length) == ("final", ("a", "b"), None)


@pytest.mark.parametrize(
    "text", ["final", "final;", "final;/other/a", "finally;/uploads/a", "final;/uploads/a /uploads/a", "partial;", "x"]
)
def test_parts_that_are_none(text: str) -> None:
    with pytest.raises(BadRequest):
        read_creation({"upload-concat": text}, 9, "/uploads/")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_checksums(algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"hello").digest()
    assert read_checksum(f"{algorithm} {base64.b64encode(digest).decode()}") == Checksum(algorithm, digest)
    assert read_checksum(None) is None


@pytest.mark.parametrize(
    "text", ["", "sha1", "sha1 ", "md5 XUFAKrxLKna5cZ2REBfFkg==", "sha1 YQ==", "crc32 YQ==", "sha1 !"]
)
def test_bad_checksums(text: str) -> None:
    with pytest.raises(BadRequest):
        read_checksum(text)


def test_a_piece_where_the_upload_is() -> None:
    check_append(OPEN, BODY_TYPE, "40", 60, NOW)
    check_append(OPEN, f"{BODY_TYPE}; charset=binary", "40", None, NOW)


@pytest.mark.parametrize(
    ("change", "content_type", "offset", "declared", "error"),
    [
        ({}, "application/octet-stream", "40", 10, UnsupportedMedia),
        ({}, None, "40", 10, UnsupportedMedia),
        ({}, BODY_TYPE, "39", 10, Conflict),
        ({}, BODY_TYPE, "41", 10, Conflict),
        ({}, BODY_TYPE, None, 10, BadRequest),
        ({}, BODY_TYPE, "-1", 10, BadRequest),
        ({}, BODY_TYPE, "40", 61, TooLarge),
        ({"expires_at": NOW}, BODY_TYPE, "40", 10, Gone),
        ({"status": "done"}, BODY_TYPE, "40", 10, Conflict),
        ({"concat": "final"}, BODY_TYPE, "40", 10, Forbidden),
    ],
)
def test_pieces_that_are_not_let_in(
    change: dict[str, object], content_type: str | None, offset: str | None, declared: int, error: type[RenditorError]
) -> None:
    with pytest.raises(error):
        check_append(replace(OPEN, **change), content_type, offset, declared, NOW)  # type: ignore[arg-type]


def test_a_partial_upload_is_done_when_it_is_whole() -> None:
    part = replace(OPEN, concat="partial")
    assert appended(part, 59, NOW, NOW).status == "open"
    assert appended(part, 60, NOW, NOW).status == "done"
    assert appended(OPEN, 60, NOW, NOW).status == "open"  # until it is an asset


def test_parts_make_a_whole() -> None:
    whole = replace(OPEN, concat="partial", offset=100)
    assert joined((whole, replace(whole, id="u2")), 200, NOW) == 200
    for parts, error in (
        ((whole, OPEN), BadRequest),
        ((replace(whole, offset=99),), BadRequest),
        ((replace(whole, expires_at=NOW),), Gone),
        ((whole, whole, whole), TooLarge),
    ):
        with pytest.raises(error):
            joined(parts, 200, NOW)


def test_what_is_told() -> None:
    assert answer(replace(OPEN, metadata="a YQ=="), "/uploads/") == {
        "upload-offset": "40",
        "upload-length": "100",
        "upload-metadata": "a YQ==",
    }
    assert answer(replace(OPEN, concat="partial"), "/uploads/")["upload-concat"] == "partial"


def test_a_final_upload_names_its_parts_as_they_are_asked_for_and_has_no_offset_until_it_is_joined() -> None:
    final = replace(OPEN, concat="final", parts=("a", "b"))
    told = answer(final, "/uploads/")
    assert told == {"upload-length": "100", "upload-concat": "final;/uploads/a /uploads/b"}
    assert read_creation({"upload-concat": told["upload-concat"]}, 100, "/uploads/").parts == final.parts
    assert answer(replace(final, offset=100), "/uploads/")["upload-offset"] == "100"
