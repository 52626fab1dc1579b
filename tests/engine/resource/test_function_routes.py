"""Functions of the database on a row, over HTTP: POST, or GET if they only read."""

from dataclasses import replace
from typing import Any

import pytest

from sluice.http.function_routes import FunctionHandlers
from sluice.kinds.date import Date
from sluice.kinds.field import DeclarationError
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.range import Range
from sluice.kinds.text import Text
from sluice.resource import Function, Resource
from sluice.sql.resource_repository import ResourceRepository
from tests.engine.resource.small_application import SmallApplication
from tests.fixtures.aws import AddApiKey
from tests.fixtures.client import ApiResponse
from tests.fixtures.sample import Library

TABLES = """
CREATE TABLE deals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title text NOT NULL, note text, amount numeric(9, 2) NOT NULL DEFAULT 1
);
CREATE TABLE rates (
    country text, valid_from date, percent integer, PRIMARY KEY (country, valid_from)
);
CREATE FUNCTION win(of bigint, "to" text, points integer) RETURNS deals LANGUAGE plpgsql AS $$
DECLARE won deals;
BEGIN
    IF "to" = 'the other' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = 'PT409'; END IF;
    UPDATE deals SET note = "to", amount = amount + coalesce(points, 0) WHERE id = of AND "to" <> ''
    RETURNING * INTO won;
    RETURN won;
END $$;
CREATE FUNCTION touch(of bigint) RETURNS void LANGUAGE sql
AS 'UPDATE deals SET note = ''touched'' WHERE id = of';
CREATE FUNCTION raised(of bigint, by_ integer) RETURNS numeric LANGUAGE sql
AS 'UPDATE deals SET amount = amount + by_ WHERE id = of RETURNING amount';
CREATE FUNCTION total(of bigint, times integer, day date) RETURNS numeric(9, 2) STABLE LANGUAGE sql
AS 'SELECT amount * times FROM deals WHERE id = of AND day > ''2026-01-01''';
CREATE FUNCTION siblings(of bigint) RETURNS SETOF deals STABLE LANGUAGE sql
AS 'SELECT * FROM deals WHERE id <> of ORDER BY id DESC';
CREATE FUNCTION next_deal(of bigint) RETURNS deals STABLE LANGUAGE sql
AS 'SELECT * FROM deals WHERE id > of ORDER BY id LIMIT 1';
CREATE FUNCTION days(of bigint, during daterange) RETURNS integer STABLE LANGUAGE sql
AS 'SELECT upper(during) - lower(during)';
CREATE FUNCTION more_days(of bigint, during daterange) RETURNS integer LANGUAGE sql
AS 'SELECT upper(during) - lower(during) + 1';
CREATE FUNCTION letters(country text, day date) RETURNS integer STABLE LANGUAGE sql
AS 'SELECT length(country)'
"""
WEEK_OF_JSON = {"lower": "2026-01-01", "upper": "2026-01-08"}
AMOUNT = Numeric("amount", precision=9, scale=2, default=1)
WEEK = Range("during", of=Date(""), type="daterange", default=WEEK_OF_JSON)
DEALS = Resource(
    name="deals",
    singular="deal",
    table="public.deals",
    group="small",
    scope="library",
    key=BigInt("id", minimum=1, read_only=True),
    fields=[Text("title"), Text("note", nullable=True), AMOUNT],
    relations=[
        Function("win", "public.win", [Text("to"), Integer("points", nullable=True)]),
        Function("touch", "public.touch", returns="", scope="readers:write"),
        Function("raise", "public.raised", [Integer("by", default=2)], returns=AMOUNT),
        Function(
            "total",
            "public.total",
            [Integer("times", default=1), Date("day")],
            returns=AMOUNT,
            stable=True,
        ),
        Function("siblings", "public.siblings", returns="rows", stable=True, max_rows=3),
        Function("next_deal", "public.next_deal", stable=True),
        Function("days", "public.days", [WEEK], returns=Integer("days"), stable=True),
        Function("more_days", "public.more_days", [WEEK], returns=Integer("days")),
    ],
)
RATES = Resource(
    name="rates",
    singular="rate",
    table="public.rates",
    group="small",
    scope="library",
    key=[Text("country"), Date("valid_from")],
    fields=[Integer("percent")],
    relations=[
        Function("letters", "public.letters", returns=Integer("count", nullable=True), stable=True)
    ],
)


@pytest.fixture(name="app")
def application_of_functions(isolated_library: Library) -> SmallApplication:
    app = SmallApplication(isolated_library, TABLES, DEALS, RATES)
    isolated_library.sql("INSERT INTO deals (title) VALUES ('one'), ('two'), ('three')")
    return app


def test_function_returns_the_row(app: SmallApplication) -> None:
    before = app.call("GET", "deals/1").headers["ETag"]
    won = app.call("POST", "deals/1/win", {"to": "Ada", "points": 2})

    expected = {"id": 1, "title": "one", "note": "Ada", "amount": "3.00"}
    assert (won.status, won.json) == (200, expected)
    assert app.call("GET", "deals/1", if_none_match=won.headers["ETag"]).status == 304
    stale = app.call("POST", "deals/1/win", {"to": "Bob"}, if_match=before)
    assert (stale.status, stale.code) == (412, "stale_version")
    assert app.call("GET", "deals/1").json == expected
    etag = won.headers["ETag"]
    assert app.call("POST", "deals/1/win", {"to": "Bob"}, if_match=etag).json["note"] == "Bob"


def test_function_runs_once_for_an_idempotency_key(app: SmallApplication) -> None:
    def post(target: str, body: Any) -> ApiResponse:
        return app.call("POST", target, body, idempotency_key="k")

    for target, body in (
        ("deals/1/win", {"to": "Ada", "points": 2}),
        ("deals/2/raise", None),
        ("deals/3/touch", None),
    ):
        first, again = post(target, body), post(target, body)
        assert (first.status, first.text) == (again.status, again.text)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert first.headers.get("ETag") == again.headers.get("ETag")
    assert [row["amount"] for row in app.rows("deals")] == ["3.00", "3.00", "1.00"]
    assert post("deals/1/win", {"to": "Bob"}).code == "idempotency_key_reused"


def test_function_returns_nothing(app: SmallApplication) -> None:
    response = app.call("POST", "deals/1/touch")

    assert (response.status, response.text) == (204, "")
    assert app.call("GET", "deals/1").json["note"] == "touched"


def test_function_returns_a_value(app: SmallApplication) -> None:
    raised = app.call("POST", "deals/1/raise", {"by": 5})
    assert (raised.status, raised.json) == (200, {"amount": "6.00"})
    assert app.call("POST", "deals/1/raise").json == {"amount": "8.00"}
    assert app.call("GET", "deals/1/total?day=2026-02-01").json == {"amount": "8.00"}
    doubled = app.call("GET", "deals/1/total?day=2026-02-01&times=2")
    assert (doubled.status, doubled.json) == (200, {"amount": "16.00"})
    assert app.call("GET", "deals/1/total?day=2026-01-01").json == {"amount": None}


def test_default_of_an_argument_is_a_json_value(app: SmallApplication) -> None:
    assert app.call("GET", "deals/1/days").json == {"days": 7}
    assert app.call("POST", "deals/1/more_days").json == {"days": 8}


def test_default_of_an_argument_must_be_valid() -> None:
    with pytest.raises(DeclarationError, match="the default of times must be"):
        replace(DEALS, relations=[Function("f", "public.f", [Integer("times", default="x")])])


def test_function_that_reads_may_use_the_replica() -> None:
    deals = type("Deals", (ResourceRepository,), {"resource": DEALS, "reads_replica": True})
    total = next(each for each in DEALS.functions if each.stable)
    primary = type("Deals", (deals,), {"reads_replica": False})
    readers = [FunctionHandlers(each, total).reader for each in (deals, primary)]
    assert [reader.reads_replica for reader in readers] == [True, False]


def test_function_returns_rows(app: SmallApplication) -> None:
    assert [row["id"] for row in app.call("GET", "deals/2/siblings").json["data"]] == [3, 1]
    assert app.call("GET", "deals/1/next_deal").json["title"] == "two"
    assert app.call("GET", "deals/3/next_deal").status == 404
    for title in "456":
        app.post("deals", {"title": title})
    assert app.call("GET", "deals/2/siblings").status == 422


def test_function_of_a_key_of_two_columns(app: SmallApplication) -> None:
    path = app.post("rates", {"country": "DE", "valid_from": "2026-01-31", "percent": 19})

    assert app.call("GET", f"{path}/letters").json == {"count": 2}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "deals/9/win", {"to": "Ada"}, 404),
        ("POST", "deals/x/win", {"to": "Ada"}, 400),
        ("POST", "deals/1/win", {"to": "Ada", "x": 1}, 422),
        ("POST", "deals/1/win", {"to": 5}, 422),
        ("POST", "deals/1/win", {}, 422),
        ("POST", "deals/1/win", {"to": ""}, 409),
        ("POST", "deals/1/win", {"to": "the other"}, 409),
        ("POST", "deals/1/touch", {"x": 1}, 422),
        ("POST", "deals/1/touch?x=1", None, 400),
        ("GET", "deals/1/win", None, 405),
        ("POST", "deals/1/total", None, 405),
        ("GET", "deals/1/total", None, 400),
        ("GET", "deals/1/total?day=x", None, 400),
        ("GET", "deals/1/total?day=2026-02-01&times=1&times=2", None, 400),
        ("GET", "deals/1/total?day=2026-02-01&fields=id", None, 400),
        ("GET", "deals/9/total?day=2026-02-01", None, 404),
        ("GET", "deals/9/siblings", None, 404),
    ],
)
def test_refused_call(
    app: SmallApplication, method: str, path: str, body: Any, status: int
) -> None:
    response = app.call(method, path, body)

    assert response.status == status, response.text


def test_function_may_have_a_scope_of_its_own(
    app: SmallApplication, add_api_key: AddApiKey
) -> None:
    add_api_key("library-writer", "library:write")
    add_api_key("readers-writer", "readers:write")

    def statuses(key: str) -> list[int]:
        calls = (("POST", "touch"), ("POST", "raise"), ("GET", "siblings"))
        return [app.call(way, f"deals/1/{name}", x_api_key=key).status for way, name in calls]

    assert statuses("library-writer") == [403, 200, 403]
    assert statuses("readers-writer") == [204, 403, 403]
