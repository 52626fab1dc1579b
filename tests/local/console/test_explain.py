"""EXPLAIN of traced statements: as the role that ran them, and without executing writes."""

import pytest

from local.console.explain import Explainer, ExplainError
from local.console.statement_totals import server_statements
from local.database import settings_from_url
from local.postgres import PostgresServer
from sluice.settings import DatabaseSettings
from tests.fixtures.database import owner_connection
from tests.local.console.test_request_log import traced

SETUP = (
    "CREATE TABLE counted (id bigint PRIMARY KEY, hits bigint NOT NULL)",
    "INSERT INTO counted SELECT n, 0 FROM generate_series(1, 100) n",
    """
    CREATE FUNCTION hit(wanted bigint) RETURNS SETOF counted LANGUAGE plpgsql AS
    $$BEGIN RETURN QUERY UPDATE counted SET hits = hits + 1 WHERE id = wanted RETURNING *; END$$
    """,
)


@pytest.fixture
def settings(empty_database: str) -> DatabaseSettings:
    """A database with a table, and a function that writes to it."""
    owner = owner_connection(empty_database)
    for statement in SETUP:
        owner.run(statement)
    owner.close()
    return settings_from_url(empty_database)


def hits(settings: DatabaseSettings, url: str) -> int:
    owner = owner_connection(url)
    ((total,),) = owner.run("SELECT CAST(sum(hits) + count(*) AS int) FROM counted")
    owner.close()
    return int(total)


def test_read_is_analyzed_with_its_parameters(settings: DatabaseSettings) -> None:
    statement = traced("SELECT hits FROM counted WHERE id = $1", params=("7",), user=settings.user)
    plan = Explainer({settings.user: settings}).explain(statement)
    assert plan.analyzed
    assert "Index Cond: (id = '7'::bigint)" in plan.text
    assert "actual time" in plan.text


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("UPDATE counted SET hits = hits + 1 WHERE id = $1", ("1",)),
        ("INSERT INTO counted VALUES (CAST($1 AS bigint), 5)", ("101",)),
        ("DELETE FROM counted", ()),
        ("WITH u AS (UPDATE counted SET hits = 9 RETURNING id) SELECT count(*) FROM u", ()),
        ("SELECT * FROM counted WHERE id = $1 FOR UPDATE", ("1",)),
        ("SELECT * FROM hit($1)", ("1",)),
    ],
)
def test_writes_are_planned_but_not_executed(
    settings: DatabaseSettings, empty_database: str, sql: str, params: tuple[str, ...]
) -> None:
    plan = Explainer({settings.user: settings}).explain(
        traced(sql, params=params, user=settings.user)
    )
    assert not plan.analyzed
    assert "cost=" in plan.text
    assert "actual time" not in plan.text
    assert hits(settings, empty_database) == 100


@pytest.mark.parametrize(
    "sql", ["commit", "SET a.b = 1", "DROP TABLE counted", "EXPLAIN ANALYZE x"]
)
def test_other_statements_are_not_explained(settings: DatabaseSettings, sql: str) -> None:
    with pytest.raises(ExplainError, match="PostgreSQL can explain"):
        Explainer({settings.user: settings}).explain(traced(sql, user=settings.user))


def test_second_statement_in_a_text_is_rejected(
    settings: DatabaseSettings, empty_database: str
) -> None:
    statement = traced("SELECT 1; DELETE FROM counted", user=settings.user)
    with pytest.raises(ExplainError):
        Explainer({settings.user: settings}).explain(statement)
    assert hits(settings, empty_database) == 100


def test_statement_without_its_parameters_is_not_explained(settings: DatabaseSettings) -> None:
    with pytest.raises(ExplainError, match="all parameters"):
        Explainer({settings.user: settings}).explain(traced("SELECT $1", params=None))


def test_role_without_a_login_is_named(settings: DatabaseSettings) -> None:
    with pytest.raises(ExplainError, match="no login as the role app"):
        Explainer({settings.user: settings}).explain(traced("SELECT 1", user="app"))


def test_error_of_the_server_is_the_message(settings: DatabaseSettings) -> None:
    explainer = Explainer({settings.user: settings})
    with pytest.raises(ExplainError, match='relation "gone" does not exist'):
        explainer.explain(traced("SELECT * FROM gone", user=settings.user))
    away = Explainer({settings.user: settings._replace(port=1)})
    with pytest.raises(ExplainError, match="cannot be reached"):
        away.explain(traced("SELECT 1", user=settings.user))


def test_tenant_of_the_request_is_set(settings: DatabaseSettings) -> None:
    sql = "SELECT 1 WHERE current_setting('sluice.tenant') = 'acme'"
    statement = traced(sql, user=settings.user, tenant="acme")
    plan = Explainer({settings.user: settings}).explain(statement)
    assert "rows=1.00 loops=1" in plan.text


def test_server_counts_statements_of_the_roles(
    settings: DatabaseSettings, postgres_server: PostgresServer, empty_database: str
) -> None:
    for _ in range(3):
        hits(settings, empty_database)
    maintenance = settings_from_url(postgres_server.url())
    (found,) = [
        each
        for each in server_statements(maintenance, settings.name, [settings.user])()
        if "sum(hits)" in each["sql"]
    ]
    assert (found["calls"], found["rows"], found["user"]) == (3, 3, settings.user)
    assert server_statements(maintenance, settings.name, ["none"])() == []
