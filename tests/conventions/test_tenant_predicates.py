"""Each statement of an application with tenants has their predicate; others name no tenant."""

import pytest

from scripts.sql import statements_of
from sluice import application
from tests.conventions.applications import APPLICATIONS
from tests.fixtures.tenant_predicates import problems


@pytest.fixture(params=APPLICATIONS, name="app")
def current_application(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> application.Application:
    """Make each application in turn the one of the process."""
    monkeypatch.setenv("SLUICE_APP", request.param)
    return application.current()


def test_each_statement_has_the_predicate(app: application.Application) -> None:
    resources = app.declarations()
    if not any(each.has_tenant for each in resources):
        pytest.skip("the application has no tenants")

    wrong = {
        f"{name}, {label}: {problem}"
        for name in app.repositories
        for label, query in statements_of(name)
        for problem in problems(query.sql, resources)
    }

    assert wrong == set()
