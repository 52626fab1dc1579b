"""The plan of `make adopt`: it changes nothing, and a person can act on it."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from catalog.adopt.command import default_name
from catalog.adopt.database import read_only
from local.database import DatabaseUnusable, connect, settings_from_url
from sluice.libpq_url import parse_url
from sluice.query import Query
from testing.copied_repository import run
from testing.environments import VENV
from tests.fixtures.adopt import SCHEMA, ForeignSchema
from tests.fixtures.template import ROOT

ESCAPE = "\x1b["


@pytest.fixture(name="crm")
def crm_database(empty_database: str) -> ForeignSchema:
    database = ForeignSchema(empty_database)
    database.sql(SCHEMA)
    return database


def password(url: str) -> str:
    return parse_url(url)[0]["password"]


def section(text: str, title: str) -> str:
    """Return the lines of a block or section of the plan."""
    start = re.search(rf"^{re.escape(title)}.*\n", text, re.MULTILINE)
    assert start is not None, text
    return text[start.end() :].split("\n\n")[0]


def test_plan_has_a_block_for_each_table(crm: ForeignSchema) -> None:
    plan = crm.adopt()

    assert (plan.code, plan.err) == (0, "")
    deals = section(plan.out, "deals  crm.deals → layers/shared/crm/deals.py")
    assert "GET POST /api/deals\n" in deals
    assert "GET PUT PATCH DELETE /api/deals/{id}\n" in deals
    assert re.search(r"^  sorts +id, title$", deals, re.MULTILINE)
    assert re.search(r"^  left out +search", deals, re.MULTILINE)
    assert "owner (owner_id → people)" in deals


def test_refusal_has_the_reason_and_the_remedy(crm: ForeignSchema) -> None:
    refused = section(crm.adopt().out, "Not served")

    assert "crm.log" in refused
    assert "CREATE INDEX CONCURRENTLY ON crm.deals (owner_id, id)" in refused


def test_plan_shows_the_connections_of_both_groups(crm: ForeignSchema) -> None:
    budget = section(crm.adopt().out, "Lambda functions and connections")

    assert "GROUP=schema (the plan): 1 function, at most 29 connections of 80" in budget
    assert "GROUP=resource: 2 functions, at most 37 connections of 80" in budget
    assert "GROUP=resource (the plan)" in crm.adopt("--group", "resource").out


def test_plan_writes_nothing(crm: ForeignSchema) -> None:
    before = run(ROOT, "git", "status", "--short")

    crm.adopt()

    assert run(ROOT, "git", "status", "--short") == before


def test_json_has_what_the_text_has(crm: ForeignSchema) -> None:
    plan = json.loads(crm.adopt("--json").out)

    names = {each["name"]: each for each in plan["resources"]}
    assert plan["application"] == "crm"
    assert {*names} == {"people", "deals"}
    assert names["deals"]["routes"][0] == {"methods": ["GET", "POST"], "path": "/api/deals"}
    assert names["deals"]["exists"] is False
    assert plan["tables_refused"] == ["crm.log"]
    assert all(each["reason"] and each["remedy"] for each in plan["refusals"])


def test_defaults_of_the_server_do_not_change_the_plan(crm: ForeignSchema) -> None:
    crm.sql("""
        CREATE TABLE crm.terms (
            id integer PRIMARY KEY,
            "from" date NOT NULL DEFAULT '2026-02-01' CHECK ("from" > '2020-02-01'),
            at timestamptz NOT NULL DEFAULT '2026-02-01 12:00+00',
            lasts interval NOT NULL DEFAULT '1 day 02:00' CHECK (lasts > '1 hour'),
            path text NOT NULL DEFAULT '\' CHECK (path <> '')
        )
    """)
    plan = crm.adopt("--json")

    name = parse_url(crm.url)[0]["dbname"]
    for setting in (
        "datestyle = 'SQL, DMY'",
        "timezone = 'Asia/Kolkata'",
        "intervalstyle = 'sql_standard'",
        "quote_all_identifiers = on",
        "client_encoding = 'LATIN1'",
    ):
        crm.sql(f"ALTER DATABASE {name} SET {setting}")

    assert plan.code == 0
    assert crm.adopt("--json") == plan


def test_plan_does_not_compile_its_query(crm: ForeignSchema) -> None:
    crm.sql(f"ALTER DATABASE {parse_url(crm.url)[0]['dbname']} SET jit = on")

    with read_only(settings_from_url(crm.url)) as database:
        found = database.read(Query("SELECT current_setting('jit') AS jit"))

    assert found[0].jit == "off"


def test_slow_statement_is_not_an_unreachable_server(crm: ForeignSchema) -> None:
    settings = settings_from_url(crm.url)

    with connect(settings) as other:
        other.run("SELECT pg_advisory_lock(1)")
        with (
            pytest.raises(DatabaseUnusable, match=r"did not respond to a statement in 0\.1 s$"),
            connect(settings, statement_seconds=0.1) as connection,
        ):
            connection.run("SELECT pg_advisory_lock(1)")


def test_plan_has_no_colour_in_a_pipe(crm: ForeignSchema) -> None:
    assert ESCAPE not in crm.adopt().out


@pytest.mark.parametrize(("variable", "coloured"), [("", True), ("1", False)])
def test_colour_on_a_terminal_respects_no_color(
    crm: ForeignSchema, variable: str, coloured: bool
) -> None:
    reader, terminal = os.openpty()
    python = VENV / "bin/python"
    environment = {"NO_COLOR": variable, "FROM": crm.url, "PYTHONPATH": ".:layers/shared"}
    pid = os.posix_spawn(
        python,
        [str(python), "-m", "catalog", "adopt", "--tables", "crm.*"],
        {**os.environ, **environment},
        file_actions=[(os.POSIX_SPAWN_DUP2, terminal, 1), (os.POSIX_SPAWN_CLOSE, reader)],
    )
    os.close(terminal)

    output = "".join(lines(reader))

    assert os.waitpid(pid, 0)[1] == 0
    assert (ESCAPE in output) is coloured


def lines(reader: int) -> Iterator[str]:
    """Yield what a terminal shows, until its program ends."""
    with closing(os.fdopen(reader, "rb", buffering=0)) as file:
        try:
            while part := file.read(4096):
                yield part.decode()
        except OSError:  # the other end was closed
            return


def test_url_can_be_that_of_sqlalchemy(crm: ForeignSchema) -> None:
    url = crm.url.replace("postgresql://", "postgresql+psycopg://")

    assert crm.adopt(url=url).code == 0


def test_password_can_be_in_the_environment(crm: ForeignSchema) -> None:
    secret = password(crm.url)
    url = crm.url.replace(f":{secret}", "")

    plan = crm.adopt(url=url, PGPASSWORD=secret)

    assert plan.code == 0
    assert secret not in plan.out


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://u:canary@h/d", "FROM: the database URL must look like"),
        ("postgresql://u:canary@h:1x/d", "FROM: the database URL's port must be a number"),
        ("postgresql://u:can@ary@h/d", "FROM: the database URL must look like"),
        ("postgresql://u:canary@h,i/d", "FROM: the database URL names several hosts"),
        ("postgresql://u:canary@127.0.0.1:1/d", "the database d at 127.0.0.1:1 (as u) cannot be"),
    ],
)
def test_wrong_url_is_one_line_without_a_password(url: str, message: str) -> None:
    plan = ForeignSchema(url).adopt()

    assert plan.code == 1
    assert plan.out == ""
    assert plan.err.startswith(message)
    assert "canary" not in plan.err
    assert len(plan.err.splitlines()) == 1


def test_wrong_password_is_named_and_not_shown(crm: ForeignSchema) -> None:
    plan = crm.adopt(url=crm.url.replace(password(crm.url), "canary"))

    assert plan.code == 1
    assert "rejects the user name or password" in plan.err
    assert "canary" not in plan.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tables", ""], "set TABLES, such as TABLES='crm.*'; the schemas are crm"),
        (["--tables", "cmr.*"], "no table or view is named cmr.*; the schemas are crm"),
        (["--tables", "crm.*", "--app", "Crm"], "APP=Crm must have the form of `web_shop`"),
        (["--tables", "crm.*", "--app", "json"], "json is the name of a Python module"),
        (["--tables", "crm.*", "--app", "local"], "local is the name of a Python module"),
        (["--tables", "crm.*", "--app", "health"], "health is the name of a function"),
        (["--tables", "crm.*", "--key", "pipeline"], "KEY: 'pipeline' must have the form of"),
        (["--tables", "crm.*", "--name", "deals"], "NAME=deals: crm has no such resource"),
        (["--shared", "countries"], "TENANT is the column of the tenant, then tables"),
        (["--tenant", "a b"], "TENANT='organisation_id notes:deal_id' SHARED='countries'"),
        (["--tenant", "tenant_id"], "TENANT: no table of TABLES has the column tenant_id"),
    ],
)
def test_wrong_argument_is_an_error(crm: ForeignSchema, options: list[str], message: str) -> None:
    plan = crm.adopt(*options)

    assert plan.code == 1
    assert message in plan.err


def test_plan_has_the_tenant_of_each_table(crm: ForeignSchema) -> None:
    crm.sql("ALTER TABLE crm.people ADD organisation_id uuid NOT NULL")

    unknown = section(crm.adopt().out, "Decisions")
    plan = crm.adopt("--tenant", "organisation_id").out

    assert "TENANT=organisation_id" in unknown
    assert re.search("^  tenant +organisation_id$", section(plan, "people  crm.people"), re.M)
    assert re.search("^  tenant +that of people by owner_id$", section(plan, "deals  crm."), re.M)
    assert "rows of every tenant are shown" not in plan


def test_role_without_privileges_can_plan(crm: ForeignSchema) -> None:
    crm.sql("CREATE ROLE adopt_reader LOGIN PASSWORD 'canary'")
    user = parse_url(crm.url)[0]["user"]
    url = crm.url.replace(f"{user}:{password(crm.url)}", "adopt_reader:canary")

    plan = crm.adopt(url=url)
    crm.sql("DROP ROLE adopt_reader")

    assert (plan.code, plan.err) == (0, "")
    assert "deals  crm.deals" in plan.out


@pytest.mark.parametrize(
    ("tables", "database", "name"),
    [
        (["crm.*"], "main", "crm"),
        (["crm.deals", "crm.people"], "main", "crm"),
        (["public.*"], "web-shop", "web_shop"),
        (["artist"], "chinook", "chinook"),
        (["crm.*", "public.*"], "main", "main"),
        (["*.*"], "1st", "app_1st"),
        (["Sales Data.*"], "main", "sales_data"),
        (["дом.*"], "main", "app"),
    ],
)
def test_application_has_the_name_of_the_schema(
    tables: list[str], database: str, name: str
) -> None:
    assert default_name(tables, database) == name


def test_make_passes_quotes_and_needs_no_application(crm: ForeignSchema) -> None:
    crm.sql("""CREATE TABLE crm."Order's Lines" (id int PRIMARY KEY)""")

    output = run(
        ROOT,
        "make",
        *("--old-file=.venv/.dev", "adopt", f"FROM={crm.url}", "APP=fresh"),
        """TABLES="crm.Order's Lines" """,
    )

    assert "crm.Order's Lines → layers/shared/fresh/" in output
