"""Derive the SQL of a resource from its declaration: its projection and its writes.

Nothing here reads a database. derived_lists.py derives the lists.

A function gets the resource, or its repository class if it depends on what the class sets by hand.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from sluice.kinds.field import DeclarationError, Field
from sluice.resource import DIGEST, Resource
from sluice.sql import tenant_sql
from sluice.sql.expressions import columns_in, operand
from sluice.sql.identifiers import quoted, table_name
from sluice.sql.projection import Column, Join, JoinedColumn, Projection

if TYPE_CHECKING:
    from sluice.sql.resource_repository import ResourceRepository

T = TypeVar("T")
Repository: TypeAlias = "type[ResourceRepository]"
SEPARATOR = ", "
WHOLE_NUMBERS = ("bigint", "integer")


class _Derived:
    """A class attribute that is computed when it is first read from a class.

    The values are not stored on the classes: a subclass would inherit them with its own resource.
    """

    def __init__(self, derive: Callable[[Any], object]) -> None:
        self._derive = derive
        self._values: dict[type, object] = {}

    def __get__(self, instance: object, owner: type) -> object:
        if owner not in self._values:
            self._values[owner] = self._derive(owner)
        return self._values[owner]


def derived(derive: Callable[[Any], T]) -> T:
    """Declare a class attribute that is derived, unless a subclass sets it.

    `derive` gets the class. So the attribute may depend on other attributes that are set by hand.
    """
    return cast(T, _Derived(derive))


def table(resource: Resource) -> str:
    """Return the table as SQL names it."""
    return table_name(*resource.schema_and_table)


def alias(resource: Resource) -> str:
    """Return the alias of the table: the first letter of its name, but `t_` instead of `t`.

    The statements of writes use `t`.
    """
    _, name = resource.schema_and_table
    first = name[0].lower()
    return first if re.fullmatch("[a-su-z]", first) else "t_"


def own_columns(resource: Resource) -> tuple[str, ...]:
    """Return the declared columns of the resource's own table, as SQL names them."""
    columns = [field.column for field in resource.all_fields if field.in_table]
    if resource.etag != DIGEST:
        columns += [name for name in _etag_columns(resource) if "." not in name]
    return tuple(quoted(column) for column in dict.fromkeys(columns))


def row_columns(repository: Repository) -> tuple[str, ...]:
    """Return the columns of the table that are read: the declared ones, and those in SQL by hand.

    It is empty, for all columns, if SQL by hand names the whole row.
    """
    by_hand = [column for column in repository.column_sql.values() if isinstance(column, str)]
    by_hand += [value for join in repository.joins for value in join.on.values()]
    if not isinstance(getattr_static(repository, "etag_sql"), _Derived):
        by_hand.append(repository.etag_sql)
    named = columns_in(" , ".join(by_hand), alias(repository.resource))
    if "*" in named:
        return ()
    return tuple(dict.fromkeys((*own_columns(repository.resource), *named)))


def row_condition(resource: Resource) -> str:
    """Return the condition for the rows that there are for any tenant; empty for all rows."""
    return tenant_sql.not_deleted(resource, alias(resource))


def etag(repository: Repository) -> str:
    """Return the SQL of the ETag: the version columns as text, or a digest of the row.

    A digest is of the declared columns and of the SQL by hand. Columns that are no whole numbers
    are digested, too: their texts may have characters that an ETag cannot have, or be NULL.
    """
    resource = repository.resource
    if resource.etag == DIGEST:
        own = [f"{alias(resource)}.{column}" for column in own_columns(resource)]
        by_hand = [column_of(repository, resource.by_name[name]) for name in repository.column_sql]
        return f"md5(CAST(ROW({SEPARATOR.join([*own, *by_hand])}) AS text))"
    names = _etag_columns(resource)
    if any("." in name for name in names):
        message = f"{resource.name}: with versions of other tables, the repository needs etag_sql"
        raise DeclarationError(message)
    columns = [f"{alias(resource)}.{quoted(name)}" for name in names]
    versions = [field for field in resource.all_fields if field.column in names]
    if any(field.nullable or field.sql_type not in WHOLE_NUMBERS for field in versions):
        return f"md5(CAST(ROW({SEPARATOR.join(columns)}) AS text))"
    return f"{columns[0]}::text" if len(columns) == 1 else " || '.' || ".join(columns)


def joins(repository: Repository) -> tuple[Join, ...]:
    """Return the joins of the fields from other tables."""
    columns = repository.column_sql.values()
    return tuple(dict.fromkeys(column.join for column in columns if not isinstance(column, str)))


def projection(repository: Repository) -> Projection:
    """Return the projection of all fields."""
    resource = repository.resource
    aliases = [alias(resource), *(join.alias for join in repository.joins)]
    if len({*aliases, "t"}) <= len(aliases):
        message = f"the aliases {', '.join(aliases)} must be different, and none `t`"
        raise DeclarationError(f"{resource.name}: {message}")
    return Projection(
        name=resource.name,
        singular=resource.singular,
        table=table(resource),
        alias=alias(resource),
        keys=resource.keys,
        kept_condition=row_condition(resource),
        tenant=partial(tenant_sql.tenant_condition, resource) if resource.has_tenant else None,
        row_columns=row_columns(repository),
        is_lockable=resource.is_lockable,
        fields={
            field.name: Column(field.select(column_of(repository, field)), field)
            for field in resource.all_fields
        },
        etag=repository.etag_sql,
        joins=repository.joins,
    )


def inserts(
    repository: Repository, without: frozenset[str] = frozenset(), *, guarded: bool = False
) -> Mapping[str, str]:
    """Return the INSERT of a new row, by the table's alias. `without` names fields to leave out.

    With `guarded` it first checks the row that has the tenant, where a unique key needs that.
    """
    resource = repository.resource
    guard = tenant_sql.insert_guard(resource) if guarded else ""
    return _inserts(resource, repository.projection.row_columns, without, guard)


@lru_cache(maxsize=256)
def _inserts(
    resource: Resource, row_columns: tuple[str, ...], without: frozenset[str], guard: str
) -> Mapping[str, str]:
    fields = [field for field in resource.writable if field.name not in without]
    _require_own_columns(resource, fields, "inserts")
    values = {quoted(field.column): field.bind(field.name) for field in fields}
    row = tenant_sql.inserted_row(resource, values, guard)
    returned = SEPARATOR.join(row_columns or ["*"])
    return {alias(resource): f"INSERT INTO {table(resource)} {row} RETURNING {returned}"}


def insert_names(repository: Repository) -> frozenset[str] | None:
    """Return the fields that a derived INSERT writes; None if it is written by hand."""
    if not isinstance(getattr_static(repository, "inserts"), _Derived):
        return None
    return frozenset(field.name for field in repository.resource.writable)


def optional_names(repository: Repository) -> frozenset[str]:
    """Return the fields that a derived INSERT leaves out if they have no value."""
    optional = (field.name for field in repository.resource.writable if field.optional)
    return frozenset(optional) & (insert_names(repository) or frozenset())


def defaults(resource: Resource) -> Mapping[str, object]:
    """Return the values of fields that a POST may leave out. An optional field has none."""
    return {
        field.name: field.to_sql_or_null(field.default_value())
        for field in resource.writable
        if not field.required and not field.optional
    }


def assignments(resource: Resource) -> Mapping[str, str]:
    """Return the SQL that sets each field of an UPDATE."""
    _require_own_columns(resource, resource.changeable, "assignments")
    return {
        field.name: f"{quoted(field.column)} = {field.bind(field.name)}"
        for field in resource.changeable
    }


def unchanged(resource: Resource) -> str:
    """Return the column that an update without changes sets to itself."""
    if resource.etag != DIGEST:
        return quoted(_etag_columns(resource)[0])
    changeable = (field for field in resource.changeable if not field.needs_column_sql)
    return quoted(next(changeable, resource.keys[0]).column)


def deleted_at(resource: Resource) -> str:
    """Return the column that `delete` sets; empty if it deletes the row."""
    return quoted(resource.soft_delete) if resource.soft_delete else ""


def _etag_columns(resource: Resource) -> list[str]:
    return [resource.etag] if isinstance(resource.etag, str) else list(resource.etag)


def column_of(repository: Repository, field: Field) -> str:
    """Return the SQL of a field's value, which `field.select` turns into that of its JSON."""
    by_hand = repository.column_sql.get(field.name)
    if by_hand is not None:
        return operand(by_hand) if isinstance(by_hand, str) else by_hand.sql
    if field.needs_column_sql:
        raise DeclarationError(f"{repository.__name__}.column_sql has no {field.name}")
    return f"{alias(repository.resource)}.{quoted(field.column)}"


def joined_column(repository: Repository, field: Field) -> JoinedColumn | None:
    by_hand = repository.column_sql.get(field.name)
    return None if isinstance(by_hand, str) else by_hand


def _require_own_columns(resource: Resource, fields: Iterable[Field], attribute: str) -> None:
    """Raise DeclarationError if another table has the value of one of the fields."""
    others = [field.name for field in fields if field.needs_column_sql]
    if others:
        message = f"the repository needs `{attribute}`: other tables have {', '.join(others)}"
        raise DeclarationError(f"{resource.name}: {message}")
