"""Links of a many-to-many relation, whose other side has a key of several columns."""

from dataclasses import replace
from typing import Any

import pytest

from sluice.db.database import Database
from sluice.errors import NotFound, ValidationFailed
from sluice.kinds.date import Date
from sluice.kinds.text import Text
from sluice.query import Query
from sluice.resource import Many
from sluice.sql.links import Link, LinkRepository
from tests.engine.resource.club import SIGNER, FeeRepository, MemberRepository
from tests.engine.resource.club import database_of_the_club as database_of_the_club

MANY = Many(
    "played",
    resource="fees",
    foreign_key="member",
    through="club.played",
    other_key=("Kind", "valid_from"),
    payload=[Text("position", nullable=True), Date("since")],
)
MEMBERS = MemberRepository.projection
LINK = Link(MEMBERS, FeeRepository.projection, MANY)
FULL = ("full", "2026-01-01")
STORED = """SELECT member, "Kind" AS kind, position, since::text FROM club.played"""


@pytest.fixture(name="links")
def repository_of_links(club: Database) -> LinkRepository:
    return LinkRepository(club, SIGNER)


def stored(club: Database) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in club.read(Query(STORED))]


def test_link_is_added_once_and_its_payload_changes(club: Database, links: LinkRepository) -> None:
    links.put(LINK, (1,), FULL, {})
    links.put(LINK, (1,), FULL, {"position": "left"})
    links.put(LINK, (1,), FULL, {})

    assert stored(club) == [(1, "full", "left", "2026-01-01")]

    links.put(LINK, (1,), FULL, {"position": None, "since": "2026-02-03"})

    assert stored(club) == [(1, "full", None, "2026-02-03")]


def test_link_is_removed_once(club: Database, links: LinkRepository) -> None:
    links.put(LINK, (1,), FULL, {})
    links.put(LINK, (2,), FULL, {})

    links.delete(LINK, (1,), FULL)

    assert [row[0] for row in stored(club)] == [2]
    with pytest.raises(NotFound):
        links.delete(LINK, (1,), FULL)


@pytest.mark.parametrize(("key", "other"), [((9,), FULL), ((1,), ("full", "2025-01-01"))])
def test_link_needs_both_rows(club: Database, links: LinkRepository, key: Any, other: Any) -> None:
    with pytest.raises(NotFound):
        links.put(LINK, key, other, {"position": "left"})
    assert stored(club) == []


def test_row_that_is_not_shown_has_no_links(club: Database, links: LinkRepository) -> None:
    links.put(LINK, (1,), FULL, {})
    present = Link(replace(MEMBERS, row_condition="m.name <> 'Ada'"), LINK.other, MANY)

    with pytest.raises(NotFound):
        links.put(present, (1,), FULL, {"position": "left"})
    with pytest.raises(NotFound):
        links.delete(present, (1,), FULL)
    assert stored(club) == [(1, "full", None, "2026-01-01")]


def test_payload_obeys_the_constraints(links: LinkRepository) -> None:
    with pytest.raises(ValidationFailed):
        links.put(LINK, (1,), FULL, {"position": "none"})
