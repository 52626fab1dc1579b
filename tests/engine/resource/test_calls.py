"""Functions of the database that are called on a row."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.errors import Conflict, NotFound, StaleVersion, ValidationFailed
from sluice.kinds.date import Date
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug, Text
from sluice.query import Query
from sluice.resource import Function, Resource
from sluice.settings import DatabaseSettings
from sluice.sql.calls import Call, CallRepository
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.precondition import Precondition
from sluice.sql.resource_repository import ResourceRepository

SIGNER = CursorSigner(b"the key of these tests' cursors")
TABLES = """
CREATE SCHEMA sluice;
CREATE FUNCTION sluice.raise_conflict() RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'no row' USING ERRCODE = 'PT409'; END $$;
CREATE SCHEMA club;
CREATE TABLE club.fees (kind text, valid_from date, amount integer NOT NULL,
    PRIMARY KEY (kind, valid_from));
CREATE TABLE club.members (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    mentor_id bigint REFERENCES club.members,
    left_at timestamptz
);
CREATE FUNCTION club.rename(member bigint, name text) RETURNS club.members LANGUAGE sql AS
    $$ UPDATE club.members SET name = $2 WHERE id = $1 AND $2 <> '' RETURNING * $$;
CREATE FUNCTION club.hide(member bigint) RETURNS SETOF club.members LANGUAGE sql AS
    $$ UPDATE club.members SET name = 'hidden' WHERE id = $1; SELECT * FROM club.members LIMIT 0 $$;
CREATE FUNCTION club."Leave"(member bigint) RETURNS void LANGUAGE sql AS
    $$ UPDATE club.members SET left_at = now(), name = name || '!' WHERE id = $1 $$;
CREATE FUNCTION club.count(member bigint, more integer) RETURNS integer LANGUAGE sql AS
    $$ UPDATE club.members SET name = name || '+' WHERE id = $1
       RETURNING length(name) + coalesce($2, 0) $$;
CREATE FUNCTION club.others(member bigint) RETURNS SETOF club.members LANGUAGE sql STABLE AS
    $$ SELECT * FROM club.members WHERE id <> $1 ORDER BY id DESC $$;
CREATE FUNCTION club.mentor(member bigint) RETURNS SETOF club.members LANGUAGE sql STABLE AS
    $$ SELECT m.* FROM club.members p JOIN club.members m ON m.id = p.mentor_id WHERE p.id = $1 $$;
CREATE FUNCTION club.amount(kind text, from_ date) RETURNS numeric LANGUAGE sql STABLE AS
    $$ SELECT amount * 1.5 FROM club.fees f WHERE f.kind = $1 AND f.valid_from = $2 $$;
INSERT INTO club.fees VALUES ('half', '2026-01-01', 45);
INSERT INTO club.members (name, mentor_id) VALUES ('Ada', NULL), ('Bob', 1), ('Cleo', 2)
"""
FEES = Resource(
    name="fees",
    singular="fee",
    table="club.fees",
    group="club",
    key=[Slug("kind"), Date("valid_from")],
    fields=[Integer("amount")],
)
MEMBERS = Resource(
    name="members",
    singular="member",
    table="club.members",
    group="club",
    key=BigInt("id", read_only=True),
    fields=[Text("name"), Ref("mentor_id", resource="members", nullable=True)],
)


class FeeRepository(ResourceRepository):
    resource = FEES


class MemberRepository(ResourceRepository):
    resource = MEMBERS


ROWS = MemberRepository.projection
RENAME = Function("rename", "club.rename", arguments=[Text("name")])
HIDE = Function("hide", "club.hide")
LEAVE = Function("leave", "club.Leave", returns="")
COUNT = Function("count", "club.count", [Integer("id", nullable=True)], returns=Integer("letters"))
OTHERS = Function("others", "club.others", returns="rows", stable=True, max_rows=2)
MENTOR = Function("mentor", "club.mentor", stable=True)
AMOUNT = Function(
    "amount", "club.amount", returns=Numeric("amount", precision=9, scale=2), stable=True
)


def call_of(function: Function) -> Call:
    return Call(MEMBERS, ROWS, function)


@pytest.fixture(name="club")
def database_of_the_club(empty_database: str) -> Iterator[Database]:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(make_pool(settings, "function"))
    for statement in TABLES.split(";\n"):
        database.write(Query(statement))
    yield database
    database.dispose()


@pytest.fixture(name="calls")
def repository_of_calls(club: Database) -> CallRepository:
    return CallRepository(club, SIGNER)


def member(club: Database, id: int) -> tuple[Any, ...]:
    query = Query("SELECT name, left_at IS NULL FROM club.members WHERE id = :id", {"id": id})
    return tuple(club.read(query)[0])


def test_function_returns_the_changed_row(club: Database, calls: CallRepository) -> None:
    row = calls.write(call_of(RENAME), (1,), {"name": "Eve"})

    assert row == MemberRepository(club, SIGNER).get_by_id((1,))
    assert json.loads(row.json)["name"] == "Eve"


def test_function_runs_once_and_only_for_the_expected_row(
    club: Database, calls: CallRepository
) -> None:
    etag = MemberRepository(club, SIGNER).get_by_id((1,)).etag

    with pytest.raises(StaleVersion):
        calls.write(call_of(LEAVE), (1,), {}, Precondition(if_match=["old"]))
    assert member(club, 1) == ("Ada", True)
    assert calls.write(call_of(LEAVE), (1,), {}, Precondition(if_match=[etag])).json == ""
    assert member(club, 1) == ("Ada!", False)


def test_value_has_the_name_of_its_field(club: Database, calls: CallRepository) -> None:
    assert calls.write(call_of(COUNT), (1,), {"id": 10}).json == '{"letters":14}'
    assert calls.write(call_of(COUNT), (2,), {}).json == '{"letters":4}'
    assert [member(club, id)[0] for id in (1, 2)] == ["Ada+", "Bob+"]


def test_function_without_a_row_is_a_conflict(calls: CallRepository) -> None:
    with pytest.raises(Conflict):
        calls.write(call_of(RENAME), (1,), {"name": ""})
    with pytest.raises(NotFound):
        calls.read(call_of(MENTOR), (1,), {})


def test_call_without_a_row_is_rolled_back(club: Database, calls: CallRepository) -> None:
    with pytest.raises(Conflict):
        calls.write(call_of(HIDE), (1,), {})

    assert member(club, 1) == ("Ada", True)


def test_row_must_exist(calls: CallRepository) -> None:
    hidden = Call(MEMBERS, replace(ROWS, kept_condition="m.name <> 'Ada'"), LEAVE)
    for call, key in ((call_of(LEAVE), (9,)), (hidden, (1,))):
        with pytest.raises(NotFound):
            calls.write(call, key, {})
    with pytest.raises(NotFound):
        calls.read(call_of(OTHERS), (9,), {})


def test_stable_function_returns_a_row_or_a_value(club: Database, calls: CallRepository) -> None:
    fees = Call(FEES, FeeRepository.projection, AMOUNT)

    assert calls.read(call_of(MENTOR), (2,), {}) == MemberRepository(club, SIGNER).get_by_id((1,))
    assert calls.read(fees, ("half", "2026-01-01"), {}).json == '{"amount":"67.50"}'


def test_rows_keep_their_order_up_to_a_limit(club: Database, calls: CallRepository) -> None:
    found = json.loads(calls.read(call_of(OTHERS), (1,), {}).json)

    assert [row["name"] for row in found["data"]] == ["Cleo", "Bob"]
    club.write(Query("INSERT INTO club.members (name) VALUES ('Dan')"))
    with pytest.raises(ValidationFailed, match="more than 2 rows"):
        calls.read(call_of(OTHERS), (1,), {})


def test_rows_that_are_not_shown_are_left_out(calls: CallRepository) -> None:
    shown = Call(MEMBERS, replace(ROWS, kept_condition="m.left_at IS NULL AND m.id < 3"), OTHERS)

    assert [row["id"] for row in json.loads(calls.read(shown, (1,), {}).json)["data"]] == [2]


def test_resource_without_writes_is_not_locked(calls: CallRepository) -> None:
    readable = Call(replace(MEMBERS, writes=()), ROWS, LEAVE)

    assert "FOR UPDATE" not in readable.target
    assert calls.write(readable, (1,), {}).json == ""
