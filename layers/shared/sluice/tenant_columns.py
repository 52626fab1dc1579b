"""What a declaration says about tenants, and what of it is wrong.

The tenant of a row is in a column of its own, or in that of a row that it references (Via). A
resource without tenants in an application that has them is SHARED.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from sluice.kinds.field import Field

if TYPE_CHECKING:
    from sluice.resource import Resource

SHARED: Final = "shared"
SQL_TYPES: Final = ("bigint", "integer", "smallint", "uuid", "text", "citext")  # of a tenant


class Via(NamedTuple):
    """The tenant is that of the row that the column references."""

    column: str


def tenant_column(resource: "Resource") -> str:
    """Return the column by which the tenant of a row is known. Empty: it has no tenant."""
    if isinstance(resource.tenant, Via):
        return resource.tenant.column
    return resource.tenant if resource.has_tenant else ""


def tenant_field(resource: "Resource") -> Field | None:
    """Return the field of the tenant's column. None: the resource has no such column."""
    fields = (each for each in resource.all_fields if each.column == resource.tenant)
    return next(fields, None)


def wrong_tenant(resource: "Resource") -> Iterator[str]:
    """Yield what is wrong with the tenant of a resource, and with its unique keys."""
    if isinstance(resource.tenant, Via):
        yield from _wrong_via(resource, resource.tenant.column)
    elif resource.has_tenant:
        yield from _wrong_column(resource, resource.tenant)
    if resource.has_tenant:
        yield from _undeclared_unique(resource)
    elif resource.global_unique:
        yield "`global_unique` is for a resource with a tenant: leave it out"


def _wrong_column(resource: "Resource", column: str) -> Iterator[str]:
    field = tenant_field(resource)
    if field is None:
        yield (
            f"the tenant's column {column} is no field: declare it, with read_only=True, "
            f"or set tenant=Via(column) or SHARED"
        )
        return
    if not field.read_only:
        yield f"the tenant's field {field.name} must have read_only=True: clients never set it"
    if field.nullable:
        yield f"the tenant's field {field.name} cannot be nullable: each row has a tenant"
    if field.needs_column_sql:
        yield f"the tenant's field {field.name} must be a column of {resource.table}"
    if field.sql_type not in SQL_TYPES:
        types = ", ".join(SQL_TYPES)
        yield f"the tenant's field {field.name} is {field.sql_type}: it must be one of {types}"


def _wrong_via(resource: "Resource", column: str) -> Iterator[str]:
    if not any(tuple(one.foreign_key) == (column,) for one in resource.refs):
        yield f"Via({column!r}) needs a Ref of this column to the resource with the tenant"
    elif any(field.nullable for field in resource.all_fields if field.column == column):
        yield f"Via({column!r}): {column} is nullable, and a row without it has no tenant"


def _undeclared_unique(resource: "Resource") -> Iterator[str]:
    """Yield each unique key over all tenants that is not declared so, and each wrong name.

    Its violation reveals that another tenant has the value.
    """
    tenant = tenant_column(resource)
    known = {frozenset(columns) for columns in unique_keys(resource)}
    declared = {frozenset([key] if isinstance(key, str) else key) for key in resource.global_unique}
    for columns in known - declared:
        if tenant not in columns:
            names = ", ".join(sorted(columns))
            yield (
                f"the unique key {names} has no {tenant}, so a violation reveals values of other "
                "tenants: add it to the key, or name the key in `global_unique`"
            )
    for columns in declared:
        if columns not in known or tenant in columns:
            names = ", ".join(sorted(columns))
            yield f"`global_unique` names {names}, which is no unique key of all tenants"


def unique_keys(resource: "Resource") -> Iterator[tuple[str, ...]]:
    """Yield the columns of each key whose violation tells clients about another row.

    A key that the database generates is none of them, and a read-only resource has none.
    """
    if not resource.writes:
        return
    yield from ((field.column,) for field in resource.all_fields if field.unique)
    yield from (
        tuple(each.columns) for each in resource.constraints if each.kind in ("unique", "exclusion")
    )
    if not all(key.read_only for key in resource.keys):
        yield tuple(key.column for key in resource.keys)
