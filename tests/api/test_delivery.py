"""Delivery over HTTP: caches, conditions, hints, what is said about errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import pyvips

from renditor.testing import media
from tests.client import Client
from tests.inprocess import in_process
from tests.server import start_server


@pytest.fixture(scope="module")
def photo(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a picture of 800 x 600 px, ready for a transformation in place of ``{}``."""
    path = media.photo(tmp_path_factory.mktemp("delivery") / "p.jpg", 800, 600)
    asset = client.upload(path, public_id="delivery/photo").json()
    return str(asset["url"]).replace("/upload/", "/upload/{}/")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server of one web process without worker, so that nothing but the requests happens."""
    with start_server(tmp_path_factory.mktemp("fresh") / "data", ("--workers", "1", "--no-worker")) as server:
        made = Client(server)
        yield made
        made.close()


def width(response: httpx.Response) -> int:
    assert response.status_code == 200, response.text
    return int(pyvips.Image.new_from_buffer(response.content, "").width)


def counted(client: Client, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def test_from_memory_as_from_the_engine(fresh: Client, tmp_path: Path) -> None:
    asset = fresh.upload(media.photo(tmp_path / "a.jpg", 300, 200)).json()
    url = asset["url"].replace("/upload/", "/upload/w_150/")
    before = counted(fresh, "renditor_renders_total")
    answers = [fresh.get(url) for _ in range(4)]
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["etag"] for answer in answers}) == 1
    assert {tuple(sorted(set(answer.headers) - {"date"})) for answer in answers} == {
        tuple(sorted(set(answers[0].headers) - {"date"}))
    }
    assert counted(fresh, "renditor_renders_total") == before + 1
    head = fresh.http.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == answers[0].headers["content-length"]
    part = fresh.get(url, range="bytes=5-9")
    assert (part.status_code, part.content) == (206, answers[0].content[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(answers[0].content)}"
    assert part.headers["content-length"] == "5"
    other = fresh.get(url, range="bytes=5-9", if_range='"another"')
    assert (other.status_code, other.content) == (200, answers[0].content)
    beyond = fresh.get(url, range="bytes=999999-")
    assert beyond.status_code == 416
    assert beyond.headers["x-cld-error"]
    again = fresh.get(url)
    assert (again.status_code, again.content) == (200, answers[0].content)  # ranges leave no trace


def test_conditions(client: Client, photo: str) -> None:
    url = photo.format("w_160")
    tag = client.get(url).headers["etag"]
    stem = tag.strip('"').split("-")[0]
    for given in (tag, f"W/{tag}", f'"x", {tag}', f'"{stem}-0123456789"', "*"):
        answer = client.get(url, if_none_match=given)
        assert (answer.status_code, answer.content) == (304, b""), given
        assert answer.headers["cache-control"]
    for given in ('"x"', f'"{stem[:-1]}"', f'"{stem}x"', ""):
        assert client.get(url, if_none_match=given).status_code == 200, given


def test_a_picture_for_one_accept_is_never_given_to_another(client: Client, photo: str) -> None:
    url = photo.format("w_170,f_auto")
    accepts = ["image/avif,image/webp", "*/*", "image/webp", "image/avif", ""]
    expected = ["image/avif", "image/jpeg", "image/webp", "image/avif", "image/jpeg"]
    for _ in range(2):
        for accept, kind in zip(accepts, expected, strict=True):
            answer = client.get(url, accept=accept)
            assert (answer.headers["content-type"], answer.headers["vary"]) == (kind, "Accept")
    webp = client.get(url, accept="image/webp").headers["etag"]
    assert client.get(url, accept="*/*", if_none_match=webp).status_code == 200


def test_odd_paths_do_not_take_the_place_of_others(client: Client, photo: str) -> None:
    url = photo.format("w_180")
    content = client.get(url).content
    assert client.get(f"{url}?w=1").content == content
    assert client.get(url.replace("delivery/photo", "delivery%2Fphoto")).content == content
    assert client.get(url.replace("w_180", "w%5F180")).content == content
    assert client.http.post(url).status_code == 405
    assert client.get(url).content == content


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        ({}, 800),  # the original's own width
        ({"sec-ch-width": "300"}, 320),
        ({"width": "300"}, 320),
        ({"sec-ch-width": "320"}, 320),
        ({"sec-ch-width": "321"}, 480),
        ({"sec-ch-viewport-width": "500"}, 640),
        ({"viewport-width": "500", "sec-ch-width": "100"}, 320),
        ({"sec-ch-width": "4000"}, 800),  # never wider than the original
        ({"sec-ch-width": "0"}, 800),
        ({"sec-ch-width": "-5"}, 800),
        ({"sec-ch-width": "abc"}, 800),
        ({"sec-ch-width": "9" * 500}, 800),
    ],
)
def test_widths_by_hints(client: Client, photo: str, hints: dict[str, str], expected: int) -> None:
    answer = client.http.get(photo.format("w_auto"), headers=hints)
    assert width(answer) == expected
    assert answer.headers["vary"] == "Sec-CH-Width, Width, Sec-CH-Viewport-Width, Viewport-Width"
    assert "Sec-CH-Width" in answer.headers["accept-ch"]


@pytest.mark.parametrize(("dpr", "expected"), [(None, 100), ("1", 100), ("1.3", 150), ("2", 200), ("9", 300)])
def test_densities_by_hints(client: Client, photo: str, dpr: str | None, expected: int) -> None:
    for name in ("sec-ch-dpr", "dpr"):
        answer = client.http.get(photo.format("w_100,dpr_auto"), headers={name: dpr} if dpr else {})
        assert width(answer) == expected
        assert answer.headers["vary"] == "Sec-CH-DPR, DPR"


def test_width_and_density_together(client: Client, photo: str) -> None:
    """``Width`` counts physical px: 600 of them at density 2 are 300 of the layout, 320 by the ladder."""
    headers = {"sec-ch-width": "600", "sec-ch-dpr": "2"}
    assert width(client.http.get(photo.format("w_auto,dpr_auto"), headers=headers)) == 640
    assert width(client.http.get(photo.format("w_auto"), headers=headers)) == 640


def test_fewer_bytes_for_those_who_save_data(client: Client, photo: str) -> None:
    url = photo.format("w_400,q_auto:best")
    plain, saving = client.get(url), client.get(url, save_data="on")
    assert len(saving.content) < len(plain.content)
    assert plain.headers["vary"] == saving.headers["vary"] == "Save-Data"
    assert client.get(url).content == plain.content
    assert "vary" not in client.get(photo.format("w_400,q_70"), save_data="on").headers


def test_information_instead_of_the_picture(client: Client, photo: str) -> None:
    answer = client.get(photo.format("w_200,fl_getinfo"))
    picture = client.get(photo.format("w_200"))
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["input"] | {"bytes": 0} == {"width": 800, "height": 600, "bytes": 0, "format": "jpg"}
    expected = {"width": 200, "height": 150, "bytes": len(picture.content), "format": "jpg"}
    assert answer.json()["output"] == expected
    assert answer.headers["etag"] != picture.headers["etag"]


def test_flags_about_the_answer_make_no_renditions(client: Client, tmp_path: Path) -> None:
    asset = client.upload(media.photo(tmp_path / "a.jpg", 120, 90)).json()
    plain = (
        asset["url"].replace(f"/v{asset['url'].split('/v')[1].split('/')[0]}", "").replace("/upload/", "/upload/{}/")
    )
    first = client.get(plain.format("w_60"))
    kept = client.get(plain.format("w_60,fl_immutable_cache"))
    named = client.get(plain.format("w_60,fl_attachment:me"))
    assert first.content == kept.content == named.content
    assert "immutable" in kept.headers["cache-control"]
    assert "immutable" not in first.headers["cache-control"]
    assert "me.jpg" in named.headers["content-disposition"]
    assert len(stored_pictures(client, asset["id"], 1)) == 1


def stored_pictures(client: Client, media_id: str, count: int) -> list[dict[str, object]]:
    """The stored pictures, once there are so many: they are stored just after they were sent."""
    end = time.monotonic() + 10
    while True:
        found = [r for r in client.call("GET", f"/media/{media_id}").json()["renditions"] if r["kind"] == "image"]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.05)


def test_a_default_image(client: Client, photo: str) -> None:
    url = f"{client.server.url}/main/image/upload/w_90,{{}}/no/such.jpg"
    answer = client.get(url.format("d_delivery:photo"))
    assert width(answer) == 90
    assert "immutable" not in answer.headers["cache-control"]
    assert "immutable" not in client.get(url.format("d_delivery:photo,fl_immutable_cache")).headers["cache-control"]
    assert width(client.get(url.format("d_delivery:photo.png"))) == 90
    assert client.get(url.format("d_nothing")).status_code == 404
    assert width(client.get(photo.format("w_91,d_nothing"))) == 91


def test_errors_are_told_in_the_header_too(client: Client, photo: str) -> None:
    for wrong in ("w_abc", "e_nothing", "t_unknown"):
        answer = client.get(photo.format(wrong))
        assert answer.status_code == 400
        assert wrong in answer.headers["x-cld-error"]
    unknown = client.get("/main/image/upload/no/such/picture.jpg")
    assert (unknown.status_code, unknown.headers["x-cld-error"]) == (404, "Resource not found - no/such/picture")
    strange = client.get("/main/image/upload/caf%C3%A9%22.jpg")
    assert (strange.status_code, strange.headers["x-cld-error"]) == (404, 'Resource not found - caf?"')


def test_renditions_survive_a_restart_and_lost_files_are_made_anew(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with in_process(data) as client:
        asset = client.upload(media.photo(tmp_path / "a.jpg", 300, 200)).json()
        path = asset["url"].removeprefix(client.server.url).replace("/upload/", "/upload/w_100/")
        first = client.get(path)
        assert len(stored_pictures(client, asset["id"], 1)) == 1
        key = client.server.key
    files = list((data / "storage" / "renditions").rglob("*.jpg"))
    assert [file.read_bytes() for file in files] == [first.content]
    with in_process(data, key) as client:
        rendered = counted(client, "renditor_renders_total")
        again = client.get(path)
        assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
        assert counted(client, "renditor_renders_total") == rendered
    for damage in (files[0].unlink, lambda: files[0].write_bytes(b"short")):
        damage()
        with in_process(data, key) as client:
            rendered = counted(client, "renditor_renders_total")
            assert [client.get(path).content for _ in range(2)] == [first.content] * 2
            assert counted(client, "renditor_renders_total") == rendered + 1
