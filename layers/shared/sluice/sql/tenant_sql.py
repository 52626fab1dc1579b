"""The tenant in SQL: the condition for rows of the request's tenant, and the check of references.

The tenant is the parameter `:tenant_`, which only tenants.py binds. A row without a tenant's column
belongs to the tenant of the row that it references (Via).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeAlias

from sluice import application
from sluice.resource import Many, One, Resource, Via
from sluice.sql.identifiers import quoted, table_name
from sluice.tenant_columns import tenant_column, tenant_field
from sluice.tenants import TENANT_PARAMETER

FindResource: TypeAlias = Callable[[str], Resource]
PARENT = "tenant{depth}_"  # the alias of a row with the tenant of another one
REFERENCED = "ref_"  # the alias of a referenced row
BEFORE = "before_"  # the alias of a row as it was before the statement


def find_resource(name: str) -> Resource:
    """Return the resource of the current application with this name."""
    resource: Resource = application.current().declaration(name)
    return resource


def bound_tenant() -> str:
    """Return the SQL of the request's tenant."""
    return f"CAST(:{TENANT_PARAMETER} AS {application.current().tenant})"


def tenant_condition(resource: Resource, alias: str, find: FindResource = find_resource) -> str:
    """Return the condition that a row belongs to the request's tenant; empty without tenants."""
    return _condition(resource, alias, find, 0)


def row_condition(
    resource: Resource, alias: str, find: FindResource = find_resource, *, bound: str = ""
) -> str:
    """Return the condition for the rows that there are for clients; empty for all rows.

    `bound` holds for the key of the row with the tenant (Via), as `>= :k0`. It changes no result:
    the condition of a page has it for the foreign key, but PostgreSQL derives only equalities.
    """
    conditions = [not_deleted(resource, alias), _condition(resource, alias, find, 0, bound)]
    return " AND ".join(filter(None, conditions))


def link_condition(
    resource: Resource, many: Many, alias: str, find: FindResource = find_resource
) -> str:
    """Return the condition that a row of a junction table belongs to the request's tenant.

    Without a column of the tenant there, it is that of the row of `resource` that it references.
    """
    if many.tenant:
        return f"{alias}.{quoted(many.tenant)} = {bound_tenant()}"
    inner = PARENT.format(depth=0)
    conditions = [
        *_equal_keys(resource, inner, many.columns, alias),
        _condition(resource, inner, find, 1),
    ]
    return f"EXISTS (SELECT FROM {_table(resource)} {inner} WHERE {' AND '.join(conditions)})"


def not_deleted(resource: Resource, alias: str) -> str:
    """Return the condition that a row is not deleted; empty without soft deletion."""
    return f"{alias}.{quoted(resource.soft_delete)} IS NULL" if resource.soft_delete else ""


def _condition(
    resource: Resource, alias: str, find: FindResource, depth: int, bound: str = ""
) -> str:
    if not resource.has_tenant:
        return ""
    if field := tenant_field(resource):
        return f"{alias}.{quoted(field.column)} = {field.bind(TENANT_PARAMETER)}"
    one = tenant_reference(resource)
    other, inner = find(one.resource), PARENT.format(depth=depth)
    conditions = [
        *_equal_keys(other, inner, one.foreign_key, alias),
        *([f"{inner}.{quoted(other.keys[0].column)} {bound}"] if bound else []),
        _condition(other, inner, find, depth + 1),
    ]
    return f"EXISTS (SELECT FROM {_table(other)} {inner} WHERE {' AND '.join(conditions)})"


def tenant_reference(resource: Resource) -> One:
    """Return the reference by which the tenant of a row is known."""
    column = tenant_column(resource)
    return next(one for one in resource.refs if tuple(one.foreign_key) == (column,))


def inserted_row(resource: Resource, values: Mapping[str, str], guard: str = "") -> str:
    """Return what an INSERT of these columns says after the table, with the tenant's column."""
    if resource.has_tenant and (field := tenant_field(resource)):
        values = {**values, quoted(field.column): field.bind(TENANT_PARAMETER)}
    if not values:
        return "DEFAULT VALUES"
    columns, row = ", ".join(values), ", ".join(values.values())
    return f"({columns}) SELECT {row} WHERE {guard}" if guard else f"({columns}) VALUES ({row})"


def insert_guard(resource: Resource, find: FindResource = find_resource) -> str:
    """Return the condition that the row with the tenant, which is bound, is one of the tenant.

    It is checked before the INSERT of a row without a tenant's column (Via): a violation of a
    unique key, or of a policy, would be raised before the references are checked.
    """
    if not isinstance(resource.tenant, Via):
        return ""
    return f"CASE {_guard(resource, find)} END"


def update_guard(
    resource: Resource, alias: str, changed: Collection[str], find: FindResource = find_resource
) -> str:
    """Return the same condition for an UPDATE of the row `alias` from its target `t`."""
    column = tenant_column(resource)
    if {*changed}.isdisjoint(each.name for each in resource.all_fields if each.column == column):
        return ""
    if not insert_guard(resource, find):
        return ""
    (field,) = (each for each in resource.all_fields if each.column == column)
    same = f"{alias}.{quoted(column)} = {field.bind(field.name)}"
    return f"CASE WHEN NOT t.matches OR {same} THEN t.matches {_guard(resource, find)} END"


def _guard(resource: Resource, find: FindResource) -> str:
    """Return the branches of CASE for the row with the tenant: it is there, or it is unknown."""
    one = tenant_reference(resource)
    other = find(one.resource)
    (field,) = (each for each in resource.all_fields if (each.column,) == tuple(one.foreign_key))
    key = f"{REFERENCED}.{quoted(other.keys[0].column)} = {field.bind(field.name)}"
    where = f"{key} AND {row_condition(other, REFERENCED, find)}"
    return (
        f"WHEN EXISTS (SELECT FROM {_table(other)} {REFERENCED} WHERE {where}) THEN true "
        f"ELSE {_raise(resource, one)}"
    )


def reference_check(
    resource: Resource,
    alias: str,
    changed: Collection[str] | None = None,
    find: FindResource = find_resource,
) -> str:
    """Return the SELECT item that checks the references of a written row; empty without any.

    `alias` names the row. Of an UPDATE, only the references of the `changed` fields are checked,
    and not those that stay as they were. The item raises `unknown` for a row that is not there for
    the request's tenant. It is evaluated before the foreign keys are checked. So a row that never
    existed, a deleted one, and that of another tenant have the same error.
    """
    if not resource.has_tenant:
        return ""
    cases = [
        f"WHEN {_violation(resource, alias, one, find, is_update=changed is not None)} "
        f"THEN {_raise(resource, one)}"
        for one in references_checked(resource, changed, find)
    ]
    return f"CASE {' '.join(cases)} END AS checked" if cases else ""


def references_checked(
    resource: Resource,
    changed: Collection[str] | None = None,
    find: FindResource = find_resource,
) -> Iterator[One]:
    """Yield the references to rows with a tenant that clients write; of these the `changed` ones.

    The tenant itself is no client's.
    """
    for one in resource.refs:
        names = _written(resource, one)
        is_written = bool(names) if changed is None else not {*changed}.isdisjoint(names)
        is_tenant = tuple(one.foreign_key) == (resource.tenant,)
        if is_written and not is_tenant and find(one.resource).has_tenant:
            yield one


def _written(resource: Resource, one: One) -> list[str]:
    """Return the fields of a reference that clients write."""
    fields = (each for each in resource.all_fields if each.column in one.foreign_key)
    return [field.name for field in fields if not field.read_only]


def _violation(
    resource: Resource, alias: str, one: One, find: FindResource, *, is_update: bool
) -> str:
    """Return the condition that the row references one that is not there."""
    other, columns = find(one.resource), [quoted(column) for column in one.foreign_key]
    nullable = {quoted(field.column) for field in resource.all_fields if field.nullable}
    conditions = [f"{alias}.{column} IS NOT NULL" for column in columns if column in nullable]
    if other.name == resource.name:
        # A row may reference itself, and is not there before the statement.
        own = _equal(columns, alias, [quoted(key.column) for key in resource.keys], alias)
        conditions.append(f"NOT ({' AND '.join(own)})")
    found = _equal_keys(other, REFERENCED, one.foreign_key, alias)
    conditions.append(_not_exists(other, REFERENCED, found, row_condition(other, REFERENCED, find)))
    if is_update:
        names = [*dict.fromkeys([*(quoted(key.column) for key in resource.keys), *columns])]
        same, seen = _equal(names, BEFORE, names, alias), tenant_condition(resource, BEFORE, find)
        conditions.append(_not_exists(resource, BEFORE, same, seen))
    return " AND ".join(conditions)


def _not_exists(resource: Resource, alias: str, conditions: Sequence[str], seen: str) -> str:
    where = " AND ".join(filter(None, [*conditions, seen]))
    return f"NOT EXISTS (SELECT FROM {_table(resource)} {alias} WHERE {where})"


def _raise(resource: Resource, one: One) -> str:
    """Return the call that raises `unknown` for the fields of a reference."""
    return f"sluice.raise_unknown('{','.join(_written(resource, one))}')"


def _equal_keys(other: Resource, inner: str, foreign_key: Sequence[str], alias: str) -> list[str]:
    """Return the conditions that a row is the one that `alias` references."""
    keys = [quoted(key.column) for key in other.keys]
    return _equal(keys, inner, [quoted(column) for column in foreign_key], alias)


def _equal(names: Sequence[str], alias: str, others: Sequence[str], other: str) -> list[str]:
    pairs = zip(names, others, strict=True)
    return [f"{alias}.{name} = {other}.{value}" for name, value in pairs]


def _table(resource: Resource) -> str:
    return table_name(*resource.schema_and_table)
