"""/console/data, from parts that are at hand: what it tells, whom it refuses, and a database that does not answer."""

import json
import threading
from typing import Any

import pytest

from local.console_api import Vitals
from local.gateway import Access
from local.http1 import HttpError, Request
from local.import_status import OLD_SECONDS, Progress
from local.metrics import Metrics
from sluice.errors import DatabaseUnavailable
from tests.local.conftest import PoolOpener
from tests.local.test_metrics import POOL, Clock, emf
from tests.local.waiting import asynchronous, until

JOB = {"id": 1, "resource": "products", "status": "running", "rows_read": 10}


def data(vitals: Vitals, query: str = "", *, host: str = "127.0.0.1:3000") -> dict[str, Any]:
    response = vitals.page(Request("GET", f"/console/data{query}", "HTTP/1.1", [("host", host)]))
    assert response is not None
    assert ("cache-control", "no-store") in response.headers
    told: dict[str, Any] = json.loads(response.body)
    return told


@asynchronous
async def test_it_tells_of_traffic_sandboxes_and_imports(open_pool: PoolOpener) -> None:
    clock = Clock()
    metrics, progress = Metrics(clock=clock), Progress(lambda: [JOB], clock=clock)
    async with open_pool("def handler(event, context): return 1") as (pool, _):
        vitals = Vitals(metrics, {"ShopFunction": pool}, progress, clock=clock)
        await pool.invoke(b"{}")
        for status in (200, 429):
            metrics.access(
                Access(
                    "GET", "/api/x?query=canary", status, 0.2, "ShopFunction", route="ANY /api/x"
                )
            )
        metrics.line("ShopFunction", 1, emf(**POOL, breaker_open=1, rate_limited=1))
        clock.now += 1
        assert data(vitals)["database"] == "asked"
        await until(lambda: data(vitals)["database"] == "reached")
        told = data(vitals)
    assert told["imports"] == [JOB]
    (second,) = told["seconds"]
    assert (second["statuses"], second["counted"]) == ({"200": 1, "429": 1}, {"rate_limited": 1})
    assert second["pool"] == {"checked_in": 0, "checked_out": 2, "overflow": 1}
    assert [(each["route"], each["function"]) for each in told["routes"]] == [
        ("GET /api/x", "ShopFunction")
    ]
    assert told["times"] == pytest.approx([0.2, 0.2, 0.2], rel=0.01)
    ((sandbox,), waiting) = told["functions"][0]["sandboxes"], told["functions"][0]["waiting"]
    assert (sandbox["number"], sandbox["state"], sandbox["invocations"], waiting) == (
        1,
        "idle",
        1,
        0,
    )
    assert (sandbox["told"]["age"], sandbox["told"]["breaker_open"]) == (1.0, True)
    assert "canary" not in json.dumps(told)


@asynchronous
async def test_a_database_that_is_away_is_told_and_not_waited_for() -> None:
    clock, released = Clock(), threading.Event()

    def ask() -> list[dict[str, Any]]:
        released.wait()
        raise DatabaseUnavailable

    progress = Progress(ask, clock=clock)
    try:
        assert progress.latest() == ([], "asked")
        clock.now += 100
        assert progress.latest() == ([], "asked")
    finally:
        released.set()
    await progress.stop()
    assert progress.latest() == ([], "away")
    await progress.stop()
    clock.now += OLD_SECONDS
    assert progress.latest() == ([], "asked")  # which says nothing of now
    await progress.stop()


@pytest.mark.parametrize(
    "query", ["?after=x", "?after=-1", "?window=1e9", "?window=９", "?after=" + "9" * 20]
)
def test_it_is_asked_for_numbers(query: str) -> None:
    with pytest.raises(HttpError) as refused:
        data(Vitals(Metrics(), {}, Progress(lambda: [])), query)
    assert refused.value.status == 400


def test_what_is_not_its_path_is_not_its_business() -> None:
    vitals = Vitals(Metrics(), {}, Progress(lambda: []))
    for method, target in (
        ("GET", "/console"),
        ("POST", "/console/data"),
        ("GET", "/console/data/x"),
    ):
        assert vitals.page(Request(method, target, "HTTP/1.1", [])) is None
