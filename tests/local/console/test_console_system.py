"""The console of a running local system: requests, statements, plans, keys and files."""

import json
import re
import uuid
from typing import Any

import pytest

from sluice.settings import Settings
from testing.local_system import LocalSystem
from tests.fixtures.template import ROOT

SECRET = "canary-of-the-console"  # a value that a client sends


def act(system: LocalSystem, path: str, body: object) -> tuple[int, Any]:
    """POST as the console's page does."""
    return system.request(path, body, Origin=system.local_json["base_url"])


def last_request(system: LocalSystem, route: str) -> dict[str, Any]:
    """Return the details of the newest request of a route."""
    listed = system.request(f"/console/requests?route={route.replace(' ', '+')}")[1]["requests"]
    document: dict[str, Any] = system.request(f"/console/requests/{listed[0]['id']}")[1]
    return document


def test_request_is_shown_with_its_log_and_statements(demo_system: LocalSystem) -> None:
    demo_system.request(f"/api/products?search={SECRET}")
    shown = last_request(demo_system, "GET /api/products")
    assert (shown["status"], shown["client"]) == (200, "admin")
    assert shown["target"] == f"/api/products?search={SECRET}"
    assert any(shown["id"] in line and '"duration_ms"' in line for line in shown["log"])
    (statement,) = shown["traced"]
    assert (statement["user"], statement["round_trips"], statement["error"]) == (
        "sluice_app",
        1,
        "",
    )
    assert SECRET in statement["params"]
    assert 0 < statement["seconds"] < shown["seconds"]


def test_plan_of_a_read_is_measured(demo_system: LocalSystem) -> None:
    demo_system.request("/api/categories?limit=2")
    shown = last_request(demo_system, "GET /api/categories")
    status, plan = act(demo_system, "/console/explain", {"request": shown["id"], "position": 0})
    assert (status, plan["analyzed"]) == (200, True)
    assert "actual time" in plan["text"]


def test_plan_of_an_order_places_none(demo_system: LocalSystem) -> None:
    order = {"user_id": 1, "items": [{"product_id": 1, "quantity": 1}]}
    status, placed = demo_system.request("/api/orders", order, Idempotency_Key=str(uuid.uuid4()))
    assert status == 201
    shown = last_request(demo_system, "POST /api/orders")
    (position,) = [
        number for number, each in enumerate(shown["traced"]) if "place_order" in each["sql"]
    ]
    before = demo_system.request("/api/inventory/1")[1]["quantity"]
    status, plan = act(
        demo_system, "/console/explain", {"request": shown["id"], "position": position}
    )
    assert (status, plan["analyzed"]) == (200, False)
    assert demo_system.request("/api/inventory/1")[1]["quantity"] == before
    assert demo_system.request(f"/api/orders/{placed['id'] + 1}")[0] == 404


def test_slow_statements_are_those_of_server_and_console(demo_system: LocalSystem) -> None:
    demo_system.request("/api/users?limit=1")
    document = demo_system.request("/console/statements")[1]
    assert any("GET /api/users" in each["routes"] for each in document["console"])
    assert any("FROM users" in each["sql"] for each in document["server"])
    assert all(each["mean"] <= each["max"] <= each["total"] for each in document["console"])
    assert all(not each["sql"].startswith("EXPLAIN") for each in document["server"])


def test_key_is_created_rotated_and_revoked(demo_system: LocalSystem) -> None:
    body = {"client": "console-test", "scopes": ["catalog:read"], "tier": "unlimited", "days": 1}
    status, created = act(demo_system, "/console/keys", body)
    assert (status, created["key"][:7]) == (200, "sluice_")
    assert demo_system.request("/api/products?limit=1", X_API_Key=created["key"])[0] == 200
    listed = demo_system.request("/console/keys")[1]["keys"]
    (mine,) = [each for each in listed if each["client"] == "console-test"]
    assert (mine["state"], mine["scopes"], mine["built_in"]) == ("valid", ["catalog:read"], None)
    assert created["key"] not in json.dumps(listed)
    rotated = act(demo_system, f"/console/keys/{mine['id']}/rotate", {})[1]["key"]
    assert demo_system.request("/api/products?limit=1", X_API_Key=rotated)[0] == 200
    assert act(demo_system, f"/console/keys/{mine['id']}/revoke", {})[0] == 200
    states = {each["id"]: each["state"] for each in demo_system.request("/console/keys")[1]["keys"]}
    assert states[mine["id"]] == "disabled"


def test_local_keys_are_not_revoked(demo_system: LocalSystem) -> None:
    listed = demo_system.request("/console/keys")[1]["keys"]
    (admin,) = [each for each in listed if each["built_in"] == "local-admin"]
    for action in ("revoke", "rotate"):
        status, problem = act(demo_system, f"/console/keys/{admin['id']}/{action}", {})
        assert (status, "local keys" in problem["message"]) == (400, True)


@pytest.mark.parametrize("path", ["/console/keys", "/console/explain"])
@pytest.mark.parametrize("origin", ["", "http://127.0.0.1:5173", "http://evil.example", "null"])
def test_foreign_pages_cannot_act(demo_system: LocalSystem, path: str, origin: str) -> None:
    headers = {"Origin": origin} if origin else {}
    assert demo_system.request(path, {"client": "x"}, **headers)[0] == 403


@pytest.mark.parametrize("path", ["/console/keys", "/console/requests", "/console/data"])
def test_rebound_host_cannot_read(demo_system: LocalSystem, path: str) -> None:
    host = f"evil.example:{demo_system.port}"
    assert demo_system.request(path, Host=host, Origin=f"http://{host}")[0] == 421


def test_layer_has_no_code_that_reports_statements() -> None:
    """Only the local bootstrap installs the trace, so no setting of a deployment can turn it on."""
    name = re.compile(r"statement_trace|_DriverFinder|TRACE_FD")
    sources = [*(ROOT / "layers").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    assert len(sources) > 100
    found = [path for path in [*sources, ROOT / "template.yaml"] if name.search(path.read_text())]
    assert found == []
    assert not any("trace" in field and "sql" in field for field in Settings._fields)


def test_statements_are_kept_in_memory_only(demo_system: LocalSystem) -> None:
    demo_system.request(f"/api/products?search={SECRET}")
    state = demo_system.home / "state"
    logs = [path for path in state.glob("*.log") if path.is_file()]
    assert logs
    assert [path for path in logs if SECRET in path.read_text(errors="replace")] == []
