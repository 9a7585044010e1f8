from __future__ import annotations

import pytest

from renditor.deliver.modes import Gate
from renditor.deliver.settings import DeliverySettings
from renditor.errors import Unauthenticated
from renditor.transformation.path import split_delivery_path
from renditor.transformation.sign import sign

SECRET = "0123456789abcdef" * 4
SETTINGS = {"widths": (320, 640), "presets": {"thumb": "c_fill,w_200,h_200"}}


def allowed(mode: str, tail: str, kind: str = "image") -> bool:
    settings = DeliverySettings.model_validate(SETTINGS | {"mode": mode})
    path = split_delivery_path(tail, kind, settings.presets)  # type: ignore[arg-type]
    try:
        Gate(settings, SECRET).check(path)
    except Unauthenticated as error:
        assert error.hint
        assert "sha256" in error.hint
        return False
    return True


@pytest.mark.parametrize("tail", ["cat.jpg", "w_123/cat.jpg", "a_5/w_7,h_9/cat.png"])
def test_open_allows_everything(tail: str) -> None:
    assert allowed("open", tail)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("cat.jpg", True),
        ("v12/cat.jpg", True),
        ("w_320/cat.webp", True),
        ("c_fill,g_north,w_640,f_auto,q_70/cat.jpg", True),
        ("f_auto,q_80/cat.jpg", True),
        ("t_thumb/cat.jpg", True),
        ("w_321/cat.jpg", False),
        ("w_0.5/cat.jpg", False),
        ("w_320,h_100/cat.jpg", False),
        ("w_320/w_640/cat.jpg", False),
        ("a_90/cat.jpg", False),
        ("w_320,dpr_2.0/cat.jpg", True),
        ("w_320,dpr_2.1/cat.jpg", False),
        ("w_auto,dpr_auto,f_auto/cat.jpg", True),
        ("w_auto:20:333/cat.jpg", False),
        ("c_fill,w_320,ar_16:9/cat.jpg", True),
        ("c_fill,w_320,ar_9:16/cat.jpg", True),
        ("c_fill,w_320,ar_16:10/cat.jpg", False),
        ("t_max/cat.jpg", True),  # shipped
        ("t_thumb/f_auto,q_auto/cat.jpg", True),
        ("t_thumb/w_320/cat.jpg", False),
        ("w_iw_div_2/cat.jpg", False),
        ("w_320,fl_attachment:holiday/cat.jpg", True),
        ("w_320,e_sepia/cat.jpg", False),
        ("l_logo/fl_layer_apply/cat.jpg", False),
        ("$w_320/w_$w/cat.jpg", False),
        ("if_w_gt_100/w_320/if_end/cat.jpg", False),
        ("d_logo/cat.jpg", True),
    ],
)
def test_the_ladder(tail: str, expected: bool) -> None:
    assert allowed("ladder", tail) is expected


@pytest.mark.parametrize("tail", ["cat.jpg", "w_320/cat.jpg", "t_thumb/cat.jpg"])
def test_signed_allows_nothing_unsigned(tail: str) -> None:
    assert not allowed("signed", tail)


@pytest.mark.parametrize("mode", ["open", "ladder", "signed"])
@pytest.mark.parametrize("long", [True, False])
def test_a_signature_opens_every_mode_and_a_wrong_one_none(mode: str, long: bool) -> None:
    text = "w_333,h_111/folder/cat.jpg"
    assert allowed(mode, f"s--{sign(text, SECRET, long=long)}--/{text}")
    assert allowed(
        mode, f"s--{sign(text, SECRET, long=long)}--/w_333,h_111/v5/folder/cat.jpg"
    )  # the version is not signed
    assert not allowed(mode, f"s--{sign(text, SECRET + 'x', long=long)}--/{text}")
    assert not allowed(mode, f"s--{sign(text, SECRET, long=long)}--/w_334,h_111/folder/cat.jpg")


def test_streams_are_on_the_ladder() -> None:
    assert allowed("ladder", "sp_auto/film.m3u8", "video")
    assert allowed("ladder", "film.mp4", "video")
    assert not allowed("ladder", "so_1,w_320/film.jpg", "video")


@pytest.mark.parametrize(
    ("mode", "tail", "signed"),
    [
        ("open", "w_7/v1/cat.jpg", False),
        ("ladder", "v1/cat.jpg", False),
        ("ladder", "c_fill,h_200,w_200/v1/cat.jpg", False),  # t_thumb, as it is stored
        ("ladder", "w_7/v1/cat.jpg", True),
        ("ladder", "sp_auto/v1/film.m3u8", False),
        ("signed", "v1/cat.jpg", True),
        ("signed", "sp_auto/v1/film.m3u8", True),
    ],
)
def test_urls_are_signed_where_they_would_be_refused(mode: str, tail: str, signed: bool) -> None:
    opened = Gate(DeliverySettings.model_validate(SETTINGS | {"mode": mode}), SECRET).opened(tail)
    assert (opened != tail) is signed
    assert opened.endswith(tail)
    assert allowed(mode, opened)


@pytest.mark.parametrize("tail", ["no_such/v1/cat.jpg", f"v1/{'x' * 6000}.jpg"])
def test_what_nobody_can_ask_for_is_not_signed(tail: str) -> None:
    gate = Gate(DeliverySettings.model_validate(SETTINGS | {"mode": "signed"}), SECRET)
    assert gate.opened(tail) == tail
