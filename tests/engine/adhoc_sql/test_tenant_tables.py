"""Tables of tenants in ad-hoc SQL: the policies must apply to the role, and no query changes that.

The tenant of an order is its user.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from local.postgres import PostgresServer
from sluice import request_context, runtime
from sluice.adhoc_sql.catalogue import Catalogue
from sluice.adhoc_sql.databases import AdhocSqlDatabases
from sluice.adhoc_sql.derived import plain_data
from sluice.adhoc_sql.query_runner import QueryRunner
from sluice.errors import NoTenant, QueryRejected, QueryTooExpensive
from sluice.settings import AwsSettings
from sluice.tenant_errors import RlsRequired
from tests.engine.adhoc_sql.catalogue import CATALOGUE
from tests.engine.adhoc_sql.conftest import SCHEMA
from tests.fixtures.adhoc_sql import DATA, AnalystClient, filled_database

TENANT = "(SELECT CAST(nullif(current_setting('sluice.tenant', true), '') AS bigint))"
OF_ORDER = f"EXISTS (SELECT FROM orders o WHERE o.id = order_id AND o.user_id = {TENANT})"
POLICIES = [
    f"CREATE POLICY sluice_tenant ON orders TO sluice_analyst USING (user_id = {TENANT})",
    f"CREATE POLICY sluice_tenant ON order_items TO sluice_analyst USING ({OF_ORDER})",
    *(
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
        for table in ("orders", "order_items")
    ),
    """
    CREATE FUNCTION public.become(text) RETURNS text LANGUAGE sql
    AS $$ SELECT set_config('sluice.tenant', $1, true) $$
    """,
    "CREATE OPERATOR public.@@@ (FUNCTION = public.become, RIGHTARG = text)",
]
OF_TENANTS = Catalogue(
    {
        name: replace(table, has_tenant=name in ("orders", "order_items"))
        for name, table in CATALOGUE.tables.items()
    },
    CATALOGUE.selective_columns,
)
COUNT = "select count(*), min(user_id), max(user_id) from orders"
SET = "set_config('sluice.tenant', '4', true)"
ATTACKS = f"""
    select {SET}, count(*) from orders
    select pg_catalog.{SET}, count(*) from orders
    select "pg_catalog"."set_config"('sluice.tenant', '4', true), count(*) from orders
    select SET_CONFIG('sluice.tenant', '4', true), count(*) from orders
    select U&"set\\005fconfig"('sluice.tenant', '4', true), count(*) from orders
    select set_config/**/('sluice.tenant', '4', true), count(*) from orders
    select set_config(setting_name => 'sluice.tenant', new_value => '4') from orders
    select set_config(variadic array['sluice.tenant', '4', 'true']) from orders
    select count(*) from orders where {SET} is not null
    select count(*) from orders order by {SET}
    select count(*) from orders group by {SET}
    select count(*) filter (where {SET} = '4') from orders
    select max({SET}) from orders
    select max(id) over (order by {SET}) from orders
    select case when {SET} = '4' then id end from orders
    select coalesce({SET}, 'x'), id from orders
    select o.id from {SET} s, orders o
    select o.id from (values ({SET})) s(x), orders o
    select o.id from orders o join lateral (select {SET}) s on true
    select o.id from orders o where exists (select {SET})
    select id from orders where id in (select id from orders where {SET} = '4')
    with s as (select {SET}) select count(*) from orders, s
    with s as materialized (select {SET}) select count(*) from orders, s
    with s as (update orders set user_id = 4 returning 1) select count(*) from orders, s
    select id from orders limit (select length({SET}))
    set sluice.tenant = '4'
    set local sluice.tenant to '4'
    set session sluice.tenant = '4'; select count(*) from orders
    select 1; set sluice.tenant = '4'
    reset sluice.tenant
    reset all
    discard all
    set role postgres
    set session authorization postgres
    set row_security = off
    select set_config('row_security', 'off', true), count(*) from orders
    select set_config('role', 'postgres', true), count(*) from orders
    do $$ begin perform {SET}; end $$
    do language plpgsql 'begin perform 1; end'
    prepare p as select {SET}
    execute p
    deallocate all
    declare c cursor for select {SET}
    explain analyze select {SET}
    create function f() returns text language sql as $$ select {SET} $$
    create temp view v as select {SET}
    copy (select {SET}) to stdout
    call become('4')
    select become('4'), count(*) from orders
    select public.become('4'), count(*) from orders
    select * from become('4'), orders
    select @@@ '4', count(*) from orders
    select operator(public.@@@) '4', count(*) from orders
    select query_to_xml('select {SET.replace("'", "''")}', true, true, '') from orders
    select current_setting('sluice.tenant') from orders
    select setting from pg_settings where name = 'sluice.tenant'
    update pg_settings set setting = '4' where name = 'sluice.tenant'
    alter role sluice_analyst set sluice.tenant = '4'
    alter policy sluice_tenant on orders using (true)
    alter table orders disable row level security
"""


@pytest.fixture(scope="module")
def filled_with_policies(
    postgres_server: PostgresServer, migrated_database: str, emulated_aws: AwsSettings
) -> Iterator[tuple[AnalystClient, runtime.Runtime]]:
    statements = (SCHEMA, *DATA, *POLICIES)
    with filled_database(
        postgres_server, migrated_database, emulated_aws, statements, OF_TENANTS
    ) as made:
        yield made


@pytest.fixture
def owner(filled_with_policies: tuple[AnalystClient, runtime.Runtime]) -> AnalystClient:
    return filled_with_policies[0]


@pytest.fixture
def databases(
    filled_with_policies: tuple[AnalystClient, runtime.Runtime],
) -> Iterator[AdhocSqlDatabases]:
    settings = filled_with_policies[1].settings
    made = AdhocSqlDatabases(settings, None, OF_TENANTS, row_security=True)
    yield made
    made.dispose()


@contextmanager
def request_of(tenant: str) -> Iterator[None]:
    with request_context.begin(30) as context:
        context.tenant = tenant
        yield


def rows(databases: AdhocSqlDatabases, sql: str, tenant: str = "3") -> Any:
    return response(databases, sql, tenant)["rows"]


def response(databases: AdhocSqlDatabases, sql: str, tenant: str = "3") -> Any:
    with request_of(tenant):
        return json.loads(databases.run(sql, 100))


def test_query_sees_the_rows_of_its_tenant(
    databases: AdhocSqlDatabases, owner: AnalystClient
) -> None:
    for tenant in ("3", "4", "3", "99"):
        (expected,) = owner.sql(f"{COUNT} where user_id = {tenant}")
        assert rows(databases, COUNT, tenant) == [expected]
        (items,) = owner.sql(
            "SELECT count(*) FROM order_items i JOIN orders o ON o.id = i.order_id"
            f" WHERE o.user_id = {tenant}"
        )
        assert rows(databases, "select count(*) from order_items", tenant) == [items]
    joined = "select count(*) from orders o join users u on u.id = o.user_id where u.id <> 3"
    assert rows(databases, joined) == [[0]]


def test_query_without_a_tenant_reads_shared_tables_only(databases: AdhocSqlDatabases) -> None:
    assert rows(databases, "select count(*) from products", "") == [[40]]
    for sql in (COUNT, "select 1 from products where exists (select 1 from orders)"):
        with pytest.raises(NoTenant):
            rows(databases, sql, "")


def test_tenant_tables_need_row_security(
    filled_with_policies: tuple[AnalystClient, runtime.Runtime],
) -> None:
    databases = AdhocSqlDatabases(filled_with_policies[1].settings, None, OF_TENANTS)
    assert rows(databases, "select count(*) from products") == [[40]]
    with pytest.raises(RlsRequired, match="row-level security is off") as caught:
        rows(databases, COUNT)
    databases.dispose()
    assert (caught.value.status, caught.value.code) == (403, "rls_required")


@pytest.mark.parametrize(
    ("breaks", "repairs"),
    [
        (
            "ALTER TABLE orders NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE orders FORCE ROW LEVEL SECURITY",
        ),
        (
            "ALTER POLICY sluice_tenant ON orders TO sluice_app",
            "ALTER POLICY sluice_tenant ON orders TO sluice_analyst",
        ),
        ("CREATE POLICY all_rows ON orders USING (true)", "DROP POLICY all_rows ON orders"),
        ("ALTER ROLE sluice_analyst BYPASSRLS", "ALTER ROLE sluice_analyst NOBYPASSRLS"),
    ],
)
def test_policies_must_apply_to_the_role(
    databases: AdhocSqlDatabases, owner: AnalystClient, breaks: str, repairs: str
) -> None:
    owner.sql(breaks)
    with pytest.raises(RlsRequired, match="does not apply to the role"):
        rows(databases, COUNT)
    owner.sql(repairs)
    assert rows(databases, COUNT)[0][1:] == [3, 3]


def test_no_query_changes_the_tenant(databases: AdhocSqlDatabases) -> None:
    attacks = [line.strip() for line in ATTACKS.strip().splitlines()]
    assert len(attacks) >= 60
    for attack in attacks:
        with pytest.raises(QueryRejected):
            rows(databases, attack)
        assert rows(databases, COUNT)[0][1:] == [3, 3], attack


def test_each_statement_sets_the_tenant_again(databases: AdhocSqlDatabases) -> None:
    """A second layer: what one statement set does not count for the next one."""
    service = databases.on_primary()
    for change in (f"SELECT {SET}", "SELECT become('4')", "SET LOCAL sluice.tenant = '4'"):
        with request_of("3"), service.begin(timeout=5.0) as transaction:
            transaction.run(change)
            assert transaction.run("SELECT DISTINCT user_id FROM orders").rows == (["3"],)


def test_estimates_are_of_all_tenants(databases: AdhocSqlDatabases) -> None:
    """A tenant may have nearly all rows, more than the planner estimates for a policy."""
    with request_of("99"), databases.on_primary().begin(timeout=5.0) as transaction:
        estimated = QueryRunner(transaction).table_rows(OF_TENANTS)
    assert estimated == pytest.approx(
        {
            "categories": 5,
            "products": 40,
            "inventory": 40,
            "users": 25,
            "orders": 240,
            "order_items": 480,
        }
    )


def test_cost_of_rows_of_tenants_is_not_shown(
    databases: AdhocSqlDatabases, filled_with_policies: tuple[AnalystClient, runtime.Runtime]
) -> None:
    """The planner estimates it from values of all tenants."""
    assert response(databases, "select 1 from products")["cost"] > 0
    assert response(databases, COUNT)["cost"] is None
    settings = filled_with_policies[1].settings
    assert settings.adhoc_sql is not None
    cheap = settings._replace(adhoc_sql=settings.adhoc_sql._replace(max_cost=0.1))
    refusing = AdhocSqlDatabases(cheap, None, OF_TENANTS, row_security=True)
    for table, shows_cost in (("orders", False), ("products", True)):
        with pytest.raises(QueryTooExpensive) as caught:
            rows(refusing, f"select 1 from {table}")
        assert (caught.value.members["cost"] is not None) == shows_cost
        assert ("estimates a cost of" in caught.value.detail) == shows_cost
    refusing.dispose()


def test_registry_names_the_tables_of_tenants() -> None:
    plain = plain_data(OF_TENANTS.tables)
    again = Catalogue.of(plain, selective_columns=OF_TENANTS.selective_columns)
    assert again.tenant_tables == OF_TENANTS.tenant_tables == {"orders", "order_items"}
    assert again.tables == OF_TENANTS.tables
    assert all(len(plain[name]) == 2 for name in plain.keys() - again.tenant_tables)
