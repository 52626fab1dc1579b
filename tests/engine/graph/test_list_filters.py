"""The filters of a list are checked before its statement runs, like those of REST."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from sluice.errors import InvalidParameter
from sluice.graph.field_info import LEAF
from sluice.graph.loaders import Loaders
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import NO_ID, ResolverContext, connection_of
from sluice.kinds.field import MAX_VALUES
from sluice.kinds.integer import BigInt
from sluice.kinds.search import search_filter
from sluice.kinds.text import Slug
from sluice.sql.list_spec import Filter, ListQuery, filters_of

FILTERS = {
    **filters_of(Slug("shelf_mark", filter="in"), "b.shelf_mark"),
    **filters_of(BigInt("id", minimum=1, filter="in", filter_name="ids"), "b.id"),
    **filters_of(BigInt("shelf_id", minimum=1, filter="equal"), "b.shelf_id"),
    "search": Filter.of(search_filter("found(:search)"), ""),
}


class Books:
    """Keeps the filters of the list that it reads."""

    graphql_list_spec = SimpleNamespace(filters=FILTERS)

    def __init__(self) -> None:
        self.filters: dict[str, object] = {}

    def connection(self, query: ListQuery) -> None:
        self.filters = dict(query.filters)


def filters_read(**given: object) -> dict[str, object]:
    books = Books()
    context = SimpleNamespace(
        repositories=SimpleNamespace(named=lambda name: {"books": books}[name]), loaders=Loaders()
    )
    context.load_once = lambda *of: ResolverContext.load_once(cast("ResolverContext", context), *of)
    field = SimpleNamespace(
        name="books",
        parent_type="Query",
        arguments={"first": 10, "filter": given},
        explicit_args=(),
        fields=(),
        info=SimpleNamespace(default_first=10, returned=LEAF, is_wrapper=True),
    )
    connection_of("books", ids=("ids", "shelfId"))(
        cast("ResolverContext", context), cast("PlannedField", field), [None]
    )
    context.loaders.dispatch()
    return books.filters


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"shelfMark": ["a-1", "b-2"]}, {"shelf_mark": ["a-1", "b-2"]}),
        ({"shelfMark": []}, {"shelf_mark": []}),
        ({"ids": ["3", "x"], "shelfId": "4"}, {"ids": [3, NO_ID], "shelf_id": 4}),
        ({"search": "war"}, {"search": "war"}),
        ({"search": None}, {}),
    ],
)
def test_filters_are_read(given: dict[str, Any], read: dict[str, Any]) -> None:
    assert filters_read(**given) == read


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"search": "…"}, "search"),
        ({"shelfMark": ["a", "B!"]}, "shelfMark"),
        ({"shelfMark": ["a\0"]}, "shelfMark"),
        ({"shelfMark": ["B!"], "search": "…"}, "shelfMark search"),
        ({"shelfMark": ["a"] * (MAX_VALUES + 1)}, "shelfMark"),
    ],
)
def test_invalid_filters_are_rejected(given: dict[str, Any], names: str) -> None:
    with pytest.raises(InvalidParameter) as raised:
        filters_read(**given)

    assert [error.parameter for error in raised.value.errors] == names.split()
