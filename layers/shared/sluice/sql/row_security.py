"""Find tables of tenants whose rows PostgreSQL does not separate for the session's user.

Permissive policies are combined by OR, so a second one that applies to the user shows rows of other
tenants. A view runs with the rights of its owner, for which other policies apply, unless it says
`security_invoker`, which PostgreSQL has since 15.
"""

from collections.abc import Iterable
from typing import NamedTuple

from sluice.query import Executor, Query
from sluice.resource import Resource

POLICY = "sluice_tenant"
SETTING = "sluice.tenant"

UNPROTECTED_SQL = f"""
WITH policies AS (
    SELECT
        p.polrelid,
        p.polpermissive,
        p.polname = '{POLICY}' AND p.polpermissive AND p.polcmd = '*'
            AND position('{SETTING}' IN pg_get_expr(p.polqual, p.polrelid)) > 0
            AND position(
                '{SETTING}' IN coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '{SETTING}')
            ) > 0
            AS is_of_tenant
    FROM pg_catalog.pg_policy p
    WHERE EXISTS (
        SELECT FROM unnest(p.polroles) AS member(role)
        WHERE member.role = 0 OR pg_has_role(member.role, 'USAGE')
    )
),
found AS (
    SELECT t.name, c.*
    FROM unnest(CAST(:names AS text[])) AS t(name)
    LEFT JOIN (
        pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    ) ON n.nspname || '.' || c.relname = t.name
)
SELECT '' AS "table", 'the role ' || rolname || ' is not subject to policies' AS reason
FROM pg_catalog.pg_roles
WHERE rolname = current_user AND (rolsuper OR rolbypassrls)
UNION ALL
SELECT f.name, r.reason
FROM found f
CROSS JOIN LATERAL (VALUES
    (f.oid IS NULL, 'there is no such table'),
    (f.relkind NOT IN ('r', 'p', 'v'), 'only tables can have policies'),
    (f.relkind IN ('r', 'p') AND NOT f.relrowsecurity, 'row-level security is not enabled'),
    (f.relkind IN ('r', 'p') AND NOT f.relforcerowsecurity, 'row-level security is not forced'),
    (
        f.relkind IN ('r', 'p') AND pg_has_role(f.relowner, 'MEMBER'),
        'the role ' || current_user || ' is the owner, or a member of it'
    ),
    (
        f.relkind IN ('r', 'p')
        AND NOT EXISTS (SELECT FROM policies p WHERE p.polrelid = f.oid AND p.is_of_tenant),
        'no policy {POLICY} compares {SETTING} for the role ' || current_user
    ),
    (
        EXISTS (
            SELECT FROM policies p
            WHERE p.polrelid = f.oid AND p.polpermissive AND NOT p.is_of_tenant
        ),
        'another permissive policy applies to the role ' || current_user
    ),
    (
        f.relkind = 'v' AND NOT EXISTS (
            SELECT FROM unnest(f.reloptions) AS option(text)
            WHERE option.text ~* '^security_invoker=(true|on|yes|1)$'
        ),
        'the view needs security_invoker, which PostgreSQL has since 15'
    ),
    (
        f.relkind = 'v' AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_rewrite w
            JOIN pg_catalog.pg_depend d
                ON d.classid = CAST('pg_catalog.pg_rewrite' AS regclass) AND d.objid = w.oid
            JOIN pg_catalog.pg_class source ON source.oid = d.refobjid AND source.oid <> f.oid
            WHERE w.ev_class = f.oid
                AND d.refclassid = CAST('pg_catalog.pg_class' AS regclass)
                AND (source.relrowsecurity OR source.relkind = 'v')
        ),
        'the view reads no table with policies'
    )
) AS r(holds, reason)
WHERE r.holds
ORDER BY 1, 2
"""

# Functions that do not set the tenant see no row of these tables.
HIDDEN_SQL = f"""
SELECT t.name AS "table",
    'the policy {POLICY} hides all rows, because Rls is off and {SETTING} is not set' AS reason
FROM unnest(CAST(:names AS text[])) AS t(name)
JOIN (
    pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
) ON n.nspname || '.' || c.relname = t.name
WHERE c.relrowsecurity AND EXISTS (
    SELECT FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid AND p.polname = '{POLICY}'
)
ORDER BY 1
"""


class Unprotected(NamedTuple):
    """A table, and why its rows are not separated. Without a table, the reason is the role's."""

    table: str
    reason: str


def tenant_tables(resources: Iterable[Resource]) -> list[str]:
    """Return each table with rows of tenants, with its schema. Junction tables are among them."""
    of_tenants = [each for each in resources if each.has_tenant]
    links = [many.through for each in of_tenants for many in each.lists if many.through]
    return list(dict.fromkeys([*(each.table for each in of_tenants), *links]))


def unprotected(executor: Executor, tables: Iterable[str]) -> list[Unprotected]:
    """Return what does not protect these tables from the user of the executor's session."""
    return _found(executor, UNPROTECTED_SQL, tables)


def hidden(executor: Executor, tables: Iterable[str]) -> list[Unprotected]:
    """Return the tables of which functions see no row while row-level security is off."""
    return _found(executor, HIDDEN_SQL, tables)


def _found(executor: Executor, sql: str, tables: Iterable[str]) -> list[Unprotected]:
    found = executor.read(Query(sql, {"names": list(tables)}))
    return [Unprotected(row.table, row.reason) for row in found]
