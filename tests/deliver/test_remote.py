"""Paths of pictures from elsewhere: what is the URL, what is signed, who may ask without a signature."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renditor.deliver.modes import Gate
from renditor.deliver.remote import RemotePath, split_remote_path
from renditor.deliver.settings import DeliverySettings
from renditor.errors import InvalidTransformation, NotFound, Unauthenticated
from renditor.transformation.sign import sign

SECRET = "0123456789abcdef" * 4
URL = "https://www.example.com/a/b.jpg"


def split(tail: str) -> RemotePath:
    return split_remote_path(tail, {"thumb": "c_fill,w_200,h_200"}, ignore_unsupported=False)


@pytest.mark.parametrize(
    ("tail", "transformation", "url"),
    [
        (URL, "", URL),
        (f"w_10/{URL}", "w_10", URL),
        (f"c_fill,w_10/e_sepia/{URL}", "c_fill,w_10/e_sepia", URL),
        (f"w_10/v1/{URL}", "w_10", URL),
        (f"v1/{URL}", "", URL),
        (quote(URL, safe=""), "", URL),
        (f"w_10/{quote(URL, safe='/')}", "w_10", URL),
        ("https:/www.example.com/a/b.jpg", "", URL),
        ("HTTPS://www.example.com/a/b.jpg", "", URL),
        (f"{URL}%3Fa%3D1%26b%3D%2520", "", f"{URL}?a=1&b=%20"),
        ("http://www.example.com/http://other.example/", "", "http://www.example.com/http://other.example/"),
        ("http://www.example.com/w_10/x.jpg", "", "http://www.example.com/w_10/x.jpg"),
    ],
)
def test_transformation_and_url_are_told_apart(tail: str, transformation: str, url: str) -> None:
    read = split(tail)
    assert (str(read.path.transformation), str(read.target)) == (transformation, url)
    assert read.path.version is None


@pytest.mark.parametrize(
    "tail", ["cat.jpg", "", "w_10/", "ftp://x/", "https://", "https://u@x/", f"{URL}%0d%0a", "http:x"]
)
def test_without_a_url_there_is_nothing(tail: str) -> None:
    with pytest.raises(NotFound):
        split(tail)


@pytest.mark.parametrize("tail", [f"cats/{URL}", f"w_x/{URL}", f"t_nobody/{URL}"])
def test_what_stands_before_the_url_is_a_transformation(tail: str) -> None:
    with pytest.raises(InvalidTransformation):
        split(tail)


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126, exclude_characters="\\"), max_size=60))
def test_the_signature_of_the_sdks_holds_in_any_encoding(rest: str) -> None:
    url = f"https://www.example.com/{rest}"
    # As Cloudinary's SDKs escape and sign a remote URL.
    escaped = quote(url, safe="/:").replace("~", "%7E")
    signature = sign(f"w_10/{escaped}", SECRET)
    gate = Gate(DeliverySettings(mode="signed"), SECRET)
    for written in (escaped, quote(url, safe="")):
        read = split(f"s--{signature}--/w_10/{written}")
        gate.check_remote(read.path, read.target.host)
        with pytest.raises(Unauthenticated):
            gate.check_remote(split(f"s--{signature}--/w_11/{written}").path, read.target.host)


@pytest.mark.parametrize(
    ("mode", "hosts", "tail", "allowed"),
    [
        ("open", (), URL, False),
        ("open", ("www.example.com",), f"w_7/{URL}", True),
        ("open", ("example.com",), URL, False),
        ("ladder", ("www.example.com",), f"w_320/{URL}", True),
        ("ladder", ("www.example.com",), f"w_321/{URL}", False),
        ("signed", ("www.example.com",), URL, False),
        ("open", ("www.example.com",), "https://www.example.com.evil.example/", False),
        ("open", ("www.example.com",), "https://evil.example/https://www.example.com/", False),
    ],
)
def test_without_a_signature_the_host_and_the_mode_decide(
    mode: str, hosts: tuple[str, ...], tail: str, allowed: bool
) -> None:
    gate = Gate(DeliverySettings.model_validate({"mode": mode, "fetch_hosts": hosts}), SECRET)
    read = split(tail)
    if allowed:
        gate.check_remote(read.path, read.target.host)
    else:
        with pytest.raises(Unauthenticated):
            gate.check_remote(read.path, read.target.host)


def test_the_name_it_is_kept_under_needs_the_secret() -> None:
    settings = DeliverySettings()
    mine, other = Gate(settings, SECRET).remote_id(URL), Gate(settings, "x" * 64).remote_id(URL)
    assert mine != other
    assert mine != Gate(settings, SECRET).remote_id(f"{URL}?")
