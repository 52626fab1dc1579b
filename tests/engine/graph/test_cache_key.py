"""Equal fields of a query are read once: fields whose arguments mean the same."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sluice.graph.planned_field import PlannedField, cache_key


def key_of(**arguments: Any) -> object:
    field = SimpleNamespace(parent_type="Query", name="books", arguments=arguments)
    return cache_key(cast("PlannedField", field))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"first": None}, {}),
        ({"filter": {"shelf": None}}, {"filter": {}}),
    ],
)
def test_null_is_no_argument(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert key_of(**first) == key_of(**second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"filter": {"noteContains": {"a": None}}}, {"filter": {"noteContains": {}}}),
        ({"noteContains": {"a": None}}, {"noteContains": {}}),
        ({"first": 1}, {"first": 2}),
    ],
)
def test_null_in_a_json_value_is_a_value(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert key_of(**first) != key_of(**second)
