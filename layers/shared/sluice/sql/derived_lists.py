"""Derive the lists of a resource from its declaration: their filters, sorts and parents."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from sluice.kinds.field import DeclarationError, Field, FieldFilter
from sluice.kinds.search import search_filter
from sluice.sql.derived import Repository, alias, column_of, joined_column, joins
from sluice.sql.expressions import conjunct
from sluice.sql.identifiers import quoted
from sluice.sql.list_spec import Filter, FilterSql, ListSpec, Sort
from sluice.sql.projection import Column

T = TypeVar("T")
SPACE = " || ' ' || "


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


def _sorts(repository: Repository) -> Iterator[tuple[str, Sort]]:
    """Yield the sorts. The key is one, because it breaks ties."""
    resource = repository.resource
    for field in resource.all_fields:
        if not field.sort and field not in resource.keys:
            continue
        is_unique = (field.unique or resource.keys == (field,)) and not field.nullable
        found = joined_column(repository, field)
        if found:
            yield (
                field.name,
                Sort(found.name, field.sql_type, nullable=field.nullable, join=found.join),
            )
            continue
        own = column_of(repository, field)
        key = field.sort_key(own)
        is_expression = key != own or field.name in repository.column_sql
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
