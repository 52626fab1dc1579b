"""Place orders until a given time, as one client. Run as a script.

    python benchmarks/order_client.py <module> <opener> <user>

The opener, a function of the module, returns `place(user, items)` for a URL. The script reads lines
of JSON from stdin: `{"url": …, "until": T, "products": […], "items": n}`. It places orders until T
on the monotonic clock, and prints their number. Each order has n random products of the list.
"""

import importlib
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, TypeAlias

Items: TypeAlias = Sequence[tuple[int, int]]
Place: TypeAlias = Callable[[int, Items], int]


def sluice(url: str) -> Place:
    """Return the function that POST /api/orders calls, over one connection."""
    shop, ordering = _shop(url), importlib.import_module("shop.ordering")
    return lambda user, items: int(ordering.place_order(shop, user, items).id)


def sluice_with_keys(url: str) -> Place:
    """Return the same function, with a new Idempotency-Key for each order."""
    from sluice.sql.idempotency import IdempotencyKey

    shop, ordering = _shop(url), importlib.import_module("shop.ordering")
    rng = random.Random()
    return lambda user, items: int(
        ordering.place_order(shop, user, items, IdempotencyKey(rng.randbytes(32), b"")).id
    )


def _shop(url: str) -> Any:
    from sluice.db.database import Database
    from sluice.db.pools import make_pool
    from sluice.settings import DatabaseSettings
    from sluice.sql.page_cursor import CursorSigner
    from sluice.unit_of_work import Repositories

    database = Database(make_pool(DatabaseSettings.from_url(url), "function"))
    return Repositories(database, CursorSigner(b"the key of the benchmarks' cursors"))


def main(module: str, opener: str, user: str) -> None:
    open_at = lru_cache(getattr(importlib.import_module(module), opener))
    rng = random.Random(user)
    for line in sys.stdin:
        order = json.loads(line)
        print(_place_until(open_at(order["url"]), int(user), order, rng), flush=True)


def _place_until(place: Place, user: int, order: dict[str, Any], rng: random.Random) -> int:
    for placed in count():
        if time.monotonic() >= order["until"]:
            return placed
        place(user, [(product, 1) for product in rng.sample(order["products"], order["items"])])
    raise AssertionError


if __name__ == "__main__":
    main(*sys.argv[1:])
