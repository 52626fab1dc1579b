"""Derive how the files of a resource are imported from its repository class.

A file has the fields that a POST may set. A row is found by the resource's `import_columns`. If
several rows have the same ones, the last row counts. Rows that would change nothing are not
written.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, TypeAlias

from sluice import application
from sluice.imports.resource import RESERVED, ImportResource
from sluice.kinds.field import DeclarationError, Field
from sluice.resource import Resource
from sluice.sql.derived import alias, table
from sluice.sql.identifiers import quoted
from sluice.sql.resource_repository import ResourceRepository
from sluice.sql.tenant_sql import row_condition, tenant_condition
from sluice.tenant_columns import tenant_column, tenant_field
from sluice.tenants import TENANT_PARAMETER, names_tenant

FindResource: TypeAlias = Callable[[str], Resource]


def import_resource(registered: Any) -> ImportResource:
    """Return the ImportResource that an application registers, or that of a repository class."""
    if isinstance(registered, ImportResource):
        return registered
    return of_repository(registered, application.current().declaration)


@cache
def of_repository(repository: type[ResourceRepository], find: FindResource) -> ImportResource:
    """Return how rows are read and written. `find` returns the resources that they reference.

    A statement by hand, `import_write`, gets NULL for a value that is missing. Otherwise the row
    gets the field's default, in an existing row too if the file has the column.
    """
    resource = repository.resource
    fields = {field.name: field for field in resource.writable}
    taken = [name for name in RESERVED if name in fields]
    if taken:
        raise DeclarationError(f"{resource.name}: an import cannot have a field {taken[0]!r}")
    by_hand = repository.import_write
    never_null = [field.name for field in fields.values() if not field.nullable]
    has_rules = _has_rules(repository)
    _require_tenant(repository)
    return ImportResource(
        fields=fields,
        required=tuple(field.name for field in fields.values() if field.required),
        trusted_when=_trusted_when(repository, fields.values(), is_trusted=not has_rules),
        write=by_hand or partial(_write, resource, find),
        references={**_references(resource, find), **repository.import_references},
        taken="" if by_hand else _taken(resource, find),
        defaults={} if by_hand else dict(_defaults(fields.values())),
        never_null=[] if by_hand else never_null,
        rules=repository if has_rules else None,
    )


def _has_rules(repository: type[ResourceRepository]) -> bool:
    names = ("before_create", "before_write")
    return any(getattr(repository, name) is not getattr(ResourceRepository, name) for name in names)


def _trusted_when(
    repository: type[ResourceRepository], fields: Collection[Field], *, is_trusted: bool
) -> str:
    """Return the condition that a row is valid, and gets all its values from the file."""
    if not is_trusted and not repository.import_trusted:
        return "false"
    conditions = []
    for field in fields:
        column = f"r.{quoted(field.name)}"
        may_be_null = not field.required if repository.import_write else field.nullable
        condition = field.trusted(column)
        conditions.append(f"({column} IS NULL OR {condition})" if may_be_null else condition)
    return " AND ".join(f"({condition})" for condition in conditions) or "true"


def _defaults(fields: Collection[Field]) -> Iterator[tuple[str, Callable[[Any], object]]]:
    for field in fields:
        if field.default is not None:
            yield field.name, partial(_default, field.read(field.default, ""))


def _default(value: object, row: Mapping[str, Any]) -> object:
    return value


def _references(resource: Resource, find: FindResource) -> dict[str, str]:
    """Return the queries that find the row which a foreign key references.

    That of several columns belongs to the last of them. Without a value of each it is not checked.
    """
    by_column = {field.column: field for field in resource.writable}
    queries: dict[str, str] = {}
    for one in resource.refs:
        fields = [by_column[column] for column in one.foreign_key if column in by_column]
        by_hand = any(field.reference and field.reference.by for field in fields)
        if len(fields) < len(one.foreign_key) or by_hand:
            continue
        query = _find_row(find(one.resource), fields, find)
        known = queries.get(fields[-1].name)
        queries[fields[-1].name] = (
            f"SELECT WHERE EXISTS ({known}) AND EXISTS ({query})" if known else query
        )
    return queries


def _find_row(other: Resource, fields: Sequence[Field], find: FindResource) -> str:
    """Return the query that finds the row of `other` whose key the fields of a row have.

    A row of another tenant is not found.
    """
    conditions = " AND ".join(
        f"t.{quoted(key.column)} = CAST(r.{quoted(field.name)} AS {field.sql_type})"
        for key, field in zip(other.keys, fields, strict=True)
    )
    if other.has_tenant:
        conditions = f"{conditions} AND {row_condition(other, 't', find)}"
    query = f"SELECT FROM {table(other)} t WHERE {conditions}"
    nulls = [f"r.{quoted(field.name)} IS NULL" for field in fields[:-1] if field.nullable]
    return f"SELECT WHERE {' OR '.join(nulls)} UNION ALL {query}" if nulls else query


def _require_tenant(repository: type[ResourceRepository]) -> None:
    """Raise DeclarationError if a statement by hand does not name the tenant of its rows."""
    by_hand = repository.import_write
    if repository.resource.has_tenant and by_hand and not names_tenant(by_hand):
        message = f"{repository.__name__}.import_write must set and compare :{TENANT_PARAMETER}"
        raise DeclarationError(f"{repository.resource.name}: {message}")


def _taken(resource: Resource, find: FindResource) -> str:
    """Return the query that finds a row of another tenant with the import key of a staged row.

    It is empty if the import key has the column by which the tenant of a row is known.
    """
    keys = [field for field in resource.writable if field.column in resource.import_columns]
    if not _is_global(resource, keys):
        return ""
    equal = " AND ".join(
        f"{field.sort_key(f't.{quoted(field.column)}')} = {field.sort_key(_staged(field, 'r.'))}"
        for field in keys
    )
    mine = tenant_condition(resource, "t", find)
    return f"SELECT FROM {table(resource)} t WHERE {equal} AND NOT ({mine})"


def _is_global(resource: Resource, keys: Collection[Field]) -> bool:
    """Return whether a row of another tenant may have the import key of a row."""
    column = tenant_column(resource)
    return bool(column and keys) and column not in resource.import_columns


def _write(
    resource: Resource, find: FindResource, columns: Collection[str], changed: Collection[str]
) -> str:
    """Return the statement that writes rows with values for `columns`."""
    fields = [field for field in resource.writable if field.name in columns]
    keys = [field for field in fields if field.column in resource.import_columns]
    known = [key for key in resource.import_columns if key != resource.tenant]
    if not keys or len(keys) < len(known):
        # A trigger may ignore a row, which then must not count as written.
        insert = _insert(resource, fields, "", "n")
        return _statement(f"{insert} RETURNING 1", counted="written")
    key = ", ".join(field.sort_key(_staged(field)) for field in keys)
    insert = _insert(resource, fields, f"DISTINCT ON ({key}) ", f"{key}, n DESC")
    updated = [
        field
        for field in resource.changeable
        if field in fields and field not in keys and field.name in changed
    ]
    mine = tenant_condition(resource, alias(resource), find) if _is_global(resource, keys) else ""
    return _statement(f"{insert}{_on_conflict(resource, updated, mine)}")


def _statement(insert: str, counted: str = "import_rows") -> str:
    return f"""
    WITH written AS ({insert}
    )
    SELECT count(*) AS rows FROM {counted}
"""


def _insert(resource: Resource, fields: Sequence[Field], distinct: str, order: str) -> str:
    values = {quoted(field.column): _staged(field) for field in fields}
    if tenant := tenant_field(resource):
        values[quoted(tenant.column)] = tenant.bind(TENANT_PARAMETER)
    return f"""
        INSERT INTO {table(resource)} AS {alias(resource)} ({", ".join(values)})
        SELECT {distinct}{", ".join(values.values())}
        FROM import_rows
        ORDER BY {order}"""


def _on_conflict(resource: Resource, updated: Sequence[Field], mine: str) -> str:
    """Return what happens to a row that exists. `mine`: the condition that it is the tenant's.

    A row that another tenant has added since `_taken` looked for it fails the statement. So does
    one that row-level security hides from `_taken`.
    """
    keys = [field for field in resource.all_fields if field.column in resource.import_columns]
    target = ", ".join(field.sort_key(quoted(field.column)) for field in keys)
    if not updated and not mine:
        return f"""
        ON CONFLICT ({target}) DO NOTHING"""
    names = [(quoted(field.column), field.nullable) for field in updated or keys[:1]]
    assignments = ", ".join(f"{name} = excluded.{name}" for name, _ in names)
    differences = " OR ".join(
        f"{alias(resource)}.{name} {'IS DISTINCT FROM' if nullable else '<>'} excluded.{name}"
        for name, nullable in names
    )
    if mine:
        differences = f"CASE WHEN {mine} THEN {differences} ELSE sluice.raise_conflict() END"
    return f"""
        ON CONFLICT ({target}) DO UPDATE SET {assignments}
        WHERE {differences}"""


def _staged(field: Field, alias: str = "") -> str:
    """Return the SQL of a staged text as the field's type."""
    name = f"{alias}{quoted(field.name)}"
    return name if field.sql_type == "text" else f"CAST({name} AS {field.sql_type})"
