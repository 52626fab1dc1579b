"""Fixtures of the engine's tests: one database, which is emptied before each test."""

from tests.fixtures.shared_shop import isolated_shop, proxy, served_by, shared_shop, shop

__all__ = ["isolated_shop", "proxy", "served_by", "shared_shop", "shop"]
