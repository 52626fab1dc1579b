"""The examples of openapi.json, GraphiQL and the console are those of the application."""

import pytest
from graphql import parse, validate

from scripts import examples
from sluice.graph.schema import current_schema
from sluice.http.body import body_of_new
from tests.fixtures.cases import case_of
from tests.fixtures.client import Client
from tests.fixtures.resources import RESOURCES

CREATED = [name for name in RESOURCES if "create" in case_of(name).resource.writes]


@pytest.mark.parametrize("name", CREATED)
def test_body_of_new_row_is_valid(name: str) -> None:
    body = body_of_new(case_of(name).resource)

    assert body.read_body(examples.of_body(body, "POST", name), "POST")


@pytest.mark.parametrize("name", CREATED)
def test_each_chosen_key_has_a_random_part(name: str) -> None:
    resource = case_of(name).resource
    unique = examples.unique_fields(body_of_new(resource), name)
    references = {column for one in resource.refs for column in one.foreign_key}
    chosen = {key.name for key in resource.keys if key.column not in references}

    if not any(key.read_only for key in resource.keys) and chosen:
        assert chosen & {*unique}
    assert {field.name for field in resource.writable if field.unique} - references <= {*unique}


@pytest.mark.parametrize("text", [examples.graphql(), examples.graphiql()])
def test_query_has_fields_that_exist(client: Client, text: str) -> None:
    assert validate(current_schema(), parse(text)) == []
    assert "__typename" not in text
    response = client.post("/api/graphql", {"query": text})
    assert (response.status, "errors" in response.json) == (200, False), response.json


def test_first_request_is_answered(client: Client) -> None:
    assert client.get(examples.first_request()).status == 200
