"""Fixtures of these tests: a filled database, and the role of the analysts."""

from tests.fixtures.adhoc_sql import filled_shop, shop

__all__ = ["filled_shop", "shop"]
