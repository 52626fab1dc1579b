"""GraphQL over HTTP: methods, media types, parameters, and who is refused before GraphQL begins."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from graphql import build_client_schema, get_introspection_query, print_schema

from sluice import runtime
from sluice.graph.schema import SCHEMA
from tests.fixtures.graph import data, error_codes
from tests.fixtures.shop import Shop
from tests.fixtures.tcp_proxy import TcpProxy

GRAPHQL_RESPONSE = "application/graphql-response+json"


def get(shop: Shop, /, **parameters: str) -> Any:
    return shop.get(f"/api/graphql?{urlencode(parameters)}")


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, application/json;q=0.9", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};charset=utf-8, application/json;charset=utf-8", GRAPHQL_RESPONSE),
        (f"application/json, {GRAPHQL_RESPONSE}", GRAPHQL_RESPONSE),
        (f"application/json, {GRAPHQL_RESPONSE};q=0.5, */*;q=0.1", "application/json"),
        ("application/json;q=0, */*", GRAPHQL_RESPONSE),
        (f"text/html, {GRAPHQL_RESPONSE};q=0.2, application/json;q=0.1", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0, */*;q=0.1", "application/json"),
    ],
)
def test_the_media_type_is_the_one_that_is_accepted(shop: Shop, accept: str, given: str) -> None:
    response = shop.graphql("{ __typename }", accept=accept)

    assert (response.status, response.json["data"]) == (200, {"__typename": "Query"})
    assert response.headers["Content-Type"] == f"{given}; charset=utf-8"


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/json;q=0",
        "image/*, application/xml",
        f"*/*, {GRAPHQL_RESPONSE};q=0, application/json;q=0",
        "*/*;q=x",
    ],
)
def test_what_accepts_neither_is_406(shop: Shop, accept: str) -> None:
    assert shop.graphql("{ __typename }", accept=accept).code == "not_acceptable"


@pytest.mark.parametrize(
    "query",
    ["{", "{ nope }", "query ($id: ID!) { product(id: $id) { id } }", "{ a } query B { b }"],
)
def test_a_request_error_is_400_to_who_knows_of_graphql(shop: Shop, query: str) -> None:
    told = shop.graphql(query, accept=GRAPHQL_RESPONSE)
    legacy = shop.graphql(query, accept="application/json")

    assert (told.status, legacy.status) == (400, 200)
    assert set(error_codes(told)) == set(error_codes(legacy)) == {"invalid_query"}
    assert "data" not in told.json
    assert "data" not in legacy.json


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
def test_parameters_that_are_none_are_400(shop: Shop, body: Any) -> None:
    response = shop.call("POST", "/api/graphql", raw=json.dumps(body).encode())

    assert (response.status, response.code) == (400, "invalid_request")


def test_every_wrong_parameter_is_named(shop: Shop) -> None:
    response = shop.post(
        "/api/graphql", {"query": 1, "variables": 2, "operationName": 3, "extensions": 4}
    )

    assert response.errors == dict.fromkeys(
        ("/query", "/variables", "/operationName", "/extensions"), "type"
    )


def test_other_parameters_and_nulls_are_passed_over(shop: Shop) -> None:
    body = {
        "query": "{ __typename }",
        "variables": None,
        "operationName": None,
        "extensions": None,
        "id": "x",
    }

    assert shop.post("/api/graphql", body).json["data"] == {"__typename": "Query"}


def test_a_get_takes_a_query_in_its_address(shop: Shop) -> None:
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
def test_a_get_of_no_query_is_400(shop: Shop, parameters: dict[str, str]) -> None:
    assert get(shop, **parameters).status == 400


def test_a_mutation_is_not_got(shop: Shop) -> None:
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


def test_a_body_is_json_of_a_size(shop: Shop) -> None:
    assert (
        shop.call("POST", "/api/graphql", raw=b"{}", content_type="application/graphql").status
        == 415
    )
    assert shop.call("POST", "/api/graphql", raw=b'{"query": "{').code == "invalid_request"
    assert shop.graphql("#" * 140_000).code == "too_large"


def test_who_is_unknown_or_asks_too_often_is_told_as_everywhere(shop: Shop) -> None:
    assert shop.graphql("{ __typename }", x_api_key="nobody's").code == "unauthenticated"
    answers = [shop.graphql("{ __typename }", x_api_key="local-limited") for _ in range(6)]
    assert answers[-1].code == "rate_limited"
    assert "RateLimit" in answers[0].headers


def test_operation_names_choose(shop: Shop) -> None:
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


def test_a_database_that_is_away_is_503(shop: Shop, proxy: TcpProxy) -> None:
    data(shop, "{ products { totalCount } }")
    proxy.close()

    response = shop.graphql("{ products { totalCount } }")

    assert (response.status, response.code) == (503, "database_unavailable")
    assert response.headers["Retry-After"]


def test_a_fault_of_ours_is_masked_in_its_field_alone(
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


def test_a_problem_is_the_one_of_rest(shop: Shop) -> None:
    response = shop.graphql('{ category(id: 1, slug: "x") { id } }')

    error = response.json["errors"][0]
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert error["extensions"]["problem"] == {
        "type": "urn:sluice:error:invalid_parameter",
        "title": "A parameter is not valid",
        "status": 400,
        "detail": error["message"],
        "code": "invalid_parameter",
        "request_id": response.headers["X-Request-Id"],
        "errors": [
            {"parameter": "id", "code": "invalid", "message": "or slug must be given, and not both"}
        ],
    }


@pytest.fixture
def closed_shop(shop: Shop) -> Iterator[Shop]:
    """As it is deployed where nobody says otherwise."""
    settings = runtime.current().settings
    closed = runtime.build(
        replace(settings, graphql=replace(settings.graphql, introspection=False))
    )
    runtime.set_current(closed)
    yield shop
    closed.database.dispose()


def test_introspection_tells_the_schema_where_it_is_on(shop: Shop) -> None:
    for options in (
        {},
        {
            "specified_by_url": True,
            "directive_is_repeatable": True,
            "input_value_deprecation": True,
        },
    ):
        told = data(shop, get_introspection_query(**options))
        assert print_schema(build_client_schema(told)) == print_schema(SCHEMA)
    query = "query ($name: String!) { t: __type(name: $name) { ...F } } fragment F on __Type { name fields { name } }"
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
def test_introspection_tells_nothing_where_it_is_off(closed_shop: Shop, query: str) -> None:
    response = closed_shop.graphql(query)

    assert "data" not in response.json
    assert set(error_codes(response)) == {"invalid_query"}
    assert data(closed_shop, "{ __typename products { __typename } }")["__typename"] == "Query"


def test_suggestions_are_introspection_too(shop: Shop, closed_shop: Shop) -> None:
    query = "query ($sort: ProductSort) { product(id: 1) { nam } products(sortBy: $sort) { totalCont } }"
    assert "Did you mean" not in closed_shop.graphql(query).text
    wrong = {"sort": {"field": "PRICES", "direction": "ASC"}}
    valued = closed_shop.graphql(
        "query ($sort: ProductSort) { products(sortBy: $sort) { totalCount } }", wrong
    )
    assert error_codes(valued) == ["invalid_query"]
    assert "Did you mean" not in valued.text


def test_an_error_of_many_is_logged_once_and_told_of_the_first_hundred(
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
