"""The API's documentation at /docs, in a real browser: that its parts are served says nothing about what they show."""

from __future__ import annotations

import httpx

from .visit import Visit, until


def test_every_route_is_shown(visit: Visit) -> None:
    paths = httpx.get(f"{visit.url}/openapi.json").json()["paths"]
    visit.page.goto(f"{visit.url}/docs")
    visit.page.locator("#operations-media-listing_media_get").wait_for()
    shown = visit.page.locator(".opblock")
    until(lambda: shown.count() == sum(len(methods) for methods in paths.values()), "all routes are shown")
    visit.page.locator("#operations-media-listing_media_get .opblock-summary-control").click()
    # A parameter that may be absent keeps its type.
    row = visit.page.locator("tr[data-param-name=tag]")
    assert row.locator(".parameter__type").inner_text().startswith("string")
    visit.assert_clean()
