from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.transformation.sign import sign, verify

# Signatures that official clients print in their own tests, with the secret "b".
VECTORS = {"c_crop,h_20,w_10/image.jpg": "Ai4Znfl3", "image.jpg": "--SjmNDA"}


@pytest.mark.parametrize("text", VECTORS)
def test_signatures_of_official_clients(text: str) -> None:
    assert sign(text, "b", long=False) == VECTORS[text]
    assert verify(VECTORS[text], text, "b")


@given(st.text(max_size=60), st.text(min_size=1, max_size=40), st.booleans())
def test_what_is_signed_verifies(text: str, secret: str, long: bool) -> None:
    signature = sign(text, secret, long=long)
    assert len(signature) == (32 if long else 8)
    assert verify(signature, text, secret)
    assert not verify(signature, text + "x", secret)
    assert not verify(signature, text, secret + "x")
    assert not verify(signature[:-1], text, secret)
    assert not verify("", text, secret)


def test_a_signature_of_strange_letters_is_wrong_and_no_error() -> None:
    assert not verify("é" * 8, "image.jpg", "b")
