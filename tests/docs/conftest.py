"""The API as it is put together, for looking at its routes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from renditor.api.server import ApiOptions, Server, create
from renditor.deliver.modes import Gate
from renditor.deliver.settings import DeliverySettings
from renditor.service import Flows


@pytest.fixture(scope="session")
def api() -> Server:
    """The whole HTTP application without anything behind it: only its routes are looked at."""

    @asynccontextmanager
    async def life() -> AsyncIterator[None]:
        yield

    settings = DeliverySettings()
    deliver = SimpleNamespace(settings=settings, gate=Gate(settings, "0" * 64))
    absent = dict.fromkeys(Flows.__dataclass_fields__)
    nothing: Any = SimpleNamespace(flows=SimpleNamespace(**absent | {"deliver": deliver}))
    options = ApiOptions("0", "http://127.0.0.1:8000")
    return create(cast("Any", nothing), options, {}, {}, life)
