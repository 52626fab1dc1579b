"""GraphQL over HTTP: methods, media types, parameters, and errors before GraphQL runs."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from graphql import build_client_schema, get_introspection_query, print_schema

from sluice import runtime
from sluice.graph.schema import current_schema
from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import Shop
from tests.fixtures.tcp_proxy import TcpProxy

GRAPHQL = "application/graphql-response+json"


def get(shop: Shop, /, **parameters: str) -> Any:
    return shop.get(f"/api/graphql?{urlencode(parameters)}")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL),
        (f"{GRAPHQL};charset=utf-8, application/json;charset=utf-8", GRAPHQL),
        (f"application/json, {GRAPHQL}", GRAPHQL),
        (f"application/json, {GRAPHQL};q=0.5, */*;q=0.1", "application/json"),
        ("application/json;q=0, */*", GRAPHQL),
        (f"text/html, {GRAPHQL};q=0.2, application/json;q=0.1", GRAPHQL),
        (f"{GRAPHQL};q=0, */*;q=0.1", "application/json"),
    ],
)
def test_content_type_follows_accept(shop: Shop, accept: str, expected: str) -> None:
    response = shop.graphql("{ __typename }", accept=accept)

    assert (response.status, response.json["data"]) == (200, {"__typename": "Query"})
    assert response.headers["Content-Type"] == f"{expected}; charset=utf-8"


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/json;q=0",
        "image/*, application/xml",
        f"*/*, {GRAPHQL};q=0, application/json;q=0",
        "*/*;q=x",
    ],
)
def test_unsupported_accept_is_406(shop: Shop, accept: str) -> None:
    assert shop.graphql("{ __typename }", accept=accept).code == "not_acceptable"


@pytest.mark.parametrize(
    "query",
    ["{", "{ nope }", "query ($id: ID!) { product(id: $id) { id } }", "{ a } query B { b }"],
)
def test_status_of_request_error_depends_on_accept(shop: Shop, query: str) -> None:
    graphql_response = shop.graphql(query, accept=GRAPHQL)
    json_response = shop.graphql(query, accept="application/json")

    assert (graphql_response.status, json_response.status) == (400, 200)
    assert (
        set(error_codes(graphql_response)) == set(error_codes(json_response)) == {"invalid_query"}
    )
    assert "data" not in graphql_response.json
    assert "data" not in json_response.json


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": None},
        {"query": 1},
        {"query": ["{ __typename }"]},
        {"query": "{ __typename }", "variables": []},
        {"query": "{ __typename }", "variables": "{}"},
        {"query": "{ __typename }", "operationName": 0},
        {"query": "{ __typename }", "operationName": False},
        {"query": "{ __typename }", "extensions": "x"},
        "{ __typename }",
        None,
    ],
)
def test_invalid_parameters_are_400(shop: Shop, body: Any) -> None:
    response = shop.call("POST", "/api/graphql", raw=json.dumps(body).encode())

    assert (response.status, response.code) == (400, "invalid_request")


def test_all_invalid_parameters_are_reported(shop: Shop) -> None:
    response = shop.post(
        "/api/graphql", {"query": 1, "variables": 2, "operationName": 3, "extensions": 4}
    )

    assert response.errors == dict.fromkeys(
        ("/query", "/variables", "/operationName", "/extensions"), "type"
    )


def test_unknown_and_null_parameters_are_ignored(shop: Shop) -> None:
    body = {
        "query": "{ __typename }",
        "variables": None,
        "operationName": None,
        "extensions": None,
        "id": "x",
    }

    assert shop.post("/api/graphql", body).json["data"] == {"__typename": "Query"}


def test_get_reads_query_string(shop: Shop) -> None:
    mug = shop.add_product("Mug")
    query = "query A($id: ID!) { product(id: $id) { name } } query B { categories { name } }"

    response = get(
        shop, query=query, operationName="A", variables=json.dumps({"id": mug}), extensions="{}"
    )

    assert response.json["data"] == {"product": {"name": "Mug"}}
    assert get(shop, query="{ __typename }", variables="", operationName="").status == 200


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": "{ __typename }", "variables": "{"},
        {"query": "{ __typename }", "variables": "[]"},
        {"quary": "{"},
    ],
)
def test_get_without_valid_query_is_400(shop: Shop, parameters: dict[str, str]) -> None:
    assert get(shop, **parameters).status == 400


def test_mutation_by_get_is_405(shop: Shop) -> None:
    response = get(shop, query="mutation { deleteProduct(id: 1) }")

    assert (response.status, response.code, response.headers["Allow"]) == (
        405,
        "method_not_allowed",
        "POST",
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_are_405(shop: Shop, method: str) -> None:
    response = shop.call(method, "/api/graphql", {"query": "{ __typename }"})

    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")


def test_body_must_be_json_of_limited_size(shop: Shop) -> None:
    assert (
        shop.call("POST", "/api/graphql", raw=b"{}", content_type="application/graphql").status
        == 415
    )
    assert shop.call("POST", "/api/graphql", raw=b'{"query": "{').code == "invalid_request"
    assert shop.graphql("#" * 140_000).code == "too_large"


def test_authentication_and_rate_limit_apply(shop: Shop) -> None:
    assert shop.graphql("{ __typename }", x_api_key="unknown").code == "unauthenticated"
    answers = [shop.graphql("{ __typename }", x_api_key="local-limited") for _ in range(6)]
    assert answers[-1].code == "rate_limited"
    assert "RateLimit" in answers[0].headers


def test_operation_name_selects_operation(shop: Shop) -> None:
    def run(name: Any, query: str = "query A { a: __typename } query B { b: __typename }") -> Any:
        return shop.post("/api/graphql", {"query": query, "operationName": name})

    assert run("B").json["data"] == {"b": "Query"}
    assert (
        error_codes(run(None))
        == error_codes(run("C"))
        == error_codes(run("B", "{ __typename }"))
        == ["invalid_query"]
    )
    assert error_codes(run(None, "fragment F on Query { __typename }"))[0] == "invalid_query"


def test_unavailable_database_is_503(shop: Shop, proxy: TcpProxy) -> None:
    data(shop, "{ products { totalCount } }")
    proxy.close()

    response = shop.graphql("{ products { totalCount } }")

    assert (response.status, response.code) == (503, "database_unavailable")
    assert response.headers["Retry-After"]


def test_internal_error_is_masked_in_its_field(
    isolated_shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    isolated_shop.sql("ALTER TABLE order_items DROP COLUMN quantity")

    response = isolated_shop.graphql(
        "{ order(id: 1) { items { quantity } } product(id: 1) { name } }"
    )

    assert response.json["data"] == {"order": None, "product": None}
    assert error_codes(response) == ["internal_error"]
    assert response.json["errors"][0]["path"] == ["order"]
    assert "order_items" not in response.text
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert vars(logged)["request_id"] == response.headers["X-Request-Id"]
    assert logged.exc_info


def test_error_has_problem_body_of_rest(shop: Shop) -> None:
    response = shop.graphql('{ category(id: 1, slug: "x") { id } }')

    error = response.json["errors"][0]
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert error["extensions"]["problem"] == {
        "type": "urn:sluice:error:invalid_parameter",
        "title": "A parameter is invalid",
        "status": 400,
        "detail": error["message"],
        "code": "invalid_parameter",
        "request_id": response.headers["X-Request-Id"],
        "errors": [
            {"parameter": "id", "code": "invalid", "message": "or slug must be given, and not both"}
        ],
    }


@pytest.fixture
def shop_without_introspection(shop: Shop) -> Iterator[Shop]:
    """A shop with the default settings of a deployment."""
    settings = runtime.current().settings
    without_introspection = runtime.build(
        replace(settings, graphql=replace(settings.graphql, introspection=False))
    )
    runtime.set_current(without_introspection)
    yield shop
    without_introspection.database.dispose()


def test_introspection_returns_schema_if_enabled(shop: Shop) -> None:
    for options in (
        {},
        {
            "specified_by_url": True,
            "directive_is_repeatable": True,
            "input_value_deprecation": True,
        },
    ):
        schema = build_client_schema(data(shop, get_introspection_query(**options)))
        assert print_schema(schema) == print_schema(current_schema())
    query = """
        query ($name: String!) { t: __type(name: $name) { ...F } }
        fragment F on __Type { name fields { name } }
    """
    assert data(shop, query, {"name": "ProductEdge"})["t"]["fields"] == [
        {"name": "node"},
        {"name": "cursor"},
    ]


@pytest.mark.parametrize(
    "query",
    [
        get_introspection_query(),
        '{ __type(name: "Product") { name } }',
        "{ a: __schema { __typename } }",
    ],
)
def test_introspection_is_rejected_if_disabled(
    shop_without_introspection: Shop, query: str
) -> None:
    response = shop_without_introspection.graphql(query)

    assert "data" not in response.json
    assert set(error_codes(response)) == {"invalid_query"}
    assert (
        data(shop_without_introspection, "{ __typename products { __typename } }")["__typename"]
        == "Query"
    )


def test_suggestions_are_hidden_with_introspection(
    shop: Shop, shop_without_introspection: Shop
) -> None:
    query = """
        query ($sort: ProductSort) {
          product(id: 1) { nam }
          products(sortBy: $sort) { totalCont }
        }
    """
    assert "Did you mean" not in shop_without_introspection.graphql(query).text
    variables = {"sort": {"field": "PRICES", "direction": "ASC"}}
    response = shop_without_introspection.graphql(
        "query ($sort: ProductSort) { products(sortBy: $sort) { totalCount } }", variables
    )
    assert error_codes(response) == ["invalid_query"]
    assert "Did you mean" not in response.text


def test_shared_error_is_logged_once_and_reported_100_times(
    isolated_shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    mug, ada = isolated_shop.add_product("Mug"), isolated_shop.add_user()
    for _ in range(101):
        isolated_shop.add_order(ada, (mug, 1))
    isolated_shop.sql("ALTER TABLE inventory RENAME COLUMN quantity TO amount")

    response = isolated_shop.graphql(
        "{ a: orders(first: 100) { nodes { items { product { inventory } } } }"
        " b: orders(first: 1) { nodes { items { product { inventory } } } } }"
    )

    assert response.json["data"] is None
    assert error_codes(response) == ["internal_error"] * 100
    assert response.json["errors"][-1]["message"].endswith("(and 1 more errors)")
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
