"""Mutations link and unlink rows as REST does, and edges have the fields of the links."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from sluice.graph.part import graphql_name
from sluice.kinds.field import Field
from sluice.resource import Many
from sluice.sql.identifiers import qualified
from testing.tcp_proxy import TcpProxy
from tests.fixtures.application import count_statements
from tests.fixtures.aws import AddApiKey
from tests.fixtures.cases import has_trigger
from tests.fixtures.client import Client
from tests.fixtures.graph import data, error_codes
from tests.fixtures.graph_types import FIELDS, ROWS, TYPES, new_id, resource_of, value_of


@dataclass(frozen=True)
class Links:
    """The mutations of a many-to-many relation."""

    parent: str
    other: str
    many: Many
    link: str

    @property
    def unlink(self) -> str:
        return f"un{self.link}"

    @property
    def other_id(self) -> str:
        return graphql_name(f"{resource_of(self.other).singular}_id")

    @property
    def fields(self) -> str:
        """Return the selection of the payload's fields."""
        return " ".join(graphql_name(field.name) for field in self.many.payload)

    def call(self, mutation: str, selected: str, *, with_input: bool = False) -> str:
        type_ = FIELDS["Mutation", self.link].definition.args["input"].type if with_input else ""
        declared, given = (f", $input: {type_}", ", input: $input") if with_input else ("", "")
        return (
            f"mutation ($id: ID!, $other: ID!{declared}) {{ "
            f"done: {mutation}(id: $id, {self.other_id}: $other{given}) {{ {selected} }} }}"
        )


def linking() -> Iterator[Links]:
    for parent, derived in TYPES.items():
        for mutation, (verb, resource, relation, _) in derived.linking.items():
            other = next(name for name in TYPES if TYPES[name].resource == resource)
            many = next(each for each in resource_of(parent).lists if each.name == relation)
            if verb == "link":
                yield Links(parent, other, many, mutation)


RELATIONS = list(linking())
WITH_PAYLOAD = [(links, field) for links in RELATIONS for field in links.many.payload]

each_relation = pytest.mark.parametrize("links", RELATIONS, ids=lambda each: each.link)


def ids_of(client: Client, links: Links) -> dict[str, str]:
    return {"id": new_id(client, links.parent, 0), "other": new_id(client, links.other, 1)}


def edges(client: Client, links: Links, id: str) -> Any:
    """Return the edges of the relation below a row."""
    field = graphql_name(links.many.name)
    query = (
        f"query ($id: ID!) {{ row: {ROWS[links.parent]}(id: $id) {{ "
        f"list: {field} {{ edges {{ cursor node {{ id }} {links.fields} }} }} }} }}"
    )
    return data(client, query, {"id": id})["row"]["list"]["edges"]


@each_relation
def test_edge_of_a_new_link_is_that_of_the_list(client: Client, links: Links) -> None:
    row = graphql_name(resource_of(links.parent).singular)
    edge = f"{row} {{ id }} edge {{ cursor node {{ id }} {links.fields} }}"
    ids = ids_of(client, links)
    last = new_id(client, links.other, 2)

    for other in (last, ids["other"], ids["other"]):
        done = data(client, links.call(links.link, edge), {**ids, "other": other})["done"]

        assert done[row] == {"id": ids["id"]}
        assert done["edge"]["node"] == {"id": other}
        assert done["edge"] in edges(client, links, ids["id"])
    assert len(edges(client, links, ids["id"])) == 2
    removed = f"{row} {{ id }} {links.other_id}"
    done = data(client, links.call(links.unlink, removed), ids)["done"]
    assert done == {row: {"id": ids["id"]}, links.other_id: ids["other"]}
    assert [each["node"]["id"] for each in edges(client, links, ids["id"])] == [last]
    assert data(client, links.call(links.unlink, removed), ids) == {"done": None}


@pytest.mark.parametrize(("links", "field"), WITH_PAYLOAD)
def test_payload_of_a_link_is_written(client: Client, links: Links, field: Field) -> None:
    ids, name = ids_of(client, links), graphql_name(field.name)
    link = links.call(links.link, f"edge {{ {name} }}", with_input=True)
    inserts = has_trigger(client, qualified(links.many.through))

    for value in field.bounds():
        if inserts:
            client.graphql(links.call(links.unlink, "__typename"), ids)
        given = {"input": {name: value_of(field, value)}}
        done = data(client, link, ids | given)["done"]
        assert done == {"edge": {name: value_of(field, value)}}
        assert edges(client, links, ids["id"])[0][name] == value_of(field, value)
    for value, code in field.invalid():
        response = client.graphql(link, {**ids, "input": {name: value}})
        if error_codes(response) != ["invalid_query"]:
            assert error_codes(response) == ["validation_failed"], value
            (error,) = response.json["errors"]
            problem = error["extensions"]["problem"]
            assert [(each["pointer"], each["code"]) for each in problem["errors"]] == [
                (f"/{field.name}", code)
            ]
    assert len(edges(client, links, ids["id"])) == 1


@each_relation
def test_link_of_unknown_rows_is_null(client: Client, links: Links) -> None:
    ids = ids_of(client, links)

    for mutation in (links.link, links.unlink):
        for unknown in ("12345678", "x", ""):
            for name in ids:
                query = links.call(mutation, "__typename")
                assert data(client, query, {**ids, name: unknown}) == {"done": None}
    assert client.sql(f"SELECT count(*) FROM {qualified(links.many.through)}") == [[0]]


@each_relation
def test_link_needs_the_scopes_of_both_rows(
    client: Client, add_api_key: AddApiKey, open_proxy: TcpProxy, links: Links
) -> None:
    ids = ids_of(client, links)
    write = f"{resource_of(links.parent).scope_prefix}:write"
    read = f"{resource_of(links.other).scope_prefix}:read"
    for mutation in (links.link, links.unlink):
        query = links.call(mutation, "__typename")
        for has, lacks in ((write, read), (read, write)):
            call = partial(client.graphql, query, ids, x_api_key=add_api_key(f"has {has}", has))
            trips = open_proxy.round_trips

            refused = call()

            assert open_proxy.round_trips == trips
            assert error_codes(refused) == ["insufficient_scope"]
            assert refused.json["errors"][0]["message"] == f"This needs the scope {lacks}"
        both = add_api_key("both", write, read)
        assert data(client, query, ids, x_api_key=both)["done"]


@each_relation
def test_retried_link_is_replayed(client: Client, links: Links) -> None:
    ids, query = ids_of(client, links), links.call(links.unlink, "__typename")
    data(client, links.call(links.link, "__typename"), ids)
    first = client.graphql(query, ids, idempotency_key="k")

    again = client.graphql(query, ids, idempotency_key="k")

    assert first.json["data"]["done"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (first.status, first.text) == (again.status, again.text)


@each_relation
def test_link_is_one_statement(client: Client, open_proxy: TcpProxy, links: Links) -> None:
    """The row and the edge of the payload are one each."""
    client.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    row = graphql_name(resource_of(links.parent).singular)
    ids, counts = ids_of(client, links), []
    for selected in ("__typename", f"{row} {{ id }}", f"{row} {{ id }} edge {{ cursor }}"):
        query, before = links.call(links.link, selected), count_statements(client)
        trips = open_proxy.count_round_trips(partial(data, client, query, ids))
        counts.append((count_statements(client) - before, trips))

    assert [(n - counts[0][0], t - counts[0][1]) for n, t in counts] == [(0, 0), (1, 1), (2, 2)]
    assert counts[0][1] == 2  # BEGIN is sent with the statement, COMMIT waits for it


@each_relation
def test_edges_of_many_rows_are_one_statement(client: Client, links: Links) -> None:
    client.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    list_ = TYPES[links.parent].queries["list"]
    field = graphql_name(links.many.name)
    query = f"{{ {list_} {{ nodes {{ {field} {{ edges {{ cursor {links.fields} }} }} }} }} }}"
    for n in range(3):
        id, other = new_id(client, links.parent, n), new_id(client, links.other, n)
        ids = {"id": id, "other": other}
        data(client, links.call(links.link, "__typename"), ids)
    before = count_statements(client)

    nodes = data(client, query)[list_]["nodes"]

    assert count_statements(client) - before == 2
    assert [len(node[field]["edges"]) for node in nodes] == [1, 1, 1]
