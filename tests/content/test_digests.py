"""Digest fields: what is read of them, and bodies that are not what was promised."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.content.digests import Digests, read_digests
from renditor.errors import BadRequest


def member(algorithm: str, content: bytes) -> str:
    digest = hashlib.new(algorithm.replace("-", ""), content).digest()
    return f"{algorithm}=:{base64.b64encode(digest).decode()}:"


# The examples of RFC 9530, appendix B.1 and D.
EXAMPLE = b'{"hello": "world"}\n'
OF_EXAMPLE = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


def test_the_example_of_the_rfc() -> None:
    digests = Digests(read_digests("Content-Digest", OF_EXAMPLE))
    digests.update([EXAMPLE[:5], EXAMPLE[5:]])
    digests.check()


@given(st.lists(st.binary(), max_size=5), st.sampled_from(["sha-256", "sha-512"]))
def test_a_promise_that_is_kept(pieces: list[bytes], algorithm: str) -> None:
    digests = Digests(read_digests("Repr-Digest", member(algorithm, b"".join(pieces))))
    digests.update(pieces)
    digests.check()


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
def test_another_body(algorithm: str) -> None:
    digests = Digests(read_digests("Content-Digest", member(algorithm, b"this")))
    digests.update([b"that"])
    with pytest.raises(BadRequest) as caught:
        digests.check()
    assert caught.value.error_code == "digest-mismatch"


def test_all_of_several_count() -> None:
    text = f"{member('sha-256', b'this')}, {member('sha-512', b'that')}"
    digests = Digests(read_digests("Content-Digest", text))
    digests.update([b"this"])
    with pytest.raises(BadRequest):
        digests.check()


@pytest.mark.parametrize("text", ["", "md5=:AAAA:", "unixsum=::", "md5=:AAAA:;a=1;b, adler=:AAAA:"])
def test_other_algorithms_promise_nothing(text: str) -> None:
    assert not Digests(read_digests("Content-Digest", text))


@pytest.mark.parametrize(
    "text",
    [
        "sha-256",
        "sha-256=abc",
        "sha-256=:AAAA:",
        "sha-256=:AAAA",
        "sha-256=:A:",
        "SHA-256=:AAAA:",
        f"{OF_EXAMPLE},",
        f"{OF_EXAMPLE};",
        f"{OF_EXAMPLE} md5=:AAAA:",
        f",{OF_EXAMPLE}",
        "sha-256=:" + "A" * 4000 + ":",
    ],
    ids=lambda text: text[:20],
)
def test_malformed_fields(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_digests("Content-Digest", text)
    assert caught.value.error_code == "bad-digest"


@given(st.text(max_size=200) | st.from_regex(r"sha-(256|512)=:[A-Za-z0-9+/=]{0,90}:[;, a-z=]{0,9}", fullmatch=True))
def test_anything_is_read_or_refused(text: str) -> None:
    try:
        read_digests("Content-Digest", text)
    except BadRequest as refusal:
        assert refusal.error_code == "bad-digest"
