"""Rows that soft deletion keeps: they have no links, no functions, and nothing shows them."""

import pytest

from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.kinds.text import Text
from sluice.resource import Function, Many, Resource
from tests.engine.resource.small_application import SmallApplication
from tests.fixtures.sample import Library

TABLES = """
CREATE TABLE rooms (
    id bigint PRIMARY KEY, name text NOT NULL, parent_id bigint, gone_at timestamptz
);
CREATE TABLE members (id bigint PRIMARY KEY, name text NOT NULL, gone_at timestamptz);
CREATE TABLE keys (room bigint REFERENCES rooms, member bigint REFERENCES members,
    PRIMARY KEY (room, member));
CREATE FUNCTION air(room bigint) RETURNS rooms LANGUAGE sql AS
    'UPDATE rooms SET name = name || ''!'' WHERE id = $1 RETURNING *';
CREATE FUNCTION around(room bigint) RETURNS SETOF rooms LANGUAGE sql STABLE AS
    'SELECT * FROM rooms WHERE id <> $1 ORDER BY id';
INSERT INTO rooms VALUES (1, 'hall', NULL, NULL), (2, 'attic', 1, NULL), (3, 'cellar', 2, NULL);
INSERT INTO members VALUES (1, 'Ada', NULL), (2, 'Bob', NULL);
INSERT INTO keys VALUES (1, 1), (1, 2), (2, 2)
"""
ROOMS = Resource(
    name="rooms",
    singular="room",
    table="public.rooms",
    group="small",
    scope="library",
    key=BigInt("id", minimum=1),
    fields=[Text("name"), Ref("parent_id", resource="rooms", nullable=True)],
    relations=[
        Many("members", "members", "room", through="public.keys", other_key="member"),
        Function("air", "public.air"),
        Function("around", "public.around", returns="rows", stable=True),
    ],
    soft_delete="gone_at",
)
MEMBERS = Resource(
    name="members",
    singular="member",
    table="public.members",
    group="small",
    scope="library",
    key=BigInt("id", minimum=1),
    fields=[Text("name")],
    soft_delete="gone_at",
)


@pytest.fixture(name="app")
def application_of_rooms(isolated_library: Library) -> SmallApplication:
    app = SmallApplication(isolated_library, TABLES, ROOMS, MEMBERS)
    assert app.call("DELETE", "rooms/2").status == 204
    assert app.call("DELETE", "members/2").status == 204
    return app


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "rooms/2/members/1"),
        ("PUT", "rooms/3/members/2"),
        ("DELETE", "rooms/2/members/2"),
        ("DELETE", "rooms/1/members/2"),
        ("GET", "rooms/2/members"),
        ("POST", "rooms/2/air"),
        ("GET", "rooms/2/around"),
    ],
)
def test_nothing_stands_below_a_deleted_row(
    app: SmallApplication, isolated_library: Library, method: str, path: str
) -> None:
    assert app.call(method, path).status == 404
    kept = isolated_library.sql("SELECT (SELECT count(*) FROM keys), name FROM rooms WHERE id = 2")
    assert kept == [[3, "attic"]]


def test_no_list_shows_a_deleted_row(app: SmallApplication) -> None:
    assert [row["id"] for row in app.rows("rooms/1/members")] == [1]
    assert [row["id"] for row in app.rows("rooms/1/around")] == [3]
    assert app.call("GET", "rooms/3?expand=parent").json["parent"] is None
