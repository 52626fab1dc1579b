"""Drift finds what no longer separates tenants in the database."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from local.postgres import PostgresServer
from tests.catalog.databases import run
from tests.catalog.test_tenants import ARGUMENTS, ROLES
from tests.fixtures.database import owner_connection
from tests.fixtures.drift import AdoptedSchema

TABLES = Path(__file__).parent / "tenants.sql"
POLICY = "CREATE POLICY sluice_tenant ON firm.{} USING (true);"
# The tables that have no index which begins with organisation_id but those of tags and stage.
RLS = "ALTER TABLE firm.{0} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
EVERY = (
    *("organisations", "people", "deals", "notes", "answers", "labels", "deal_labels"),
    *("visited", "rates", "offices"),
)
ALL_POLICIES = "".join(POLICY.format(each) for each in EVERY)
ALL_RLS = ALL_POLICIES + "".join(RLS.format(each) for each in EVERY)


@pytest.fixture(scope="module")
def firm(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AdoptedSchema]:
    url = postgres_server.url(database="tenants_drift")
    run(postgres_server.url(), "CREATE DATABASE tenants_drift")
    run(url, TABLES.read_text() + ROLES)
    folder = tmp_path_factory.mktemp("declarations")
    with closing(owner_connection(url)) as connection:
        yield AdoptedSchema.of(connection, "firm.*", folder, small_tags, **ARGUMENTS)


def small_tags(text: str) -> str:
    """Declare a filter without an index, as a person does for a small table."""
    return text.replace("default=[])", 'default=[], filter="has", unindexed=True)')


def found(firm: AdoptedSchema, statements: str) -> dict[str, str]:
    """Return the message of each difference by its subject."""
    return {each.subject: each.message for each, _ in firm.after(statements) if each.is_difference}


@pytest.mark.parametrize("statements", ["SELECT 1", ALL_RLS])
def test_nothing_differs_right_after_adoption(firm: AdoptedSchema, statements: str) -> None:
    assert found(firm, statements) == {}


@pytest.mark.parametrize(
    ("statements", "subject", "message"),
    [
        (
            "ALTER TABLE firm.people ALTER organisation_id DROP NOT NULL",
            "firm.people.organisation_id",
            "ALTER TABLE firm.people ALTER COLUMN organisation_id SET NOT NULL",
        ),
        (
            "ALTER TABLE firm.notes ALTER deal_id DROP NOT NULL",
            "firm.notes.deal_id",
            "no tenant sees such a row",
        ),
        (
            "ALTER TABLE firm.deal_labels ALTER organisation_id DROP NOT NULL",
            "firm.deal_labels.organisation_id",
            "no tenant sees such a row",
        ),
        (
            "ALTER TABLE firm.deal_labels DROP COLUMN organisation_id",
            "firm.deal_labels.organisation_id",
            "the tenant's column is gone",
        ),
        (
            "CREATE UNIQUE INDEX ON firm.deals (title)",
            "firm.deals(title)",
            "declare unique=True and the key in `global_unique`",
        ),
        (
            "CREATE UNIQUE INDEX ON firm.people (email, born)",
            "firm.people(email, born)",
            "declare a Constraint and the key in `global_unique`",
        ),
        (
            "DROP INDEX firm.deals_organisation_id_title_id_idx",
            "firm.deals",
            "organisation_id, title",
        ),
        (
            ALL_POLICIES.replace(POLICY.format("visited"), ""),
            "firm.visited",
            "it has no policy sluice_tenant",
        ),
        (ALL_POLICIES, "firm.labels", "ALTER TABLE firm.labels ENABLE ROW LEVEL SECURITY"),
        (
            f"{ALL_RLS} ALTER TABLE firm.labels NO FORCE ROW LEVEL SECURITY",
            "firm.labels",
            "ALTER TABLE firm.labels FORCE ROW LEVEL SECURITY",
        ),
        (
            f"{ALL_RLS} DROP INDEX firm.deals_organisation_id_title_id_idx;"
            "DROP INDEX firm.deals_organisation_id_id_idx",
            "firm.deals.tags",
            "row-level security reads all rows for `has`",
        ),
    ],
)
def test_difference_is_found(
    firm: AdoptedSchema, statements: str, subject: str, message: str
) -> None:
    assert message in found(firm, statements)[subject]


def test_unique_key_has_the_line_to_write(firm: AdoptedSchema) -> None:
    findings = firm.after("CREATE UNIQUE INDEX ON firm.people (country)")

    (place,) = [at for each, at in findings if each.subject == "firm.people(country)"]
    assert place is not None
    assert (place.present, place.wanted) == (
        'global_unique=["badge", "phone"],',
        'global_unique=["badge", "phone", "country"]',
    )


def test_unique_key_that_no_client_sets_is_no_difference(firm: AdoptedSchema) -> None:
    of_tenant = found(firm, "CREATE UNIQUE INDEX ON firm.deals (organisation_id, title)")

    assert [*of_tenant] == ["firm.deals"]  # a new constraint, whose fields an error should name
    assert "reveals" not in of_tenant["firm.deals"]
    assert (
        found(firm, "ALTER TABLE firm.deals ADD code uuid UNIQUE DEFAULT gen_random_uuid()") == {}
    )
