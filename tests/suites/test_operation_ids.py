"""Each route has an operationId of its own in openapi.json: clients are generated from it."""

from collections import Counter

import pytest

from scripts.openapi import apis, document
from scripts.openapi_tags import is_described
from sluice import application
from sluice.application import ENGINE_FUNCTIONS
from sluice.http.group import api_of
from sluice.http.route_names import ENGINE_NAMES, names_of
from tests.fixtures.cases import case_of
from tests.fixtures.resources import RESOURCES


def test_operation_ids_are_unique() -> None:
    paths = document()["paths"].values()
    names = Counter(operation["operationId"] for path in paths for operation in path.values())

    assert [name for name, count in names.items() if count > 1] == []
    assert names.total() > len(ENGINE_NAMES)


@pytest.mark.parametrize("name", RESOURCES)
def test_names_are_those_of_the_routes(name: str) -> None:
    if name in application.current().registry.ROUTES:
        pytest.skip("its routes are by hand")
    routes = api_of(name).routes

    assert [route.name for route in routes] == [*names_of(case_of(name).resource)]


def test_names_of_the_engine_are_known() -> None:
    engine = [api for name, api in apis().items() if name in ENGINE_FUNCTIONS]
    names = {route.name for api in engine for route in api.routes if is_described(route)}
    of_graphql = set() if application.current().has_graphql else {"run_query", "run_operation"}

    assert names | of_graphql == {*ENGINE_NAMES}
