"""Every accepted kind of picture, from the upload to what a browser gets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pyvips

from tests.client import Client
from tests.images.pictures import RED, adapted, encoded, near, quadrants
from tests.server import start_server

BROWSER = "image/avif,image/webp,image/*,*/*;q=0.8"
DRAWING = b"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 120">
<rect width="100" height="60" fill="#dc1e1e"/></svg>"""


@pytest.fixture(scope="module")
def drawing_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with start_server(tmp_path_factory.mktemp("svg") / "data", RENDITOR_IMAGES__SVG="true") as server:
        client = Client(server)
        yield client
        client.close()


def delivered(client: Client, url: str, transformation: str, accept: str = "*/*") -> tuple[str, pyvips.Image]:
    response = client.get(url.replace("/upload/", f"/upload/{transformation}/"), accept=accept)
    assert response.status_code == 200, response.text
    return response.headers["content-type"], pyvips.Image.new_from_buffer(response.content, "").copy_memory()


@pytest.mark.parametrize(
    ("fmt", "content_type"),
    [("heic", "image/heic"), ("bmp", "image/bmp"), ("ico", "image/vnd.microsoft.icon"), ("tiff", "image/tiff")],
)
def test_what_browsers_do_not_show_is_delivered_as_what_they_do(client: Client, fmt: str, content_type: str) -> None:
    picture = quadrants(200, 120)
    content = (
        encoded(picture, fmt)
        if fmt == "tiff"
        else adapted(picture, fmt, **({"sizes": [(200, 120)]} if fmt == "ico" else {}))
    )
    response = client.upload(content, f"picture.{fmt}")
    assert response.status_code == 201, response.text
    asset = response.json()
    assert (asset["content_type"], asset["width"], asset["height"]) == (content_type, 200, 120)
    plain = client.get(asset["url"])
    assert plain.headers["content-type"] in {"image/jpeg", "image/png"}
    kind, made = delivered(client, asset["url"], "f_auto,w_100", BROWSER)
    assert kind in {"image/avif", "image/webp"}
    assert (made.width, made.height) == (100, 60)
    assert near(tuple(round(value) for value in made(10, 10))[:3], RED, 14)


def test_flat_graphics_stay_sharp(client: Client) -> None:
    """The probe at upload has seen that it is a drawing."""
    asset = client.upload(encoded(quadrants(400, 300), "png"), "chart.png").json()
    assert delivered(client, asset["url"], "f_auto,w_0.5", BROWSER)[0] == "image/webp"
    assert delivered(client, asset["url"], "f_auto,w_0.5")[0] == "image/png"


def test_a_drawing_is_delivered_as_pixels(drawing_client: Client) -> None:
    for name, headers in (("logo.svg", {}), ("logo", {"content-type": "image/svg+xml"})):
        response = drawing_client.call(
            "POST", "/media/upload", content=DRAWING, headers={"x-filename": name, **headers}
        )
        assert response.status_code == 201, response.text
        asset = response.json()
        assert (asset["content_type"], asset["width"], asset["height"]) == ("image/svg+xml", 200, 120)
        plain = drawing_client.get(asset["url"])
        assert (plain.headers["content-type"], plain.content[:4]) == ("image/png", b"\x89PNG")
        kind, made = delivered(drawing_client, asset["url"], "w_800")
        assert (kind, made.width, made.height) == ("image/png", 800, 480)
        # Drawn at that size: an enlarged picture would have a soft edge.
        assert near(tuple(round(value) for value in made(398, 100)), (*RED, 255), 1)
        assert made(402, 100)[3] == 0
        refused = drawing_client.get(asset["url"].rpartition(".")[0] + ".svg")
        assert (refused.status_code, b"<svg" in refused.content) == (404, False)


def test_a_drawing_under_another_name_is_refused(drawing_client: Client, client: Client) -> None:
    assert drawing_client.upload(DRAWING, "photo.jpg").status_code == 415
    response = client.upload(DRAWING, "logo.svg")
    assert response.status_code == 415
    assert "images.svg" in response.json()["hint"]
