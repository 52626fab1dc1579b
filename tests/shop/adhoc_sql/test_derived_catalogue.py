"""The Catalogue that is derived from declarations."""

import pytest

from shop.analytics import CATALOGUE
from sluice.adhoc_sql.catalogue import Catalogue
from sluice.adhoc_sql.derived import plain_data, tables
from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.resource import DeclarationError, Resource
from tests.shop.drafts import BY_NAME


def test_derived_catalogue_is_that_of_the_shop() -> None:
    data = plain_data(tables(BY_NAME.values()))
    derived = Catalogue.of(data, selective_columns=CATALOGUE.selective_columns)

    assert list(derived.tables) == list(CATALOGUE.tables)
    for name, table in CATALOGUE.tables.items():
        assert list(derived.tables[name].columns.items()) == list(table.columns.items()), name
        assert derived.tables[name].keys == table.keys


def resource(name: str, table: str, *, analytics: bool) -> Resource:
    return Resource(
        name=name,
        singular=name[:-1],
        table=table,
        group="",
        key=BigInt("id"),
        fields=[Ref("shelf_id", resource="shelves")],
        analytics=analytics,
    )


def test_tables_without_analytics_are_not_named() -> None:
    shelves = resource("shelves", "public.shelves", analytics=False)

    derived = tables([shelves, resource("books", "public.books", analytics=True)])

    assert list(derived) == ["books"]
    assert derived["books"].columns["shelf_id"].references == ""


def test_other_schemas_are_refused() -> None:
    with pytest.raises(DeclarationError, match="books: ad-hoc SQL reads the schema public only"):
        tables([resource("books", "lib.books", analytics=True)])
