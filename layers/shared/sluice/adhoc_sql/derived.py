"""Derive the tables of ad-hoc SQL from declarations: those with `analytics`.

`make derive` writes them to the registry as plain data, so that the first query of a function
imports no declarations.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple

from sluice.adhoc_sql.catalogue import AnalystColumn, AnalystTable, PlainTable
from sluice.kinds.field import Field
from sluice.resource import DeclarationError, Resource


def plain_data(tables: Mapping[str, AnalystTable]) -> dict[str, PlainTable]:
    """Return tables as `ANALYST_TABLES` of a registry has them."""
    return {
        name: (columns, table.keys, True) if table.has_tenant else (columns, table.keys)
        for name, table in tables.items()
        for columns in ({column: astuple(of) for column, of in table.columns.items()},)
    }


def tables(resources: Iterable[Resource]) -> dict[str, AnalystTable]:
    """Return the tables that analysts may query, by name.

    A foreign key names its table only if analysts may query that one as well.
    """
    by_name = {resource.name: resource for resource in resources if resource.analytics}
    names = {resource.name: _table(resource) for resource in by_name.values()}
    return {names[name]: _analyst_table(resource, names) for name, resource in by_name.items()}


def _table(resource: Resource) -> str:
    schema, _, name = resource.table.partition(".")
    if schema != "public":
        message = f"{resource.name}: ad-hoc SQL reads the schema public only, not {resource.table}"
        raise DeclarationError(message)
    return name


def _analyst_table(resource: Resource, names: Mapping[str, str]) -> AnalystTable:
    columns = {
        field.column: _column(field, names) for field in resource.all_fields if field.in_table
    }
    keys = tuple(dict.fromkeys(_keys(resource)))
    return AnalystTable(columns, keys, has_tenant=resource.has_tenant)


def _column(field: Field, names: Mapping[str, str]) -> AnalystColumn:
    reference = field.reference
    kind = reference.key if reference else field  # a client may see another row's field instead
    return AnalystColumn(
        kind.analyst_bytes(),
        text=kind.is_text,
        references=names.get(reference.resource, "") if reference else "",
        distinct=kind.distinct,
    )


def _keys(resource: Resource) -> Iterator[tuple[str, ...]]:
    """Yield the columns of each unique index."""
    yield tuple(key.column for key in resource.keys)
    yield from ((field.column,) for field in resource.all_fields if field.unique)
    yield from (tuple(c.columns) for c in resource.constraints if c.kind == "unique")
