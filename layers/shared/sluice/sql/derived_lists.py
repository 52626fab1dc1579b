"""Derive the lists of a resource from its declaration: their filters, sorts and parents."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from sluice.kinds.field import DeclarationError, Field, FieldFilter
from sluice.kinds.search import search_filter
from sluice.resource import Resource, Via
from sluice.sql.derived import Repository, alias, column_of, joined_column, joins
from sluice.sql.expressions import conjunct
from sluice.sql.identifiers import quoted
from sluice.sql.list_spec import Filter, FilterSql, ListSpec, Sort
from sluice.sql.projection import Column
from sluice.sql.tenant_sql import row_condition

T = TypeVar("T")
SPACE = " || ' ' || "


def list_spec(repository: Repository) -> ListSpec:
    """Return the list of the rows, as REST has it."""
    filters, sorts, resource = dict(_filters(repository)), _sorts(repository), repository.resource
    hidden = {key.name: sorts.pop(key.name) for key in resource.keys[1:] if not key.sort}
    unknown = repository.filter_sql.keys() - filters.keys()
    unknown |= {*repository.list_order} - filters.keys() - sorts.keys()
    if unknown:
        message = f"no such filter or sort: {', '.join(sorted(unknown))}"
        raise DeclarationError(f"{repository.__name__}: {message}")
    return ListSpec(
        projection=repository.projection,
        filters=_ordered(filters, repository),
        sorts=_ordered(sorts, repository),
        keys=tuple(key.name for key in resource.keys),
        key_sorts=hidden,
        subselects=_subselects(repository),
        parents=_parents(repository),
        bounded=_bounded(repository.resource),
        view=repository.list_view,
    )


def graphql_list_spec(repository: Repository) -> ListSpec:
    """Return the list as GraphQL has it: also below the rows that the resource references.

    A reference that REST shows by another field than the key has the key, too, and a filter by it.
    """
    filters = dict(repository.list_spec.filters)
    fields = dict(repository.projection.fields)
    for field in repository.resource.all_fields:
        if field.reference is None or not field.reference.by:
            continue
        key, column = field.reference.key, own_column(repository.resource, field)
        fields.setdefault(key.name, Column(key.select(column), key))
        if key.name not in filters:
            filters[key.name] = Filter(_plain_filter(key), f"{column} = {key.bind(key.name)}")
    return replace(
        repository.list_spec,
        projection=replace(repository.projection, fields=fields),
        filters=filters,
    )


def own_column(resource: Resource, field: Field) -> str:
    """Return the SQL of the field's column in the resource's own table."""
    return f"{alias(resource)}.{quoted(field.column)}"


def _parents(repository: Repository) -> Mapping[str, tuple[Column, ...]]:
    """Return the foreign keys with their columns."""
    resource = repository.resource
    keys = {
        field.column: field.reference.key if field.reference else field
        for field in resource.all_fields
    }
    return {
        ",".join(one.foreign_key): tuple(
            Column(own_column(resource, keys[column]), keys[column]) for column in one.foreign_key
        )
        for one in resource.refs
    }


def _bounded(resource: Resource) -> Mapping[str, Callable[[str], str]]:
    """Return the field that references the row with the tenant, with the condition of the rows."""
    return {
        field.name: lambda bound: row_condition(resource, alias(resource), bound=bound)
        for field in resource.all_fields
        if resource.tenant == Via(field.column) and field.reference and not field.reference.by
    }


def _subselects(repository: Repository) -> Mapping[str, str]:
    """Return the fields of joined tables as subselects, if each join is that of a field."""
    if set(repository.joins) - set(joins(repository)):
        return {}
    found = ((field, joined_column(repository, field)) for field in repository.resource.all_fields)
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
        found = joined_column(repository, field)
        return Filter.of(declared, column_of(repository, field), found.join if found else None)
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
    columns = ((column_of(repository, field), field.nullable) for field in searched)
    texts = [f"coalesce({sql}, '')" if nullable else sql for sql, nullable in columns]
    return f"sluice.words({SPACE.join(texts)}) @> sluice.search_words(:search)"


def _sorts(repository: Repository) -> dict[str, Sort]:
    """Return the sorts. Each column of the key is one, because it breaks ties."""
    resource = repository.resource
    return {
        field.name: _sort(repository, field)
        for field in resource.all_fields
        if field.sort or field in resource.keys
    }


def _sort(repository: Repository, field: Field) -> Sort:
    found = joined_column(repository, field)
    if found:
        return Sort(found.name, field, nullable=field.nullable, join=found.join)
    own = column_of(repository, field)
    key = field.sort_key(own)
    is_expression = key != own or field.name in repository.column_sql
    return Sort(
        key if is_expression else quoted(field.column),
        field,
        unique=_is_unique(repository.resource, field),
        nullable=field.nullable,
        is_expression=is_expression,
    )


def _is_unique(resource: Resource, field: Field) -> bool:
    """Return whether no two rows have the same value, and none has NULL."""
    unique = [each.columns for each in resource.constraints if each.kind == "unique"]
    is_unique = field.unique or resource.keys == (field,) or [field.column] in map(list, unique)
    return is_unique and not field.nullable


def _ordered(named: Mapping[str, T], repository: Repository) -> Mapping[str, T]:
    """Return the filters or sorts that `list_order` names in its order, then the others."""
    first = [name for name in repository.list_order if name in named]
    return {name: named[name] for name in dict.fromkeys((*first, *named))}
