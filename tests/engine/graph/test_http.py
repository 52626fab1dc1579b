"""GraphQL over HTTP: methods, media types, parameters, and errors before GraphQL runs."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from graphql import build_client_schema, get_introspection_query, print_schema

from sluice import runtime
from sluice.graph.schema import current_schema
from testing.tcp_proxy import TcpProxy
from tests.fixtures.graph import data, error_codes
from tests.fixtures.sample import Library

GRAPHQL = "application/graphql-response+json"


def get(library: Library, /, **parameters: str) -> Any:
    return library.get(f"/api/graphql?{urlencode(parameters)}")


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
def test_content_type_follows_accept(library: Library, accept: str, expected: str) -> None:
    response = library.graphql("{ __typename }", accept=accept)

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
def test_unsupported_accept_is_406(library: Library, accept: str) -> None:
    assert library.graphql("{ __typename }", accept=accept).code == "not_acceptable"


@pytest.mark.parametrize(
    "query",
    ["{", "{ nope }", "query ($id: ID!) { book(id: $id) { id } }", "{ a } query B { b }"],
)
def test_status_of_request_error_depends_on_accept(library: Library, query: str) -> None:
    graphql_response = library.graphql(query, accept=GRAPHQL)
    json_response = library.graphql(query, accept="application/json")

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
def test_invalid_parameters_are_400(library: Library, body: Any) -> None:
    response = library.call("POST", "/api/graphql", raw=json.dumps(body).encode())

    assert (response.status, response.code) == (400, "invalid_request")


def test_all_invalid_parameters_are_reported(library: Library) -> None:
    response = library.post(
        "/api/graphql", {"query": 1, "variables": 2, "operationName": 3, "extensions": 4}
    )

    assert response.errors == dict.fromkeys(
        ("/query", "/variables", "/operationName", "/extensions"), "type"
    )


def test_unknown_and_null_parameters_are_ignored(library: Library) -> None:
    body = {
        "query": "{ __typename }",
        "variables": None,
        "operationName": None,
        "extensions": None,
        "id": "x",
    }

    assert library.post("/api/graphql", body).json["data"] == {"__typename": "Query"}


def test_get_reads_query_string(library: Library) -> None:
    emma = library.add_book("Emma")
    query = "query A($id: ID!) { book(id: $id) { name } } query B { shelves { name } }"

    response = get(
        library, query=query, operationName="A", variables=json.dumps({"id": emma}), extensions="{}"
    )

    assert response.json["data"] == {"book": {"name": "Emma"}}
    assert get(library, query="{ __typename }", variables="", operationName="").status == 200


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": "{ __typename }", "variables": "{"},
        {"query": "{ __typename }", "variables": "[]"},
        {"quary": "{"},
    ],
)
def test_get_without_valid_query_is_400(library: Library, parameters: dict[str, str]) -> None:
    assert get(library, **parameters).status == 400


def test_mutation_by_get_is_405(library: Library) -> None:
    response = get(
        library, query='mutation { addBook(input: {name: "a", price: 1, shelf: "b"}) { id } }'
    )

    assert (response.status, response.code, response.headers["Allow"]) == (
        405,
        "method_not_allowed",
        "POST",
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_are_405(library: Library, method: str) -> None:
    response = library.call(method, "/api/graphql", {"query": "{ __typename }"})

    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")


def test_body_must_be_json_of_limited_size(library: Library) -> None:
    assert (
        library.call("POST", "/api/graphql", raw=b"{}", content_type="application/graphql").status
        == 415
    )
    assert library.call("POST", "/api/graphql", raw=b'{"query": "{').code == "invalid_request"
    assert library.graphql("#" * 140_000).code == "too_large"


def test_authentication_and_rate_limit_apply(library: Library) -> None:
    assert library.graphql("{ __typename }", x_api_key="unknown").code == "unauthenticated"
    answers = [library.graphql("{ __typename }", x_api_key="local-limited") for _ in range(6)]
    assert answers[-1].code == "rate_limited"
    assert "RateLimit" in answers[0].headers


def test_operation_name_selects_operation(library: Library) -> None:
    def run(name: Any, query: str = "query A { a: __typename } query B { b: __typename }") -> Any:
        return library.post("/api/graphql", {"query": query, "operationName": name})

    assert run("B").json["data"] == {"b": "Query"}
    assert (
        error_codes(run(None))
        == error_codes(run("C"))
        == error_codes(run("B", "{ __typename }"))
        == ["invalid_query"]
    )
    assert error_codes(run(None, "fragment F on Query { __typename }"))[0] == "invalid_query"


def test_unavailable_database_is_503(library: Library, proxy: TcpProxy) -> None:
    data(library, "{ books { totalCount } }")
    proxy.close()

    response = library.graphql("{ books { totalCount } }")

    assert (response.status, response.code) == (503, "database_unavailable")
    assert response.headers["Retry-After"]


def test_internal_error_is_masked_in_its_field(
    isolated_library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    isolated_library.sql("ALTER TABLE books DROP COLUMN copies")

    response = isolated_library.graphql("{ book(id: 1) { copies } reader(id: 1) { name } }")

    assert response.json["data"] == {"book": None, "reader": None}
    assert error_codes(response) == ["internal_error"]
    assert response.json["errors"][0]["path"] == ["book"]
    assert "b.copies" not in response.text
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert vars(logged)["request_id"] == response.headers["X-Request-Id"]
    assert logged.exc_info


def test_error_has_problem_body_of_rest(library: Library) -> None:
    response = library.graphql('{ books(filter: {search: "!"}) { totalCount } }')

    error = response.json["errors"][0]
    assert error["locations"] == [{"line": 1, "column": 3}]
    assert error["extensions"]["problem"] == {
        "type": "urn:sluice:error:invalid_parameter",
        "title": "A parameter is invalid",
        "status": 400,
        "detail": error["message"],
        "code": "invalid_parameter",
        "request_id": response.headers["X-Request-Id"],
        "errors": [{"parameter": "search", "code": "invalid", "message": "must contain a word"}],
    }


@pytest.fixture
def library_without_introspection(library: Library) -> Iterator[Library]:
    """A library with the default settings of a deployment."""
    settings = runtime.current().settings
    without_introspection = runtime.build(
        settings._replace(graphql=settings.graphql._replace(introspection=False))
    )
    runtime.set_current(without_introspection)
    yield library
    without_introspection.database.dispose()


def test_introspection_returns_schema_if_enabled(library: Library) -> None:
    for options in (
        {},
        {
            "specified_by_url": True,
            "directive_is_repeatable": True,
            "input_value_deprecation": True,
        },
    ):
        schema = build_client_schema(data(library, get_introspection_query(**options)))
        assert print_schema(schema) == print_schema(current_schema())
    query = """
        query ($name: String!) { t: __type(name: $name) { ...F } }
        fragment F on __Type { name fields { name } }
    """
    assert data(library, query, {"name": "BookEdge"})["t"]["fields"] == [
        {"name": "node"},
        {"name": "cursor"},
    ]


@pytest.mark.parametrize(
    "query",
    [
        get_introspection_query(),
        '{ __type(name: "Book") { name } }',
        "{ a: __schema { __typename } }",
    ],
)
def test_introspection_is_rejected_if_disabled(
    library_without_introspection: Library, query: str
) -> None:
    response = library_without_introspection.graphql(query)

    assert "data" not in response.json
    assert set(error_codes(response)) == {"invalid_query"}
    assert (
        data(library_without_introspection, "{ __typename books { __typename } }")["__typename"]
        == "Query"
    )


def test_suggestions_are_hidden_with_introspection(
    library: Library, library_without_introspection: Library
) -> None:
    query = """
        query ($sort: BookSort) {
          book(id: 1) { nam }
          books(sortBy: $sort) { totalCont }
        }
    """
    assert "Did you mean" not in library_without_introspection.graphql(query).text
    variables = {"sort": {"field": "PRICES", "direction": "ASC"}}
    response = library_without_introspection.graphql(
        "query ($sort: BookSort) { books(sortBy: $sort) { totalCount } }", variables
    )
    assert error_codes(response) == ["invalid_query"]
    assert "Did you mean" not in response.text


def test_shared_error_is_logged_once_and_reported_100_times(
    isolated_library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(101):
        isolated_library.add_book(f"b{n}", shelf=f"s{n}")
    isolated_library.sql("ALTER TABLE books RENAME COLUMN copies TO amount")

    response = isolated_library.graphql("{ shelves { books(first: 2) { copies } } }")

    assert response.json["data"] is None
    assert error_codes(response) == ["internal_error"] * 100
    assert response.json["errors"][-1]["message"].endswith("(and 1 more errors)")
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


@pytest.mark.parametrize("skipped", ["... @skip(if: true) { %s }", "...F @include(if: false)"])
def test_skipped_introspection_is_left_out(library: Library, skipped: str) -> None:
    types = "__schema { types { name } }"
    fragment = f" fragment F on Query {{ {types} }}" if "...F" in skipped else ""
    query = f"{{ {skipped.replace('%s', types)} __schema {{ queryType {{ name }} }} }}{fragment}"

    assert data(library, query) == {"__schema": {"queryType": {"name": "Query"}}}
