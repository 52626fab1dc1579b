"""Many-to-many relations over HTTP: lists, and links that PUT and DELETE write."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sluice.kinds.array import Array
from sluice.kinds.date import Date
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.jsonb import Json
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.resource import Many, Resource
from tests.engine.resource.small_application import SmallApplication
from tests.fixtures.aws import AddApiKey
from tests.fixtures.database import owner_connection
from tests.fixtures.resources import links
from tests.fixtures.sample import Library
from tests.fixtures.waiting import wait_until

TABLES = """
CREATE TABLE labels (
    slug text PRIMARY KEY, title text NOT NULL, parent_slug text REFERENCES labels
);
CREATE TABLE deals (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text NOT NULL);
CREATE TABLE "deal labels" (
    deal_id bigint NOT NULL REFERENCES deals,
    "label slug" text NOT NULL REFERENCES labels,
    PRIMARY KEY (deal_id, "label slug")
);
CREATE TABLE scores (
    label_slug text NOT NULL REFERENCES labels,
    deal_id bigint NOT NULL REFERENCES deals,
    score integer NOT NULL CHECK (score < 100),
    since date DEFAULT '2026-01-01',
    tags text[] NOT NULL,
    note jsonb,
    PRIMARY KEY (label_slug, deal_id)
);
CREATE TABLE rates (country text, valid_from date, PRIMARY KEY (country, valid_from));
CREATE TABLE rate_pairs (
    of_country text, of_day date, other_country text, other_day date,
    PRIMARY KEY (of_country, of_day, other_country, other_day),
    FOREIGN KEY (of_country, of_day) REFERENCES rates,
    FOREIGN KEY (other_country, other_day) REFERENCES rates
)
"""
LABELS = Resource(
    name="labels",
    singular="label",
    table="public.labels",
    group="small",
    scope="library",
    key=Text("slug", create_only=True),
    fields=[
        Text("title"),
        Ref("parent_slug", resource="labels", kind=Text, relation="parent", nullable=True),
    ],
    relations=[
        Many(
            "deals",
            "deals",
            "label_slug",
            through="public.scores",
            other_key="deal_id",
            payload=[
                Integer("score", maximum=100),
                Date("since", nullable=True),
                Array("tags", of=Text(""), default=["new"]),
                Json("note", nullable=True),
            ],
        )
    ],
)
DEALS = Resource(
    name="deals",
    singular="deal",
    table="public.deals",
    group="small",
    scope="readers",
    key=BigInt("id", minimum=1, read_only=True),
    fields=[Text("title")],
    relations=[
        Many("labels", "labels", "deal_id", through="public.deal labels", other_key="label slug"),
        Many(
            "fixed",
            "labels",
            "deal_id",
            through="public.deal labels",
            other_key="label slug",
            writes=False,
        ),
    ],
)
RATES = Resource(
    name="rates",
    singular="rate",
    table="public.rates",
    group="small",
    scope="library",
    key=[Text("country"), Date("valid_from")],
    fields=[],
    writes=["create", "delete"],
    relations=[
        Many(
            "similar",
            "rates",
            ("of_country", "of_day"),
            through="public.rate_pairs",
            other_key=("other_country", "other_day"),
        )
    ],
)


@pytest.fixture(name="app")
def application_of_links(isolated_library: Library) -> SmallApplication:
    app = SmallApplication(isolated_library, TABLES, LABELS, DEALS, RATES)
    isolated_library.sql("INSERT INTO deals (title) VALUES ('one'), ('two')")
    isolated_library.sql(
        "INSERT INTO labels VALUES ('a', 'A', NULL), ('b/c', 'BC', 'a'), ('d', 'D', NULL)"
    )
    isolated_library.sql("INSERT INTO rates VALUES ('DE', '2026-01-01'), ('FR', '2026-01-01')")
    return app


def slugs(app: SmallApplication, target: str) -> list[str]:
    return [row["slug"] for row in app.rows(target)]


def test_link_is_put_and_deleted(app: SmallApplication) -> None:
    for path in (
        "deals/1/labels/~Yi9j",
        "deals/1/labels/a",
        "deals/1/labels/a",
        "deals/2/labels/d",
    ):
        response = app.call("PUT", path)
        assert (response.status, response.text) == (204, "")

    assert slugs(app, "deals/1/labels") == slugs(app, "deals/1/fixed") == ["a", "b/c"]
    assert slugs(app, "deals/1/labels?sort=slug:desc") == ["b/c", "a"]
    assert app.rows("deals/2/labels") == [{"slug": "d", "title": "D", "parent_slug": None}]
    assert app.call("DELETE", "deals/1/labels/a").status == 204
    assert app.call("DELETE", "deals/1/labels/a").status == 404
    assert slugs(app, "deals/1/labels") == ["b/c"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "deals/1/labels/a", {}, 204),
        ("PUT", "deals/1/labels/a", {"x": 1}, 422),
        ("PUT", "deals/1/labels/a", [], 422),
        ("PUT", "deals/1/labels/x", None, 404),
        ("PUT", "deals/9/labels/a", None, 404),
        ("PUT", "deals/x/labels/a", None, 400),
        ("DELETE", "deals/9/labels/a", None, 404),
        ("GET", "deals/9/labels", None, 404),
        ("GET", "deals/1/labels?title=A", None, 400),
        ("GET", "deals/1/labels?sort=title", None, 400),
        ("GET", "deals/1/labels/a", None, 405),
        ("PUT", "deals/1/fixed/a", None, 404),
        ("PUT", "labels/a/deals/1", None, 415),
        ("PUT", "labels/a/deals/1", {}, 422),
        ("PUT", "labels/a/deals/1", {"score": 101}, 422),
        ("PUT", "labels/a/deals/1", {"score": 100}, 422),
        ("PUT", "labels/a/deals/9", {"score": 1}, 404),
    ],
)
def test_refused_link(
    app: SmallApplication, method: str, path: str, body: Any, status: int
) -> None:
    response = app.call(method, path, body)

    assert response.status == status, response.text


def test_payload_of_a_link(app: SmallApplication) -> None:
    def deals() -> list[Any]:
        return app.rows("labels/a/deals")

    assert app.call("PUT", "labels/a/deals/2", {"score": 7}).status == 204
    link = {"score": 7, "since": "2026-01-01", "tags": ["new"], "note": None}
    assert deals() == [{"id": 2, "title": "two", "link": link}]
    assert app.call("PUT", "labels/a/deals/2", {"score": 8, "since": None}).status == 204
    assert deals()[0]["link"] == link | {"score": 8, "since": None}
    assert app.call("PUT", "labels/a/deals/1", {"score": 1}).status == 204
    assert [row["id"] for row in deals()] == [1, 2]
    assert app.call("DELETE", "labels/a/deals/2").status == 204
    assert [row["id"] for row in deals()] == [1]


def test_pages_of_links(app: SmallApplication) -> None:
    for slug in ("d", "a", "~Yi9j"):
        app.call("PUT", f"deals/1/labels/{slug}")

    target, seen = "deals/1/labels?limit=1", []
    while target:
        page = app.call("GET", target)
        seen += [row["slug"] for row in page.json["data"]]
        previous, target = target, links(page).get("next", "").removeprefix("/api/")
    assert seen == ["a", "b/c", "d"]
    assert slugs(app, links(app.call("GET", previous))["prev"].removeprefix("/api/")) == ["b/c"]
    total = app.call("GET", "deals/1/labels?include_total=true&limit=1").json["pagination"]["total"]
    assert total == 3
    shown = app.rows("deals/1/labels?fields=slug&expand=parent&limit=2")
    assert shown[1] == {
        "slug": "b/c",
        "parent": {"slug": "a", "title": "A", "parent_slug": None},
    }


def test_link_of_keys_with_the_same_names(app: SmallApplication) -> None:
    path = "rates/DE/2026-01-01/similar"

    assert app.call("PUT", f"{path}/FR/2026-01-01").status == 204
    assert app.rows(path) == [{"country": "FR", "valid_from": "2026-01-01"}]
    assert app.rows("rates/FR/2026-01-01/similar") == []
    route = app.apis["rates"].routes[-1]
    assert route.path == (
        "/api/rates/<country>/<valid_from>/similar/<rate_country>/<rate_valid_from>"
    )
    assert app.call("DELETE", f"{path}/FR/2026-01-01").status == 204


def test_row_that_is_deleted_meanwhile_is_not_found(
    app: SmallApplication, isolated_library: Library
) -> None:
    def is_waiting() -> bool:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return isolated_library.sql(waiting) != [[0]]

    for path, deletion in (
        ("deals/1/labels/d", "DELETE FROM labels WHERE slug = 'd'"),
        ("deals/2/labels/a", "DELETE FROM deals WHERE id = 2"),
    ):
        with owner_connection(isolated_library.url) as owner, ThreadPoolExecutor(1) as thread:
            owner.run("BEGIN")
            owner.run(deletion)
            put = thread.submit(app.call, "PUT", path)
            wait_until(is_waiting, "the link waits for the deletion")
            owner.run("COMMIT")
            assert put.result().status == 404, put.result().text


def test_default_of_a_new_link(app: SmallApplication) -> None:
    assert app.call("PUT", "labels/a/deals/2", {"score": 7}).status == 204
    assert app.call("PUT", "labels/a/deals/2", {"score": 8, "tags": ["x"]}).status == 204
    assert app.call("PUT", "labels/a/deals/2", {"score": 9}).status == 204
    assert app.call("PUT", "labels/a/deals/1", {"score": 7, "note": None}).status == 204

    links = [row["link"] for row in app.rows("labels/a/deals")]
    since = {"since": "2026-01-01"}
    expected = [{"score": 7, "tags": ["new"]}, {"score": 9, "tags": ["x"]}]
    assert links == [since | each | {"note": None} for each in expected]


def test_link_has_no_version(app: SmallApplication) -> None:
    assert app.call("PUT", "deals/1/labels/a", if_match='"1"').status == 412
    assert slugs(app, "deals/1/labels") == []


def test_link_needs_the_scopes_of_both_rows(app: SmallApplication, add_api_key: AddApiKey) -> None:
    add_api_key("writer", "readers:write", "library:read")
    add_api_key("writer-only", "readers:write")
    add_api_key("reader", "readers:read", "library:read")

    def status(method: str, key: str, path: str = "deals/1/labels/a") -> int:
        return app.call(method, path, x_api_key=key).status

    assert [status("PUT", key) for key in ("writer", "writer-only", "reader")] == [204, 403, 403]
    assert [status("DELETE", key) for key in ("writer-only", "reader")] == [403, 403]
    assert status("GET", "reader", "deals/1/labels") == 200
    assert status("GET", "writer-only", "deals/1/labels") == 403
