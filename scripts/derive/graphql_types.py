"""The GraphQL types of the resources, as text in the schema definition language.

Each is complete: scripts/derive/graphql.py removes those that no query or mutation reaches.
"""

from collections.abc import Iterator

from scripts.derive.graphql_descriptions import description_of
from scripts.derive.graphql_inputs import input_definitions
from scripts.derive.graphql_lists import (
    list_definitions,
    page_arguments,
    sort_argument,
    sort_names,
)
from scripts.derive.graphql_text import (
    Member,
    a,
    definition,
    is_in_graphql,
    type_name,
    value_type,
    words,
)
from scripts.derive.scan import Found, FoundResource
from sluice.graph.part import graphql_name
from sluice.kinds.field import DeclarationError, Field
from sluice.kinds.items import Items
from sluice.resource import Resource

TYPE_SUFFIXES = ("", "Connection", "Edge", "Filter", "Sort", "SortField")


def definitions(found: Found, each: FoundResource) -> Iterator[str]:
    """Yield the definitions of a resource, and of the items in it."""
    resource = each.resource
    name, one, many = type_name(resource), words(resource.singular), words(resource.name)
    description = resource.description or f"{a(one).capitalize()}."
    yield definition("type", name, description, row_members(found, resource))
    for field in resource.all_fields:
        if field.choices:
            yield _choices(resource, field)
        if isinstance(field, Items) and field.name not in resource.graphql.hidden:
            yield _item(found, item_resource(found, field), field)
    yield from _pages(name, one, many)
    yield from list_definitions(resource)
    yield from input_definitions(resource)


def row_members(found: Found, resource: Resource) -> Iterator[Member]:
    """Yield the fields of a row: columns, the row of each foreign key, lists of children."""
    one = words(resource.singular)
    for field in resource.all_fields:
        if field.name not in resource.graphql.hidden:
            yield _row_member(found, resource, field)
    for relation in resource.lists:
        other = found.named(relation.resource)
        if other is None or not is_in_graphql(other) or relation.name in resource.graphql.hidden:
            continue
        text = f"List the {words(relation.name)} of the {one}, {_default_order(other.resource)}."
        yield Member(
            graphql_name(relation.name),
            f"{type_name(other.resource)}Connection!",
            text,
            (*page_arguments(other.resource), *sort_argument(other.resource)),
        )


def item_resource(found: Found, items: Items) -> Resource:
    """Return the resource whose rows are the items."""
    item = found.named(items.resource)
    if item is None:
        raise DeclarationError(f"{items!r}: GraphQL has only items of a resource; hide the field")
    return item.resource


def is_reference(found: Found, field: Field) -> bool:
    """Return whether the field is shown as the row that it references."""
    reference = field.reference
    return reference is not None and is_in_graphql(found.named(reference.resource))


def _row_member(found: Found, resource: Resource, field: Field) -> Member:
    one = words(resource.singular)
    end = "" if field.nullable else "!"
    if field in resource.keys and field.reference is None:
        return Member(graphql_name(field.name), "ID!", f"The {one}'s id.")
    if isinstance(field, Items):
        type_ = f"[{type_name(item_resource(found, field))}!]!"
        return Member(graphql_name(field.name), type_, description_of(resource, field))
    if field.reference is not None:
        other = found.named(field.reference.resource)
        if other is not None and is_in_graphql(other):
            relation = field.reference.relation
            text = field.description or f"The {words(relation)} of the {one}."
            return Member(graphql_name(relation), type_name(other.resource) + end, text)
        return Member(graphql_name(field.name), "ID" + end, description_of(resource, field))
    name = graphql_name(field.name)
    return Member(name, value_type(resource, field) + end, description_of(resource, field))


def _choices(resource: Resource, field: Field) -> str:
    for choice in field.choices:
        is_name = choice.isascii() and choice.isidentifier() and not choice.startswith("__")
        if not is_name or choice != choice.lower():
            raise DeclarationError(f"{resource.name}.{field.name}: GraphQL cannot name {choice!r}")
    values = (
        Member(choice.upper(), "", f"{words(choice).capitalize()}.") for choice in field.choices
    )
    return definition("enum", value_type(resource, field), description_of(resource, field), values)


def _item(found: Found, resource: Resource, items: Items) -> str:
    one = words(resource.singular)
    fields = [_row_member(found, resource, field) for field in items.item_fields]
    description = resource.description or f"{a(one).capitalize()}."
    return definition("type", type_name(resource), description, fields)


def _pages(name: str, one: str, many: str) -> Iterator[str]:
    yield definition(
        "type",
        f"{name}Connection",
        f"A page of {many} (https://relay.dev/graphql/connections.htm).",
        [
            Member("edges", f"[{name}Edge!]!", f"The {many} of this page, each with its cursor."),
            Member("nodes", f"[{name}!]!", f"The {many} of this page."),
            Member("pageInfo", "PageInfo!", "Where this page is in the whole list."),
            Member(
                "totalCount",
                "Int!",
                f"The number of {many} in the whole list. It is counted only if it is selected.",
            ),
        ],
    )
    cursor = f"The {one}'s position in the list, for `after` and `before`."
    yield definition(
        "type",
        f"{name}Edge",
        f"{a(one).capitalize()} in a page, with its cursor.",
        [Member("node", f"{name}!", f"The {one}."), Member("cursor", "String!", cursor)],
    )


def _default_order(resource: Resource) -> str:
    unsorted = "without `sortBy` " if sort_names(resource) else ""
    return f"{unsorted}sorted by id"
