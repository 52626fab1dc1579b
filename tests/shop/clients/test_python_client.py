"""The generated Python client against the running system, also through a proxy with faults."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from testing.local_system import LocalSystem
from tests.fixtures.fault_proxy import FAULTS, fault_proxy
from tests.fixtures.sdk import ROOT, Shelf, new_shelf, restock_product_1

PAGE = ROOT / "docs/how-to/clients.md"
SMALL = 60
LARGE = 1_000

pytestmark = pytest.mark.timeout(900)  # a generator and a type checker run


@pytest.fixture(scope="module")
def shop(python_sdk: Path) -> ModuleType:
    return import_module("shop_client")


def api(name: str) -> Any:
    """Return the module of an operation: `products.list_products`."""
    return import_module(f"shop_client.api.{name}")


def models() -> Any:
    return import_module("shop_client.models")


@pytest.fixture
def client(shop: ModuleType, demo_system: LocalSystem) -> Iterator[Any]:
    with shop.Client(demo_system.local_json["base_url"], api_key="local-admin") as client:
        yield client


def order_of(shelf: Shelf) -> Any:
    item = models().PlaceOrderBodyItemsItem(product_id=shelf.product_id, quantity=1)
    return models().PlaceOrderBody(user_id=shelf.user_id, items=[item])


def test_iterator_yields_each_product_once(shop: ModuleType, client: Any) -> None:
    operation = api("products.list_products").sync

    rows = list(shop.iterate(operation, client=client, limit=7, sort=["price:desc", "name"]))
    total = operation(client=client, limit=1, include_total=True).pagination.total

    assert len({row.id for row in rows}) == len(rows) == total > 14
    assert [float(row.price) for row in rows] == sorted(
        (float(row.price) for row in rows), reverse=True
    )


def test_iterator_continues_after_an_offset(shop: ModuleType, client: Any) -> None:
    operation = api("products.list_products").sync

    every = [row.id for row in shop.iterate(operation, client=client)]
    later = [row.id for row in shop.iterate(operation, client=client, offset=3, limit=5)]

    assert later == every[3:]


def test_post_with_the_same_key_is_replayed(client: Any, demo_system: LocalSystem) -> None:
    shelf = new_shelf(demo_system, "Python Replay", 5)
    place = api("orders.place_order").sync_detailed

    first, second = (
        place(client=client, body=order_of(shelf), idempotency_key="python-replay")
        for _ in range(2)
    )

    assert not first.is_replayed
    assert second.is_replayed
    assert shelf.orders() == [first.parsed.id] == [second.parsed.id]
    assert shelf.left() == 4


def test_update_with_old_etag_is_a_conflict(
    shop: ModuleType, client: Any, demo_system: LocalSystem
) -> None:
    shelf = new_shelf(demo_system, "Python Conflict", 5)
    read = api("products.get_product").sync_detailed
    write = api("products.update_product").sync
    body = models().UpdateProductBody
    old = read(shelf.product_id, client=client).etag
    write(shelf.product_id, client=client, if_match=old, body=body(price="3.00"))

    with pytest.raises(shop.PreconditionFailedError) as raised:
        write(shelf.product_id, client=client, if_match=old, body=body(price="4.00"))

    assert raised.value.code == "stale_version"
    assert read(shelf.product_id, client=client).parsed.price == "3.00"


def test_invalid_values_are_a_typed_error(shop: ModuleType, client: Any) -> None:
    body = models().CreateProductBody(name="", price="-1", category="stationery")

    with pytest.raises(shop.UnprocessableError) as raised:
        api("products.create_product").sync(client=client, body=body)

    assert raised.value.code == "validation_failed"
    assert {error.pointer for error in raised.value.problem.errors} == {"/name", "/price"}
    assert raised.value.request_id


def test_null_is_sent_and_unset_is_not(client: Any, demo_system: LocalSystem) -> None:
    shelf = new_shelf(demo_system, "Python Null", 1)
    update = api("products.update_product").sync
    body = models().UpdateProductBody

    update(shelf.product_id, client=client, body=body(description="words"))
    kept = update(shelf.product_id, client=client, body=body(price="9.00"))
    removed = update(shelf.product_id, client=client, body=body(description=None))

    assert kept.description == "words"
    assert removed.description is None


def test_import_is_uploaded(client: Any) -> None:
    body = models().CreateImportBody(resource="categories", format_="csv", filename="new.csv")
    job = api("imports.create_import").sync(client=client, body=body)

    client.upload(job.upload_url, b"name\nFrom Python\n")

    deadline = time.monotonic() + 60
    read = api("imports.get_import").sync
    while (now := read(job.id, client=client)).status not in ("completed", "failed"):
        assert time.monotonic() < deadline, now.status
    assert (now.status, now.rows_written) == ("completed", 1)


def place_orders(shop: ModuleType, base_url: str, shelf: Shelf, count: int) -> list[int]:
    """Place the orders with four threads. The client's waits are at most 50 ms."""
    timing = shop.Timing(sleep=lambda seconds: time.sleep(min(seconds, 0.05)))
    policy = shop.RetryPolicy(max_attempts=60, deadline=900, attempt_timeout=1.0)
    place = api("orders.place_order").sync
    with (
        shop.Client(base_url, api_key="local-admin", retries=policy, timing=timing) as client,
        ThreadPoolExecutor(4) as threads,
    ):
        bodies = [order_of(shelf) for _ in range(count)]
        return [order.id for order in threads.map(lambda b: place(client=client, body=b), bodies)]


@pytest.mark.parametrize(
    "count", [SMALL, pytest.param(LARGE, marks=[pytest.mark.slow, pytest.mark.timeout(0)])]
)
def test_faults_neither_double_nor_lose_an_order(
    shop: ModuleType, demo_system: LocalSystem, count: int
) -> None:
    shelf = new_shelf(demo_system, f"Python Faults {count}", count + 10)

    with fault_proxy(demo_system.local_json["base_url"], rate=0.4, seed=count) as proxy:
        proxy.next_faults = [*FAULTS]
        placed = place_orders(shop, proxy.base_url, shelf, count)

    assert all(proxy.counts[fault] > 0 for fault in FAULTS)
    assert len(proxy.keys) == count
    assert sorted(placed) == shelf.orders()
    assert len(set(placed)) == count
    assert shelf.left() == 10


async def short_wait(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 0.02))


def test_async_client_survives_faults(shop: ModuleType, demo_system: LocalSystem) -> None:
    shelf = new_shelf(demo_system, "Python Async", 30)
    place = api("orders.place_order").asyncio
    products = api("products.list_products").asyncio
    policy = shop.RetryPolicy(max_attempts=60, deadline=900, attempt_timeout=1.0)
    timing = shop.Timing(sleep_async=short_wait)

    async def program(base_url: str) -> tuple[list[int], int]:
        options = {"api_key": "local-admin", "retries": policy, "timing": timing}
        async with shop.AsyncClient(base_url, **options) as client:
            orders = [place(client=client, body=order_of(shelf)) for _ in range(20)]
            placed = [order.id for order in await asyncio.gather(*orders)]
            pages = shop.iterate_async(products, client=client, limit=10)
            return placed, len([row async for row in pages])

    with fault_proxy(demo_system.local_json["base_url"], rate=0.3) as proxy:
        placed, rows = asyncio.run(program(proxy.base_url))

    assert sorted(placed) == shelf.orders()
    assert shelf.left() == 10
    assert rows > 14


def example(language: str) -> str:
    """Return the program of the page."""
    (program,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(program)


def test_documented_program_runs(
    python_sdk: Path, demo_system: LocalSystem, tmp_path: Path
) -> None:
    restock_product_1(demo_system)
    base_url = demo_system.local_json["base_url"]
    program = tmp_path / "program.py"
    program.write_text(example("python").replace("http://127.0.0.1:3000", base_url))
    done = subprocess.run(
        [sys.executable, program],
        env={"PYTHONPATH": str(python_sdk / "src")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert same_lines(done.stdout)


def same_lines(printed: str) -> bool:
    """Return whether the output has the lines of the page; the figures depend on earlier tests."""
    expected = re.findall(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    first, second, *others = printed.splitlines()
    assert re.fullmatch(r"products: \d+", first), printed
    assert re.fullmatch(r"order of \d+\.\d\d", second), printed
    return bool(others == expected.splitlines()[2:])


def test_client_and_program_are_typed(python_sdk: Path, tmp_path: Path) -> None:
    """mypy --strict accepts the package and the documented program, and refuses wrong options."""
    program = tmp_path / "program.py"
    program.write_text(example("python"))
    options = Path(__file__).parent / "programs/options.py"
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "src", str(program), str(options)],
        cwd=python_sdk,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
