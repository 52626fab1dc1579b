"""Derive the SQL of a resource from its declaration. Nothing here reads a database.

A function gets the resource, or its repository class if it depends on what the class sets by hand.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from sluice.kinds.field import DeclarationError, Field, FieldFilter
from sluice.kinds.search import search_filter
from sluice.resource import DIGEST, Resource
from sluice.sql.expressions import conjunct, operand
from sluice.sql.identifiers import quoted
from sluice.sql.list_spec import Filter, FilterSql, ListSpec, Sort
from sluice.sql.projection import Column, Join, JoinedColumn, Projection

if TYPE_CHECKING:
    from sluice.sql.resource_repository import ResourceRepository

T = TypeVar("T")
Repository: TypeAlias = "type[ResourceRepository]"
SPACE = " || ' ' || "
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
    """Return the table as SQL names it. The roles' search_path is `public`."""
    schema, name = resource.schema_and_table
    return quoted(name) if schema == "public" else f"{quoted(schema)}.{quoted(name)}"


def alias(resource: Resource) -> str:
    """Return the alias of the table: the first letter of its name, but `t_` instead of `t`.

    The statements of writes use `t`.
    """
    _, name = resource.schema_and_table
    first = name[0].lower()
    return first if re.fullmatch("[a-su-z]", first) else "t_"


def etag(repository: Repository) -> str:
    """Return the SQL of the ETag: the version columns as text, or a digest of the row.

    A digest includes the columns of joined tables. Columns that are no whole numbers are digested,
    too, because their texts may have characters that an ETag cannot have, or be NULL.
    """
    resource = repository.resource
    row = f"{alias(resource)}.*"
    if resource.etag == DIGEST:
        joined = [each.sql for each in repository.column_sql.values() if not isinstance(each, str)]
        return f"md5(CAST({f'ROW({row}, {SEPARATOR.join(joined)})' if joined else row} AS text))"
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
        key=quoted(resource.keys[0].column),
        fields={
            field.name: Column(field.select(_column(repository, field)), field)
            for field in resource.all_fields
        },
        etag=repository.etag_sql,
        joins=repository.joins,
    )


def list_spec(repository: Repository) -> ListSpec:
    """Return the list of the rows, as REST has it."""
    filters, sorts = dict(_filters(repository)), dict(_sorts(repository))
    unknown = repository.filter_sql.keys() - filters.keys()
    unknown |= {*repository.list_order} - filters.keys() - sorts.keys()
    if unknown:
        message = f"no such filter or sort: {', '.join(sorted(unknown))}"
        raise DeclarationError(f"{repository.__name__}: {message}")
    return ListSpec(
        projection=repository.projection,
        filters=_ordered(filters, repository),
        sorts=_ordered(sorts, repository),
        key=repository.resource.keys[0].name,
        subselects=_subselects(repository),
        view=repository.list_view,
    )


def graphql_list_spec(repository: Repository) -> ListSpec:
    """Return the list as GraphQL has it: also below the rows that the resource references.

    A reference that REST shows by another field than the key has the key, too, and a filter by it.
    """
    own = alias(repository.resource)
    projection = repository.list_spec.projection
    filters, fields = dict(repository.list_spec.filters), dict(projection.fields)
    parent_columns = {}
    for field in repository.resource.all_fields:
        if field.reference is None:
            continue
        key = field.reference.key
        parent_columns[key.name] = quoted(field.column)
        if field.reference.by:
            fields.setdefault(key.name, Column(key.select(f"{own}.{quoted(field.column)}"), key))
        if field.reference.by and key.name not in filters:
            condition = f"{own}.{quoted(field.column)} = {key.bind(key.name)}"
            filters[key.name] = Filter(_plain_filter(key), condition)
    return replace(
        repository.list_spec,
        projection=replace(projection, fields=fields),
        filters=filters,
        parent_columns=parent_columns,
    )


@lru_cache(maxsize=256)
def inserts(resource: Resource, without: frozenset[str] = frozenset()) -> Mapping[str, str]:
    """Return the INSERT of a new row, by the table's alias. `without` names fields to leave out."""
    fields = [field for field in resource.writable if field.name not in without]
    _require_own_columns(resource, fields, "inserts")
    columns = ", ".join(quoted(field.column) for field in fields)
    values = ", ".join(field.bind(field.name) for field in fields)
    row = f"({columns}) VALUES ({values})" if fields else "DEFAULT VALUES"
    return {alias(resource): f"INSERT INTO {table(resource)} {row} RETURNING *"}


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
        field.name: field.default
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


def _etag_columns(resource: Resource) -> list[str]:
    return [resource.etag] if isinstance(resource.etag, str) else list(resource.etag)


def _column(repository: Repository, field: Field) -> str:
    """Return the SQL of a field's value, which `field.select` turns into that of its JSON."""
    by_hand = repository.column_sql.get(field.name)
    if by_hand is not None:
        return operand(by_hand) if isinstance(by_hand, str) else by_hand.sql
    if field.needs_column_sql:
        raise DeclarationError(f"{repository.__name__}.column_sql has no {field.name}")
    return f"{alias(repository.resource)}.{quoted(field.column)}"


def _joined(repository: Repository, field: Field) -> JoinedColumn | None:
    by_hand = repository.column_sql.get(field.name)
    return None if isinstance(by_hand, str) else by_hand


def _subselects(repository: Repository) -> Mapping[str, str]:
    """Return the fields of joined tables as subselects, if each join is that of a field."""
    if set(repository.joins) - set(joins(repository)):
        return {}
    found = ((field, _joined(repository, field)) for field in repository.resource.all_fields)
    return {field.name: field.select(column.subselect) for field, column in found if column}


def _filters(repository: Repository) -> Iterator[tuple[str, Filter]]:
    """Yield the filters of each field. `search` comes with the first searched field."""
    is_searched = False
    for field in repository.resource.all_fields:
        for name, declared in field.filters().items():
            yield name, _filter(repository, field, name, declared)
        if field.search and not is_searched:
            is_searched = True
            declared = search_filter(_search_condition(repository))
            yield "search", _filter(repository, field, "search", declared)
    for field in repository.resource.filters:
        for name, declared in (field.filters() or {field.name: _plain_filter(field)}).items():
            if name not in repository.filter_sql:
                raise DeclarationError(f"{repository.__name__}.filter_sql has no {name}")
            yield name, _filter(repository, field, name, declared)


def _filter(repository: Repository, field: Field, name: str, declared: FieldFilter) -> Filter:
    by_hand = repository.filter_sql.get(name)
    if by_hand is None:
        joined = _joined(repository, field)
        return Filter.of(declared, _column(repository, field), joined.join if joined else None)
    sql = FilterSql(by_hand) if isinstance(by_hand, str) else by_hand
    return Filter(
        declared,
        conjunct(sql.condition),
        conjunct(sql.false_condition),
        conjunct(sql.single_value_condition),
        sql.join,
    )


def _plain_filter(field: Field) -> FieldFilter:
    """Return a filter on one value, whose condition is not derived."""
    return FieldFilter("", field.parse, field.filter_schema)


def _search_condition(repository: Repository) -> str:
    """Return the condition of `search`, over the text of the searched fields in their order."""
    searched = [field for field in repository.resource.all_fields if field.search]
    columns = ((_column(repository, field), field.nullable) for field in searched)
    texts = [f"coalesce({sql}, '')" if nullable else sql for sql, nullable in columns]
    return f"sluice.words({SPACE.join(texts)}) @> sluice.search_words(:search)"


def _sorts(repository: Repository) -> Iterator[tuple[str, Sort]]:
    """Yield the sorts. The key is one, because it breaks ties."""
    resource = repository.resource
    for field in resource.all_fields:
        if not field.sort and field not in resource.keys:
            continue
        is_unique = (field.unique or resource.keys == (field,)) and not field.nullable
        joined = _joined(repository, field)
        if joined:
            yield (
                field.name,
                Sort(joined.name, field.sql_type, nullable=field.nullable, join=joined.join),
            )
            continue
        column = _column(repository, field)
        key = field.sort_key(column)
        is_expression = key != column or field.name in repository.column_sql
        yield (
            field.name,
            Sort(
                key if is_expression else quoted(field.column),
                field.sql_type,
                unique=is_unique,
                nullable=field.nullable,
                is_expression=is_expression,
            ),
        )


def _ordered(named: Mapping[str, T], repository: Repository) -> Mapping[str, T]:
    """Return the filters or sorts that `list_order` names in its order, then the others."""
    first = [name for name in repository.list_order if name in named]
    return {name: named[name] for name in dict.fromkeys((*first, *named))}


def _require_own_columns(resource: Resource, fields: Iterable[Field], attribute: str) -> None:
    """Raise DeclarationError if another table has the value of one of the fields."""
    others = [field.name for field in fields if field.needs_column_sql]
    if others:
        message = f"the repository needs `{attribute}`: other tables have {', '.join(others)}"
        raise DeclarationError(f"{resource.name}: {message}")
