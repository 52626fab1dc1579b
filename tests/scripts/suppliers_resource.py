"""A resource that `make resource` made, in a copy of the repository (see test_resource.py)."""

from typing import Any

import pytest

from sluice import application
from tests.fixtures.client import Client
from tests.fixtures.graph import data
from tests.fixtures.imports import ImportHarness

PATH = "/api/suppliers"
ACME = {"name": "Acme Tools", "country": "CH", "rating": "4.50"}
BOLT = {"name": "Bolt, Nut", "country": "AT", "rating": "3.25"}
CORK = {"name": "Cork Tools", "country": None, "rating": None}
CREATE = """
    mutation ($input: CreateSupplierInput!) { createSupplier(input: $input) { id name rating } }
"""
UPDATE = """
    mutation ($id: ID!, $version: Int) {
      updateSupplier(id: $id, input: { country: null }, ifVersion: $version) { country version }
    }
"""
LIST = """
    { suppliers(filter: { ratingMin: "3.00" }, sortBy: { field: RATING, direction: DESC }) {
      totalCount nodes { name country rating }
    } }
"""


@pytest.fixture(name="suppliers")
def add_suppliers(client: Client) -> Client:
    for body in (ACME, BOLT, CORK):
        assert client.post(PATH, body).status == 201
    return client


def names(client: Client, query: str) -> list[str]:
    response = client.get(f"{PATH}?{query}")
    assert response.status == 200, response.text
    return [row["name"].split()[0].strip(",") for row in response.json["data"]]


def test_rest_creates_reads_changes_and_deletes(client: Client) -> None:
    created = client.post(PATH, ACME)
    path = created.headers["Location"]

    assert (created.status, created.json["version"]) == (201, 1)
    assert {**created.json, **ACME} == created.json == client.get(path).json
    assert client.patch(path, {"rating": None}).json["rating"] is None
    assert client.put(path, BOLT).json["version"] == 3
    assert client.delete(path).status == 204
    assert client.get(path).status == 404


@pytest.mark.parametrize(
    ("body", "status", "errors"),
    [
        (ACME, 409, {"/name": "duplicate"}),
        ({"country": "CH"}, 422, {"/name": "required"}),
        ({"name": None}, 422, {"/name": "type"}),
        (
            {"name": "n" * 201, "rating": "10"},
            422,
            {"/name": "too_long", "/rating": "out_of_range"},
        ),
        ({"name": "New", "colour": "red"}, 422, {"/colour": "unknown_field"}),
    ],
)
def test_invalid_body_is_rejected(
    suppliers: Client, body: dict[str, Any], status: int, errors: dict[str, str]
) -> None:
    response = suppliers.post(PATH, body)

    assert (response.status, response.errors) == (status, errors)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name=Acme%20Tools", ["Acme"]),
        ("country=CH,AT", ["Acme", "Bolt"]),
        ("rating_min=3.25&rating_max=4", ["Bolt"]),
        ("search=tools", ["Acme", "Cork"]),
        ("created_after=2020-01-01", ["Acme", "Bolt", "Cork"]),
        ("created_before=2020-01-01", []),
        ("sort=name:desc", ["Cork", "Bolt", "Acme"]),
        ("sort=country", ["Bolt", "Acme", "Cork"]),
        ("sort=rating:desc", ["Cork", "Acme", "Bolt"]),
        ("sort=created_at", ["Acme", "Bolt", "Cork"]),
    ],
)
def test_list_filters_and_sorts(suppliers: Client, query: str, found: list[str]) -> None:
    assert names(suppliers, query) == found


@pytest.mark.parametrize("sort", ["country:asc", "country:desc", "rating:asc", "rating:desc"])
def test_pages_over_nulls_have_each_row_once(suppliers: Client, sort: str) -> None:
    for n in range(4):
        suppliers.post(PATH, {"name": f"Other {n}"})
    query, seen = f"sort={sort}&limit=2", []

    while query:
        page = suppliers.get(f"{PATH}?{query}").json
        seen += [row["id"] for row in page["data"]]
        cursor = page["pagination"]["next_cursor"]
        query = cursor and f"sort={sort}&limit=2&cursor={cursor}"

    assert len(seen) == len(set(seen)) == 7


def test_etag_and_idempotency_key_are_kept(client: Client) -> None:
    first = client.post(PATH, ACME, Idempotency_Key="a")
    path = first.headers["Location"]

    assert client.post(PATH, ACME, Idempotency_Key="a").text == first.text
    assert client.get(path, If_None_Match=first.headers["ETag"]).status == 304
    assert client.patch(path, {"country": "DE"}, If_Match='"7"').status == 412


def test_scopes_are_those_of_the_resource(suppliers: Client) -> None:
    reader = {"x_api_key": "local-reader"}

    assert suppliers.get(PATH, **reader).status == 200
    assert suppliers.post(PATH, ACME, **reader).status == 403


def test_graphql_has_queries_and_mutations(suppliers: Client) -> None:
    made = data(suppliers, CREATE, {"input": {"name": "Drill", "rating": "5.00"}})["createSupplier"]
    changed = data(suppliers, UPDATE, {"id": made["id"], "version": 1})["updateSupplier"]

    assert (made["name"], made["rating"]) == ("Drill", "5.00")
    assert changed == {"country": None, "version": 1}
    assert data(suppliers, LIST)["suppliers"] == {
        "totalCount": 3,
        "nodes": [
            {"name": "Drill", "country": None, "rating": "5.00"},
            {"name": "Acme Tools", "country": "CH", "rating": "4.50"},
            {"name": "Bolt, Nut", "country": "AT", "rating": "3.25"},
        ],
    }
    assert data(suppliers, f"mutation {{ deleteSupplier(id: {made['id']}) }}") == {
        "deleteSupplier": True
    }


def test_import_changes_rows_by_their_name(suppliers: Client, harness: ImportHarness) -> None:
    file = 'name,country,rating\nAcme Tools,FR,1.5\nDrill,,\n"Bolt, Nut",AT,3.25\nEdge,IT,99\n'

    job = harness.load(file, "suppliers")

    assert (job["rows_read"], job["rows_written"], job["rows_rejected"]) == (4, 3, 1)
    assert harness.rejects(job["id"]) == [(5, "rating", "out_of_range")]
    assert suppliers.sql("SELECT name, country, version FROM suppliers ORDER BY name") == [
        ["Acme Tools", "FR", 2],
        ["Bolt, Nut", "AT", 1],
        ["Cork Tools", None, 1],
        ["Drill", None, 1],
    ]


def test_analysts_may_query_the_table(suppliers: Client) -> None:
    query = "SELECT country, avg(rating) FROM suppliers GROUP BY 1 ORDER BY 1"

    response = suppliers.post("/api/analytics/query", {"query": query})

    assert response.status == 200, response.text
    assert [row[0] for row in response.json["rows"]] == ["AT", "CH", None]


def test_each_sort_is_an_index_scan(suppliers: Client) -> None:
    suppliers.sql(
        "INSERT INTO suppliers (name, country, rating) SELECT 'n' || n, 'c' || n % 90, n % 9"
        " FROM generate_series(1, 20000) n"
    )
    suppliers.sql("ANALYZE suppliers")
    spec = application.current().load("repositories", "suppliers").list_spec

    for name, sort in spec.sorts.items():
        order = sort.column if sort.unique else f"{sort.column}, id"
        plan = suppliers.sql(f"EXPLAIN SELECT * FROM suppliers ORDER BY {order} LIMIT 20")
        assert "Index Scan" in plan[1][0], (name, plan)
