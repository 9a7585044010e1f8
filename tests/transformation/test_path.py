"""Delivery paths: which part is what, and what is no path at all."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renditor.errors import NotFound
from renditor.transformation import TransformationError, UnsupportedTransformation
from renditor.transformation.path import MAX_PUBLIC_ID, MAX_TAIL, public_id_fault, split_delivery_path
from renditor.transformation.sign import sign, verify


@pytest.mark.parametrize(
    ("tail", "transformation", "version", "public_id", "ext"),
    [
        ("cat.jpg", "", None, "cat", "jpg"),
        ("cat", "", None, "cat", None),
        ("cat.JPEG", "", None, "cat", "jpg"),
        ("cat.tif", "", None, "cat", "tiff"),
        ("w_800/cat.jpg", "w_800", None, "cat", "jpg"),
        ("w_800/f_webp/cat", "w_800/f_webp", None, "cat", None),
        ("w_800/v12/cat.jpg", "w_800", 12, "cat", "jpg"),
        ("v12/cat.jpg", "", 12, "cat", "jpg"),
        ("v12", "", None, "v12", None),
        ("w_800/v12", "w_800", None, "v12", None),
        ("v1/w_100/cat.jpg", "", 1, "w_100/cat", "jpg"),
        ("v1/a/v2/cat", "", 1, "a/v2/cat", None),
        ("pets/cats/tom.jpg", "", None, "pets/cats/tom", "jpg"),
        ("w_100/pets/tom.jpg", "w_100", None, "pets/tom", "jpg"),
        ("w_100/pets/w_200/tom", "w_100", None, "pets/w_200/tom", None),
        ("mr.smith.png", "", None, "mr.smith", "png"),
        ("mr.smith", "", None, "mr.smith", None),
        ("release-1.2", "", None, "release-1.2", None),
        ("cat.jpg.jpg", "", None, "cat.jpg", "jpg"),
        ("w_100%2Ch_50/cat", "h_50,w_100", None, "cat", None),
        ("b_rgb%3Affffff,c_pad,w_9/cat", "b_rgb:ffffff,c_pad,w_9", None, "cat", None),
        ("a%2Cb.jpg", "", None, "a,b", "jpg"),
        ("pets%2Ftom.jpg", "", None, "pets/tom", "jpg"),
        ("f%C3%B6l%20der/%E2%98%83", "", None, "föl der/☃", None),
        ("100%25.png", "", None, "100%", "png"),
        ("a+b", "", None, "a+b", None),
        ("%2541", "", None, "%41", None),
        ("fl_attachment:a%2Epng/cat", "fl_attachment:a%2Epng", None, "cat", None),
        ("sp_auto/clip.m3u8", "sp_auto", None, "clip", "m3u8"),
        ("so_1,w_320/clip.jpg", "so_1,w_320", None, "clip", "jpg"),
        ("$a_5/w_$a/cat", "$a_5/w_$a", None, "cat", None),
        ("if_w_gt_5/w_5/if_end/cat", "if_w_gt_5/w_5/if_end", None, "cat", None),
        ("l_logo/w_5/fl_layer_apply/pets/cat", "l_logo/w_5/fl_layer_apply", None, "pets/cat", None),
        ("l_logo:x.png,w_5/v3/w_100/cat.png", "l_logo:x.png,w_5/fl_layer_apply", 3, "w_100/cat", "png"),
        ("l_text:Arial_9:a%252Cb%252Fc/cat", "l_text:Arial_9:a%2Cb%2Fc/fl_layer_apply", None, "cat", None),
        ("l_text:Arial_9:a%2Cb%2Fc%20d,w_5/cat", "l_text:Arial_9:a%2Cb%2Fc d,w_5/fl_layer_apply", None, "cat", None),
        ("l_text:Arial_9:100%25/cat", "l_text:Arial_9:100%25/fl_layer_apply", None, "cat", None),
        ("l_text%3AArial_9%3Aa%2Cb/cat", "l_text:Arial_9:a%2Cb/fl_layer_apply", None, "cat", None),
        ("$t_!a%2Cb!/l_text:Arial_9:%24(t)/cat", "$t_!a%2Cb!/l_text:Arial_9:$(t)/fl_layer_apply", None, "cat", None),
        ("if_!a%2Cb!_in_tags,w_5/cat", "if_!a%2Cb!_in_tags/w_5/if_end", None, "cat", None),
        ("l_fetch:aHR0cDovL3g=,w_5/cat", "l_fetch:aHR0cDovL3g,w_5/fl_layer_apply", None, "cat", None),
    ],
)
def test_parts(tail: str, transformation: str, version: int | None, public_id: str, ext: str | None) -> None:
    path = split_delivery_path(tail)
    assert (str(path.transformation), path.version, path.public_id, path.ext) == (
        transformation,
        version,
        public_id,
        ext,
    )
    assert path.signature is None


def test_a_raw_path_has_no_transformation_and_keeps_its_extension() -> None:
    path = split_delivery_path("w_100/data.json", "raw")
    assert (str(path.transformation), path.public_id, path.ext) == ("", "w_100/data.json", None)
    path = split_delivery_path("v3/data.jpg", "raw")
    assert (path.version, path.public_id, path.ext) == (3, "data.jpg", None)
    assert split_delivery_path("e_art:zorro/data", "raw").doubt is None


def test_what_stands_before_a_version_must_be_a_transformation() -> None:
    with pytest.raises(TransformationError) as caught:
        split_delivery_path("e_art:zorro/v1/cat.jpg")
    assert caught.value.part == "e_art:zorro"
    with pytest.raises(TransformationError, match="Invalid transformation photos"):
        split_delivery_path("photos/v2/cat.jpg")
    with pytest.raises(TransformationError, match="not UTF-8"):
        split_delivery_path("w_%FF/v2/cat.jpg")


@pytest.mark.parametrize(
    ("tail", "doubt"),
    [
        ("e_art:zorro/cat.jpg", "Unsupported transformation e_art:zorro"),
        ("w_100/e_art:zorro/cat.jpg", "Unsupported transformation e_art:zorro"),
        ("w_abc/cat.jpg", "Invalid value in w_abc"),
        ("w_100,zz_3/cat.jpg", "Invalid transformation zz_3"),
        ("$size_1x/cat", "Invalid value in $size_1x"),
        ("t_card/cat", "Unknown preset t_card"),
        ("w_1%2Fh_1/cat", "A slash inside a component"),
        ("my_cats/cat.jpg", None),
        ("pets/cat.jpg", None),
        ("e_art:zorro", None),
        ("w_100/cat.jpg", None),
    ],
)
def test_a_failed_transformation_without_version_is_a_public_id_with_a_doubt(tail: str, doubt: str | None) -> None:
    path = split_delivery_path(tail)
    if doubt is None:
        assert path.doubt is None
    else:
        assert path.doubt is not None
        assert doubt in path.doubt.detail


def test_presets_are_resolved_in_paths() -> None:
    path = split_delivery_path("t_card/cat.jpg", presets={"card": "w_300"})
    assert (str(path.transformation), path.public_id) == ("w_300", "cat")


def test_unsupported_parts_are_left_out_on_request() -> None:
    for tail in ("w_9,vc_auto/e_art:zorro/v7/cat.jpg", "w_9,vc_auto/e_art:zorro/cat.jpg"):
        path = split_delivery_path(tail, ignore_unsupported=True)
        assert (str(path.transformation), path.public_id) == ("w_9", "cat")
        assert path.left_out == ("vc_auto", "e_art:zorro")
        assert path.doubt is None
    with pytest.raises(UnsupportedTransformation):
        split_delivery_path("w_9,vc_auto/v7/cat.jpg")
    assert isinstance(split_delivery_path("w_9,vc_auto/cat.jpg").doubt, UnsupportedTransformation)
    with pytest.raises(TransformationError, match="Invalid value in w_abc"):
        split_delivery_path("w_abc/v7/cat.jpg", ignore_unsupported=True)


def test_brackets_are_read_over_the_whole_head() -> None:
    for tail in ("if_end/cat.jpg", "fl_layer_apply/v1/cat.jpg", "g_auto/cat.jpg"):
        with pytest.raises(TransformationError):
            split_delivery_path(tail)


@pytest.mark.parametrize(
    "tail",
    [
        "",
        "/",
        "a//b",
        "/a",
        "a/",
        "w_100/",
        "..",
        "a/../b",
        "%2e%2e/b",
        "..%2Fetc%2Fpasswd",
        "a/./b",
        "a%5Cb",
        "a\\b",
        "a%00b",
        "a%0Ab",
        "a%E2%80%A8b",
        "%FF",
        "%20a",
        "a%20",
        ".jpg",
        "x" * (MAX_PUBLIC_ID + 1),
        "x" * (MAX_TAIL + 1),
    ],
)
def test_what_cannot_be_a_public_id_is_not_found(tail: str) -> None:
    with pytest.raises(NotFound):
        split_delivery_path(tail)


# Made by the official Python SDK (1.46.3) with secret "b".
@pytest.mark.parametrize(
    "tail",
    [
        "s----SjmNDA--/image.jpg",
        "s--Ai4Znfl3--/c_crop,h_20,w_10/v1234/image.jpg",
        "s--c2qR2d13--/v1/folder/im%20age.jpg",
        "s--2vD6rjas--/c_scale,w_100/v1/f%C3%B6lder/%C3%BC%7Ex.jpg",
        "s--2vD6rjas--/c_scale,w_100/v1/földer/ü~x.jpg",
        "s--vuHZxm92--/c_fill,h_50,w_100/a_90/a%2Cb%28c%29%2Bd.jpg",
        "s--vuHZxm92--/c_fill,h_50,w_100/a_90/a,b(c)%2bd.jpg",
        "s--eg-Hf8qSGnOGskA76stB64KPW5q5pg5T--/c_fit,w_3/v77/x.png",
    ],
)
def test_signatures_of_the_official_sdk(tail: str) -> None:
    path = split_delivery_path(tail)
    assert path.signature
    assert verify(path.signature, path.signed, "b")
    assert not verify(path.signature, path.signed, "c")
    assert not verify(path.signature, path.signed + "x", "b")


def test_a_signature_of_another_form_is_no_signature() -> None:
    assert split_delivery_path("s--short--/cat").public_id == "s--short--/cat"
    assert split_delivery_path("s--Ai4Znfl3--").public_id == "s--Ai4Znfl3--"
    assert not verify("é" * 8, "cat", "b")
    assert not verify("", "cat", "b")
    assert len(sign("cat", "b")) == 8
    assert len(sign("cat", "b", long=True)) == 32


def test_public_id_fault_says_what_is_wrong() -> None:
    assert public_id_fault("pets/tom.cat") is None
    assert "slashes" in (public_id_fault("a/../b") or "")
    assert "255" in (public_id_fault("") or "")
    assert "control" in (public_id_fault("a\\b") or "")


@given(st.text(max_size=80) | st.text(alphabet="aw_10v/.%2eEF0,s-\\ ", max_size=60))
def test_any_text_is_a_safe_path_or_one_of_two_errors(tail: str) -> None:
    try:
        path = split_delivery_path(tail)
    except (NotFound, TransformationError):
        return
    assert public_id_fault(path.public_id) is None
    assert ".." not in path.public_id.split("/")
    assert not path.public_id.startswith("/")


@given(
    st.lists(st.text(min_size=1, max_size=10), min_size=1, max_size=4)
    .map("/".join)
    .filter(lambda public_id: public_id_fault(public_id) is None),
    st.sampled_from(["", "w_100", "c_fill,h_9,w_8/q_3"]),
)
def test_a_versioned_path_gives_back_any_public_id(public_id: str, transformation: str) -> None:
    tail = "/".join(part for part in (transformation, "v7", quote(public_id) + ".png") if part)
    path = split_delivery_path(tail)
    assert (path.public_id, path.ext, path.version, str(path.transformation)) == (public_id, "png", 7, transformation)
