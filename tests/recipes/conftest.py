"""On each kind of database."""

from tests.catalog.conftest import catalog

__all__ = ["catalog"]
