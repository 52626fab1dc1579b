"""The document at /console/data, and a database that does not respond."""

import json
import threading
from typing import Any

import pytest

from local.console.api import ConsoleApi
from local.console.import_status import STALE_SECONDS, ImportStatus
from local.console.metrics import Metrics
from local.gateway import AccessRecord
from local.http1 import HttpError, HttpRequest
from sluice.errors import DatabaseUnavailable
from tests.fixtures.waiting import asynchronous, until
from tests.local.conftest import PoolOpener
from tests.local.console.test_metrics import POOL, FakeClock, emf

JOB = {"id": 1, "resource": "products", "status": "running", "rows_read": 10}


def data(
    console_api: ConsoleApi, query: str = "", *, host: str = "127.0.0.1:3000"
) -> dict[str, Any]:
    response = console_api.page(
        HttpRequest("GET", f"/console/data{query}", "HTTP/1.1", [("host", host)])
    )
    assert response is not None
    assert ("cache-control", "no-store") in response.headers
    document: dict[str, Any] = json.loads(response.body)
    return document


@asynchronous
async def test_traffic_sandboxes_and_imports_are_shown(open_pool: PoolOpener) -> None:
    clock = FakeClock()
    metrics, import_status = Metrics(clock=clock), ImportStatus(lambda: [JOB], clock=clock)
    async with open_pool("def handler(event, context): return 1") as (pool, _):
        console_api = ConsoleApi(metrics, {"ShopFunction": pool}, import_status, clock=clock)
        await pool.invoke(b"{}")
        for status in (200, 429):
            metrics.record_access(
                AccessRecord(
                    "GET", "/api/x?query=canary", status, 0.2, "ShopFunction", route="ANY /api/x"
                )
            )
        metrics.record_line("ShopFunction", 1, emf(**POOL, breaker_open=1, rate_limited=1))
        clock.now += 1
        assert data(console_api)["database"] == "unknown"
        await until(lambda: data(console_api)["database"] == "reachable")
        document = data(console_api)
    assert document["imports"] == [JOB]
    (second,) = document["seconds"]
    assert (second["statuses"], second["counted"]) == ({"200": 1, "429": 1}, {"rate_limited": 1})
    assert second["pool"] == {"checked_in": 0, "checked_out": 2, "overflow": 1}
    (route,) = document["routes"]
    assert (route["route"], route["function"]) == ("GET /api/x", "ShopFunction")
    assert document["times"] == pytest.approx([0.2, 0.2, 0.2], rel=0.01)
    (function,) = document["functions"]
    (sandbox,) = function["sandboxes"]
    status = (sandbox["number"], sandbox["state"], sandbox["invocations"], function["waiting"])
    assert status == (1, "idle", 1, 0)
    assert (sandbox["metrics"]["age"], sandbox["metrics"]["breaker_open"]) == (1.0, True)
    assert "canary" not in json.dumps(document)


@asynchronous
async def test_unreachable_database_is_not_waited_for() -> None:
    clock, released = FakeClock(), threading.Event()

    def fetch() -> list[dict[str, Any]]:
        released.wait()
        raise DatabaseUnavailable

    import_status = ImportStatus(fetch, clock=clock)
    try:
        assert import_status.latest() == ([], "unknown")
        clock.now += 100
        assert import_status.latest() == ([], "unknown")
    finally:
        released.set()
    await import_status.stop()
    assert import_status.latest() == ([], "unreachable")
    await import_status.stop()
    clock.now += STALE_SECONDS
    assert import_status.latest() == ([], "unknown")  # the last state is stale
    await import_status.stop()


@pytest.mark.parametrize(
    "query", ["?after=x", "?after=-1", "?window=1e9", "?window=９", "?after=" + "9" * 20]
)
def test_malformed_number_is_rejected(query: str) -> None:
    with pytest.raises(HttpError) as raised:
        data(ConsoleApi(Metrics(), {}, ImportStatus(lambda: [])), query)
    assert raised.value.status == 400


def test_other_paths_are_not_answered() -> None:
    console_api = ConsoleApi(Metrics(), {}, ImportStatus(lambda: []))
    for method, target in (
        ("GET", "/console"),
        ("POST", "/console/data"),
        ("GET", "/console/data/x"),
    ):
        assert console_api.page(HttpRequest(method, target, "HTTP/1.1", [])) is None
