"""Every error is a problem document (RFC 9457), and a test case exists for every error code."""

import os
import uuid
from collections.abc import Callable
from contextlib import closing

import pytest

from scripts.openapi_errors import error_classes
from sluice import errors, runtime
from sluice.db.database import Database
from sluice.db.pools import make_pool
from tests.fixtures.client import ApiResponse
from tests.fixtures.database import owner_connection
from tests.fixtures.shop import Shop

Scenario = Callable[[Shop], ApiResponse]
# Additional members of the problem documents, by code.
MEMBERS = {
    "query_too_expensive": ("cost", "max_cost"),
    "wrong_settings": ("database", "pool", "breaker", "limiter"),
}
TOO_MANY_ROWS = ", ".join(f"orders o{n}" for n in range(5))
MUG = {"name": "Mug", "price": "1.00", "category": "mugs"}


def duplicate_name(shop: Shop) -> ApiResponse:
    shop.add_product("Mug")
    return shop.post("/api/products", MUG)


def category_with_products(shop: Shop) -> ApiResponse:
    shop.add_product("Mug")
    return shop.delete(f"/api/categories/{shop.sql('SELECT id FROM categories')[0][0]}")


def missing_column(shop: Shop) -> ApiResponse:
    shop.sql("ALTER TABLE inventory DROP COLUMN quantity CASCADE")
    return shop.get("/api/inventory")


def missing_table(shop: Shop) -> ApiResponse:
    shop.sql("DROP TABLE inventory")
    return shop.get("/api/inventory")


def unreachable(shop: Shop) -> ApiResponse:
    settings = runtime.current().settings
    database = settings.database._replace(port=1)
    runtime.set_current(runtime.build(settings._replace(database=database)))
    return shop.get("/api/products")


def unreachable_a_moment_ago(shop: Shop) -> ApiResponse:
    unreachable(shop)
    return shop.get("/api/products")


def page_of_control_characters(shop: Shop) -> ApiResponse:
    for n in range(100):
        shop.add_product(f"Mug {n}")
    shop.sql("UPDATE products SET description = repeat(chr(1), 10000)")
    return shop.get("/api/products?limit=100")


def request_past_cloudfront(shop: Shop) -> ApiResponse:
    os.environ["SLUICE_ORIGIN_KEY"] = "what CloudFront sends"
    try:
        return shop.get("/api/products")
    finally:
        del os.environ["SLUICE_ORIGIN_KEY"]


def request_over_the_quota(shop: Shop) -> ApiResponse:
    current = runtime.current()
    one_a_day = current.settings._replace(rate_tiers={"default": (1, 86_400)})
    runtime.set_current(runtime.Runtime(one_a_day, current.database))
    shop.get("/api/products", x_api_key="local-reader")
    return shop.get("/api/products", x_api_key="local-reader")


def dynamodb_unreachable(shop: Shop) -> ApiResponse:
    current = runtime.current()
    aws = current.settings.aws._replace(dynamodb_endpoint="http://127.0.0.1:1")
    runtime.set_current(runtime.Runtime(current.settings._replace(aws=aws), current.database))
    return shop.get("/api/products")


def pool_exhausted(shop: Shop) -> ApiResponse:
    current = runtime.current()
    small = current.settings.database._replace(pool_size=1, pool_overflow=0, pool_timeout=0.05)
    pool = make_pool(small, "function")
    runtime.set_current(runtime.Runtime(current.settings, Database(pool)))
    with closing(pool.checkout()):
        response = shop.get("/api/products")
    pool.dispose()
    return response


def lock_with_timeout(setting: str) -> Scenario:
    def scenario(shop: Shop) -> ApiResponse:
        id = shop.add_product("Mug")
        name = shop.sql("SELECT current_database()")[0][0]
        shop.sql(f"ALTER ROLE sluice_app IN DATABASE {name} SET {setting} = '50ms'")
        with closing(owner_connection(shop.url)) as owner:
            owner.run("BEGIN")
            owner.run("SELECT * FROM inventory FOR UPDATE")
            response = shop.patch(f"/api/inventory/{id}", {"delta": -1})
            owner.run("ROLLBACK")
        return response

    return scenario


def session_without_triggers(shop: Shop) -> ApiResponse:
    name = shop.sql("SELECT current_database()")[0][0]
    shop.sql(f"ALTER ROLE sluice_app IN DATABASE {name} SET session_replication_role = 'replica'")
    return shop.get("/health/ready")


def delivered_order_paid_again(shop: Shop) -> ApiResponse:
    return shop.patch(
        f"/api/orders/{shop.add_order(shop.add_user(), status='delivered')}",
        {"status": "paid"},
    )


def key_with_other_body(shop: Shop) -> ApiResponse:
    assert shop.post("/api/categories", {"name": "Bowls"}, idempotency_key="k").status == 201
    return shop.post("/api/categories", {"name": "Cups"}, idempotency_key="k")


def key_of_a_running_request(shop: Shop) -> ApiResponse:
    key_with_other_body(shop)
    with closing(owner_connection(shop.url)) as owner:
        owner.run("BEGIN")
        owner.run(
            "SELECT pg_advisory_xact_lock(('x' || left(encode(id, 'hex'), 16))::bit(64)::bigint) "
            "FROM sluice.idempotency_keys"
        )
        return shop.post("/api/categories", {"name": "Bowls"}, idempotency_key="k")


# Description: the expected status and code, and a function that causes the error.
CASES: dict[str, tuple[int, str, Scenario]] = {
    "broken JSON": (400, "invalid_request", lambda s: s.call("POST", "/api/products", raw=b"{")),
    "an unreadable If-Match": (
        400,
        "invalid_request",
        lambda s: s.delete("/api/products/1", if_match="x"),
    ),
    "an unknown parameter": (
        400,
        "invalid_parameter",
        lambda s: s.get("/api/products?colour=blue"),
    ),
    "a malformed parameter": (400, "invalid_parameter", lambda s: s.get("/api/products?limit=x")),
    "a parameter of a write": (
        400,
        "invalid_parameter",
        lambda s: s.post("/api/products?limit=1", {}),
    ),
    "a malformed id": (400, "invalid_parameter", lambda s: s.get("/api/products/x")),
    "a bad cursor": (400, "invalid_cursor", lambda s: s.get("/api/products?cursor=x")),
    "a page of over 6 MiB": (400, "response_too_large", page_of_control_characters),
    "no credentials": (401, "unauthenticated", lambda s: s.get("/api/products", x_api_key="none")),
    "no scope": (
        403,
        "insufficient_scope",
        lambda s: s.post("/api/products", {}, x_api_key="local-reader"),
    ),
    "a request past CloudFront": (403, "direct_access", request_past_cloudfront),
    "an open circuit breaker": (503, "circuit_open", unreachable_a_moment_ago),
    "a request over the quota": (429, "rate_limited", request_over_the_quota),
    "DynamoDB is unreachable": (503, "identity_unavailable", dynamodb_unreachable),
    "an unknown path": (404, "not_found", lambda s: s.get("/api/nothing")),
    "OPTIONS of an unknown path": (404, "not_found", lambda s: s.call("OPTIONS", "/api/nothing")),
    "an unknown id": (404, "not_found", lambda s: s.get("/api/products/404")),
    "an unknown method": (405, "method_not_allowed", lambda s: s.call("BREW", "/api/products")),
    "Accept is HTML": (406, "not_acceptable", lambda s: s.get("/api/products", accept="text/html")),
    "a duplicate value": (409, "duplicate", duplicate_name),
    "a referenced row": (409, "still_referenced", category_with_products),
    "too little stock": (
        409,
        "out_of_stock",
        lambda s: s.patch(f"/api/inventory/{s.add_product('Mug')}", {"delta": -100}),
    ),
    "an invalid transition": (409, "invalid_transition", delivered_order_paid_again),
    "a key of a running request": (409, "idempotency_in_progress", key_of_a_running_request),
    "a key of another request": (422, "idempotency_key_reused", key_with_other_body),
    "a stale ETag": (
        412,
        "stale_version",
        lambda s: s.delete(f"/api/products/{s.add_product('Mug')}", if_match='"x"'),
    ),
    "a huge body": (
        413,
        "too_large",
        lambda s: s.call("POST", "/api/products", raw=b" " * (2**20 + 1)),
    ),
    "a body that is not JSON": (
        415,
        "unsupported_media_type",
        lambda s: s.post("/api/products", {}, content_type="text/plain"),
    ),
    "an expensive query": (
        400,
        "query_too_expensive",
        lambda s: s.post("/api/analytics/query", {"query": f"select 1 from {TOO_MANY_ROWS}"}),
    ),
    "a rejected query": (
        422,
        "validation_failed",
        lambda s: s.post("/api/analytics/query", {"query": "select pg_sleep(1)"}),
    ),
    "invalid values": (422, "validation_failed", lambda s: s.post("/api/products", {})),
    "an unknown category": (422, "validation_failed", lambda s: s.post("/api/products", MUG)),
    "unknown products": (
        422,
        "validation_failed",
        lambda s: s.patch("/api/inventory", {"updates": [{"product_id": 404, "quantity": 1}]}),
    ),
    "a missing column": (500, "internal_error", missing_column),
    "a missing table": (503, "not_set_up", missing_table),
    "a session without triggers": (503, "wrong_settings", session_without_triggers),
    "an exhausted pool": (503, "pool_exhausted", pool_exhausted),
    "no database": (503, "database_unavailable", unreachable),
    "a lock timeout": (503, "database_unavailable", lock_with_timeout("lock_timeout")),
    "a statement timeout": (
        504,
        "statement_timeout",
        lock_with_timeout("statement_timeout"),
    ),
}


@pytest.mark.parametrize(("status", "code", "scenario"), CASES.values(), ids=CASES.keys())
def test_error_is_a_problem_document(
    isolated_shop: Shop, status: int, code: str, scenario: Scenario
) -> None:
    response = scenario(isolated_shop)
    problem = response.json
    assert (response.status, response.code) == (status, code)
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(problem)
    assert set(problem) <= {
        "type",
        "title",
        "status",
        "detail",
        "code",
        "request_id",
        "errors",
        *MEMBERS.get(code, ()),
    }
    assert (problem["status"], problem["type"]) == (status, f"urn:sluice:error:{code}")
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert uuid.UUID(problem["request_id"])
    assert problem["title"]
    assert problem["detail"]
    for error in problem.get("errors", ()):
        assert set(error) in ({"pointer", "code", "message"}, {"parameter", "code", "message"})
        assert all(isinstance(value, str) for value in error.values())
    assert ("Retry-After" in response.headers) == (status in (429, 503, 504))
    assert ("Allow" in response.headers) == (status == 405)


@pytest.mark.parametrize(
    "code", ["invalid_parameter", "validation_failed", "duplicate", "out_of_stock"]
)
def test_field_errors_name_their_fields(isolated_shop: Shop, code: str) -> None:
    scenario = next(scenario for _, case_code, scenario in CASES.values() if case_code == code)
    assert scenario(isolated_shop).json["errors"]


def test_every_error_code_has_a_case() -> None:
    abstract = {("conflict", 409)}  # only its subclasses are raised
    # These are GraphQL errors, which tests/engine/graph/test_limits.py covers.
    of_graphql = {
        (kind.code, kind.status)
        for kind in (
            errors.InvalidQuery,
            errors.QueryTooLong,
            errors.QueryTooDeep,
            errors.QueryTooComplex,
        )
    } | {(errors.TooManyAliases.code, 400), (errors.QueryTooExpensive.code, 400)}
    covered = {(code, status) for status, code, _ in CASES.values()}
    defined = {
        (kind.code, kind.status) for kind in error_classes() if kind not in (errors.Unavailable,)
    }
    assert defined - covered <= abstract | of_graphql


def test_each_code_has_one_title() -> None:
    titles: dict[str, set[str]] = {}
    for kind in error_classes():
        titles.setdefault(kind.code, set()).add(kind.title)
    assert {code: title for code, title in titles.items() if len(title) > 1} == {}
