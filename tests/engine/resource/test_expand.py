"""`?expand=`: rows with the rows that they reference."""

from typing import Any

import pytest

from sluice.kinds.date import Date
from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.resource import Many, One, Resource
from tests.engine.resource.small_application import SmallApplication
from tests.fixtures.aws import AddApiKey
from tests.fixtures.sample import Library

TABLES = """
CREATE TABLE makers (id bigint PRIMARY KEY, name text NOT NULL, parent_id bigint REFERENCES makers);
CREATE TABLE rates (country text, valid_from date, PRIMARY KEY (country, valid_from));
CREATE TABLE things (
    id bigint PRIMARY KEY, maker_id bigint NOT NULL REFERENCES makers,
    seller_id bigint REFERENCES makers, hidden_id bigint REFERENCES makers,
    country text, valid_from date, FOREIGN KEY (country, valid_from) REFERENCES rates
);
INSERT INTO makers VALUES (1, 'Volta', NULL), (2, 'Ohm', 1);
INSERT INTO rates VALUES ('DE', '2026-01-01');
INSERT INTO things VALUES (1, 2, 1, 1, 'DE', '2026-01-01'), (2, 1, NULL, NULL, NULL, NULL)
"""
VOLTA = {"id": 1, "name": "Volta", "parent_id": None}
OHM = {"id": 2, "name": "Ohm", "parent_id": 1}
MAKERS = Resource(
    name="makers",
    singular="maker",
    table="public.makers",
    group="small",
    scope="readers",
    key=BigInt("id", minimum=1),
    fields=[Text("name"), Ref("parent_id", resource="makers", nullable=True)],
    relations=[Many("things", "things", "maker_id")],
)
RATES = Resource(
    name="rates",
    singular="rate",
    table="public.rates",
    group="small",
    scope="library",
    key=[Text("country"), Date("valid_from")],
    fields=[],
    writes=[],
)
THINGS = Resource(
    name="things",
    singular="thing",
    table="public.things",
    group="small",
    scope="library",
    key=BigInt("id", minimum=1),
    fields=[
        Ref("maker_id", resource="makers", filter="equal"),
        Ref("seller_id", resource="makers", nullable=True),
        Ref("hidden_id", resource="makers", nullable=True, expand=False),
        Text("country", nullable=True),
        Date("valid_from", nullable=True),
    ],
    relations=[One("rate", "rates", ("country", "valid_from"))],
)


@pytest.fixture(name="app")
def application_of_references(isolated_library: Library) -> SmallApplication:
    return SmallApplication(isolated_library, TABLES, MAKERS, RATES, THINGS)


@pytest.mark.parametrize(
    ("query", "expanded"),
    [
        ("expand=maker", {"maker": OHM}),
        ("expand=seller,maker", {"maker": OHM, "seller": VOLTA}),
        ("expand=seller&expand=maker", {"maker": OHM, "seller": VOLTA}),
        ("expand=rate", {"rate": {"country": "DE", "valid_from": "2026-01-01"}}),
        ("expand=maker.parent", {"maker": {**OHM, "parent": VOLTA}}),
        ("expand=seller.parent,seller", {"seller": {**VOLTA, "parent": None}}),
    ],
)
def test_row_has_referenced_rows(
    app: SmallApplication, query: str, expanded: dict[str, Any]
) -> None:
    row = app.call("GET", "things/1").json

    assert app.call("GET", f"things/1?{query}").json == {**row, **expanded}
    assert app.rows(f"things?{query}")[0] == {**row, **expanded}
    assert app.rows(f"makers/2/things?{query}") == [{**row, **expanded}]
    assert app.call("GET", f"things/1?fields=id&{query}").json == {"id": 1, **expanded}


def test_reference_to_no_row_is_null(app: SmallApplication) -> None:
    row = app.call("GET", "things/2?expand=maker,seller.parent,rate&fields=id").json

    assert row == {"id": 2, "maker": VOLTA, "seller": None, "rate": None}


@pytest.mark.parametrize(
    "target",
    [
        "things/1?expand=hidden",
        "things/1?expand=maker_id",
        "things?expand=",
        "things?expand=maker.parent.parent",
        "things?expand=maker.name",
        "rates?expand=maker",
        "rates/DE/2026-01-01?expand=maker",
    ],
)
def test_unknown_reference_is_400(app: SmallApplication, target: str) -> None:
    response = app.call("GET", target)

    assert response.status == 400
    assert list(response.errors) == ["expand"]


def test_etag_changes_with_an_expanded_row(app: SmallApplication) -> None:
    plain = app.call("GET", "things/1").headers["ETag"]
    before = app.call("GET", "things/1?expand=maker").headers["ETag"]
    assert app.call("GET", "things/1?expand=maker", if_none_match=before).status == 304

    app.call("PATCH", "makers/2", {"name": "Georg Ohm"})

    assert app.call("GET", "things/1?expand=maker", if_none_match=before).status == 200
    assert app.call("GET", "things/1", if_none_match=plain).status == 304
    assert app.call("PATCH", "things/1", {}, if_match=before).status == 412


def test_expanded_row_needs_its_scope(app: SmallApplication, add_api_key: AddApiKey) -> None:
    add_api_key("things-reader", "library:read")
    add_api_key("both-reader", "library:read", "readers:read")

    for target in ("things", "things/1"):
        refused = app.call("GET", f"{target}?expand=maker", x_api_key="things-reader")
        assert (refused.status, refused.code) == (403, "insufficient_scope")
        assert "readers:read" in refused.json["detail"]
        assert app.call("GET", f"{target}?expand=rate", x_api_key="things-reader").status == 200
        assert app.call("GET", f"{target}?expand=maker", x_api_key="both-reader").status == 200
