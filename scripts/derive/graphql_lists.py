"""The arguments of derived GraphQL lists: pages, filters and sorts."""

from collections.abc import Iterator

from catalog.graphql_names import type_name
from scripts.derive.graphql_descriptions import (
    description_of,
    filter_description,
    operator_description,
    range_description,
    search_description,
    values_description,
)
from scripts.derive.graphql_text import Member, chosen, definition, key_name, value_type, words
from sluice.graph.part import graphql_name, is_from_one
from sluice.kinds.field import Field
from sluice.resource import Resource


def list_definitions(resource: Resource) -> Iterator[str]:
    """Yield the input of the filters, and those of the sorts."""
    yield definition(
        "input",
        f"{type_name(resource)}Filter",
        f"Conditions on {words(resource.name)}. A condition that is left out or null is ignored.",
        filter_members(resource),
    )
    yield from _sorts(resource)


def page_arguments(resource: Resource, default_first: str = "") -> tuple[Member, ...]:
    """Return the arguments of a page. Without `default_first` the engine has the default."""
    default = "The default applies only without" if default_first else "It is 20 by default without"
    many = words(resource.name)
    first = f"The number of {many} from the start of the list, 1 to 100. {default} `last`."
    end = f"The number of {many} from the end of the list, 1 to 100."
    return (
        Member("first", "Int", first, default=default_first),
        Member("after", "String", f"Return only {many} after this cursor."),
        Member("last", "Int", f"{end} Cannot be combined with `first`."),
        Member("before", "String", f"Return only {many} before this cursor."),
    )


def sort_argument(resource: Resource) -> tuple[Member, ...]:
    """Return the argument `sortBy`, if the resource has sorts."""
    if not sort_names(resource):
        return ()
    sort = f"{type_name(resource)}Sort"
    return (Member("sortBy", sort, "The field to sort by, and the direction."),)


def sort_names(resource: Resource) -> list[str]:
    """Return the fields that GraphQL can sort by."""
    names = [field.name for field in resource.all_fields if field.sort]
    return chosen(resource, names, resource.graphql.sorts, "sort")


def filter_members(resource: Resource) -> list[Member]:
    """Return the filters of the root list. A reference is filtered by the id of its row."""
    members = dict(_filters(resource))
    names = chosen(resource, list(members), resource.graphql.filters, "filter")
    return [members[name] for name in names]


def id_filters(resource: Resource) -> list[str]:
    """Return the names in GraphQL of the filters by an id that is a whole number from 1.

    An id that no row can have finds nothing. In a filter by another key it is an error.
    """
    found = {
        member.name
        for field in (*resource.all_fields, *resource.filters)
        if is_from_one(field.reference.key if field.reference else field)
        for _, member in (*_filters_of(resource, field), *_extra_filter(resource, field))
        if member.type.strip("[]!") == "ID"
    }
    return [member.name for member in filter_members(resource) if member.name in found]


def _sorts(resource: Resource) -> Iterator[str]:
    names = sort_names(resource)
    if not names:
        return
    name, many, key = type_name(resource), words(resource.name), key_name(resource)
    yield definition(
        "input",
        f"{name}Sort",
        f"How to sort {many}. Equal values are sorted by {key}, in the same direction.",
        [
            Member("field", f"{name}SortField!", "The field to sort by."),
            Member("direction", "SortDirection!", "The direction."),
        ],
    )
    values = (
        Member(each.upper(), "", description_of(resource, resource.by_name[each])) for each in names
    )
    yield definition("enum", f"{name}SortField", f"A field that {many} can be sorted by.", values)


def _filters(resource: Resource) -> Iterator[tuple[str, Member]]:
    has_search = False
    for field in (*resource.all_fields, *resource.filters):
        yield from _filters_of(resource, field)
        yield from _extra_filter(resource, field)
        if field.search and not has_search:
            has_search = True
            yield "search", Member("search", "String", search_description(resource))


def _extra_filter(resource: Resource, field: Field) -> Iterator[tuple[str, Member]]:
    """Yield the filter that is no field of a row."""
    if field in resource.filters:
        text = field.description or filter_description(resource, field)
        type_ = value_type(resource, field, is_input=True)
        yield field.name, Member(graphql_name(field.name), type_, text)


def _filters_of(resource: Resource, field: Field) -> Iterator[tuple[str, Member]]:
    if field.reference is not None and field.reference.by:
        if field.operators:
            name = field.reference.key.name
            yield name, Member(graphql_name(name), "ID", filter_description(resource, field))
        return
    by_value = value_type(resource, field, is_input=True)
    type_ = "ID" if field.reference is not None else by_value
    name = field.filter_name
    for operator in field.operators:
        match operator:
            case "equal":
                text = filter_description(resource, field)
                yield name, Member(graphql_name(name), type_, text)
            case "in":
                text = values_description(resource, field)
                yield name, Member(graphql_name(name), f"[{type_}!]", text)
            case "range":
                for suffix, _ in field.range_filters:
                    text = range_description(resource, field, suffix)
                    yield name + suffix, Member(graphql_name(name + suffix), type_, text)
            case _:
                text = operator_description(resource, field, operator)
                others = {"prefix": "String", "is_null": "Boolean", "has": type_.strip("[]!")}
                long_name, type_of = f"{name}_{operator}", others.get(operator, type_)
                yield long_name, Member(graphql_name(long_name), type_of, text)
