"""The sizes of a run: a full one, a quick one for a look, and a smoke test."""

from dataclasses import dataclass

from testing.realistic_shop import ShopSize


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much a run measures. `note` says what its figures are worth."""

    note: str
    shop: ShopSize
    encrypted_shop: ShopSize
    rounds: int
    cold_samples: int
    order_rounds: int
    order_window: float  # seconds
    order_clients: int
    tenant_rows: int  # of each of 100 tenants
    tenant_reads: int
    installs: bool  # PostGraphile, from npm, if it is missing


FULL = Sizes(
    note="",
    shop=ShopSize(300_000),
    encrypted_shop=ShopSize(20_000),
    rounds=40,
    cold_samples=15,
    order_rounds=9,
    order_window=0.5,
    order_clients=8,
    tenant_rows=3_000,
    tenant_reads=3_000,
    installs=True,
)
QUICK = Sizes(
    note="**A quick look** with less data and few rounds: ratios may be off by a fifth.",
    shop=ShopSize(60_000),
    encrypted_shop=ShopSize(5_000),
    rounds=8,
    cold_samples=4,
    order_rounds=2,
    order_window=0.5,
    order_clients=8,
    tenant_rows=1_000,
    tenant_reads=600,
    installs=True,
)
SMOKE = Sizes(
    note="**A smoke test**: its figures mean nothing.",
    shop=ShopSize(500, categories=40),
    encrypted_shop=ShopSize(300, categories=40),
    rounds=2,
    cold_samples=1,
    order_rounds=1,
    order_window=0.1,
    order_clients=2,
    tenant_rows=120,
    tenant_reads=3,
    installs=False,
)
