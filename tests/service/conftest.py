"""The service's parts on both databases."""

from tests.catalog.conftest import catalog

__all__ = ["catalog"]
