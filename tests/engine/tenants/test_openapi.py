"""openapi.json of an application with tenants: the header, and both codes of 403."""

from typing import Any

import pytest

from scripts.openapi import operation_of
from scripts.openapi_errors import OF_TENANTS, problem_responses
from scripts.openapi_headers import request_headers
from sluice import application
from sluice.http.group import api_of

TENANT = {"$ref": "#/components/parameters/Tenant"}


def operations(resource: str) -> dict[str, Any]:
    """Return the operations of a resource's routes, by their names."""
    return {route.name: operation_of(route, {}, {}) for route in api_of(resource).routes}


def needing_tenant(resource: str) -> set[str]:
    """Return the operations that have the header and the response with `no_tenant`."""
    found = operations(resource)
    with_header = {name for name, each in found.items() if TENANT in each["parameters"]}
    reference = {"$ref": f"#/components/responses/{OF_TENANTS}"}
    assert with_header == {
        name for name, each in found.items() if each["responses"].get("403") == reference
    }
    return with_header


def test_routes_of_tenants_have_the_header() -> None:
    for resource in ("guests", "stays", "nights"):
        assert needing_tenant(resource) == operations(resource).keys()


def test_shared_routes_have_it_below_a_row() -> None:
    assert needing_tenant("countries") == {"list_guests_of_country"}


def test_codes_of_403_are_described() -> None:
    responses = problem_responses(["403"])
    codes = {
        name: set(each["content"]["application/problem+json"]["examples"])
        for name, each in responses.items()
    }
    assert {"insufficient_scope", "tenant_not_allowed"} <= codes["Problem403"]
    assert codes[OF_TENANTS] - codes["Problem403"] == {"no_tenant"}
    assert request_headers()["Tenant"]["name"] == "X-Sluice-Tenant"


def test_application_without_tenants_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(application.current().registry), "TENANT", "")
    assert problem_responses(["403"]).keys() == {"Problem403"}
    assert "Tenant" not in request_headers()
