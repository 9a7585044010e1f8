"""What other web pages could do with the browser of somebody who uses this server: CORS, framing, sniffing, leaking."""

from __future__ import annotations

import re

import pytest

from renditor.testing import media
from tests.client import Client

ALLOWED = "https://app.example.com"
LOOK_ALIKES = (
    "https://evil.example", "null", "http://app.example.com", "https://app.example.com.evil.example",
    "https://evil-app.example.com", "https://sub.app.example.com", "https://appxexample.com", "https://example.com",
    "https://app.example.com:8443", "https://APP.example.com", "https://app.example.com/", "https://user@app.example.com",
    "https://app.example.com@evil.example", "https://app.example.com%00.evil.example", "file://", "*", "",
    "https://app.example.com, https://evil.example", "https://app.example.com https://evil.example", "http://127.0.0.1",
    "http://localhost:8000", "chrome-extension://abcdef",
)  # fmt: skip


@pytest.mark.parametrize("origin", LOOK_ALIKES)
def test_origins_that_look_like_an_allowed_one(owner: Client, origin: str) -> None:
    for method, path, more in (
        ("GET", "/media", {}),
        ("OPTIONS", "/media", {"access-control-request-method": "DELETE"}),
        ("OPTIONS", "/media/upload", {"access-control-request-method": "POST"}),
    ):
        answer = owner.call(method, path, headers={"origin": origin, **more})
        allowed = answer.headers.get("access-control-allow-origin")
        assert allowed is None, (method, path, allowed)
        assert "access-control-allow-credentials" not in answer.headers


def test_an_allowed_origin_is_allowed_alone_and_without_credentials(owner: Client) -> None:
    answer = owner.call("GET", "/media", headers={"origin": ALLOWED})
    assert answer.headers["access-control-allow-origin"] == ALLOWED
    # A cache must not hand the answer for one origin to another.
    assert "origin" in answer.headers["vary"].lower()
    assert "access-control-allow-credentials" not in answer.headers
    asked = {"origin": ALLOWED, "access-control-request-method": "PUT"}
    assert owner.call("OPTIONS", "/media", headers=asked).status_code == 400
    asked = {"origin": ALLOWED, "access-control-request-method": "GET", "access-control-request-headers": "x-evil"}
    assert owner.call("OPTIONS", "/media", headers=asked).status_code == 400


def test_a_refused_preflight_is_an_error_like_any_other(owner: Client) -> None:
    for asked in (
        {"origin": "https://evil.example", "access-control-request-method": "GET"},
        {"origin": ALLOWED, "access-control-request-method": "PUT"},
        {"origin": ALLOWED, "access-control-request-method": "<script>"},
        {"origin": ALLOWED, "access-control-request-method": "GET", "access-control-request-headers": 'x-"evil"'},
    ):
        answer = owner.http.options("/media", headers=asked)
        problem = answer.json()
        assert (answer.status_code, problem["status"], problem["code"]) == (400, 400, "cors-refused")
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-store", "Origin")
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert "evil" not in answer.text
        assert "<script>" not in answer.text


def test_delivery_is_for_all_and_for_no_credentials(owner: Client, tmp_path) -> None:
    asset = owner.upload(media.photo(tmp_path / "a.jpg", 20, 20)).json()
    for origin in ("https://evil.example", "null"):
        answer = owner.get(asset["url"], origin=origin)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert "set-cookie" not in answer.headers


def policy(headers, name: str) -> str | None:
    found = re.search(rf"(?:^|; ?){name} ([^;]+)", headers["content-security-policy"])
    return found[1] if found else None


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_taking_over_the_page(owner: Client, path: str) -> None:
    """Framed, opened by another window, or made to run a script that is not its own."""
    headers = owner.get(path).headers
    assert policy(headers, "frame-ancestors") == "'none'"
    assert policy(headers, "default-src") == "'none'"
    assert policy(headers, "base-uri") == policy(headers, "form-action") == "'none'"
    script = policy(headers, "script-src") or ""
    assert "unsafe" not in script
    assert "'sha256-" in script
    assert not re.search(r"\*|https?:", headers["content-security-policy"])
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "camera=()" in headers["permissions-policy"]


@pytest.mark.parametrize(
    "path",
    ["/media", "/media/none", "/healthz", "/readyz", "/metrics", "/openapi.json", "/nothing", "/docs/swagger-ui.css"],
)
def test_answers_of_the_api_are_never_documents(owner: Client, path: str) -> None:
    for headers in (owner.call("GET", path).headers, owner.http.get(path).headers, owner.http.post(path).headers):
        assert headers["x-content-type-options"] == "nosniff"
        assert policy(headers, "default-src") == "'none'"
        assert policy(headers, "frame-ancestors") == "'none'"
        assert "sandbox" in headers["content-security-policy"]
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "no-referrer"
        assert not headers["content-type"].startswith("text/html")


def test_delivered_files_are_never_documents(owner: Client, tmp_path) -> None:
    """Also under a name that ends in .html, with markup behind the picture, and when it is a refusal."""
    content = media.photo(tmp_path / "a.jpg", 20, 20).read_bytes() + b"<html><script>alert(1)</script></html>"
    asset = owner.upload(content, "page.html", public_id="page.html").json()
    for url in (
        asset["url"],
        asset["url"].replace("/v", "/w_9/v"),
        "/main/image/upload/none.jpg",
        "/main/files/x/y.html",
    ):
        answer = owner.get(url)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert policy(answer.headers, "default-src") == "'none'"
        assert policy(answer.headers, "frame-ancestors") == "'none'"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["content-type"].split("/")[0] in ("image", "application")
        assert b"<script>" not in answer.content


def test_a_key_in_the_address_is_no_key(owner: Client) -> None:
    """It would be in histories, logs and the Referer of other sites; and a link could act for whoever clicks it."""
    key = owner.server.key
    for query in (
        f"key={key}",
        f"api_key={key}",
        f"access_token={key}",
        f"token={key}",
        f"authorization=Bearer%20{key}",
    ):
        assert owner.http.get(f"/media?{query}").status_code == 401
    assert owner.http.get("/media", headers={"cookie": f"authorization={key}; session={key}"}).status_code == 401
    user = f"http://{key}:{key}@127.0.0.1:{owner.server.port}/media"
    assert owner.http.get(user).status_code == 401


def test_forms_of_other_pages_do_nothing(owner: Client) -> None:
    """A browser sends no key by itself, so a form on another page is a stranger."""
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"):
        headers = {"content-type": kind, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert owner.http.post("/media/upload", content=b"a=b", headers=headers).status_code == 401
