"""References that rows show as the row which they reference."""

import json
from typing import Any

import pytest

from sluice.db.database import Database
from sluice.errors import InvalidParameter
from sluice.query import Query
from sluice.sql.expand import expandable, expanded
from tests.engine.resource.club import MEMBERS, MemberRepository, find
from tests.engine.resource.club import database_of_the_club as database_of_the_club

ADA = {
    "id": 1,
    "name": "Ada",
    "team_id": 1,
    "mentor_id": None,
    "fee_kind": "full",
    "fee_from": "2026-01-01",
}
BOB = ADA | {"id": 2, "name": "Bob", "team_id": 2, "mentor_id": 1, "fee_kind": "half"}


def rows(club: Database, *paths: str) -> list[dict[str, Any]]:
    items = expanded(MemberRepository, paths, find).items
    projection = MemberRepository.projection
    shown = ", ".join([projection.columns({"id"}), *items])
    sql = f"SELECT row_to_json(o)::text AS item FROM (SELECT {shown} FROM {projection.source}) o"
    found = [json.loads(row.item) for row in club.read(Query(sql))]
    return sorted(found, key=lambda row: int(row["id"]))


def test_expanded_row_has_all_its_fields(club: Database) -> None:
    assert rows(club, "team") == [
        {"id": 1, "team": {"id": 1, "name": "First"}},
        {"id": 2, "team": {"id": 2, "name": "Second"}},
        {"id": 3, "team": None},
    ]


def test_self_reference_has_the_other_row(club: Database) -> None:
    assert [row["mentor"] for row in rows(club, "mentor")] == [None, ADA, BOB]


def test_second_level_is_in_the_first(club: Database) -> None:
    found = rows(club, "mentor.team", "mentor.mentor", "fee")

    assert found[1]["mentor"] == ADA | {"team": {"id": 1, "name": "First"}, "mentor": None}
    assert found[2]["mentor"]["mentor"] == ADA
    assert found[2]["fee"] is None


def test_key_of_several_columns_is_expanded(club: Database) -> None:
    assert [row["fee"] and row["fee"]["amount"] for row in rows(club, "fee")] == [90, 45, None]


def test_scopes_are_those_of_each_expanded_resource() -> None:
    paths = ("mentor.team", "fee", "mentor")

    assert expandable(MEMBERS) == ("team", "mentor", "fee")
    assert expanded(MemberRepository, paths, find).scopes == (
        "members:read",
        "teams:read",
        "money:read",
    )
    assert expanded(MemberRepository, (), find).scopes == ()


@pytest.mark.parametrize(
    "path", ["", "teams", "team_id", "team.", "team.name", "mentor.mentor.team"]
)
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(InvalidParameter) as error:
        expanded(MemberRepository, (path,), find)

    assert error.value.errors[0].parameter == "expand"
