"""The policies of row-level security, the second lock of tenants.

The owner's other programs keep their rows: a policy lets each role that has privileges on a table
today see all of them. A role that is added later needs such a policy.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from catalog.snapshot import Snapshot
from sluice.migrations.roles import ANALYST, APP, literal
from sluice.resource import Many, Resource
from sluice.sql.identifiers import in_quotes, qualified, quoted_if_needed
from sluice.sql.row_security import POLICY
from sluice.sql.tenant_sql import link_condition, tenant_condition
from sluice.tenant_columns import tenant_field

OTHERS = "sluice_others"
SECURITY_INVOKER = 15_00_00  # the version of PostgreSQL that has it
BOUND = re.compile(r"CAST\(:tenant_ AS [^()]*\)|:tenant_\b")
SETTING = "(SELECT CAST(nullif(current_setting('sluice.tenant', true), '') AS {type}))"
SEPARATED = """\
CREATE POLICY {name} ON {table} TO {roles}
USING ({condition})
WITH CHECK ({condition})"""
ENABLED = "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
ENABLED_REASON = """\
The policies do nothing before these statements. Run them after a deployment with Rls=true: until
then, Sluice would see no row."""
# Superusers, and roles with BYPASSRLS, see all rows in any case.
OTHERS_POLICIES = """\
DO $$
DECLARE item record;
BEGIN
    FOR item IN
        SELECT c.oid::regclass AS name, string_agg(DISTINCT quote_ident(r.rolname), ', ') AS roles
        FROM pg_class c
        CROSS JOIN LATERAL (
            SELECT c.relowner AS role
            UNION SELECT grantee FROM aclexplode(c.relacl)
            UNION SELECT x.grantee FROM pg_attribute a, aclexplode(a.attacl) x
            WHERE a.attrelid = c.oid
        ) g
        JOIN pg_roles r ON r.oid = g.role
        WHERE c.oid = ANY (CAST(ARRAY[
            {tables}
        ] AS regclass[])) AND NOT EXISTS (
            SELECT FROM pg_roles s
            WHERE s.rolname IN ({roles})
                AND pg_has_role(s.oid, r.oid, 'MEMBER')
        )
        GROUP BY c.oid
    LOOP
        EXECUTE format(
            'CREATE POLICY {name} ON %s TO %s USING (true) WITH CHECK (true)',
            item.name, item.roles
        );
    END LOOP;
END $$"""
REASON = "{table}: {roles} {see} the rows of the request's tenant alone"
OTHERS_REASON = f"""\
Row-level security is the second lock of tenants. It must not hide rows from your other programs. So
each role that has privileges on a table today gets the policy {OTHERS}, the owner included. A role
that gets privileges later needs such a policy, too. Privileges of PUBLIC do not count."""
VIEW_REASON = (
    "{what}: without this, a view has the rights of its owner, who sees the rows of all tenants.\n"
    "{role} then needs SELECT on the tables that the view reads"
)


class Protected(NamedTuple):
    """A statement that protects a table, and why it is proposed."""

    reason: str
    statement: str


def protection(snapshot: Snapshot, resources: Sequence[Resource]) -> Iterator[Protected]:
    """Yield the policies of the tables that have rows of tenants, and no policy of the name yet."""
    by_name = {resource.name: resource for resource in resources}
    conditions: dict[str, tuple[str, Resource]] = {}
    for resource in resources:
        for name, condition in _conditions(resource, by_name):
            conditions.setdefault(name, (condition, resource))
    tables = [each for each in snapshot.tables if each.qualified in conditions]
    tables = [each for each in tables if POLICY not in each.policies]
    own = [each.qualified for each in tables if each.kind in ("r", "p")]
    if own:
        yield _of_others(own)
    for name in own:
        yield _of_tenants(name, *conditions[name])
    if own:
        statements = (ENABLED.format(table=qualified(name)) for name in own)
        yield Protected(ENABLED_REASON, ";\n".join(statements))
    for each in tables:
        can_have = each.kind == "v" and snapshot.version >= SECURITY_INVOKER
        if can_have and not each.is_security_invoker:
            reason = VIEW_REASON.format(what=each.qualified, role=APP)
            statement = f"ALTER VIEW {qualified(each.qualified)} SET (security_invoker = true)"
            yield Protected(reason, statement)


def policies_of(resource: Resource, resources: Sequence[Resource]) -> Iterator[str]:
    """Yield the statements that create the policies of one table, which has rows of tenants."""
    by_name = {each.name: each for each in resources}
    type_ = _type(resource, by_name)
    condition = tenant_condition(
        resource, quoted_if_needed(resource.schema_and_table[1]), by_name.__getitem__
    )
    yield _of_others([resource.table]).statement
    yield _of_tenants(resource.table, _with_setting(condition, type_), resource).statement


def _of_others(tables: Sequence[str]) -> Protected:
    names = ",\n            ".join(literal(qualified(name)) for name in tables)
    roles = ", ".join(map(literal, (APP, ANALYST)))
    statement = OTHERS_POLICIES.format(tables=names, name=OTHERS, roles=roles)
    return Protected(OTHERS_REASON, statement)


def _of_tenants(table: str, condition: str, resource: Resource) -> Protected:
    roles = [APP, *([ANALYST] if resource.analytics else [])]
    see = "sees" if len(roles) == 1 else "see"
    statement = SEPARATED.format(
        name=POLICY,
        table=qualified(table),
        roles=", ".join(map(in_quotes, roles)),
        condition=condition,
    )
    return Protected(REASON.format(table=table, roles=" and ".join(roles), see=see), statement)


def _conditions(resource: Resource, by_name: Mapping[str, Resource]) -> Iterator[tuple[str, str]]:
    """Yield the table of a resource and those of its links, each with the condition of a row."""
    if not resource.has_tenant:
        return
    find = by_name.__getitem__
    type_ = _type(resource, by_name)
    _, own = resource.schema_and_table
    condition = tenant_condition(resource, quoted_if_needed(own), find)
    yield resource.table, _with_setting(condition, type_)
    for many in resource.lists:
        if many.through:
            yield many.through, _of_links(resource, many, by_name, type_)


def _of_links(resource: Resource, many: Many, by_name: Mapping[str, Resource], type_: str) -> str:
    _, _, name = many.through.partition(".")
    table = quoted_if_needed(name)
    if many.tenant:
        return f"{table}.{quoted_if_needed(many.tenant)} = {SETTING.format(type=type_)}"
    condition = link_condition(resource, many, table, by_name.__getitem__)
    return _with_setting(condition, type_)


def _with_setting(condition: str, type_: str) -> str:
    """Return a condition of statements with the setting of the session as the tenant."""
    return BOUND.sub(SETTING.format(type=type_), condition)


def _type(resource: Resource, by_name: Mapping[str, Resource]) -> str:
    """Return the SQL type of the tenant. All columns of an application have the same."""
    fields = filter(None, map(tenant_field, (resource, *by_name.values())))
    return next(fields).sql_type
