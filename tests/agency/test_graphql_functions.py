"""Functions of the database in GraphQL: mutations if they write, fields of the row if they read."""

from typing import Any

import pytest

from testing.tcp_proxy import TcpProxy
from tests.fixtures.application import count_statements
from tests.fixtures.aws import AddApiKey
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.graph import data, error_codes
from tests.fixtures.graph_types import node_of, selection

WIN = "mutation ($id: ID!, $input: WinDealInput) { row: winDeal(id: $id, input: $input) { %s } }"
TOUCH = "mutation ($id: ID!) { touchDeal(id: $id) }"


def insert_deal(client: Client, **more: Any) -> str:
    case = case_of("deals")
    row = case.row(client, 0) | {"stage": "lead", "amount": "5.00", "title": "First"} | more
    return str(case.insert_row(client, row)[0])


def rest_deal(client: Client, id: str) -> Any:
    return node_of("Deal", client.get(f"/api/deals/{id}").json)


def test_mutation_calls_a_function_once(client: Client, open_proxy: TcpProxy) -> None:
    id, call = insert_deal(client), WIN % selection("Deal")
    variables = {"id": id, "input": {"note": "Won"}}

    won = client.graphql(call, variables, idempotency_key="k")

    row = won.json["data"]["row"]
    assert (row["stage"], row["title"]) == ("WON", "Won")
    assert row == rest_deal(client, id)
    client.patch(f"/api/deals/{id}", {"title": "Later"})
    again = client.graphql(call, variables, idempotency_key="k")
    assert (again.text, rest_deal(client, id)["title"]) == (won.text, "Later")
    without_rows = WIN % "id stage"
    trips = open_proxy.count_round_trips(lambda: data(client, without_rows, {"id": id}))
    assert trips == 2  # with COMMIT


def test_function_that_returns_nothing_is_true(client: Client) -> None:
    id = insert_deal(client)

    done = [data(client, TOUCH, {"id": each})["touchDeal"] for each in (id, "987654", "x")]

    assert done == [True, False, False]
    assert rest_deal(client, id)["amount"] == "6.00"


def test_errors_of_a_mutation_are_those_of_rest(client: Client) -> None:
    id, call = insert_deal(client), WIN % "id"

    def codes(note: str) -> list[str]:
        return error_codes(client.graphql(call, {"id": id, "input": {"note": note}}))

    assert codes("refused") == ["conflict"]
    assert codes(81 * "x") == ["validation_failed"]
    client.patch(f"/api/deals/{id}", {"stage": "lost"})
    assert codes("x") == ["conflict"]  # no row
    assert data(client, call, {"id": "987654"}) == {"row": None}
    assert data(client, call, {"id": "x"}) == {"row": None}


def test_fields_of_many_rows_are_one_statement_each(client: Client, open_proxy: TcpProxy) -> None:
    client.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    ids = [insert_deal(client)]
    owner = client.get(f"/api/deals/{ids[0]}").json["owner_id"]
    ids += [insert_deal(client, owner_id=owner, stage="offer", amount="2.00") for _ in range(3)]
    query = f"""{{ deals(first: 100) {{ nodes {{ id openTotal some: openTotal(atLeast: "3")
        siblings {{ {selection("Deal")} }} }} }} }}"""
    before, found = count_statements(client), []

    trips = open_proxy.count_round_trips(
        lambda: found.extend(data(client, query)["deals"]["nodes"])
    )

    # The rows, both totals, the siblings, and their owners and reviewers.
    assert (trips, count_statements(client) - before) == (5, 5)
    assert [node["id"] for node in found] == ids
    assert {(node["openTotal"], node["some"]) for node in found} == {("11.00", "5.00")}
    rows = {id: rest_deal(client, id) for id in ids}
    for node in found:
        assert node["siblings"] == [rows[id] for id in ids if id != node["id"]]


def test_field_with_too_many_rows_is_an_error(client: Client) -> None:
    id = insert_deal(client)
    owner = client.get(f"/api/deals/{id}").json["owner_id"]
    for _ in range(6):
        insert_deal(client, owner_id=owner)
    alone = insert_deal(client, owner_id=case_of("people").insert(client, 50))

    response = client.graphql(
        f"{{ many: deal(id: {id}) {{ id siblings {{ id }} }}"
        f"  none: deal(id: {alone}) {{ siblings {{ id }} }} }}"
    )

    assert response.json["data"] == {
        "many": {"id": id, "siblings": None},
        "none": {"siblings": []},
    }
    assert error_codes(response) == ["validation_failed"]


def test_invalid_argument_of_a_field_is_named(client: Client) -> None:
    id = insert_deal(client)

    query = "query ($id: ID!, $n: Decimal) { deal(id: $id) { title openTotal(atLeast: $n) } }"

    response = client.graphql(query, {"id": id, "n": 20 * "9"})

    assert response.json["data"] == {"deal": {"title": "First", "openTotal": None}}
    assert error_codes(response) == ["invalid_parameter"]
    problem = response.json["errors"][0]["extensions"]["problem"]
    assert [each["parameter"] for each in problem["errors"]] == ["atLeast"]


@pytest.mark.parametrize("mutation", [WIN % "title", TOUCH])
def test_mutation_needs_the_scope_of_the_function(
    client: Client, add_api_key: AddApiKey, mutation: str
) -> None:
    id = insert_deal(client)
    reads, writes = add_api_key("f-reads", "deals:read"), add_api_key("f-writes", "deals:write")

    refused = client.graphql(mutation, {"id": id}, x_api_key=reads)

    assert error_codes(refused) == ["insufficient_scope"]
    assert data(client, mutation, {"id": id}, x_api_key=writes)


def test_field_needs_the_scope_of_the_function(client: Client, add_api_key: AddApiKey) -> None:
    id = insert_deal(client)
    writes = add_api_key("f-writes", "deals:write")
    query = "mutation ($id: ID!) { updateDeal(id: $id, input: {}) { title %s } }"

    refused = client.graphql(query % "openTotal", {"id": id}, x_api_key=writes)

    assert error_codes(refused) == ["insufficient_scope"]
    assert data(client, query % "", {"id": id}, x_api_key=writes)


def test_calls_are_a_part_of_the_cost(client: Client) -> None:
    def cost(selected: str) -> int:
        response = client.graphql(f"{{ deals(first: 100) {{ nodes {{ {selected} }} }} }}")
        return int(response.json["extensions"]["cost"]["requested"])

    assert cost("title openTotal") == cost("title") + 525
    assert cost("title siblings { id }") == cost("title") + 525 + 500
