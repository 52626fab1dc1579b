"""One shape for every error (RFC 9457), whatever way it arises; and no code that no way leads to."""

import dataclasses
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from sluice import errors, runtime
from sluice.db.database import Database
from sluice.db.engine import make_engine
from tests.fixtures.shop import ApiResponse, Shop, owner_connection

Way = Callable[[Shop], ApiResponse]
# What else a problem of that code holds.
MEMBERS = {
    "query_too_expensive": ("cost", "max_cost"),
    "wrong_settings": ("database", "pool", "breaker", "limiter"),
}
TOO_MANY_ROWS = ", ".join(f"orders o{n}" for n in range(5))
MUG = {"name": "Mug", "price": "1.00", "category": "mugs"}


def taken(shop: Shop) -> ApiResponse:
    shop.add_product("Mug")
    return shop.post("/api/products", MUG)


def still_referenced(shop: Shop) -> ApiResponse:
    shop.add_product("Mug")
    return shop.delete(f"/api/categories/{shop.sql('SELECT id FROM categories')[0][0]}")


def broken(shop: Shop) -> ApiResponse:
    shop.sql("ALTER TABLE inventory DROP COLUMN quantity CASCADE")
    return shop.get("/api/inventory")


def not_set_up(shop: Shop) -> ApiResponse:
    shop.sql("DROP TABLE inventory")
    return shop.get("/api/inventory")


def unreachable(shop: Shop) -> ApiResponse:
    here = runtime.current().settings
    runtime.set_current(
        runtime.build(
            dataclasses.replace(here, database=dataclasses.replace(here.database, port=1))
        )
    )
    return shop.get("/api/products")


def unreachable_lately(shop: Shop) -> ApiResponse:
    unreachable(shop)
    return shop.get("/api/products")


def past_cloudfront(shop: Shop) -> ApiResponse:
    os.environ["SLUICE_ORIGIN_KEY"] = "what CloudFront sends"
    try:
        return shop.get("/api/products")
    finally:
        del os.environ["SLUICE_ORIGIN_KEY"]


def once_too_often(shop: Shop) -> ApiResponse:
    here = runtime.current()
    runtime.set_current(
        runtime.Runtime(
            dataclasses.replace(here.settings, rate_tiers={"default": (1, 86_400)}), here.database
        )
    )
    shop.get("/api/products", x_api_key="local-reader")
    return shop.get("/api/products", x_api_key="local-reader")


def keyless(shop: Shop) -> ApiResponse:
    here = runtime.current()
    aws = dataclasses.replace(here.settings.aws, dynamodb_endpoint="http://127.0.0.1:1")
    runtime.set_current(runtime.Runtime(dataclasses.replace(here.settings, aws=aws), here.database))
    return shop.get("/api/products")


def exhausted(shop: Shop) -> ApiResponse:
    here = runtime.current()
    small = dataclasses.replace(
        here.settings.database, pool_size=1, pool_overflow=0, pool_timeout=0.05
    )
    engine = make_engine(small, "function")
    runtime.set_current(runtime.Runtime(here.settings, Database(engine)))
    with closing(engine.raw_connection()):
        answer = shop.get("/api/products")
    engine.dispose()
    return answer


def locked_for_longer_than(setting: str) -> Way:
    def way(shop: Shop) -> ApiResponse:
        id = shop.add_product("Mug")
        name = shop.sql("SELECT current_database()")[0][0]
        shop.sql(f"ALTER ROLE sluice_app IN DATABASE {name} SET {setting} = '50ms'")
        with closing(owner_connection(shop.url)) as owner:
            owner.run("BEGIN")
            owner.run("SELECT * FROM inventory FOR UPDATE")
            answer = shop.patch(f"/api/inventory/{id}", {"delta": -1})
            owner.run("ROLLBACK")
        return answer

    return way


def without_triggers(shop: Shop) -> ApiResponse:
    name = shop.sql("SELECT current_database()")[0][0]
    shop.sql(f"ALTER ROLE sluice_app IN DATABASE {name} SET session_replication_role = 'replica'")
    return shop.get("/health/ready")


def delivered(shop: Shop) -> ApiResponse:
    return shop.patch(
        f"/api/orders/{shop.add_order(shop.add_user(), status='delivered')}", {"status": "paid"}
    )


def keyed_twice(shop: Shop) -> ApiResponse:
    assert shop.post("/api/categories", {"name": "Bowls"}, idempotency_key="k").status == 201
    return shop.post("/api/categories", {"name": "Cups"}, idempotency_key="k")


def keyed_at_once(shop: Shop) -> ApiResponse:
    keyed_twice(shop)
    with closing(owner_connection(shop.url)) as owner:
        owner.run("BEGIN")
        owner.run(
            "SELECT pg_advisory_xact_lock(('x' || left(encode(id, 'hex'), 16))::bit(64)::bigint) "
            "FROM sluice.idempotency_keys"
        )
        return shop.post("/api/categories", {"name": "Bowls"}, idempotency_key="k")


# What happens → how; the status and code it must have.
WAYS: dict[str, tuple[int, str, Way]] = {
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
    "no credentials": (401, "unauthenticated", lambda s: s.get("/api/products", x_api_key="none")),
    "no scope": (
        403,
        "insufficient_scope",
        lambda s: s.post("/api/products", {}, x_api_key="local-reader"),
    ),
    "a way past CloudFront": (403, "direct_access", past_cloudfront),
    "a database that was away a moment ago": (503, "circuit_open", unreachable_lately),
    "one request too many": (429, "rate_limited", once_too_often),
    "nobody who knows keys": (503, "identity_unavailable", keyless),
    "an unknown path": (404, "not_found", lambda s: s.get("/api/nothing")),
    "OPTIONS of an unknown path": (404, "not_found", lambda s: s.call("OPTIONS", "/api/nothing")),
    "an unknown id": (404, "not_found", lambda s: s.get("/api/products/404")),
    "an unknown method": (405, "method_not_allowed", lambda s: s.call("BREW", "/api/products")),
    "HTML wanted": (406, "not_acceptable", lambda s: s.get("/api/products", accept="text/html")),
    "a taken value": (409, "duplicate", taken),
    "a row that others need": (409, "still_referenced", still_referenced),
    "too little stock": (
        409,
        "out_of_stock",
        lambda s: s.patch(f"/api/inventory/{s.add_product('Mug')}", {"delta": -100}),
    ),
    "a move that an order does not make": (409, "invalid_transition", delivered),
    "a key of a request that is running": (409, "idempotency_in_progress", keyed_at_once),
    "a key of another request": (422, "idempotency_key_reused", keyed_twice),
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
    "no JSON": (
        415,
        "unsupported_media_type",
        lambda s: s.post("/api/products", {}, content_type="text/plain"),
    ),
    "a query that costs too much": (
        400,
        "query_too_expensive",
        lambda s: s.post("/api/analytics/query", {"query": f"select 1 from {TOO_MANY_ROWS}"}),
    ),
    "a query that is refused": (
        422,
        "validation_failed",
        lambda s: s.post("/api/analytics/query", {"query": "select pg_sleep(1)"}),
    ),
    "unacceptable values": (422, "validation_failed", lambda s: s.post("/api/products", {})),
    "an unknown category": (422, "validation_failed", lambda s: s.post("/api/products", MUG)),
    "unknown products": (
        422,
        "validation_failed",
        lambda s: s.patch("/api/inventory", {"updates": [{"product_id": 404, "quantity": 1}]}),
    ),
    "a missing column": (500, "internal_error", broken),
    "a missing table": (503, "not_set_up", not_set_up),
    "a session whose triggers do not run": (503, "wrong_settings", without_triggers),
    "every connection in use": (503, "pool_exhausted", exhausted),
    "no database": (503, "database_unavailable", unreachable),
    "a lock held too long": (503, "database_unavailable", locked_for_longer_than("lock_timeout")),
    "a statement that takes too long": (
        504,
        "statement_timeout",
        locked_for_longer_than("statement_timeout"),
    ),
}


@pytest.mark.parametrize(("status", "code", "way"), WAYS.values(), ids=WAYS.keys())
def test_an_error_has_the_one_shape(shop: Shop, status: int, code: str, way: Way) -> None:
    answer = way(shop)
    problem = answer.json
    assert (answer.status, answer.code) == (status, code)
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
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert uuid.UUID(problem["request_id"])
    assert problem["title"]
    assert problem["detail"]
    for fault in problem.get("errors", ()):
        assert set(fault) in ({"pointer", "code", "message"}, {"parameter", "code", "message"})
        assert all(isinstance(value, str) for value in fault.values())
    assert ("Retry-After" in answer.headers) == (status in (429, 503, 504))
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    "code", ["invalid_parameter", "validation_failed", "duplicate", "out_of_stock"]
)
def test_an_error_about_fields_names_them(shop: Shop, code: str) -> None:
    way = next(way for _, of_way, way in WAYS.values() if of_way == code)
    assert way(shop).json["errors"]


def kinds(of: type[errors.SluiceError] = errors.SluiceError) -> Iterator[type[errors.SluiceError]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def test_every_error_there_is_has_a_way_here() -> None:
    abstract = {("conflict", 409)}  # of which only its kinds are raised
    # Told in GraphQL's own shape (tests/graph/test_limits.py).
    of_graphql = {
        (kind.code, kind.status)
        for kind in (
            errors.InvalidQuery,
            errors.QueryTooLong,
            errors.QueryTooDeep,
            errors.QueryTooComplex,
        )
    } | {(errors.TooManyAliases.code, 400), (errors.QueryTooExpensive.code, 400)}
    ways = {(code, status) for status, code, _ in WAYS.values()}
    found = {(kind.code, kind.status) for kind in kinds() if kind not in (errors.Unavailable,)}
    assert found - ways <= abstract | of_graphql


def test_titles_never_vary() -> None:
    titles: dict[str, set[str]] = {}
    for kind in kinds():
        titles.setdefault(kind.code, set()).add(kind.title)
    assert {code: title for code, title in titles.items() if len(title) > 1} == {}
