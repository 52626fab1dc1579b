"""Functions of the database that are called on a row."""

import json
from dataclasses import replace
from typing import Any

import pytest

from sluice.db.database import Database
from sluice.errors import Conflict, NotFound, StaleVersion, ValidationFailed
from sluice.kinds.integer import Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Text
from sluice.query import Query
from sluice.resource import Function
from sluice.sql.calls import Call, CallRepository
from sluice.sql.precondition import Precondition
from tests.engine.resource.club import FEES, MEMBERS, SIGNER, FeeRepository, MemberRepository
from tests.engine.resource.club import database_of_the_club as database_of_the_club

ROWS = MemberRepository.projection
RENAME = Function("rename", "club.rename", arguments=[Text("name")])
LEAVE = Function("leave", "club.Leave", returns="")
COUNT = Function("count", "club.count", [Integer("id", nullable=True)], returns=Integer("letters"))
OTHERS = Function("others", "club.others", returns="rows", stable=True, max_rows=2)
MENTOR = Function("mentor", "club.mentor", stable=True)
AMOUNT = Function(
    "amount", "club.amount", returns=Numeric("amount", precision=9, scale=2), stable=True
)


def call_of(function: Function) -> Call:
    return Call(MEMBERS, ROWS, function)


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


def test_row_must_exist(calls: CallRepository) -> None:
    hidden = Call(MEMBERS, replace(ROWS, row_condition="m.name <> 'Ada'"), LEAVE)
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
    shown = Call(MEMBERS, replace(ROWS, row_condition="m.left_at IS NULL AND m.id < 3"), OTHERS)

    assert [row["id"] for row in json.loads(calls.read(shown, (1,), {}).json)["data"]] == [2]


def test_resource_without_writes_is_not_locked(calls: CallRepository) -> None:
    readable = Call(replace(MEMBERS, writes=()), ROWS, LEAVE)

    assert "FOR UPDATE" not in readable.target
    assert calls.write(readable, (1,), {}).json == ""
