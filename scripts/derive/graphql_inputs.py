"""What the derived GraphQL fields accept: pages, filters, sorts, and the inputs of mutations."""

import json
from collections.abc import Iterable, Iterator

from scripts.derive.graphql_text import (
    Member,
    a,
    chosen,
    definition,
    description_of,
    type_name,
    value_type,
    words,
)
from sluice.graph.part import graphql_name
from sluice.kinds.field import Field
from sluice.kinds.items import Items
from sluice.resource import Resource

BOUNDS = {
    "_min": "The lowest {}, which is included.",
    "_max": "The highest {}, which is included.",
    "_after": "The first {}, which is included.",
    "_before": "Only rows before this {}.",
}


def input_definitions(resource: Resource) -> Iterator[str]:
    """Yield the inputs of a resource, and the enum of its sorts."""
    name, one, many = type_name(resource), words(resource.singular), words(resource.name)
    yield definition(
        "input",
        f"{name}Filter",
        f"Conditions on {many}. A condition that is left out or null is ignored.",
        filter_members(resource),
    )
    yield from _sorts(resource)
    yield definition(
        "input", f"Create{name}Input", f"{a(one).capitalize()} to create.", _new_members(resource)
    )
    yield definition(
        "input",
        f"Update{name}Input",
        f"The changes to {a(one)}. A field that is left out stays unchanged.",
        (member._replace(type=_null(member)) for member in _inputs(resource, resource.changeable)),
    )


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
    """Return the names in GraphQL of the filters by an id."""
    return [member.name for member in filter_members(resource) if member.type.strip("[]!") == "ID"]


def _sorts(resource: Resource) -> Iterator[str]:
    names = sort_names(resource)
    if not names:
        return
    name, many = type_name(resource), words(resource.name)
    yield definition(
        "input",
        f"{name}Sort",
        f"How to sort {many}. Equal ones are sorted by id, in the same direction.",
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
        if field in resource.filters:
            name = graphql_name(field.name)
            text = field.description or f"The {words(field.name)}."
            yield field.name, Member(name, value_type(resource, field), text)
        if field.search and not has_search:
            has_search = True
            yield "search", Member("search", "String", _search_text(resource))


def _search_text(resource: Resource) -> str:
    *others, last = [f"the {words(field.name)}" for field in resource.all_fields if field.search]
    names = " or ".join(filter(None, [", ".join(others), last]))
    return f"Words that must all occur in {names}."


def _filters_of(resource: Resource, field: Field) -> Iterator[tuple[str, Member]]:
    if field.reference is not None and field.reference.by:
        if field.operators:
            name, relation = field.reference.key.column, words(field.reference.relation)
            yield name, Member(graphql_name(name), "ID", f"The id of the {relation}.")
        return
    type_ = "ID" if field.reference is not None else value_type(resource, field)
    name, value = field.filter_name, words(field.name)
    for operator in field.operators:
        match operator:
            case "equal":
                yield name, Member(graphql_name(name), type_, f"The {value}.")
            case "in":
                text = f"The {value}: one of these."
                yield name, Member(graphql_name(name), f"[{type_}!]", text)
            case "range":
                for suffix, _ in field.range_filters:
                    member = Member(
                        graphql_name(name + suffix), type_, BOUNDS[suffix].format(value)
                    )
                    yield name + suffix, member


def _new_members(resource: Resource) -> Iterator[Member]:
    for field in resource.writable:
        member = next(_inputs(resource, [field]), None)
        if member is None:
            continue
        if field.default is None:
            yield member if field.required else member._replace(type=_null(member))
        else:
            yield member._replace(type=_null(member), default=_default(field))


def _inputs(resource: Resource, fields: Iterable[Field]) -> Iterator[Member]:
    """Yield the fields of an input, as if each were required. A reference is an id."""
    for field in fields:
        if field.reference is not None:
            name = graphql_name(field.reference.key.column)
            yield Member(name, "ID!", f"The id of the {words(field.reference.relation)}.")
        elif not isinstance(field, Items):  # an input by hand has them
            type_ = value_type(resource, field)
            yield Member(graphql_name(field.name), f"{type_}!", description_of(resource, field))


def _default(field: Field) -> str:
    return str(field.default).upper() if field.choices else json.dumps(field.default, default=str)


def _null(member: Member) -> str:
    return member.type.removesuffix("!")
