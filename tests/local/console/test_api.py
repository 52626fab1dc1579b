"""The routes below /console, its live data, and a database that does not respond."""

import json
import threading
from typing import Any

import pytest

from local.console.api import ConsoleApi, ConsoleParts
from local.console.explain import Explainer
from local.console.import_files import ImportFiles
from local.console.import_status import STALE_SECONDS, ImportStatus
from local.console.key_service import KeyService
from local.console.live_data import LiveData
from local.console.metrics import Metrics
from local.console.request_log import RequestLog
from local.console.statement_totals import StatementTotals
from local.console.tenant_list import TenantList
from local.gateway import AccessRecord
from local.http1 import HttpRequest
from sluice.errors import DatabaseUnavailable
from sluice.settings import DatabaseSettings
from tests.fixtures.waiting import asynchronous, until
from tests.local.conftest import PoolOpener
from tests.local.console.test_metrics import POOL, FakeClock, emf

JOB = {"id": 1, "resource": "products", "status": "running", "rows_read": 10}


def console_api(live: LiveData | None = None) -> ConsoleApi:
    """Return a console that has recorded no request, and whose servers do not exist."""
    empty = LiveData(Metrics(), {}, ImportStatus(lambda: []))
    return ConsoleApi(
        ConsoleParts(
            live or empty,
            RequestLog(),
            StatementTotals(),
            Explainer({}),
            KeyService("http://127.0.0.1:1"),
            TenantList(DatabaseSettings.from_url("postgresql://owner:secret@127.0.0.1:1/sluice")),
            ImportFiles("http://127.0.0.1:1", "imports"),
        )
    )


async def ask(
    api: ConsoleApi, target: str, method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[int, Any]:
    """Send a request to the console and return the status and the document."""
    fields = {"host": "127.0.0.1:3000"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    request = HttpRequest(method, target, "HTTP/1.1", list(fields.items()), body)
    responding = api.page(request)
    assert responding is not None
    response = await responding
    assert ("cache-control", "no-store") in response.headers
    return response.status, json.loads(response.body)


@asynchronous
async def test_application_without_tenants_lists_none() -> None:
    """The database is not asked: this one does not exist."""
    assert await ask(console_api(), "/console/tenants") == (200, {"tenants": [], "more": False})


@asynchronous
async def test_traffic_sandboxes_and_imports_are_shown(open_pool: PoolOpener) -> None:
    clock = FakeClock()
    metrics, import_status = Metrics(clock=clock), ImportStatus(lambda: [JOB], clock=clock)
    async with open_pool("def handler(event, context): return 1") as (pool, _):
        live = LiveData(metrics, {"ShopFunction": pool}, import_status, clock=clock)
        await pool.invoke(b"{}")
        for status in (200, 429):
            metrics.record_access(
                AccessRecord(
                    "GET", "/api/x?query=canary", status, 0.2, "ShopFunction", route="ANY /api/x"
                )
            )
        metrics.record_line("ShopFunction", 1, emf(**POOL, breaker_open=1, rate_limited=1))
        clock.now += 1
        assert live.document(0, 600)["database"] == "unknown"
        await until(lambda: live.document(0, 600)["database"] == "reachable")
        _, document = await ask(console_api(live), "/console/data")
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
@asynchronous
async def test_malformed_number_is_rejected(query: str) -> None:
    assert (await ask(console_api(), f"/console/data{query}"))[0] == 400


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/console"),
        ("POST", "/console/data"),
        ("GET", "/console/data/x"),
        ("GET", "/console/requests/x/y"),
        ("GET", "/consoles/data"),
        ("DELETE", "/console/keys/x"),
    ],
)
def test_other_paths_are_not_answered(method: str, target: str) -> None:
    assert console_api().page(HttpRequest(method, target, "HTTP/1.1", [])) is None


ROUTES = [
    ("GET", "/console/data"),
    ("GET", "/console/requests"),
    ("GET", "/console/requests/x"),
    ("GET", "/console/statements"),
    ("POST", "/console/explain"),
    ("GET", "/console/keys"),
    ("POST", "/console/keys"),
    ("GET", "/console/tenants"),
    ("POST", "/console/keys/x/rotate"),
    ("POST", "/console/keys/x/revoke"),
    ("PUT", "/console/upload?url=x"),
    ("GET", "/console/rejected-rows?url=x"),
]


@pytest.mark.parametrize(("method", "target"), ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},  # another port of this machine
        {"origin": "http://127.0.0.1:5173"},
        {"origin": "http://localhost:3000"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:3000"},
    ],
)
@asynchronous
async def test_other_pages_may_not_use_the_console(
    method: str, target: str, headers: dict[str, str]
) -> None:
    assert (await ask(console_api(), target, method, b"{}", **headers))[0] == 403


def test_every_route_is_tested_for_other_pages() -> None:
    patterns = {
        (method, target.partition("?")[0].replace("/x", "/{id}")) for method, target in ROUTES
    }
    assert patterns == {(method, f"/console/{path}") for method, path in console_api()._routes}


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/console/keys", b"[]"),
        ("POST", "/console/keys", b"not JSON"),
        ("POST", "/console/keys", b'{"client": "a b", "scopes": ["catalog:read"]}'),
        ("POST", "/console/keys", b'{"client": "a", "scopes": []}'),
        ("POST", "/console/keys", b'{"client": "a", "scopes": "catalog:read"}'),
        ("POST", "/console/keys", b'{"client": 1, "scopes": ["catalog:read"]}'),
        ("POST", "/console/keys", b'{"client": "a", "scopes": ["catalog:read"], "days": 0}'),
        ("PUT", "/console/upload?url=http://169.254.169.254/imports/x", b""),
        ("PUT", "/console/upload?url=http://127.0.0.1:1/other/x", b""),
        ("PUT", "/console/upload?url=http://127.0.0.1:1@evil.example/imports/x", b""),
        ("GET", "/console/rejected-rows?url=file:///etc/passwd", b""),
    ],
)
@asynchronous
async def test_invalid_request_is_rejected(method: str, target: str, body: bytes) -> None:
    status, document = await ask(console_api(), target, method, body)
    assert (status, bool(document["message"])) == (400, True)


@pytest.mark.parametrize(
    ("target", "method", "body"),
    [
        ("/console/requests/none", "GET", b""),
        ("/console/explain", "POST", b'{"request": "none", "position": 0}'),
        ("/console/explain", "POST", b'{"sql": "DROP TABLE products"}'),
    ],
)
@asynchronous
async def test_what_the_console_does_not_keep_is_404(target: str, method: str, body: bytes) -> None:
    assert (await ask(console_api(), target, method, body))[0] == 404
