"""A club's tables, with each form of relation, for the tests of the SQL of relations."""

from collections.abc import Iterator

import pytest

from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.db.sqlalchemy_pool import SqlalchemyPool
from sluice.kinds.date import Date
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug, Text
from sluice.query import Query
from sluice.resource import One, Resource
from sluice.settings import DatabaseSettings
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.resource_repository import ResourceRepository

SIGNER = CursorSigner(b"the key of these tests' cursors")
TABLES = """
CREATE SCHEMA club;
CREATE TABLE club.teams (id bigint PRIMARY KEY, name text NOT NULL);
CREATE TABLE club.fees (kind text, valid_from date, amount integer NOT NULL,
    PRIMARY KEY (kind, valid_from));
CREATE TABLE club.members (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    team_id bigint REFERENCES club.teams,
    mentor_id bigint REFERENCES club.members,
    fee_kind text, fee_from date,
    left_at timestamptz,
    FOREIGN KEY (fee_kind, fee_from) REFERENCES club.fees
);
CREATE TABLE club.played (
    member bigint REFERENCES club.members, "Kind" text, valid_from date,
    position text CHECK (position <> 'none'), since date NOT NULL DEFAULT '2026-01-01',
    PRIMARY KEY (member, "Kind", valid_from),
    FOREIGN KEY ("Kind", valid_from) REFERENCES club.fees
);
CREATE FUNCTION club.rename(member bigint, name text) RETURNS club.members LANGUAGE sql AS
    $$ UPDATE club.members SET name = $2 WHERE id = $1 AND $2 <> '' RETURNING * $$;
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
INSERT INTO club.teams VALUES (1, 'First'), (2, 'Second');
INSERT INTO club.fees VALUES ('full', '2026-01-01', 90), ('half', '2026-01-01', 45);
INSERT INTO club.members (name, team_id, mentor_id, fee_kind, fee_from) VALUES
    ('Ada', 1, NULL, 'full', '2026-01-01'), ('Bob', 2, 1, 'half', '2026-01-01'),
    ('Cleo', NULL, 2, NULL, NULL)
"""
TEAMS = Resource(
    name="teams",
    singular="team",
    table="club.teams",
    group="club",
    key=BigInt("id"),
    fields=[Text("name")],
)
FEES = Resource(
    name="fees",
    singular="fee",
    table="club.fees",
    group="",
    scope="money",
    key=[Slug("kind"), Date("valid_from")],
    fields=[Integer("amount")],
)
MEMBERS = Resource(
    name="members",
    singular="member",
    table="club.members",
    group="club",
    key=BigInt("id", read_only=True),
    fields=[
        Text("name"),
        Ref("team_id", resource="teams", nullable=True),
        Ref("mentor_id", resource="members", nullable=True),
        Slug("fee_kind", nullable=True),
        Date("fee_from", nullable=True),
    ],
    relations=[One("fee", resource="fees", foreign_key=("fee_kind", "fee_from"))],
)


class TeamRepository(ResourceRepository):
    resource = TEAMS


class FeeRepository(ResourceRepository):
    resource = FEES


class MemberRepository(ResourceRepository):
    resource = MEMBERS


REPOSITORIES = (TeamRepository, FeeRepository, MemberRepository)


def find(name: str) -> type[ResourceRepository]:
    """Return the repository class of a resource."""
    return next(each for each in REPOSITORIES if each.resource.name == name)


@pytest.fixture(name="club")
def database_of_the_club(empty_database: str) -> Iterator[Database]:
    settings = DatabaseSettings.from_url(empty_database)
    database = Database(SqlalchemyPool(make_engine(settings, "function")))
    for statement in TABLES.split(";\n"):
        database.write(Query(statement))
    yield database
    database.dispose()
