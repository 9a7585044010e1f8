"""The photo story: upload, deliver, cache, delete; results are read back with libvips."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import pyvips

from renditor.testing import media
from tests.client import Client


def picture(content: bytes) -> pyvips.Image:
    return pyvips.Image.new_from_buffer(content, "")


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return media.photo(tmp_path_factory.mktemp("photo") / "holiday.jpg", 800, 600, orientation=6)


@pytest.fixture(scope="module")
def asset(client: Client, photo: Path) -> dict[str, object]:
    response = client.upload(photo)
    assert response.status_code == 201
    made: dict[str, object] = response.json()
    return made


def variant(asset: dict[str, object], transformation: str, extension: str | None = None) -> str:
    url = str(asset["url"]).replace("/upload/", f"/upload/{transformation}/")
    return url if extension is None else f"{url.rpartition('.')[0]}.{extension}"


def test_the_answer_to_an_upload(asset: dict[str, object], photo: Path) -> None:
    assert asset["status"] == "completed"
    assert asset["media_type"] == "image"
    assert (asset["width"], asset["height"]) == (600, 800)  # as displayed
    assert asset["sha256"] == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert asset["bytes"] == photo.stat().st_size
    assert asset["filename"] == "holiday.jpg"
    assert asset["url"]


def test_the_original_comes_back_byte_for_byte(client: Client, asset: dict[str, object], photo: Path) -> None:
    response = client.call("GET", f"/media/{asset['id']}/original")
    assert response.content == photo.read_bytes()
    part = client.call("GET", f"/media/{asset['id']}/original", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, photo.read_bytes()[10:20])


def test_the_plain_url_is_upright_and_tells_nothing_personal(client: Client, asset: dict[str, object]) -> None:
    response = client.get(str(asset["url"]))
    assert response.headers["content-type"] == "image/jpeg"
    made = picture(response.content)
    assert (made.width, made.height) == (600, 800)
    assert not [name for name in made.get_fields() if name.startswith(("exif", "xmp", "iptc"))]
    assert b"Example Camera" not in response.content


@pytest.mark.parametrize(
    ("transformation", "extension", "size"),
    [
        ("w_300", "jpg", (300, 400)),
        ("h_200", "png", (150, 200)),
        ("c_fill,w_200,h_200,g_north", "webp", (200, 200)),
        ("c_pad,w_300,h_300,b_white", "jpg", (300, 300)),
        ("c_limit,w_5000", "jpg", (600, 800)),
        ("c_fit,w_100,h_100", "avif", (75, 100)),
        ("c_crop,w_50,h_60,g_south_east", "png", (50, 60)),
        ("w_150/a_90", "jpg", (200, 150)),
        ("w_100,dpr_2.0", "jpg", (200, 267)),
        ("ar_1:1,c_fill,w_120", "png", (120, 120)),
    ],
)
def test_sizes(
    client: Client, asset: dict[str, object], transformation: str, extension: str, size: tuple[int, int]
) -> None:
    response = client.get(variant(asset, transformation, extension))
    assert response.status_code == 200, response.text
    made = picture(response.content)
    assert (made.width, made.height) == size
    assert response.headers["content-type"] == f"image/{'jpeg' if extension == 'jpg' else extension}"


def test_colours_are_where_they_belong(client: Client, asset: dict[str, object]) -> None:
    """Orientation 6: what was stored at the bottom left is shown at the top left."""
    made = picture(client.get(variant(asset, "w_60", "png")).content)
    corners = [made(5, 5), made(54, 5), made(5, 74), made(54, 74)]
    blue, red, yellow, green = (media.QUADRANTS[n] for n in (2, 0, 3, 1))
    for seen, expected in zip(corners, (blue, red, yellow, green), strict=True):
        assert all(abs(a - b) < 25 for a, b in zip(seen, expected, strict=False)), (seen, expected)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [("image/avif,image/webp,*/*", "image/avif"), ("image/webp,*/*", "image/webp"), ("*/*", "image/jpeg")],
)
def test_the_format_by_accept(client: Client, asset: dict[str, object], accept: str, expected: str) -> None:
    response = client.get(variant(asset, "w_120,f_auto"), accept=accept)
    assert response.headers["content-type"] == expected
    assert response.headers["vary"] == "Accept"
    assert picture(response.content).width == 120


def test_caching(client: Client, asset: dict[str, object]) -> None:
    url = variant(asset, "w_111")
    first, second = client.get(url), client.get(url)
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert "immutable" in first.headers["cache-control"]  # the URL carries the version
    cached = client.get(url, if_none_match=first.headers["etag"])
    assert (cached.status_code, cached.content) == (304, b"")
    head = client.http.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(first.content)
    part = client.get(url, range="bytes=-10")
    assert (part.status_code, part.content) == (206, first.content[-10:])
    assert client.get(url, range="bytes=99999999-").status_code == 416
    unversioned = client.get(url.replace(url.split("/")[-2] + "/", ""))
    assert "immutable" not in unversioned.headers["cache-control"]
    assert unversioned.content == first.content


def test_headers_that_keep_browsers_safe(client: Client, asset: dict[str, object]) -> None:
    headers = client.get(str(asset["url"])).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("wrong", ["w_abc", "w_800,x", "e_nothing", "w_999999", "c_fill,w_-1", "t_unknown", "f_exe"])
def test_a_bad_transformation_names_its_part(client: Client, asset: dict[str, object], wrong: str) -> None:
    response = client.get(variant(asset, wrong))
    assert response.status_code == 400
    assert response.headers["x-cld-error"]
    problem = response.json()
    assert problem["code"] == "invalid-transformation"
    assert problem["status"] == 400
    assert problem["request_id"]


def test_alpha_is_kept_or_laid_on_white(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "alpha.png"
    media.quadrants(80, 60, alpha=True).write_to_file(str(path))
    asset = client.upload(path).json()
    webp = picture(client.get(variant(asset, "w_40", "webp")).content)
    assert webp.hasalpha()
    assert webp(35, 10)[3] == 0
    jpeg = picture(client.get(variant(asset, "w_40", "jpg")).content)
    assert all(value > 245 for value in jpeg(35, 10))
    auto = client.get(variant(asset, "w_40,f_auto"), accept="*/*")
    assert auto.headers["content-type"] == "image/png"


def test_delete_takes_effect_at_once_and_empties_the_store(client: Client, tmp_path: Path) -> None:
    asset = client.upload(media.photo(tmp_path / "gone.jpg", 50, 40)).json()
    url = variant(asset, "w_20")
    assert client.get(url).status_code == 200
    assert client.call("DELETE", f"/media/{asset['id']}").status_code == 204
    assert client.get(url).status_code == 404
    assert client.call("GET", f"/media/{asset['id']}").status_code == 404
    _wait_until(lambda: not [path for path in _stored(client) if asset["id"] in str(path)])


def test_a_private_asset_is_not_delivered_and_can_be_opened_again(client: Client, tmp_path: Path) -> None:
    asset = client.upload(media.photo(tmp_path / "secret.jpg", 50, 41), visibility="private").json()
    assert client.get(asset["url"]).status_code == 404
    changed = client.call("PATCH", f"/media/{asset['id']}", json={"visibility": "public", "tags": ["a", "b"]})
    assert (changed.status_code, changed.json()["tags"]) == (200, ["a", "b"])
    assert client.get(asset["url"]).status_code == 200
    client.call("PATCH", f"/media/{asset['id']}", json={"visibility": "private"})
    assert client.get(asset["url"]).status_code == 404


def test_the_same_bytes_twice_are_two_assets_and_one_original(client: Client, tmp_path: Path) -> None:
    path = media.photo(tmp_path / "twice.jpg", 52, 40)
    first, second = client.upload(path).json(), client.upload(path).json()
    assert first["id"] != second["id"]
    client.call("DELETE", f"/media/{first['id']}")
    assert client.call("GET", f"/media/{second['id']}/original").content == path.read_bytes()
    assert client.get(variant(second, "w_20")).status_code == 200


def test_a_public_id_of_ones_own(client: Client, tmp_path: Path) -> None:
    first = media.photo(tmp_path / "one.jpg", 60, 40)
    second = media.photo(tmp_path / "two.jpg", 70, 40)
    asset = client.upload(first, public_id="Köpfe/cat one", folder="pets").json()
    assert asset["public_id"] == "pets/Köpfe/cat one"
    assert picture(client.get(asset["url"]).content).width == 60
    taken = client.upload(second, public_id="pets/Köpfe/cat one")
    assert (taken.status_code, taken.json()["code"]) == (409, "public-id-taken")
    replaced = client.upload(second, public_id="pets/Köpfe/cat one", overwrite="true").json()
    assert picture(client.get("/main/image/upload/pets/K%C3%B6pfe/cat%20one.jpg").content).width == 70
    assert picture(client.get(replaced["url"]).content).width == 70


def test_multipart_with_options_after_the_file(client: Client, tmp_path: Path) -> None:
    path = media.photo(tmp_path / "form.jpg", 64, 40)
    response = client.call(
        "POST",
        "/media/upload",
        files=[("file", ("Fö\\rm/../x.jpg", path.read_bytes(), "text/html"))],
        data={"tags": "x, y", "visibility": "private"},
    )
    assert response.status_code == 201, response.text
    asset = response.json()
    assert (asset["tags"], asset["visibility"], asset["content_type"]) == (["x", "y"], "private", "image/jpeg")
    assert "/" not in asset["filename"]


def _stored(client: Client) -> list[Path]:
    return [path for path in (client.server.data / "storage").rglob("*") if path.is_file()]


def _wait_until(condition, seconds: float = 20) -> None:
    import time  # noqa: PLC0415

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.2)


def test_a_private_asset_is_as_if_it_were_not_there(client: Client, tmp_path: Path) -> None:
    """Also under a folder that looks like a mistyped transformation: both are 400 with the same text."""
    client.upload(media.photo(tmp_path / "a.jpg", 20, 20), public_id="w_secret/plan", visibility="private")
    there, not_there = (client.get(f"/main/image/upload/w_secret/{name}.jpg") for name in ("plan", "none"))
    hidden = {"request_id"}
    first, second = ({k: v for k, v in r.json().items() if k not in hidden} for r in (there, not_there))
    assert there.status_code == not_there.status_code == 400
    assert first == second


def test_an_overwrite_within_a_second_has_another_url(client: Client, tmp_path: Path) -> None:
    made = [
        client.upload(media.photo(tmp_path / f"{n}.jpg", 20 + n, 20), public_id="again", overwrite="true").json()
        for n in range(3)
    ]
    assert len({asset["url"] for asset in made}) == 3


def test_downloads_of_the_original_that_go_on_after_a_change(client: Client, asset: dict[str, object]) -> None:
    path = f"/media/{asset['id']}/original"
    etag = client.call("GET", path).headers["etag"]
    assert client.call("GET", path, headers={"range": "bytes=0-3", "if-range": etag}).status_code == 206
    assert client.call("GET", path, headers={"range": "bytes=0-3", "if-range": '"old"'}).status_code == 200
