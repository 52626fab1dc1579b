"""Graph tests run over the shop that the functions' tests have: one database, emptied before each test."""

from tests.functions.conftest import isolated_shop, proxy, shared_shop, shop

__all__ = ["isolated_shop", "proxy", "shared_shop", "shop"]
