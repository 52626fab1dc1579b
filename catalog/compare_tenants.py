"""Compare what a resource declares about its tenant with its table.

What separates tenants is in the declaration. Here is what the database has to have for it: a column
that is never NULL, unique keys with the tenant, and row-level security where it is meant to be.
"""

from collections.abc import Collection, Iterator

from catalog.compare_columns import WITHOUT_CONSTRAINTS, ComparedTable
from catalog.findings import Edit, Finding
from catalog.snapshot import TableIndex, TableSnapshot
from sluice.sql.identifiers import qualified, quoted
from sluice.sql.row_security import POLICY
from sluice.tenant_columns import tenant_column, unique_keys

SEARCHES = ("search", "has", "contains", "prefix")  # whose operators are not leakproof
NOT_NULL = "ALTER TABLE {} ALTER COLUMN {} SET NOT NULL"


def policies_of(tables: Collection[TableSnapshot]) -> bool:
    """Return whether a table has the policy of tenants, so that all of them should have it."""
    return any(POLICY in table.policies for table in tables)


def tenants(each: ComparedTable, *, has_policies: bool) -> Iterator[Finding]:
    """Yield what the tables of a resource and of its links lack."""
    resource = each.resource
    if resource.has_tenant:
        yield from _nullable(each, each.table, tenant_column(resource))
        yield from _unique(each)
        if has_policies:
            yield from _row_security(each, each.table)
        if POLICY in each.table.policies:
            yield from _searches(each)
    for many in resource.lists:
        links = each.snapshot.tables_by_name.get(many.through)
        if links is None:
            continue
        if many.tenant:
            yield from _nullable(each, links, many.tenant)
        if has_policies and resource.has_tenant:
            yield from _row_security(each, links)


def _nullable(each: ComparedTable, table: TableSnapshot, name: str) -> Iterator[Finding]:
    """Yield that the column of the tenant may be NULL, or that a table of links has none."""
    subject = f"{table.qualified}.{name}"
    column = table.by_name.get(name)
    if column is None:
        if table is not each.table:  # otherwise the field is reported
            yield Finding(each.resource.name, subject, "the tenant's column is gone")
        return
    if table.kind not in WITHOUT_CONSTRAINTS and not column.not_null:
        if table is each.table and not each.kinds[name].is_nullable:  # its domain is NOT NULL
            return
        ddl = NOT_NULL.format(qualified(table.qualified), quoted(name))
        message = f"it may be NULL, and no tenant sees such a row: {ddl}"
        yield Finding(each.resource.name, subject, message)


def _unique(each: ComparedTable) -> Iterator[Finding]:
    """Yield the unique keys of all tenants that the declaration does not know."""
    resource, tenant = each.resource, tenant_column(each.resource)
    fields = {field.column: field for field in resource.all_fields}
    known = {frozenset(key) for key in unique_keys(resource)}
    for columns in each.table.unique_columns if resource.writes else ():
        is_shown = all(name in fields for name in columns)
        if not is_shown or tenant in columns or frozenset(columns) in known:
            continue
        if all(fields[name].read_only for name in columns):
            continue  # no client chooses the values
        known.add(frozenset(columns))
        names = ", ".join(columns)
        how = "unique=True" if len(columns) == 1 else "a Constraint"
        message = (
            f"the unique key {names} has no {tenant}, so a violation reveals values of other "
            f"tenants: add it to the key, or declare {how} and the key in `global_unique`"
        )
        key = columns[0] if len(columns) == 1 else list(columns)
        options = {"global_unique": [*resource.global_unique, key]}
        edit = Edit(action="change", attribute="global_unique", options=options)
        yield Finding(resource.name, f"{each.table.qualified}({names})", message, edit)


def _row_security(each: ComparedTable, table: TableSnapshot) -> Iterator[Finding]:
    """Yield why row-level security does not separate the rows of a table."""
    if table.kind not in ("r", "p"):
        return
    name, subject = qualified(table.qualified), table.qualified
    if POLICY not in table.policies:
        message = f"it has no policy {POLICY}, and other tables have it: WITH_DDL=1 proposes it"
        yield Finding(each.resource.name, subject, message)
    elif not table.has_row_security:
        message = f"its policy does nothing: ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
        yield Finding(each.resource.name, subject, message)
    elif not table.is_row_security_forced:
        message = f"its policy does not bind the owner: ALTER TABLE {name} FORCE ROW LEVEL SECURITY"
        yield Finding(each.resource.name, subject, message)


def _searches(each: ComparedTable) -> Iterator[Finding]:
    """Yield the searches without an index that row-level security answers by reading all rows.

    The operators of arrays, of JSON, of words and of LIKE are not leakproof. So PostgreSQL compares
    the tenant first, and an index helps only if it begins with the tenant's column. Without
    `unindexed` the missing index is reported in any case.
    """
    column = tenant_column(each.resource)
    if any(_begins_with(index, column) for index in each.table.indexes):
        return
    for field in each.resource.all_fields:
        found = [*(["search"] if field.search else []), *field.operators]
        for what in found:
            if field.unindexed and what in SEARCHES:
                ddl = f"an index of {each.table.qualified} that begins with {column}"
                message = f"row-level security reads all rows for `{what}`; it needs {ddl}"
                yield Finding(each.resource.name, each.subject(field.column), message)


def _begins_with(index: TableIndex, column: str) -> bool:
    """Return whether an index finds the rows of one tenant. In a GIN index any key does."""
    keys = index.keys if index.method == "gin" else index.keys[:1]
    return index.is_valid and not index.predicate and column in [key.column for key in keys]
