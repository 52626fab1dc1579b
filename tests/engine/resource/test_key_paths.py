"""Keys of texts, days, times and several columns, over HTTP: in paths, bodies and `Location`."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest

from sluice.kinds.citext import Citext
from sluice.kinds.date import Date
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.text import Text
from sluice.kinds.timestamp import Timestamp
from sluice.resource import Resource
from tests.engine.resource.small_application import SmallApplication
from tests.fixtures.client import ApiResponse
from tests.fixtures.resources import links
from tests.fixtures.sample import Library

TABLES = """
CREATE TABLE labels (slug text PRIMARY KEY, title text NOT NULL);
CREATE TABLE rates (
    country text, valid_from date, percent integer NOT NULL, PRIMARY KEY (country, valid_from)
);
CREATE TABLE events (at timestamptz PRIMARY KEY, title text NOT NULL);
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TABLE codes (code citext PRIMARY KEY, title text NOT NULL);
CREATE TABLE levels (level bigint PRIMARY KEY, title text NOT NULL)
"""
LABELS = Resource(
    name="labels",
    singular="label",
    table="public.labels",
    group="small",
    scope="library",
    key=Text("slug", create_only=True, max_length=20),
    fields=[Text("title", filter="in")],
)
RATES = Resource(
    name="rates",
    singular="rate",
    table="public.rates",
    group="small",
    scope="library",
    key=[Text("country"), Date("valid_from")],
    fields=[Integer("percent", sort=True)],
)
EVENTS = Resource(
    name="events",
    singular="event",
    table="public.events",
    group="small",
    scope="library",
    key=Timestamp("at"),
    fields=[Text("title")],
)
LEVELS = Resource(
    name="levels",
    singular="level",
    table="public.levels",
    group="small",
    scope="library",
    key=BigInt("level", minimum=-9),
    fields=[Text("title")],
)
CODES = Resource(
    name="codes",
    singular="code",
    table="public.codes",
    group="small",
    scope="library",
    key=Citext("code", max_length=20),
    fields=[Text("title")],
)
RATE = {"country": "DE", "valid_from": "2026-01-31", "percent": 19}


@pytest.fixture(name="app")
def application_of_keys(isolated_library: Library) -> SmallApplication:
    return SmallApplication(isolated_library, TABLES, LABELS, RATES, EVENTS, LEVELS, CODES)


@pytest.mark.parametrize(
    ("collection", "new", "path", "change"),
    [
        ("labels", {"slug": "new", "title": "New"}, "new", {"title": "Old"}),
        ("labels", {"slug": "a/b é", "title": "New"}, "~YS9iIMOp", {"title": "Old"}),
        ("labels", {"slug": "", "title": "New"}, "~", {"title": "Old"}),
        ("labels", {"slug": "..", "title": "New"}, "~Li4", {"title": "Old"}),
        ("labels", {"slug": "~x", "title": "New"}, "~fng", {"title": "Old"}),
        ("labels", {"slug": "%41", "title": "New"}, "~JTQx", {"title": "Old"}),
        ("rates", RATE, "DE/2026-01-31", {"percent": 16}),
        ("levels", {"level": 7, "title": "New"}, "7", {"title": "Old"}),
    ],
)
def test_row_has_a_path(
    app: SmallApplication, collection: str, new: dict[str, Any], path: str, change: dict[str, Any]
) -> None:
    created = app.call("POST", collection, new)
    assert (created.status, created.json) == (201, new)
    assert created.headers["Location"] == f"/api/{collection}/{path}"
    target = f"{collection}/{path}"

    assert app.call("GET", target).text == created.text
    assert app.rows(collection) == [new]
    changed = app.call("PATCH", target, change, if_match=created.headers["ETag"])
    assert (changed.status, changed.json) == (200, new | change)
    assert app.call("PATCH", target, change, if_match=created.headers["ETag"]).status == 412
    assert app.call("PUT", target, new).json == new
    unchanged = app.call("GET", target, if_none_match=created.headers["ETag"])
    assert unchanged.status == 304
    assert app.call("DELETE", target).status == 204
    assert app.call("GET", target).status == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("labels/a b", 200),
        ("labels/a%20b", 200),
        ("labels/~YSBi", 200),
        ("labels/a%2520b", 404),
        ("labels/a%2Fb", 404),
        ("labels/" + 21 * "x", 404),
        ("labels/%00", 400),
        ("labels/~_w", 400),
        ("rates/DE", 404),
        ("rates/DE/x", 400),
        ("rates/DE/2026-01-31", 200),
        ("rates/~REU/2026-01-31", 200),
        ("rates/DE/~MjAyNi0wMS0zMQ", 200),
        ("rates/DE/2026-01-31/percent", 404),
        ("events/2026-01-31T12:00:00Z", 200),
        ("events/2026-01-31T13:00:00%2B01:00", 200),
        ("events/2026-01-31", 404),
        ("events/noon", 400),
    ],
)
def test_path_may_have_another_form(app: SmallApplication, path: str, status: int) -> None:
    app.post("labels", {"slug": "a b", "title": "x"})
    app.post("rates", RATE)
    app.post("events", {"at": "2026-01-31T12:00:00Z", "title": "x"})

    assert app.call("GET", path).status == status


def test_location_of_a_time_is_base64url(app: SmallApplication) -> None:
    path = app.post("events", {"at": "2026-01-31T13:00:00+01:00", "title": "x"})

    encoded = urlsafe_b64encode(b"2026-01-31T12:00:00.000000Z").decode().rstrip("=")
    assert path == f"events/~{encoded}"
    assert app.call("GET", path).json == {"at": "2026-01-31T12:00:00.000000Z", "title": "x"}
    sent_back = {"at": "2026-01-31T14:00:00+02:00", "title": "y"}
    assert app.call("PUT", path, sent_back).json["title"] == "y"


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_key_cannot_be_changed(app: SmallApplication, method: str) -> None:
    path = app.post("rates", RATE)

    changed = app.call(method, path, {**RATE, "country": "FR", "valid_from": "2026-02-01"})
    assert (changed.status, changed.code) == (422, "validation_failed")
    assert changed.errors == {"/country": "invalid", "/valid_from": "invalid"}
    assert app.call(method, path, {**RATE, "valid_from": "x"}).errors == {"/valid_from": "invalid"}
    assert app.call(method, path, {**RATE, "percent": 7}).json == {**RATE, "percent": 7}
    assert app.call(method, path, {"percent": 8}).json == {**RATE, "percent": 8}


def test_key_may_end_in_a_blank(app: SmallApplication, isolated_library: Library) -> None:
    isolated_library.sql("INSERT INTO labels VALUES ('a ', 'x')")
    row = app.call("GET", "labels/~YSA")

    assert row.json == {"slug": "a ", "title": "x"}
    assert app.call("PUT", "labels/~YSA", row.json).text == row.text


def test_replay_has_the_same_location(app: SmallApplication) -> None:
    def post(**headers: str) -> ApiResponse:
        return app.call("POST", "rates", RATE, **headers)

    first = post(idempotency_key="k")
    again = post(idempotency_key="k")

    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"] == "/api/rates/DE/2026-01-31"
    assert post(idempotency_key="l").code == "duplicate"


def test_pages_follow_every_column_of_the_key(app: SmallApplication) -> None:
    rows = [
        {"country": country, "valid_from": f"2026-0{month}-01", "percent": month % 2}
        for country in ("DE", "FR")
        for month in (1, 2, 3)
    ]
    for row in reversed(rows):
        app.post("rates", row)

    for sort in ("", "&sort=percent:desc"):
        expected = rows if not sort else sorted(rows, key=lambda row: row["percent"])[::-1]
        if sort:
            ties = {(row["country"], row["valid_from"]): row for row in rows}
            expected = [ties[key] for key in sorted(ties, reverse=True)]
            expected.sort(key=lambda row: -row["percent"])
        target, seen = f"rates?limit=1{sort}", []
        for _ in rows:
            page = app.call("GET", target)
            seen += page.json["data"]
            target = links(page).get("next", "").removeprefix("/api/")
        assert (seen, target) == (expected, "")


def test_commas_do_not_separate_texts(app: SmallApplication) -> None:
    titles = ["Bolt", "Nut", "Bolt, Nut"]
    for slug, title in zip("abc", titles, strict=True):
        app.post("labels", {"slug": slug, "title": title})

    def found(query: str) -> list[str]:
        return [row["title"] for row in app.rows(f"labels?{query}")]

    assert found("title=Bolt%2C+Nut") == ["Bolt, Nut"]
    assert found("title=Bolt&title=Nut") == ["Bolt", "Nut"]
    first = app.call("GET", "labels?title=Bolt&limit=1&title=Bolt%2C+Nut")
    assert first.json["data"][0]["title"] == "Bolt"
    next_page = app.call("GET", links(first)["next"].removeprefix("/api/"))
    assert [row["title"] for row in next_page.json["data"]] == ["Bolt, Nut"]


@pytest.mark.parametrize("query", ["limit=1&limit=2", "offset=0&offset=0"])
def test_other_parameters_are_given_once(app: SmallApplication, query: str) -> None:
    response = app.call("GET", f"labels?{query}")

    assert response.status == 400
    assert [error["message"] for error in response.json["errors"]] == ["must be given once"]


def test_citext_key_in_another_case(app: SmallApplication) -> None:
    created = app.call("POST", "codes", {"code": "Ab-C", "title": "New"})
    assert (created.status, created.headers["Location"]) == (201, "/api/codes/Ab-C")
    again = app.call("POST", "codes", {"code": "aB-c", "title": "Other"})
    assert (again.status, again.code) == (409, "duplicate")

    found = app.call("GET", "codes/aB-c")
    assert (found.json, found.headers["ETag"]) == (created.json, created.headers["ETag"])
    body = {"code": "AB-C", "title": "Old"}
    changed = app.call("PUT", "codes/ab-c", body, if_match=created.headers["ETag"])
    assert (changed.status, changed.json) == (200, {"code": "Ab-C", "title": "Old"})
    assert app.call("PATCH", "codes/AB-C", {"title": "x"}).json["code"] == "Ab-C"
    other = app.call("PATCH", "codes/ab-c", {"code": "ab-d"})
    assert (other.status, other.errors) == (422, {"/code": "invalid"})
    assert app.call("DELETE", "codes/ab-C", if_match=created.headers["ETag"]).status == 412
    assert app.call("DELETE", "codes/ab-C").status == 204
    assert app.call("GET", "codes/Ab-C").status == 404
