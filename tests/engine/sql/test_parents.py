"""Lists that belong to a row, and lists of rows with a key of several columns."""

import json
from collections.abc import Iterator

import pytest

from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.db.sqlalchemy_pool import SqlalchemyPool
from sluice.errors import InvalidCursor, NotFound
from sluice.kinds.date import Date
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.query import Query
from sluice.resource import One, Resource
from sluice.settings import DatabaseSettings
from sluice.sql.connections import RelayConnection
from sluice.sql.list_spec import ListQuery, Page, Parent
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.resource_repository import ResourceRepository

TABLES = """
CREATE TABLE rates (country text, valid_from date, rate integer, PRIMARY KEY (country, valid_from));
INSERT INTO rates
VALUES ('a', '2026-01-01', 1), ('a', '2026-02-01', 1),
    ('b', '2026-01-01', 0), ('b', '2026-02-01', 0);
CREATE TABLE prices (
    id bigint PRIMARY KEY,
    parent_id bigint REFERENCES prices,
    country text,
    valid_from date,
    FOREIGN KEY (country, valid_from) REFERENCES rates
);
INSERT INTO prices
SELECT i, nullif(i % 3, 0), CASE WHEN i % 2 = 0 THEN 'b' END, '2026-02-01'
FROM generate_series(1, 9) i;
"""
RATES = Resource(
    name="rates",
    singular="rate",
    table="public.rates",
    group="",
    key=[Text("country"), Date("valid_from")],
    fields=[Integer("rate", nullable=True, sort=True)],
)
PRICES = Resource(
    name="prices",
    singular="price",
    table="public.prices",
    group="",
    key=BigInt("id"),
    fields=[
        Ref("parent_id", resource="prices", nullable=True, filter="equal"),
        Text("country", nullable=True, filter="equal"),
        Date("valid_from", nullable=True, filter="equal"),
    ],
    relations=[One("valid_rate", "rates", ["country", "valid_from"])],
)
RATE = "country,valid_from"
FEBRUARY = ("b", "2026-02-01")


class RateRepository(ResourceRepository):
    resource = RATES


class PriceRepository(ResourceRepository):
    resource = PRICES


@pytest.fixture
def database(empty_database: str) -> Iterator[Database]:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(SqlalchemyPool(make_engine(settings, "function")))
    for statement in TABLES.split(";"):
        if statement.strip():
            database.write(Query(statement))
    yield database
    database.dispose()


@pytest.fixture
def rates(database: Database) -> RateRepository:
    return RateRepository(database, CursorSigner(b"the key of this test"))


@pytest.fixture
def prices(database: Database) -> PriceRepository:
    return PriceRepository(database, CursorSigner(b"the key of this test"))


def ids_of(page: Page) -> list[int]:
    return [row["id"] for row in json.loads(f"[{page.items}]")]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ((), "a1 a2 b1 b2"),
        ((("country", True),), "b2 b1 a2 a1"),
        ((("rate", False),), "b1 b2 a1 a2"),
        ((("rate", True), ("country", False)), "a1 a2 b1 b2"),
    ],
)
def test_every_column_of_the_key_breaks_ties(
    rates: RateRepository, sort: tuple[tuple[str, bool], ...], expected: str
) -> None:
    found = ""
    query = ListQuery(limit=1, sort=sort)
    while True:
        page = rates.page(query)
        row = json.loads(page.items)
        found += f"{row['country']}{row['valid_from'][6]} "
        if page.next_cursor is None:
            break
        query = query._replace(cursor=page.next_cursor)
    assert found.strip() == expected


def test_only_the_first_column_of_the_key_is_a_sort(rates: RateRepository) -> None:
    assert list(rates.list_spec.sorts) == ["country", "rate"]


def test_list_of_a_parent_has_its_rows_only(prices: PriceRepository) -> None:
    projection = prices.list_spec.projection
    page = prices.page(ListQuery(limit=2), Parent(projection, (1,), "parent_id"))
    assert ids_of(page) == [1, 4]

    filtered = ListQuery(limit=2, filters={"parent_id": 1}, cursor=page.next_cursor)
    assert ids_of(prices.page(filtered)) == [7]
    with pytest.raises(InvalidCursor):
        prices.page(ListQuery(cursor=page.next_cursor))
    with pytest.raises(NotFound):
        prices.page(ListQuery(), Parent(projection, (77,), "parent_id"))
    assert ids_of(prices.page(ListQuery(), Parent(projection, (9,), "parent_id"))) == []


def test_parent_can_have_a_key_of_several_columns(
    prices: PriceRepository, rates: RateRepository
) -> None:
    parent = Parent(rates.list_spec.projection, FEBRUARY, RATE)
    page = prices.page(ListQuery(limit=3, include_total=True), parent)
    assert (ids_of(page), page.total) == ([2, 4, 6], 4)
    assert ids_of(prices.page(ListQuery(cursor=page.next_cursor), parent)) == [8]
    with pytest.raises(NotFound):
        prices.page(ListQuery(), parent._replace(key=("c", "2026-02-01")))


def test_connections_of_parents_with_several_columns(prices: PriceRepository) -> None:
    query = ListQuery(limit=3, sort=(("id", True),))
    found = prices.connections_by_parent([("a", "2026-02-01"), FEBRUARY], query, RATE)
    ids = {
        key: [row["id"] for row in each.rows]
        for key, each in found.items()
        if isinstance(each, RelayConnection)
    }
    assert ids == {("a", "2026-02-01"): [], FEBRUARY: [8, 6, 4]}
    last = found[FEBRUARY]
    assert isinstance(last, RelayConnection)
    after = query._replace(after=last.cursor(last.rows[-1]))
    again = prices.connections_by_parent([FEBRUARY], after, RATE)[FEBRUARY]
    assert isinstance(again, RelayConnection)
    assert ([row["id"] for row in again.rows], again.has_previous) == ([2], True)
