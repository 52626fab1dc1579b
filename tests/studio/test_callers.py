"""GraphQL requests of callers without a tenant, with several, and with a wrong header."""

import json
import os
from typing import Any

import pytest

from scripts import openapi
from tests.fixtures.aws import AddApiKey
from tests.fixtures.client import Client
from tests.fixtures.studio import OTHER_STUDIO, STUDIO

SCOPES = ("studios:read", "users:read", "users:write", "labels:read", "countries:read")
BOTH = "{ users(first: 1) { edges { node { id } } } labels(first: 1) { edges { node { id } } } }"
CREATE = """
    mutation { createUser(input: {email: "ada@example.com", name: "Ada"}) { id } }
"""


@pytest.fixture
def keys(add_api_key: AddApiKey) -> dict[str, str]:
    """Return API keys: without tenants, and with several."""
    several = {"tenants": {"SS": [STUDIO, OTHER_STUDIO]}}
    return {
        "none": add_api_key(os.urandom(8).hex(), *SCOPES, tenants={"NULL": True}),
        "several": add_api_key(os.urandom(8).hex(), *SCOPES, **several),
    }


def codes(response: Any) -> list[tuple[str, str]]:
    """Return the path and the code of each error."""
    assert response.status == 200, response.text
    return [
        (error["path"][0], error["extensions"]["code"]) for error in response.json.get("errors", [])
    ]


def statements(capsys: pytest.CaptureFixture[str]) -> int:
    """Return the statements of the last request."""
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return int([line for line in printed if "request_id" in line][-1]["statements"])


@pytest.mark.parametrize("key", ["none", "several"])
def test_each_field_of_a_query_is_refused(
    client: Client, keys: dict[str, str], key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = client.graphql(BOTH, x_api_key=keys[key])
    assert sorted(codes(refused)) == [("labels", "no_tenant"), ("users", "no_tenant")]
    assert statements(capsys) == 0
    assert STUDIO not in refused.text


def test_mutation_is_refused_before_its_transaction(
    client: Client, keys: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    refused = client.graphql(CREATE, x_api_key=keys["none"], idempotency_key="refused")
    assert codes(refused) == [("createUser", "no_tenant")]
    assert statements(capsys) == 0


def test_chosen_tenant_is_served(client: Client, keys: dict[str, str]) -> None:
    served = client.graphql(BOTH, x_api_key=keys["several"], x_sluice_tenant=STUDIO)
    assert codes(served) == []


def test_shared_rows_need_no_tenant(client: Client, keys: dict[str, str]) -> None:
    query = "{ countries(first: 1) { edges { node { id } } } users(first: 1) { edges { cursor } } }"
    assert codes(client.graphql(query, x_api_key=keys["none"])) == [("users", "no_tenant")]


def test_wrong_header_refuses_the_request(client: Client, keys: dict[str, str]) -> None:
    """As credentials that are unknown do: no field runs."""
    for key in keys.values():
        refused = client.graphql(BOTH, x_api_key=key, x_sluice_tenant="x")
        assert (refused.status, refused.code) == (403, "tenant_not_allowed")


def test_openapi_has_the_header_where_rows_have_tenants() -> None:
    header = {"$ref": "#/components/parameters/Tenant"}
    with_header = {
        path
        for path, operations in openapi.document()["paths"].items()
        for operation in operations.values()
        if header in operation["parameters"]
    }
    assert {"/api/users", "/api/users/{id}", "/api/graphql", "/api/imports"} <= with_header
    assert with_header.isdisjoint({"/api/countries", "/api/countries/{code}", "/health"})
