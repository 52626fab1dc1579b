"""Drift reports what changes a response, with the line to write, and nothing else."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from local.postgres import PostgresServer
from tests.fixtures.database import owner_connection
from tests.fixtures.drift import AdoptedSchema

SCHEMA = """
CREATE SCHEMA crm;
CREATE TYPE crm.stage AS ENUM ('lead', 'won', 'lost');
CREATE DOMAIN crm.percent AS integer CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE crm.people (
    id integer PRIMARY KEY, name varchar(80) NOT NULL, email text UNIQUE, born date,
    password text
);
CREATE TABLE crm.labels (slug varchar(20) PRIMARY KEY, title text NOT NULL);
CREATE TABLE crm.deals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id integer REFERENCES crm.people,
    title varchar(120) NOT NULL,
    stage crm.stage NOT NULL DEFAULT 'lead',
    size text NOT NULL CHECK (size IN ('s', 'm')),
    amount numeric(14,2) CHECK (amount >= 0),
    chance crm.percent,
    ref uuid NOT NULL DEFAULT gen_random_uuid(),
    note text,
    tags text[] NOT NULL DEFAULT '{}',
    starts_on date NOT NULL,
    ends_on date NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT deals_days CHECK (ends_on >= starts_on),
    UNIQUE (owner_id, title)
);
CREATE UNIQUE INDEX labels_lower ON crm.labels (lower(title));
CREATE INDEX deals_title ON crm.deals (title);
CREATE INDEX deals_owner ON crm.deals (owner_id, id);
CREATE INDEX deals_tags ON crm.deals USING gin (tags);
CREATE TABLE crm.deal_labels (
    deal_id bigint REFERENCES crm.deals, label varchar(20) REFERENCES crm.labels,
    added_on date NOT NULL DEFAULT current_date, PRIMARY KEY (deal_id, label)
);
CREATE INDEX ON crm.deal_labels (label, deal_id);
CREATE FUNCTION crm.worth(deal_id bigint) RETURNS numeric LANGUAGE sql STABLE
    AS $$ SELECT 1.0 $$;
CREATE FUNCTION crm.win(deal_id bigint) RETURNS crm.deals LANGUAGE sql
    AS $$ SELECT d FROM crm.deals d WHERE id = deal_id $$
"""
DEALS = "ALTER TABLE crm.deals "
# Statements → the subject of the difference, and the line to write; "- " begins a line to remove.
MATTERS = {
    "DROP TABLE crm.deal_labels; DROP TABLE crm.labels": ("crm.labels", ""),
    "ALTER TABLE crm.labels RENAME TO tags": ("crm.labels", ""),
    f"{DEALS} DROP COLUMN note": ("crm.deals.note", '- Text("note", nullable=True),'),
    f"{DEALS} RENAME COLUMN note TO remark": ("crm.deals.note", '- Text("note", nullable=True),'),
    f"{DEALS} ALTER note TYPE date USING NULL": ("crm.deals.note", 'Date("note", nullable=True),'),
    f"{DEALS} ALTER title TYPE varchar(60)": ("crm.deals.title", "max_length=60"),
    f"{DEALS} ALTER amount TYPE numeric(10,2)": ("crm.deals.amount", "precision=10, scale=2"),
    f"{DEALS} ALTER amount TYPE numeric(14,3)": ("crm.deals.amount", "precision=14, scale=3"),
    f"{DEALS} ALTER note SET NOT NULL": ("crm.deals.note", 'Text("note"),'),
    f"{DEALS} ALTER title DROP NOT NULL": ("crm.deals.title", "nullable=True"),
    f"{DEALS} ALTER ref DROP DEFAULT": ("crm.deals.ref", 'Uuid("ref"),'),
    f"{DEALS} ALTER created_at DROP DEFAULT": ("crm.deals.created_at", 'Timestamp("created_at"),'),
    f"{DEALS} ADD region text; {DEALS} ALTER region SET NOT NULL": (
        "crm.deals.region",
        'Text("region"),',
    ),
    "ALTER TYPE crm.stage RENAME VALUE 'lost' TO 'gone'": ("crm.deals.stage", '"won", "gone"'),
    "CREATE TYPE crm.later AS ENUM ('lead', 'won', 'lost', 'idle');"
    f"{DEALS} ALTER stage DROP DEFAULT, ALTER stage TYPE crm.later USING stage::text::crm.later;"
    "DROP TYPE crm.stage; ALTER TYPE crm.later RENAME TO stage": ("crm.deals.stage", '"idle"'),
    f"{DEALS} DROP CONSTRAINT deals_size_check;"
    f"{DEALS} ADD CONSTRAINT deals_size_check CHECK (size IN ('s', 'm', 'l'))": (
        "crm.deals.size",
        '"l"',
    ),
    f"{DEALS} ADD CHECK (amount >= 10)": ("crm.deals.amount", "minimum=10"),
    "ALTER DOMAIN crm.percent DROP CONSTRAINT percent_check;"
    "ALTER DOMAIN crm.percent ADD CHECK (VALUE BETWEEN 0 AND 50)": (
        "crm.deals.chance",
        "maximum=50",
    ),
    f"{DEALS} DROP CONSTRAINT deals_owner_id_fkey": ("crm.deals(owner_id)", 'Integer("owner_id"'),
    "DROP INDEX crm.deals_title": ("crm.deals", 'Text("title", max_length=120),'),
    "DROP INDEX crm.deals_tags": ("crm.deals", 'Array("tags"'),
    f"DROP INDEX crm.deals_owner; {DEALS} DROP CONSTRAINT deals_owner_id_title_key": (
        "crm.people",
        "- Many(",
    ),
    f"{DEALS} DROP CONSTRAINT deals_owner_id_title_key": ("crm.deals", "- Constraint("),
    f"{DEALS} DROP CONSTRAINT deals_days": ("crm.deals", "- Constraint("),
    "ALTER TABLE crm.people DROP CONSTRAINT people_email_key": (
        "crm.people.email",
        'Text("email", nullable=True),',
    ),
    "DROP TABLE crm.deal_labels": ("crm.deal_labels", "- Many("),
    "ALTER TABLE crm.deal_labels DROP COLUMN added_on": ("crm.deal_labels.added_on", ""),
    "DROP FUNCTION crm.worth": ("crm.worth", "- Function("),
    "ALTER FUNCTION crm.worth(bigint) VOLATILE": ("crm.worth", 'Function("worth", "crm.worth"'),
    f"{DEALS} ENABLE ROW LEVEL SECURITY": ("crm.deals", ""),
    f"{DEALS} DROP CONSTRAINT deals_pkey CASCADE": ("crm.deals", "writes=()"),
    "DROP INDEX crm.labels_lower": ("crm.labels", "- Constraint("),
    f"{DEALS} ADD UNIQUE (title, size)": ("crm.deals", 'Constraint(["title", "size"]),'),
    f"{DEALS} ADD CONSTRAINT noted CHECK (note <> title)": (
        "crm.deals",
        'Constraint(["note", "title"], "noted", "check"),',
    ),
}
DOES_NOT_MATTER = (
    f"{DEALS} ADD colour text",
    f"{DEALS} ADD score integer NOT NULL DEFAULT 0",
    f"{DEALS} ALTER title TYPE varchar(200)",
    f"{DEALS} ALTER amount TYPE numeric(20,2)",
    f"{DEALS} DROP CONSTRAINT deals_amount_check",
    f"{DEALS} ALTER stage SET DEFAULT 'won'",
    f"{DEALS} ALTER created_at SET DEFAULT clock_timestamp()",
    f"{DEALS} SET (fillfactor = 80)",
    f"{DEALS} ALTER note SET STORAGE EXTERNAL",
    f"{DEALS} ALTER note SET STATISTICS 500",
    f"{DEALS} REPLICA IDENTITY FULL",
    f"{DEALS} RENAME CONSTRAINT deals_owner_id_title_key TO other",
    f"{DEALS} RENAME CONSTRAINT deals_owner_id_fkey TO other",
    "ALTER TABLE crm.people ADD CHECK (password <> name)",
    f"{DEALS} DROP CONSTRAINT deals_owner_id_fkey;"
    f"{DEALS} ADD FOREIGN KEY (owner_id) REFERENCES crm.people ON DELETE CASCADE",
    "CREATE INDEX ON crm.deals (amount, id)",
    "ALTER INDEX crm.deals_title RENAME TO other",
    "DROP INDEX crm.deals_title; CREATE INDEX ON crm.deals (title, id)",
    "CREATE STATISTICS crm.s ON title, amount FROM crm.deals",
    "COMMENT ON TABLE crm.deals IS 'What sales is working on.'",
    "COMMENT ON COLUMN crm.deals.note IS 'For everybody.'",
    "CREATE TABLE crm.visits (id integer PRIMARY KEY)",
    "CREATE VIEW crm.open AS SELECT * FROM crm.deals",
    "CREATE SCHEMA other; CREATE TABLE other.deals (id integer PRIMARY KEY)",
    "CREATE TYPE crm.unused AS ENUM ('a')",
    "CREATE SEQUENCE crm.numbers",
    "CREATE FUNCTION crm.total() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
    "ALTER TABLE crm.people DROP COLUMN password",
    "ALTER FUNCTION crm.worth(bigint) IMMUTABLE",
    "GRANT SELECT ON crm.deals TO PUBLIC",
    "INSERT INTO crm.labels VALUES ('new', 'New')",
    "ALTER TABLE crm.people ALTER id TYPE integer",
    "CREATE RULE nothing AS ON DELETE TO crm.labels DO INSTEAD NOTHING",
)


@pytest.fixture(name="crm", scope="module")
def crm_schema(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AdoptedSchema]:
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("CREATE DATABASE drift")
    with closing(owner_connection(postgres_server.url(database="drift"))) as connection:
        connection.run(SCHEMA)
        yield AdoptedSchema.of(connection, "crm.*", tmp_path_factory.mktemp("crm"))
    with closing(owner_connection(postgres_server.url())) as connection:
        connection.run("DROP DATABASE drift WITH (FORCE)")


def shown(crm: AdoptedSchema, statements: str) -> list[tuple[str, str]]:
    """Return the subject of each difference, and its line as the report shows it."""
    return [
        (finding.subject, _line(place.present, place.wanted, place.action) if place else "")
        for finding, place in crm.after(statements)
        if finding.is_difference
    ]


def _line(present: str, wanted: str, action: str) -> str:
    return f"- {present}" if action == "remove" and present else wanted


def test_adopted_schema_has_no_drift(crm: AdoptedSchema) -> None:
    assert crm.after("") == []


@pytest.mark.parametrize("statements", MATTERS)
def test_change_that_matters_is_reported(crm: AdoptedSchema, statements: str) -> None:
    subject, line = MATTERS[statements]

    found = shown(crm, statements)

    assert any(name == subject and line in text for name, text in found), found


@pytest.mark.parametrize("statements", DOES_NOT_MATTER)
def test_change_without_effect_is_no_difference(crm: AdoptedSchema, statements: str) -> None:
    assert shown(crm, statements) == []
