"""Keys of several columns and of other kinds, soft deletion, and privileges for some columns."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.errors import InvalidParameter, NotFound, StaleVersion
from sluice.kinds.date import Date
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.text import Text
from sluice.query import Query
from sluice.resource import Resource
from sluice.settings import DatabaseSettings
from sluice.sql import key
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.precondition import Precondition
from sluice.sql.resource_repository import ResourceRepository
from tests.fixtures.bare_database import allow_writes

SIGNER = CursorSigner(b"the key of these tests' cursors")
TABLES = """
CREATE TABLE rates (
    country text, valid_from date, percent integer NOT NULL, secret text DEFAULT 's',
    PRIMARY KEY (country, valid_from)
);
CREATE TABLE labels (
    slug text PRIMARY KEY, title text NOT NULL, secret text DEFAULT 's', gone_at timestamptz
);
CREATE ROLE some_columns;
GRANT SELECT (slug, title, gone_at), INSERT (slug, title), UPDATE (title, gone_at) ON labels
TO some_columns;
GRANT SELECT (country, valid_from, percent), INSERT (country, valid_from, percent),
UPDATE (percent), DELETE ON rates TO some_columns
"""


class CountryRates(ResourceRepository):
    resource = Resource(
        name="rates",
        singular="rate",
        table="public.rates",
        group="rates",
        key=[Text("country"), Date("valid_from")],
        fields=[Integer("percent")],
    )


class SlugLabels(ResourceRepository):
    resource = Resource(
        name="labels",
        singular="label",
        table="public.labels",
        group="labels",
        key=Text("slug"),
        fields=[Text("title")],
        soft_delete="gone_at",
    )


RATE_KEYS, LABEL_KEYS = CountryRates.resource.keys, SlugLabels.resource.keys


@pytest.fixture(name="database")
def database_of_tables(empty_database: str) -> Iterator[Database]:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(make_pool(settings, "function"))
    allow_writes(database)
    for statement in TABLES.split(";"):
        database.write(Query(statement))
    database.write(Query("SET SESSION ROLE some_columns"))
    yield database
    database.write(Query("RESET ROLE"))
    database.write(Query("DROP OWNED BY some_columns"))
    database.write(Query("DROP ROLE some_columns"))
    database.dispose()


@pytest.fixture(name="rates")
def repository_of_rates(database: Database) -> CountryRates:
    return CountryRates(database, SIGNER)


@pytest.fixture(name="labels")
def repository_of_labels(database: Database) -> SlugLabels:
    return SlugLabels(database, SIGNER)


def test_row_with_a_key_of_two_columns(rates: CountryRates):
    created = rates.create({"country": "DE", "valid_from": date(2026, 1, 31), "percent": 19})
    of_row = key.of_representation(RATE_KEYS, created.id)

    assert json.loads(created.json)["valid_from"] == "2026-01-31"
    assert (created.id, of_row) == ('["DE", "2026-01-31"]', ("DE", "2026-01-31"))
    assert key.to_path(of_row) == "DE/2026-01-31"
    of_path = ("DE", key.of_segment(RATE_KEYS[1], "2026-01-31"))
    assert rates.get_by_id(of_row) == rates.get_by_id(of_path) == created
    changed = rates.update(of_path, {"percent": 16}, Precondition(if_match=[created.etag]))
    assert (json.loads(changed.json)["percent"], changed.id) == (16, created.id)
    for write in (rates.delete, lambda key, match: rates.update(key, {}, match)):
        with pytest.raises(StaleVersion):
            write(of_path, Precondition(if_match=[created.etag]))
    rates.delete(of_path)
    with pytest.raises(NotFound):
        rates.get_by_id(of_path)


def test_rows_of_many_keys(rates: CountryRates):
    for country in ("DE", "FR"):
        rates.create({"country": country, "valid_from": date(2026, 1, 1), "percent": 7})
    keys = [
        ("XX", "2026-01-01"),
        ("DE", date(2026, 1, 1)),
        ("DE", "2026-01-01"),
        ("FR", "0001-01-01"),
    ]

    found = rates.get_many(keys, ["percent"])

    row = {"country": "DE", "valid_from": "2026-01-01", "percent": 7}
    assert found == {keys[1]: row, keys[2]: row}


def test_soft_deleted_row_is_there_no_longer(labels: SlugLabels, database: Database):
    for slug in ("a/b é", "c"):
        labels.create({"slug": slug, "title": "One"})
    of_row = ("a/b é",)

    labels.delete(of_row, Precondition(if_match=[labels.get_by_id(of_row).etag]))

    for call in (labels.get_by_id, labels.delete, lambda key: labels.update(key, {"title": "x"})):
        with pytest.raises(NotFound):
            call(of_row)
    assert labels.get_many([of_row, ("c",)], ["title"]) == {("c",): {"slug": "c", "title": "One"}}
    deleted = database.read(
        Query("SELECT slug, gone_at <= now() AS past FROM labels WHERE gone_at IS NOT NULL")
    )
    assert [tuple(row) for row in deleted] == [("a/b é", True)]


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("a-Z_0.9", "a-Z_0.9"),
        (7, "7"),
        (True, "true"),
        ("", "~"),
        (".", "~Lg"),
        ("..", "~Li4"),
        ("~x", "~fng"),
        ("a b", "~YSBi"),
        ("é", "~w6k"),
    ],
)
def test_segment_of_a_path(value: object, segment: str):
    assert key.to_path((value,)) == segment
    if isinstance(value, str) and value:
        assert key.of_segment(LABEL_KEYS[0], segment) == value


def test_path_may_have_a_value_as_it_is():
    assert key.of_segment(LABEL_KEYS[0], "%C3%A9") == "é"
    assert key.of_segment(RATE_KEYS[0], "D%20E") == "D E"


@pytest.mark.parametrize("segment", ["~x", "~é", "~_w", "~YSBi=xyz"])
def test_segment_that_is_no_base64url_is_refused(segment: str):
    with pytest.raises(InvalidParameter):
        key.of_segment(LABEL_KEYS[0], segment)


@pytest.mark.parametrize("segment", ["~YSBi=", "~YSBi!", "~w6l", "%7EYSBi="])
def test_key_in_base64url_has_one_spelling(segment: str):
    with pytest.raises(NotFound):
        key.of_segment(LABEL_KEYS[0], segment)


@pytest.mark.parametrize(
    "text",
    [
        "WyJERSIsIjIwMjYtMDEtMzEiXQ==",
        "WyJERSIsIjIwMjYtMDEtMzEiXQ!",
        "WyJERSIsIjIwMjYtMDEtMzEiXR",
        "WyJERSIsICIyMDI2LTAxLTMxIl0",
    ],
    ids=["padding", "stray character", "stray bits", "white space"],
)
def test_id_of_several_columns_has_one_spelling(text: str):
    assert key.of_id(RATE_KEYS, text) is None


def test_id_of_several_columns_is_a_list_in_base64url():
    id = key.to_id(["DE", "2026-01-31"])

    assert id == "WyJERSIsIjIwMjYtMDEtMzEiXQ"
    assert key.of_id(RATE_KEYS, id) == ("DE", date(2026, 1, 31))


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (RATE_KEYS, ["DE"]),
        (RATE_KEYS, ["DE", "x"]),
        (RATE_KEYS, ["DE", 5]),
        (RATE_KEYS, {"DE": 1}),
        (RATE_KEYS, "?"),
        ([BigInt("id")], "x"),
        ([BigInt("id")], "9" * 30),
    ],
)
def test_id_that_no_row_can_have(keys: list[Field], value: Any):
    text = (
        value if isinstance(value, str) else urlsafe_b64encode(json.dumps(value).encode()).decode()
    )

    assert key.of_id(keys, text) is None
