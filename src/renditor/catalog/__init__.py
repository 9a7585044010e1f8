"""Catalog: all tables and all SQL. Every question is a plain function ``(connection) -> value``."""

from renditor.catalog.base import Catalog, CatalogSettings

__all__ = ["Catalog", "CatalogSettings"]
