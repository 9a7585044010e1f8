"""Settings of the catalog."""

from __future__ import annotations

from pydantic import BaseModel, Field


class CatalogSettings(BaseModel, extra="forbid"):
    """Where the catalog lies and how many connections a process may hold."""

    readers: int = Field(4, ge=1, le=64, description="Threads, each with a connection, that answer reads.")
