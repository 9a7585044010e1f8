"""Layers through the server: found by public id, public ones only, and never an old one."""

from __future__ import annotations

import pytest
import pyvips

from tests.client import Client
from tests.images.pictures import BLUE, GREEN, RED, decoded, encoded, near, pixel, plain

MIDDLE = (50, 40)


def png(colour: tuple[int, ...], width: int = 40, height: int = 30) -> bytes:
    return encoded(plain(width, height, colour), "png")


@pytest.fixture(scope="module")
def base(client: Client) -> str:
    response = client.upload(png(BLUE, 100, 80), "layers-base.png", public_id="layers/base")
    assert response.status_code == 201
    return str(response.json()["public_id"])


def url(base: str, transformation: str) -> str:
    return f"/main/image/upload/{transformation}/{base}.png"


def made(client: Client, base: str, transformation: str) -> pyvips.Image:
    response = client.get(url(base, transformation))
    assert response.status_code == 200, response.text
    return decoded(response.content, "png")


def test_a_logo_over_a_picture(client: Client, base: str) -> None:
    assert client.upload(png(RED), public_id="layers/logo").status_code == 201
    image = made(client, base, "l_layers:logo/fl_layer_apply,g_center")
    assert near(pixel(image, *MIDDLE), RED)
    assert near(pixel(image, 5, 5), BLUE)
    named_by_variable = made(client, base, "$mark_!layers:logo!/l_$mark,g_center")
    assert near(pixel(named_by_variable, *MIDDLE), RED)


def test_a_text_over_a_picture(client: Client, base: str) -> None:
    image = made(client, base, "l_text:Arial_200_bold:I,co_rgb:dc1e1e,fl_no_overflow")
    assert near(pixel(image, *MIDDLE), RED)


def test_an_overwritten_logo_shows_at_once(client: Client, base: str) -> None:
    assert client.upload(png(RED), public_id="layers/changing").status_code == 201
    path = url(base, "l_layers:changing")
    first = client.get(path)
    assert near(pixel(decoded(first.content, "png"), *MIDDLE), RED)
    assert client.get(path, if_none_match=first.headers["etag"]).status_code == 304
    assert client.upload(png(GREEN), public_id="layers/changing", overwrite="true").status_code == 201
    second = client.get(path, if_none_match=first.headers["etag"])
    assert second.status_code == 200
    assert second.headers["etag"] != first.headers["etag"]
    assert near(pixel(decoded(second.content, "png"), *MIDDLE), GREEN)


def test_the_focal_point_of_a_logo_counts_at_once(client: Client, base: str) -> None:
    halves = encoded(plain(20, 40, RED).join(plain(20, 40, GREEN), "horizontal"), "png")
    logo = client.upload(halves, public_id="layers/halves").json()["id"]
    path = url(base, "l_layers:halves/c_crop,w_10,h_10,g_custom/fl_layer_apply,g_center")
    for x, colour in ((0.1, RED), (0.9, GREEN)):
        assert client.call("PATCH", f"/media/{logo}", json={"focal_point": {"x": x, "y": 0.5}}).status_code == 200
        assert near(pixel(decoded(client.get(path).content, "png"), *MIDDLE), colour)


def test_a_layer_that_the_size_so_far_decides(client: Client, base: str) -> None:
    assert client.upload(png(RED), public_id="layers/for-small").status_code == 201
    chosen = "$mark_!layers:nothing!/w_60/if_w_lt_80/$mark_!layers:for-small!/if_end/l_$mark,g_center"
    assert near(pixel(made(client, base, chosen), 30, 24), RED)


def test_a_version_of_the_picture_says_nothing_about_the_logo(client: Client, base: str) -> None:
    assert client.upload(png(RED), public_id="layers/plain").status_code == 201
    listed = client.call("GET", "/media", params={"limit": 100}).json()["items"]
    versioned = next(one["url"] for one in listed if one["public_id"] == base)
    assert "immutable" in client.get(versioned).headers["cache-control"]
    with_layer = versioned.replace("/upload/", "/upload/l_layers:plain/")
    assert "immutable" not in client.get(with_layer).headers["cache-control"]


def test_private_and_unknown_logos_are_the_same(client: Client, base: str) -> None:
    assert client.upload(png(RED), public_id="layers/secret", visibility="private").status_code == 201
    answers = [client.get(url(base, f"l_layers:{name}")) for name in ("secret", "nobody")]
    for answer, name in zip(answers, ("secret", "nobody"), strict=True):
        assert answer.status_code == 404
        assert answer.json()["detail"] == f"Resource not found - layers/{name}"
    assert answers[0].headers["x-cld-error"].replace("secret", "nobody") == answers[1].headers["x-cld-error"]


def test_a_logo_made_private_or_deleted_is_gone_at_once(client: Client, base: str) -> None:
    logo = client.upload(png(RED), public_id="layers/leaving").json()["id"]
    path = url(base, "l_layers:leaving")
    assert client.get(path).status_code == 200
    assert client.call("PATCH", f"/media/{logo}", json={"visibility": "private"}).status_code == 200
    assert client.get(path).status_code == 404
    assert client.call("PATCH", f"/media/{logo}", json={"visibility": "public"}).status_code == 200
    assert client.get(path).status_code == 200
    assert client.call("DELETE", f"/media/{logo}").status_code == 204
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("layer", "named"),
    [
        ("l_fetch:aHR0cHM6Ly9leGFtcGxlLm9yZy94LnBuZw", "l_fetch"),
        ("l_video:dog", "l_video"),
        ("l_subtitles:arial_20:talk.srt", "l_subtitles"),
        ("l_text:saved_style:Hello", "saved_style"),
    ],
)
def test_other_layers_are_refused_by_name(client: Client, base: str, layer: str, named: str) -> None:
    answer = client.get(url(base, layer))
    assert answer.status_code == 400
    assert named in answer.headers["x-cld-error"]
