"""Service routes: health, API documents, request ids and unknown paths."""

import pytest

from tests.e2e.deployment import Deployment


def test_health_needs_no_key(api: Deployment) -> None:
    alive = api("GET", "/health", key="")
    assert (alive.status, alive.json) == (200, {"status": "ok"})


def test_ready_shows_pool_breaker_and_limiter(api: Deployment) -> None:
    ready = api("GET", "/health/ready", key="")
    assert ready.status == 200, ready.body
    assert set(ready.json["pool"]) == {"size", "checked_in", "checked_out", "overflow", "invalid"}
    assert ready.json["breaker"]["state"] == "closed"
    assert ready.json["limiter"] == {"counts": "shared"}


def test_database_has_the_expected_migration(api: Deployment) -> None:
    database = api("GET", "/health/ready", key="").json["database"]
    assert database["migration"] == database["expected_migration"]


@pytest.mark.parametrize(
    ("path", "kind"), [("/openapi.json", "application/json"), ("/docs", "text/html")]
)
def test_documents_need_no_key(api: Deployment, path: str, kind: str) -> None:
    document = api("GET", path, key="")
    assert document.status == 200
    assert document.headers["content-type"].startswith(kind)


def test_openapi_names_every_resource(api: Deployment) -> None:
    paths = api("GET", "/openapi.json", key="").json["paths"]
    assert {
        "/api/products",
        "/api/orders/{id}",
        "/api/imports",
        "/api/graphql",
        "/health/ready",
    } <= set(paths)


@pytest.mark.parametrize("path", ["/api/nothing", "/nothing", "/api", "/api/products/1/2"])
def test_unknown_path_is_a_problem(api: Deployment, path: str) -> None:
    response = api("GET", path)
    assert (response.status, response.code) == (404, "not_found")


def test_each_request_has_its_id(api: Deployment) -> None:
    ids = {
        api("GET", path, key="").headers["x-request-id"]
        for path in ("/health", "/health", "/docs", "/nothing")
    }
    assert len(ids) == 4
