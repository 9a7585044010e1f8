"""Private assets on a running server: closed to everybody, open to whoever has a grant, for as long as it is good."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from renditor.testing import media
from tests.client import Client


@pytest.fixture(scope="module")
def photo(client: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = media.photo(tmp_path_factory.mktemp("private") / "secret.jpg", 320, 200)
    made: dict[str, Any] = client.upload(path, visibility="private").json()
    return made


@pytest.fixture(scope="module")
def film(client: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = media.video(tmp_path_factory.mktemp("private") / "secret.mp4", "320x180", 3)
    return client.done(client.upload(path, visibility="private").json()["id"])


def grant(client: Client, asset: dict[str, Any], **asked: Any) -> dict[str, Any]:
    response = client.call("POST", f"/media/{asset['id']}/grants", json={"ttl": 60} | asked)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def test_a_grant_opens_one_picture_and_no_other(client: Client, photo: dict[str, Any]) -> None:
    assert client.get(photo["url"]).status_code == 404
    url = grant(client, photo, transformation="c_fill,w_100,h_100")["url"]
    opened = client.get(url)
    assert (opened.status_code, opened.headers["content-type"]) == (200, "image/jpeg")
    kept = re.fullmatch(r"private, max-age=([0-9]+)", opened.headers["cache-control"])
    assert kept is not None
    assert 0 < int(kept[1]) <= 60
    for other in ("c_fill,w_101,h_100", "w_100", "e_sepia"):
        assert client.get(url.replace("c_fill,w_100,h_100", other)).status_code == 401
    assert client.get(url.replace("/private/", "/upload/")).status_code == 404
    again = client.get(url, if_none_match=opened.headers["etag"])
    assert (again.status_code, again.headers["cache-control"][:7]) == (304, "private")


def test_a_grant_ends(client: Client, photo: dict[str, Any]) -> None:
    url = grant(client, photo, ttl=10)["url"]
    assert client.get(url).status_code == 200
    end = time.monotonic() + 20
    while client.get(url).status_code == 200:
        assert time.monotonic() < end
        time.sleep(0.5)
    refused = client.get(url)
    assert (refused.status_code, refused.json()["code"]) == (401, "grant-expired")


def test_nothing_tells_a_private_asset_from_none(client: Client, photo: dict[str, Any]) -> None:
    tail = urlsplit(photo["url"]).path.split("/upload/")[1]
    for path in (f"/main/image/private/{tail}", f"/main/image/upload/{tail}"):
        closed, unknown = client.get(path), client.get(path.replace(photo["public_id"], "0" * 26))
        assert closed.status_code == unknown.status_code == 404
        same = {"title", "status", "code"}
        assert {n: closed.json()[n] for n in same} == {n: unknown.json()[n] for n in same}
    forged = "x.{0}.{0}.1900000000.{1}".format("0" * 26, "A" * 32)
    for name in (photo["public_id"], "0" * 26):
        path = f"/main/image/private/g--{forged}--/{name}.jpg"
        assert (client.get(path).status_code, client.get(path).json()["code"]) == (401, "bad-grant")


def test_a_grant_for_one_asset_opens_no_other(client: Client, photo: dict[str, Any], tmp_path: Path) -> None:
    other = client.upload(media.photo(tmp_path / "other.jpg", 64, 64), visibility="private").json()
    url = grant(client, photo, whole=True)["url"]
    assert client.get(url).status_code == 200
    head, _, tail = url.rpartition("--/")
    assert client.get(f"{head}--/{tail.replace(photo['public_id'], other['public_id'])}").status_code == 404


def links(text: str) -> list[str]:
    """What a playlist names, by line or attribute."""
    named = re.findall(r'URI="([^"]+)"', text)
    return [*named, *(line for line in text.splitlines() if line and not line.startswith("#"))]


def test_a_grant_opens_a_whole_stream(client: Client, film: dict[str, Any]) -> None:
    assert client.get(film["hls_url"]).status_code == 404
    urls = grant(client, film)
    waiting, seen = [urls["hls_url"]], set()
    while waiting:
        url = waiting.pop()
        seen.add(url)
        response = client.get(url)
        assert response.status_code == 200, url
        assert response.headers["cache-control"].startswith("private, max-age=")
        if ".m3u8" in url:
            waiting += [found for one in links(response.text) if (found := urljoin(url, one)) not in seen]
    assert len(seen) > 5
    for name, url in urls.items():
        if name.endswith("url"):
            assert client.get(url).status_code == 200, name
    one = next(url for url in seen if url.endswith(".m4s"))
    assert client.get(re.sub(r"g--.*?--/", "", one)).status_code == 404
    assert client.get(one.replace("g--a.", "g--x.")).status_code == 401


def test_a_stream_for_one_client_alone(client: Client, film: dict[str, Any]) -> None:
    assert client.get(grant(client, film, address="127.0.0.1")["hls_url"]).status_code == 200
    assert client.get(grant(client, film, address="203.0.113.9")["hls_url"]).status_code == 401


def test_a_cookie_opens_plain_private_urls(client: Client, film: dict[str, Any]) -> None:
    response = client.call("POST", f"/media/{film['id']}/grants", json={"ttl": 60, "cookie": True})
    cookie = response.headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=lax", "Path=/main/", "Max-Age=60"):
        assert part in cookie
    plain = re.sub(r"g--.*?--/", "", response.json()["hls_url"])
    client.http.cookies.clear()
    assert client.get(plain).status_code == 404
    shown = cookie.split(";")[0]
    master = client.get(plain, cookie=shown)
    assert master.status_code == 200
    first = urljoin(plain, links(master.text)[0])
    assert "g--" not in first
    assert client.get(first, cookie=shown).status_code == 200
    assert client.get(first).status_code == 404
    assert client.get(plain, cookie=shown.replace(film["id"], "0" * 26)).status_code == 404


@pytest.mark.parametrize(
    "others",
    [['prefs={"a": [1, 2]}'], ["a[b]=1"], ["novalue"], ["=x"], ["a=b c"], ["path=/"], ['a="'], ["a=1", "b=2"]],
    ids=str,
)
def test_cookies_of_others_do_not_close_what_a_grant_opens(
    client: Client, film: dict[str, Any], others: list[str]
) -> None:
    """Whatever other pages of the host keep, in one field or, as browsers do over HTTP/2, in several."""
    response = client.call("POST", f"/media/{film['id']}/grants", json={"ttl": 60, "cookie": True})
    plain = re.sub(r"g--.*?--/", "", response.json()["hls_url"])
    client.http.cookies.clear()
    shown = response.headers["set-cookie"].split(";")[0]
    for fields in (["; ".join([*others, shown])], [*others, shown], [shown, *others]):
        assert client.http.get(plain, headers=[("cookie", field) for field in fields]).status_code == 200
    assert client.http.get(plain, headers=[("cookie", field) for field in others]).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl": 0},
        {"ttl": 10**9},
        {"ttl": "long"},
        {"address": "everybody"},
        {"owner": "me"},
        {"transformation": "w_10", "whole": True},
    ],
    ids=str,
)
def test_grants_that_make_no_sense(client: Client, photo: dict[str, Any], wrong: dict[str, Any]) -> None:
    response = client.call("POST", f"/media/{photo['id']}/grants", json=wrong)
    assert response.status_code == 422


def test_a_grant_of_a_transformation_that_is_none(client: Client, photo: dict[str, Any]) -> None:
    response = client.call("POST", f"/media/{photo['id']}/grants", json={"transformation": "zz_1"})
    assert response.status_code == 400


def test_what_is_deleted_is_gone_for_those_with_a_grant_too(client: Client, tmp_path: Path) -> None:
    made = client.upload(media.photo(tmp_path / "gone.jpg", 70, 64), visibility="private").json()
    url = grant(client, made)["url"]
    assert client.get(url).status_code == 200
    client.call("DELETE", f"/media/{made['id']}")
    assert client.get(url).status_code == 404
