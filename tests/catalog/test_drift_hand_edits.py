"""Random hand edits of declarations, with changes of the schema in between.

drift reports the change and no edit. It reads the file, and never writes it.
"""

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pg8000.native
import pytest

from local.postgres import PostgresServer
from tests.catalog.test_drift import DEALS, DOES_NOT_MATTER, SCHEMA
from tests.fixtures.database import owner_connection
from tests.fixtures.drift import AdoptedSchema

# What a person changes: each narrows what clients may do, or says it in other words.
EDITS: dict[str, tuple[str, str]] = {
    "shorter text": ("max_length=120", "max_length=50"),
    "shortest text": ('Text("title", ', 'Text("title", min_length=3, '),
    "higher minimum": ("minimum=0, nullable", "minimum=5, nullable"),
    "a maximum": ("scale=2, minimum=0", "scale=2, minimum=0, maximum=1000"),
    "smaller precision": ("precision=14", "precision=9"),
    "without a sort": ('filter="in", sort=True),\n        Choice', 'filter="in"),\n        Choice'),
    "without a filter": (
        'Text("title", max_length=120, filter="in"',
        'Text("title", max_length=120',
    ),
    "one filter of two": ('filter=["in", "is_null"]', 'filter="in"'),
    "without a field": ('        Text("note", nullable=True),\n', ""),
    "read-only": ('Text("note", nullable=True)', 'Text("note", nullable=True, read_only=True)'),
    "a description": ('Date("starts_on"', 'Date("starts_on", description="The first day."'),
    "an example": ('Date("ends_on"', 'Date("ends_on", example="2026-01-01"'),
    "another field name": ('Date("starts_on"', 'Date("first_day", column="starts_on"'),
    "no writes": ("    fields=[", '    writes=["update"],\n    fields=['),
    "no function": ('        Function("win", "crm.win"),\n', ""),
    "another group": ('group="crm"', 'group="sales"'),
    "a comment": ("    fields=[\n", "    fields=[\n        # The order is that of the table.\n"),
    "another default": ('default="lead"', 'default="won"'),
    "a pattern": ('Text("title", ', 'Text("title", pattern="[A-Z].*", example="A", '),
    "create only": ('Uuid("ref", ', 'Uuid("ref", create_only=True, '),
}
# Statements → the subject that drift reports.
CHANGES = {
    f"{DEALS} ALTER tags DROP DEFAULT, ALTER tags TYPE integer[] USING NULL": "crm.deals.tags",
    "ALTER TYPE crm.stage RENAME VALUE 'lost' TO 'gone'": "crm.deals.stage",
    "ALTER TABLE crm.deals DROP CONSTRAINT deals_days": "crm.deals",
    "ALTER TABLE crm.deals DROP COLUMN size": "crm.deals.size",
    "DROP FUNCTION crm.worth": "crm.worth",
    "ALTER TABLE crm.deals DROP CONSTRAINT deals_owner_id_fkey": "crm.deals(owner_id)",
}


# The seed → whether it is slow.
SEEDS = [*range(10), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(10, 50))]


@pytest.fixture(name="connection", scope="module")
def database_of_crm(postgres_server: PostgresServer) -> Iterator[pg8000.native.Connection]:
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("CREATE DATABASE hand_edits")
    with closing(owner_connection(postgres_server.url(database="hand_edits"))) as connection:
        connection.run(SCHEMA)
        yield connection
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("DROP DATABASE hand_edits WITH (FORCE)")


@pytest.mark.parametrize("name", EDITS)
def test_edit_is_no_drift(name: str, connection: pg8000.native.Connection, tmp_path: Path) -> None:
    crm = AdoptedSchema.of(connection, "crm.*", tmp_path, lambda text: edited(text, [name]))

    assert crm.after("") == []


@pytest.mark.parametrize("seed", SEEDS)
def test_edits_survive_changes_of_the_schema(
    seed: int, connection: pg8000.native.Connection, tmp_path: Path
) -> None:
    chosen = random.Random(seed)
    edits = chosen.sample([*EDITS], 3)
    crm = AdoptedSchema.of(connection, "crm.*", tmp_path, lambda text: edited(text, edits))
    before = (tmp_path / "deals.py").read_text()
    change = chosen.choice([*CHANGES])
    without_effect = chosen.sample(DOES_NOT_MATTER, 2)

    for statements in without_effect:
        assert differences(crm, statements) == set(), (edits, statements)
    assert differences(crm, change) == {CHANGES[change]}, edits
    assert (tmp_path / "deals.py").read_text() == before


def edited(text: str, names: list[str]) -> str:
    """Return the text with the edits that still find their place."""
    for name in names:
        text = text.replace(*EDITS[name], 1)
    return text


def differences(crm: AdoptedSchema, statements: str) -> set[str]:
    return {finding.subject for finding, _ in crm.after(statements) if finding.is_difference}
