"""The lists below a row: rows of another resource that reference it."""

import pytest

from sluice.kinds.date import Date
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.resource import Many, One, Resource
from tests.engine.resource.small_application import SmallApplication
from tests.fixtures.aws import AddApiKey
from tests.fixtures.resources import links
from tests.fixtures.sample import Library

TABLES = """
CREATE TABLE rates (
    country text, valid_from date, percent integer NOT NULL, PRIMARY KEY (country, valid_from)
);
CREATE TABLE prices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country text, valid_from date, amount integer NOT NULL,
    FOREIGN KEY (country, valid_from) REFERENCES rates
);
CREATE TABLE notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id bigint REFERENCES notes,
    author_id bigint REFERENCES notes,
    title text NOT NULL
)
"""
ID = BigInt("id", read_only=True, minimum=1)
RATES = Resource(
    name="rates",
    singular="rate",
    table="public.rates",
    group="small",
    scope="rates",
    key=[Text("country"), Date("valid_from")],
    fields=[Integer("percent")],
    relations=[Many("prices", "prices", ("country", "valid_from"))],
)
PRICES = Resource(
    name="prices",
    singular="price",
    table="public.prices",
    group="small",
    scope="library",
    key=ID,
    fields=[
        Text("country", filter="equal"),
        Date("valid_from", filter="range"),
        Integer("amount", filter="range", sort=True),
    ],
    relations=[One("rate", "rates", ("country", "valid_from"))],
)
NOTES = Resource(
    name="notes",
    singular="note",
    table="public.notes",
    group="small",
    scope="library",
    key=ID,
    fields=[
        Ref("parent_id", resource="notes", nullable=True, filter=["in", "is_null"]),
        Ref("author_id", resource="notes", nullable=True, filter="equal"),
        Text("title", filter="in", sort=True),
    ],
    relations=[
        Many("children", "notes", "parent_id"),
        Many("written", "notes", "author_id"),
        Many("hidden", "notes", "author_id", rest=False),
    ],
)


@pytest.fixture(name="app")
def application_of_relations(isolated_library: Library) -> SmallApplication:
    app = SmallApplication(isolated_library, TABLES, RATES, PRICES, NOTES)
    isolated_library.sql(
        "INSERT INTO rates VALUES ('DE', '2026-01-01', 19), ('DE', '2026-02-01', 16)"
    )
    isolated_library.sql("INSERT INTO notes (title) VALUES ('root'), ('other')")
    return app


def titles(app: SmallApplication, target: str) -> list[str]:
    return [row["title"] for row in app.rows(target)]


def test_rows_below_a_row(app: SmallApplication) -> None:
    for parent, title in ((1, "b"), (2, "c"), (1, "a")):
        app.post("notes", {"parent_id": parent, "author_id": 2, "title": title})

    assert titles(app, "notes/1/children") == ["b", "a"]
    assert titles(app, "notes/1/children?sort=title") == ["a", "b"]
    assert titles(app, "notes/1/children?title=a&title=c&include_total=true") == ["a"]
    assert titles(app, "notes/2/written?parent_id=1") == ["b", "a"]
    assert titles(app, "notes/3/children") == []
    assert app.rows("notes/1/children?fields=title&limit=1") == [{"title": "b"}]


def test_rows_below_a_key_of_two_columns(app: SmallApplication) -> None:
    for month, amount in ((1, 5), (2, 6), (1, 7)):
        app.post("prices", {"country": "DE", "valid_from": f"2026-0{month}-01", "amount": amount})

    rows = app.rows("rates/DE/2026-01-01/prices?sort=amount:desc")
    assert [row["amount"] for row in rows] == [7, 5]
    assert [row["amount"] for row in app.rows("rates/DE/2026-01-01/prices?amount_max=5")] == [5]
    assert app.call("GET", "rates/FR/2026-01-01/prices").status == 404


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("notes/9/children", 404),
        ("notes/x/children", 400),
        ("notes/1/hidden", 404),
        ("notes/1/children?parent_id=1", 400),
        ("notes/1/children?parent_id_is_null=true", 400),
        ("notes/1/children?limit=0", 400),
        ("rates/DE/2026-01-01/prices?country=DE", 400),
        ("rates/DE/2026-01-01/prices?valid_from_min=2026-01-01", 400),
    ],
)
def test_refused_list(app: SmallApplication, target: str, status: int) -> None:
    assert app.call("GET", target).status == status


def test_only_get_is_allowed(app: SmallApplication) -> None:
    response = app.call("POST", "notes/1/children", {"title": "x"})

    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")


def test_pages_below_a_row(app: SmallApplication) -> None:
    for n in range(5):
        app.post("notes", {"author_id": 1 + n % 2, "title": f"{n}"})

    target, seen = "notes/1/written?limit=1&sort=title:desc", []
    while target:
        page = app.call("GET", target)
        seen += [row["title"] for row in page.json["data"]]
        previous, target = target, links(page).get("next", "").removeprefix("/api/")
    assert seen == ["4", "2", "0"]
    back = links(app.call("GET", previous))["prev"].removeprefix("/api/")
    assert titles(app, back) == ["2"]
    other = previous.replace("notes/1", "notes/2")
    assert app.call("GET", other).code == "invalid_cursor"
    root = previous.replace("notes/1/written?", "notes?author_id=1&")
    assert titles(app, root) == ["0"]


def test_list_needs_the_scope_of_its_rows(app: SmallApplication, add_api_key: AddApiKey) -> None:
    add_api_key("prices-reader", "library:read")
    add_api_key("rates-reader", "rates:read")

    def status(key: str) -> int:
        return app.call("GET", "rates/DE/2026-01-01/prices", x_api_key=key).status

    assert (status("prices-reader"), status("rates-reader")) == (200, 403)
