"""``/{tenant}/image/fetch/{url}``: pictures of another site, fetched once, kept for a while, nobody's otherwise."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
import pyvips

from renditor.transformation.sign import sign
from tests.client import Client
from tests.flows.conftest import media_count
from tests.flows.test_fetch import Site, fetcher, site

__all__ = ["fetcher", "site"]


def secret(client: Client) -> str:
    return client.server.delivery_secret()


def size(content: bytes) -> tuple[int, int]:
    picture = pyvips.Image.new_from_buffer(content, "")
    return picture.width, picture.height


def test_a_picture_is_fetched_once_and_rendered(fetcher: Client, site: Site) -> None:
    url = f"{site.url}/once.jpg"
    first = fetcher.get(f"/main/image/fetch/c_scale,w_32/{url}")
    assert (first.status_code, first.headers["content-type"]) == (200, "image/jpeg")
    assert size(first.content) == (32, 24)
    assert first.headers["cache-control"] == "public, max-age=3600"
    assert size(fetcher.get(f"/main/image/fetch/c_scale,w_16/{url}").content) == (16, 12)
    again = fetcher.get(f"/main/image/fetch/c_scale,w_32/{url}", if_none_match=first.headers["etag"])
    assert again.status_code == 304
    assert site.asked.count("/once.jpg") == 1


def test_the_url_may_be_encoded_in_any_way(fetcher: Client, site: Site) -> None:
    url = f"{site.url}/ways.jpg?a=1&b=%20"
    for written in (quote(url, safe=""), quote(url, safe=":/"), quote(url, safe=":/").replace("://", ":/")):
        assert fetcher.get(f"/main/image/fetch/{written}").status_code == 200
    assert site.asked.count("/ways.jpg?a=1&b=%20") == 1


def test_many_at_once_are_one_fetch_of_a_process(fetcher: Client, site: Site) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fetcher.get(f"/main/image/fetch/{site.url}/many.jpg").status_code, range(16)))
    assert set(answers) == {200}
    assert site.asked.count("/many.jpg") <= 2  # web processes


def test_nobody_owns_what_was_fetched(fetcher: Client, site: Site) -> None:
    count = media_count(fetcher)
    assert fetcher.get(f"/main/image/fetch/{site.url}/hidden.jpg").status_code == 200
    assert media_count(fetcher) == count
    with sqlite3.connect(fetcher.server.data / "catalog.sqlite") as connection:
        found = connection.execute(
            "SELECT id, public_id, visibility FROM assets WHERE owner = 'fetch' || char(31)"
        ).fetchall()
    connection.close()
    assert found
    for asset_id, public_id, visibility in found:
        assert visibility == "private"
        assert fetcher.call("GET", f"/media/{asset_id}").status_code == 404
        assert fetcher.get(f"/main/image/upload/{public_id}.jpg").status_code == 404
        assert fetcher.get(f"/main/image/private/{public_id}.jpg").status_code == 404


def test_it_is_fetched_anew_when_its_time_is_over(fetcher: Client, site: Site) -> None:
    path = f"/main/image/fetch/{site.url}/old.jpg"
    assert fetcher.get(path).status_code == 200
    with sqlite3.connect(fetcher.server.data / "catalog.sqlite") as connection:
        connection.execute("UPDATE assets SET created_at = created_at - 8 * 86400000 WHERE owner = 'fetch' || char(31)")
    connection.close()
    assert fetcher.get(path).status_code == 200
    assert site.asked.count("/old.jpg") == 2


def test_a_signature_opens_what_a_host_does_not(fetcher: Client, site: Site) -> None:
    url = site.url.replace("127.0.0.1", "localhost")
    assert fetcher.get(f"/main/image/fetch/w_9/{url}/signed.jpg").status_code == 401
    signature = sign(f"w_9/{url}/signed.jpg", secret(fetcher))
    assert fetcher.get(f"/main/image/fetch/s--{signature}--/w_8/{url}/signed.jpg").status_code == 401
    assert fetcher.get(f"/main/image/fetch/s--{signature}--/w_9/{url}/other.jpg").status_code == 401
    assert "/signed.jpg" not in site.asked
    for proof in (signature, sign(f"w_9/{url}/signed.jpg", secret(fetcher), long=True)):
        answer = fetcher.get(f"/main/image/fetch/s--{proof}--/w_9/{url}/signed.jpg")
        assert size(answer.content) == (9, 7)
    assert site.asked.count("/signed.jpg") == 1


@pytest.mark.parametrize(
    "path",
    ["/missing.jpg", "/page.jpg", "/empty.jpg", "/clip.mp4", "/packed.jpg", "/large.jpg"],
)
def test_what_is_no_picture_is_not_found(fetcher: Client, site: Site, path: str) -> None:
    answer = fetcher.get(f"/main/image/fetch/{site.url}{path}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert answer.headers["x-cld-error"]


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/a.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/a.jpg",
        "http://127.0.0.1:1/a.jpg",
    ],
)
def test_a_signed_url_reaches_nothing_inside(fetcher: Client, url: str) -> None:
    escaped = quote(url, safe="/:")
    answer = fetcher.get(f"/main/image/fetch/s--{sign(escaped, secret(fetcher))}--/{escaped}")
    assert answer.status_code == 404
    assert "10.0.0.1" not in answer.text


@pytest.mark.parametrize(
    ("tail", "status"),
    [
        ("w_10/cat.jpg", 404),
        ("ftp://127.0.0.1/a.jpg", 404),
        ("http:///a.jpg", 404),
        ("http://user@127.0.0.1/a.jpg", 404),
        ("http://127.0.0.1%5C@10.0.0.1/a.jpg", 404),
        ("nonsense/http://127.0.0.1/a.jpg", 400),
        ("w_-5/http://127.0.0.1/a.jpg", 400),
        ("http://2130706433/a.jpg", 404),
        ("http://%FF/a.jpg", 404),
    ],
)
def test_a_path_that_is_none_is_refused(fetcher: Client, tail: str, status: int) -> None:
    assert fetcher.get(f"/main/image/fetch/{tail}").status_code == status


@pytest.mark.parametrize("path", ["/nobody/image/fetch/", "/main/video/fetch/", "/main/raw/fetch/"])
def test_there_is_no_fetching_for_invented_tenants_and_other_types(fetcher: Client, site: Site, path: str) -> None:
    assert fetcher.get(f"{path}{site.url}/elsewhere.jpg").status_code == 404
    assert "/elsewhere.jpg" not in site.asked
