"""TENANT and SHARED of `make adopt`: each table gets a tenant, or is refused by name."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pg8000.native
import pytest

from catalog.adopt import ddl
from catalog.adopt.job import AdoptJob
from catalog.draft import AdoptRequest, Draft, DraftResource
from catalog.errors import AdoptError
from catalog.expression import source
from catalog.read import read
from local.postgres import PostgresServer
from sluice.db.database import Database
from tests.catalog.databases import drafted, lines, opened, run
from tests.catalog.served import problems
from tests.fixtures.database import owner_connection

TABLES = Path(__file__).parent / "tenants.sql"
ARGUMENTS = {
    "tenant": "organisation_id",
    "shared": ["countries"],
    "view_keys": {"open_deals": ["id"]},
}


@pytest.fixture(scope="module")
def firm(postgres_server: PostgresServer) -> Iterator[Database]:
    url = postgres_server.url(database="tenants")
    run(postgres_server.url(), "CREATE DATABASE tenants")
    run(url, TABLES.read_text())
    with opened(url) as database:
        yield database


@pytest.fixture(scope="module")
def found(firm: Database) -> Draft:
    return drafted(firm, "firm.*", **ARGUMENTS)


def of(found: Draft, name: str) -> DraftResource:
    return next(each for each in found.resources if each.name == name)


def refused(found: Draft) -> dict[str, tuple[str, str]]:
    return {each.subject: (each.reason, each.remedy) for each in found.refusals}


@pytest.mark.parametrize(
    ("resource", "tenant"),
    [
        ("organisations", '"id"'),
        ("people", '"organisation_id"'),
        ("rates", '"organisation_id"'),
        ("open_deals", '"organisation_id"'),
        ("offices", '"owner"'),
        ("notes", 'Via("deal_id")'),
        ("answers", 'Via("note_id")'),
        ("countries", "SHARED"),
    ],
)
def test_tenant_of_a_table(found: Draft, resource: str, tenant: str) -> None:
    assert source(of(found, resource).options["tenant"]) == tenant


@pytest.mark.parametrize(
    ("table", "reason", "remedy"),
    [
        ("events", "references no row that has a tenant", "SHARED='firm.events'"),
        ("hints", "deal_id may be NULL", "ALTER COLUMN deal_id SET NOT NULL"),
        ("imports_of", "organisation_id is integer, and must be uuid", "one type"),
        ("visits", "organisation_id may be NULL", "ALTER COLUMN organisation_id SET NOT NULL"),
        (
            "transfers",
            "several ways to a tenant: from_id (firm.people) and to_id (firm.people)",
            "TENANT='organisation_id firm.transfers:from_id'",
        ),
        ("receipts", "in a table that is not served", "what is said of that table"),
    ],
)
def test_table_without_one_tenant_is_refused(
    found: Draft, table: str, reason: str, remedy: str
) -> None:
    said = refused(found)[f"firm.{table}"]

    assert reason in said[0]
    assert remedy in said[1]
    assert table not in {each.name for each in found.resources}


def test_draft_is_what_derive_accepts(found: Draft, tmp_path: Path) -> None:
    assert [*problems(found, tmp_path)] == []


def test_second_draft_is_the_first(firm: Database, found: Draft) -> None:
    known = [each.resource() for each in found.resources]

    again = drafted(firm, "firm.*", **ARGUMENTS, known=known)
    compared = drafted(firm, known=known)

    first = [str(each.expression) for each in found.resources]
    assert [str(each.expression) for each in again.resources] == first
    tenants = [each.options["tenant"] for each in compared.resources]
    assert tenants == [each.options["tenant"] for each in found.resources]


def test_way_can_be_chosen(firm: Database) -> None:
    chosen = drafted(firm, "firm.*", **ARGUMENTS, tenant_columns={"transfers": "from_id"})

    assert source(of(chosen, "transfers").options["tenant"]) == 'Via("from_id")'
    assert source(of(chosen, "receipts").options["tenant"]) == 'Via("transfer_id")'


def test_shared_table_has_no_reference_to_a_tenant(firm: Database) -> None:
    arguments = {**ARGUMENTS, "shared": ["countries", "firm.notes", "deals"]}

    said = refused(drafted(firm, "firm.*", **arguments))

    assert "deal_id references firm.deals, whose rows have tenants" in said["firm.notes"][0]
    assert "it has the column organisation_id" in said["firm.deals"][0]
    assert said["firm.notes"][1] == "leave it out of SHARED"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tenant": "owner_organisation"}, "no table of TABLES has the column owner_organisation"),
        ({"shared": ["county"]}, "SHARED: no table of TABLES is named county"),
        ({"tenant_columns": {"notes": "deal"}}, "is notes with a column deal"),
    ],
)
def test_name_of_nothing_is_an_error(
    firm: Database, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(AdoptError, match=message):
        drafted(firm, "firm.*", **{**ARGUMENTS, **arguments})


@pytest.mark.parametrize(
    ("resource", "declared"),
    [
        ("deals", 'Ref("organisation_id", resource="organisations", kind=Uuid, read_only=True)'),
        ("deals", 'Text("title", filter="in", sort=True)'),
        ("deals", 'Text("stage", default="lead")'),
        ("deals", 'Array("tags", of=Text("tag", nullable=True), default=[])'),
        ("deals", 'BigInt("id", read_only=True, filter="in", sort=True)'),
        ("people", 'BigInt("id", read_only=True, filter="in", sort=True, unindexed=True)'),
        ("people", 'Text("badge", nullable=True, unique=True, filter="in")'),
        ("people", 'Citext("email", filter="in", sort=True)'),
        ("notes", 'Ref("deal_id", resource="deals", kind=BigInt, filter="in", sort=True)'),
        ("open_deals", 'Uuid("organisation_id", read_only=True)'),
        ("organisations", 'Uuid("id", read_only=True, sort=True)'),
        ("organisations", 'Text("name", unique=True, filter="in", sort=True)'),
        ("rates", 'Date("day", filter=["in", "range"], sort=True)'),
    ],
)
def test_list_needs_an_index_with_the_tenant(found: Draft, resource: str, declared: str) -> None:
    assert declared in lines(of(found, resource))


@pytest.mark.parametrize(
    ("subject", "index"),
    [
        ("deals.stage (filters and sorts)", "(organisation_id, stage, id)"),
        ("deals.tags (filters)", "USING gin (organisation_id, tags)"),
        ("deals.owner_id (filters and sorts)", "(organisation_id, owner_id, id)"),
    ],
)
def test_lost_list_has_the_index_to_add(found: Draft, subject: str, index: str) -> None:
    assert refused(found)[subject][1].endswith(f"ON firm.deals {index}")


def test_links_have_the_column_of_the_tenant(found: Draft) -> None:
    assert (
        'Many("labels", resource="labels", foreign_key="deal_id", through="firm.deal_labels", '
        'other_key="slug", payload=[Integer("weight", default=1)], tenant="organisation_id")'
    ) in lines(of(found, "deals"))


def test_unique_keys_of_all_tenants_are_declared(found: Draft) -> None:
    unique = {each.name: each.options.get("global_unique") for each in found.resources}
    decisions = {each.subject: each.chosen for each in of(found, "labels").decisions}

    assert unique["labels"] == ["slug"]
    assert unique["people"] == ["badge", "phone"]
    assert unique["organisations"] == ["name"]
    assert unique["deals"] is unique["rates"] is unique["open_deals"] is None
    assert "reveals that another tenant has the value" in decisions["firm.labels(slug)"]


def test_unique_keys_with_names_of_their_own_are_named(found: Draft) -> None:
    """With row-level security PostgreSQL reports the name of a violated constraint alone."""
    assert [source(each) for each in of(found, "people").constraints] == [
        'Constraint(["organisation_id", "email"], "one_address")',
        'Constraint(["phone"], "one_phone")',
    ]


def test_tenant_does_not_create_or_delete_itself(found: Draft) -> None:
    assert of(found, "organisations").options["writes"] == ("replace", "update")


def test_unique_index_that_is_not_declared_is_noted(firm: Database) -> None:
    notes = of(drafted(firm, "firm.*", **ARGUMENTS), "offices").notes

    assert len([each for each in notes if "offices_town is over all tenants" in each]) == 1


def test_proposed_statements_lead_to_a_draft_without_remarks(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.url(database="proposed")
    run(postgres_server.url(), "CREATE DATABASE proposed")
    run(url, TABLES.read_text() + ROLES)
    with opened(url) as database:
        for _ in range(2):  # the first run makes that visits can be served
            for statement in statements(database):
                run(url, statement)
        again = drafted(database, "firm.*", **ARGUMENTS)
        left = [each for each in statements(database) if not each.startswith("GRANT")]

    assert not any("unindexed" in line for each in again.resources for line in lines(each))
    assert 'Text("stage", default="lead", filter="in", sort=True)' in lines(of(again, "deals"))
    assert left == []


def test_policies_hide_no_row_from_other_programs(postgres_server: PostgresServer) -> None:
    url = postgres_server.url(database="policies")
    run(postgres_server.url(), "CREATE DATABASE policies")
    run(url, TABLES.read_text() + ROLES + ROWS)
    with opened(url) as database:
        for statement in statements(database):
            run(url, statement)

    with closing(owner_connection(url)) as connection:
        for role in ("firm_clerk", "firm_columns"):
            assert count(connection, role, "") == 2
        assert count(connection, "sluice_app", "") == 0
        assert count(connection, "sluice_app", FIRST) == 1


def count(connection: pg8000.native.Connection, role: str, tenant: str) -> int:
    """Return how many deals a role finds for a tenant."""
    connection.run(f"SET sluice.tenant = '{tenant}'; SET ROLE {role}")
    [[found]] = connection.run("SELECT count(id) FROM firm.deals")
    connection.run("RESET ROLE")
    return int(found)


FIRST = "11111111-1111-4111-8111-111111111111"
ROWS = f"""
DO $$ BEGIN CREATE ROLE firm_clerk; EXCEPTION WHEN duplicate_object THEN END $$;
DO $$ BEGIN CREATE ROLE firm_columns; EXCEPTION WHEN duplicate_object THEN END $$;
GRANT USAGE ON SCHEMA firm TO firm_clerk, firm_columns;
GRANT SELECT ON firm.deals TO firm_clerk;
GRANT SELECT (id) ON firm.deals TO firm_columns;
INSERT INTO firm.organisations (id, name) VALUES ('{FIRST}', 'a'), (gen_random_uuid(), 'b');
INSERT INTO firm.deals (organisation_id, title) SELECT id, name FROM firm.organisations;
"""
ROLES = """
DO $$ BEGIN CREATE ROLE sluice_app LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
DO $$ BEGIN CREATE ROLE sluice_analyst LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;
"""


def statements(database: Database) -> list[str]:
    """Return what WITH_DDL=1 proposes, each without its comment."""
    request = AdoptRequest(app="firm", tables=["firm.*"], **ARGUMENTS)  # type: ignore[arg-type]
    job = AdoptJob(snapshot=read(database), request=request, database="")
    parts = ddl.text("firm", job.proposals()).split("\n\n")
    code = ("\n".join(x for x in part.splitlines() if not x.startswith("--")) for part in parts)
    return [each.strip() for each in code if each.strip()]
