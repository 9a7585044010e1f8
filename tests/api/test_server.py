"""What surrounds the media routes: health, metrics, documentation, errors, CORS."""

from __future__ import annotations

import json
import re

import pytest

from renditor.access import apikeys
from renditor.catalog import keys
from renditor.catalog.base import Catalog
from renditor.catalog.settings import CatalogSettings
from renditor.testing import media
from tests.client import Client


def second_key(client: Client, **options: object) -> str:
    """A key of another owner, made while the server runs."""
    catalog = Catalog(f"sqlite:///{client.server.data / 'catalog.sqlite'}", CatalogSettings())
    new = apikeys.create("test", **({"scopes": ["write"]} | options))  # type: ignore[arg-type]
    catalog.write_now(lambda c: keys.insert(c, new.key, new.secret_hash))
    catalog.close()
    return new.text


def test_health(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    body = ready.json()
    assert set(body["checks"].values()) == {"ok"}
    assert {"database", "storage", "decoders", "tools"} <= set(body["checks"])
    assert {"landlock_abi", "seccomp", "rlimits", "pdeathsig"} <= set(body["protections"])


def test_metrics_count_over_all_processes(client: Client, tmp_path) -> None:
    def accepted() -> float:
        found = re.search(r'renditor_uploads_total\{.*media_type="image".*\} ([0-9.]+)', client.get("/metrics").text)
        return float(found[1]) if found else 0.0

    before = accepted()
    for number in range(4):
        client.upload(media.photo(tmp_path / f"{number}.jpg", 20 + number, 20))
    assert accepted() == before + 4


def test_the_documentation_needs_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert "http://" not in page.text.replace(client.server.url, "")
    assert "https://" not in page.text
    for name in re.findall(r'(?:href|src)="(docs/[^"]+)"', page.text):
        assert client.get(f"/{name}").status_code == 200
    assert client.get("/docs/../openapi.json").status_code == 200
    assert client.get("/docs/index.html").status_code == 404


def test_the_openapi_document(client: Client) -> None:
    document = client.get("/openapi.json").json()
    assert {"/media/upload", "/media", "/media/{media_id}", "/media/{media_id}/status", "/healthz"} <= set(
        document["paths"]
    )
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    public = {("get", "/healthz"), ("get", "/readyz"), ("get", "/metrics"), ("options", "/uploads")}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert ("security" in operation) == ((method, path) not in public)
            assert operation["description"]
    json.dumps(document)


def test_errors_of_the_framework_are_problems_too(client: Client) -> None:
    for method, path, status in (("POST", "/healthz", 405), ("GET", "/nothing/here", 404), ("PUT", "/media", 405)):
        response = client.call(method, path)
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["request_id"] == response.headers["x-request-id"]
        assert response.headers.get_list("x-request-id") == [response.json()["request_id"]]


def test_delivery_is_open_to_all_pages_and_the_api_to_none(client: Client) -> None:
    asked = {"origin": "https://elsewhere.example", "access-control-request-method": "GET"}
    preflight = client.http.request("OPTIONS", "/main/image/upload/x.jpg", headers=asked)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")
    assert "access-control-allow-origin" not in client.http.request("OPTIONS", "/media", headers=asked).headers
    assert "access-control-allow-origin" not in client.call("GET", "/media", headers=asked).headers
    assert client.http.post("/main/image/upload/x.jpg").status_code == 405


def test_owners_do_not_see_each_other(client: Client, tmp_path) -> None:
    mine = client.upload(media.photo(tmp_path / "mine.jpg", 33, 20)).json()
    other = Client(client.server, second_key(client))
    for method, path in (("GET", ""), ("GET", "/status"), ("GET", "/original"), ("POST", "/cancel"), ("DELETE", "")):
        foreign = other.call(method, f"/media/{mine['id']}{path}")
        unknown = other.call(method, f"/media/{'0' * 26}{path}")
        assert foreign.status_code == unknown.status_code == 404
        hidden = {"request_id"}
        assert {k: v for k, v in foreign.json().items() if k not in hidden} == {
            k: v for k, v in unknown.json().items() if k not in hidden
        }
    assert other.call("PATCH", f"/media/{mine['id']}", json={"visibility": "private"}).status_code == 404
    assert other.call("GET", "/media").json()["items"] == []
    assert client.get(mine["url"]).status_code == 200
    other.close()


def test_scopes(client: Client, tmp_path) -> None:
    reader = Client(client.server, second_key(client, scopes=["read"]))
    refused = reader.upload(media.photo(tmp_path / "a.jpg", 20, 20))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert reader.call("GET", "/media").status_code == 200
    assert reader.call("DELETE", f"/media/{'0' * 26}").status_code == 403  # before 404
    reader.close()


@pytest.mark.parametrize("uploads", ["2/hour"])
def test_uploads_are_limited_per_owner(client: Client, tmp_path, uploads: str) -> None:
    limited = Client(client.server, second_key(client, uploads=uploads))
    photo = media.photo(tmp_path / "a.jpg", 20, 20)
    assert [limited.upload(photo).status_code for _ in range(3)] == [201, 201, 429]
    refused = limited.upload(photo)
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert "RENDITOR_LIMITS__UPLOADS" in refused.json()["hint"]
    limited.close()


def test_a_revoked_key_is_refused_at_once(client: Client) -> None:
    text = second_key(client)
    other = Client(client.server, text)
    assert other.call("GET", "/media").status_code == 200
    catalog = Catalog(f"sqlite:///{client.server.data / 'catalog.sqlite'}", CatalogSettings())
    catalog.write_now(lambda c: keys.revoke(c, text.split("_")[1], 1))
    catalog.close()
    assert other.call("GET", "/media").status_code == 401
    other.close()
