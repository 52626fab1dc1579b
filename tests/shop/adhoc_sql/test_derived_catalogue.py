"""The Catalogue that is derived from declarations."""

import pytest

from shop.analyst_tables import CATALOGUE
from sluice import application
from sluice.adhoc_sql.catalogue import Catalogue
from sluice.adhoc_sql.derived import plain_data, tables
from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.resource import DeclarationError, Resource


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


def test_catalogue_has_the_tables_of_the_registry() -> None:
    derived = tables(application.current().declarations())

    assert Catalogue.of(plain_data(derived), selective_columns=["id"]).tables == derived
    assert CATALOGUE.tables == derived
