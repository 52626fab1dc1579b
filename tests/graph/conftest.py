"""Fixtures of the function tests: one database, which is emptied before each test."""

from tests.functions.conftest import isolated_shop, proxy, shared_shop, shop

__all__ = ["isolated_shop", "proxy", "shared_shop", "shop"]
