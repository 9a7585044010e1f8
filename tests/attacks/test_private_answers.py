"""What answers about private assets give away: to caches, to strangers who ask oddly, to pages of other origins."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from renditor.testing import media
from tests.attacks.test_grants import ASKED, PAGE, grant, links, owner, photo, segment_of, server, song, text_of
from tests.client import Client

__all__ = ["owner", "photo", "server", "song"]

SAME = ("type", "title", "status", "detail", "code")
UNKNOWN = "0" * 26


def told(answer: httpx.Response) -> dict[str, Any]:
    """All that an answer tells, but for what is another with each request."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    body = answer.json() if answer.content else {}
    # The name that was asked for may be repeated.
    return {"status": answer.status_code, "headers": sorted(headers), "body": {n: body[n] for n in SAME if n in body}}


def cookie(owner: Client, asset: dict[str, Any], **asked: Any) -> tuple[str, str]:
    """The whole cookie, and the URL of the picture or stream that it opens."""
    answer = owner.call("POST", f"/media/{asset['id']}/grants", json={"ttl": 60, "cookie": True} | asked)
    owner.http.cookies.clear()
    assert answer.status_code == 201, answer.text
    said = answer.json()
    return answer.headers["set-cookie"], re.sub(r"g--.*?--/", "", said.get("hls_url", said["url"]))


def fetched(url: str, method: str = "GET", **headers: str) -> httpx.Response:
    """By a connection of its own: any process may answer."""
    return httpx.request(method, url, headers={name.replace("_", "-"): value for name, value in headers.items()})


# -- caches -----------------------------------------------------------------------------------------------------------


def test_no_answer_is_kept_longer_than_its_grant(owner: Client, photo: dict[str, Any], song: dict[str, Any]) -> None:
    """Whole, in part, unchanged and as a head; in the URL and in a cookie."""
    for asset in (photo, song):
        url = grant(owner, asset, ttl=30)
        plain, opened = cookie(owner, asset, ttl=30)
        files = [(url, {}), (opened, {"cookie": plain.split(";")[0]})]
        if asset is song:
            files.append((segment_of(owner, url), {}))
        for one, with_cookie in files:
            whole = fetched(one, **with_cookie)
            tag = whole.headers["etag"]
            answers = [
                whole,
                fetched(one, "HEAD", **with_cookie),
                fetched(one, range="bytes=0-3", **with_cookie),
                fetched(one, if_none_match=tag, **with_cookie),
                fetched(one, "HEAD", if_none_match="*", **with_cookie),
            ]
            assert [answer.status_code for answer in answers] == [200, 200, 206, 304, 304]
            for answer in answers:
                kept = re.fullmatch(r"private, max-age=(\d+)", answer.headers["cache-control"])
                assert kept, answer.headers
                assert int(kept[1]) <= 30
            beyond = fetched(one, range="bytes=999999999-", **with_cookie)
            assert (beyond.status_code, beyond.headers["cache-control"]) == (416, "no-store")


def test_no_refusal_is_kept(owner: Client, photo: dict[str, Any]) -> None:
    url = grant(owner, photo)
    for asked in (
        url.replace(text_of(url), "wrong"), url.replace("/private/", "/upload/"), photo["url"],
        re.sub(r"g--.*?--/", "", url), url.replace("trip/", "none/"),
    ):  # fmt: skip
        for method in ("GET", "HEAD"):
            refused = fetched(asked, method)
            assert refused.status_code in (401, 404)
            assert refused.headers["cache-control"] == "no-store"
            assert "etag" not in refused.headers


def test_the_memory_of_granted_pictures(owner: Client, photo: dict[str, Any]) -> None:
    """What a grant had made and kept in memory is for nobody else, in either process."""
    url = grant(owner, photo, transformation="c_fill,w_31,h_31")
    for _ in range(ASKED):
        assert fetched(url).status_code == 200
    plain = re.sub(r"g--.*?--/", "", url)
    for _ in range(ASKED):
        for asked in (plain, plain.replace("/private/", "/upload/")):
            assert fetched(asked).status_code == 404


def test_public_and_private_in_turns(owner: Client, tmp_path: Path) -> None:
    """A change counts from the next request on, in every process, also where the picture is in memory."""
    asset = owner.upload(media.photo(tmp_path / "turn.jpg", 50, 40)).json()
    url, granted = asset["url"], grant(owner, asset)
    for visibility, expected in (("public", 200), ("private", 404)) * 2:
        assert owner.call("PATCH", f"/media/{asset['id']}", json={"visibility": visibility}).status_code == 200
        assert {fetched(url).status_code for _ in range(ASKED)} == {expected}
        answers = [fetched(granted) for _ in range(ASKED)]
        assert {answer.status_code for answer in answers} == {200}
        # Somebody whose grant is for a private asset may not have proxies keep it once it is public either.
        assert all(answer.headers["cache-control"].startswith("private") for answer in answers)


@pytest.mark.parametrize("first", ["public", "private"])
def test_overwriting_one_by_the_other(owner: Client, tmp_path: Path, first: str) -> None:
    second = "private" if first == "public" else "public"
    name = f"over-{first}"
    old = owner.upload(media.photo(tmp_path / "a.jpg", 50, 40), visibility=first, public_id=name).json()
    granted = grant(owner, old)
    plain = re.sub(r"/v\d+/", "/", old["url"])
    status = {"public": 200, "private": 404}
    assert {fetched(plain).status_code for _ in range(ASKED)} == {status[first]}
    content = fetched(granted).content
    new = owner.upload(media.photo(tmp_path / "b.jpg", 44, 44), visibility=second, public_id=name, overwrite="true")
    assert new.status_code in (200, 201), new.text
    assert {fetched(plain).status_code for _ in range(ASKED)} == {status[second]}
    if second == "public":
        assert fetched(plain).content != content
    # What the old grant was for is no more.
    for _ in range(ASKED):
        answer = fetched(granted)
        assert answer.status_code == 404 or new.json()["id"] == old["id"]
        assert answer.content != content


# -- strangers --------------------------------------------------------------------------------------------------------

ODD: dict[str, dict[str, str]] = {
    "plain": {},
    "any tag": {"if_none_match": "*"},
    "a part": {"range": "bytes=0-0"},
    "beyond the end": {"range": "bytes=999999999-"},
    "a part if unchanged": {"range": "bytes=0-0", "if_range": '"x"'},
    "with hints": {"sec_ch_width": "10", "accept": "image/avif"},
    "from an allowed page": {"origin": PAGE},
}


@pytest.mark.parametrize("odd", [*ODD, "the right tag", "a cookie"])
@pytest.mark.parametrize("kept_as", ["upload", "private"])
def test_telling_private_from_unknown(owner: Client, photo: dict[str, Any], odd: str, kept_as: str) -> None:
    """Not by status, words, header fields or conditional requests, even by who knows its id and entity tag."""
    tag = owner.get(grant(owner, photo)).headers["etag"]
    asked = ODD | {"the right tag": {"if_none_match": tag}, "a cookie": {"cookie": f"grant_{photo['id']}=wrong"}}
    base = f"{owner.server.url}/main/image/{kept_as}"
    for method in ("GET", "HEAD", "OPTIONS", "POST"):
        private = told(fetched(f"{base}/trip/secret.jpg", method, **asked[odd]))
        unknown = told(fetched(f"{base}/trip/sEcret.jpg", method, **asked[odd]))
        for one in (private, unknown):
            one["body"].pop("detail", None)
        assert private == unknown
        assert private["status"] in (404, 405, 204)


def test_telling_a_private_file_from_unknown(owner: Client, song: dict[str, Any]) -> None:
    url = re.sub(r"g--.*?--/", "", segment_of(owner, grant(owner, song)))
    rendition = url.split("/files/")[1].split("/")[0]
    tag = owner.get(segment_of(owner, grant(owner, song))).headers["etag"]
    for headers in (*ODD.values(), {"if_none_match": tag}, {"cookie": f"grant_{song['id']}=wrong"}):
        for method in ("GET", "HEAD", "OPTIONS"):
            private = told(fetched(url, method, **headers))
            assert private == told(fetched(url.replace(rendition, UNKNOWN), method, **headers))
            assert private["status"] in (404, 204)


# -- cookies ----------------------------------------------------------------------------------------------------------


def test_cookies_that_were_changed_or_belong_elsewhere(
    owner: Client, photo: dict[str, Any], song: dict[str, Any]
) -> None:
    made, url = cookie(owner, song)
    name, _, text = made.split(";")[0].partition("=")
    other, _ = cookie(owner, photo, whole=True)
    others = other.split(";")[0].partition("=")[2]
    assert fetched(url, cookie=f"{name}={text}").status_code == 200
    for shown in (
        f"{name}={text[:-1]}", f"{name}={text}A", f"{name}={text.swapcase()}", f'{name}="{text}"', f"{name}=",
        f"{name}={others}", f"grant_{photo['id']}={text}", f"grant={text}", f"{name.upper()}={text}",
        f"{name}={text.replace('a.', 'x.', 1)}", f"{name}=wrong; {name}={text}", f"{name}={text}" + "; x=y" * 5000,
    ):  # fmt: skip
        assert fetched(url, cookie=shown).status_code == 404, shown[:200]
    assert fetched(url.replace("/main/", "/other/"), cookie=f"{name}={text}").status_code == 404
    # A grant of the URL counts, not the cookie behind it.
    wrong = url.replace("/private/", "/private/g--wrong--/")
    assert fetched(wrong, cookie=f"{name}={text}").status_code == 401


def test_a_cookie_from_another_address(owner: Client, song: dict[str, Any]) -> None:
    made, url = cookie(owner, song, address="127.0.0.1")
    shown = {"cookie": made.split(";")[0]}
    assert fetched(url, **shown).status_code == 200
    with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.3")) as stranger:
        assert stranger.get(url, headers=shown | {"x-forwarded-for": "127.0.0.1"}).status_code == 404


def test_a_cookie_that_is_over(owner: Client, photo: dict[str, Any]) -> None:
    made, url = cookie(owner, photo, ttl=10)
    shown = {"cookie": made.split(";")[0]}
    assert fetched(url, **shown).status_code == 200
    end = time.monotonic() + 20
    while (answer := fetched(url, **shown)).status_code == 200:
        assert time.monotonic() < end
        time.sleep(0.5)
    # Whoever has it knew of the asset.
    assert (answer.status_code, answer.json()["code"]) == (401, "grant-expired")


# -- pages of other origins -------------------------------------------------------------------------------------------


def shared(answer: httpx.Response) -> tuple[str | None, str | None, bool]:
    """Whose pages may read it, whether with credentials, and whether caches are told that it depends on the origin."""
    names = [name.strip().lower() for name in answer.headers.get("vary", "").split(",")]
    # Several fields would be joined, and then no origin is allowed.
    allowed = answer.headers.get("access-control-allow-origin")
    return allowed, answer.headers.get("access-control-allow-credentials"), "origin" in names


def test_a_page_of_an_allowed_origin_plays_with_cookies(owner: Client, song: dict[str, Any]) -> None:
    made, url = cookie(owner, song)
    shown = made.split(";")[0]
    inner = urljoin(url, links(fetched(url, cookie=shown).text)[0])
    assert "/files/" in inner
    for one in (url, inner):
        for headers in ({"cookie": shown}, {"cookie": shown, "range": "bytes=0-3"}, {}):
            assert shared(fetched(one, origin=PAGE, **headers)) == (PAGE, "true", True)
        asked = fetched(one, "OPTIONS", origin=PAGE, access_control_request_method="GET")
        assert (asked.status_code, shared(asked)) == (204, (PAGE, "true", True))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "*", f"{PAGE}.evil.example", f"{PAGE}/", None])
def test_other_pages_get_nothing_with_cookies(
    owner: Client, song: dict[str, Any], photo: dict[str, Any], origin: str | None
) -> None:
    asked = {} if origin is None else {"origin": origin}
    made, url = cookie(owner, song)
    shown = made.split(";")[0]
    inner = urljoin(url, links(fetched(url, cookie=shown).text)[0])
    for one in (url, inner, grant(owner, photo)):
        for headers in ({"cookie": shown}, {}):
            for method in ("GET", "HEAD", "OPTIONS"):
                # "*" never goes with credentials (Fetch standard, 3.3.3).
                assert shared(fetched(one, method, **headers, **asked)) == ("*", None, True)


def test_public_files_are_for_all_pages_alike(owner: Client, tmp_path: Path) -> None:
    public = owner.done(owner.upload(media.song(tmp_path / "public.wav", 1)).json()["id"])
    picture = owner.upload(media.photo(tmp_path / "public.jpg", 33, 30)).json()
    for one in (public["hls_url"], segment_of(owner, public["hls_url"]), picture["url"]):
        for origin in (PAGE, "https://evil.example"):
            answer = fetched(one, origin=origin)
            assert (answer.status_code, shared(answer)[:2]) == (200, ("*", None))
