"""The GraphQL types of the resources, as text in the schema definition language.

Each is complete: scripts/derive/graphql.py removes those that no query or mutation reaches.
"""

from collections.abc import Iterator

from catalog.graphql_names import type_name
from scripts.derive.graphql_descriptions import description_of
from scripts.derive.graphql_functions import function_inputs, function_members
from scripts.derive.graphql_inputs import input_definitions
from scripts.derive.graphql_links import link_definitions, owner_of, page_definitions
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
    enum_definition,
    further_fields,
    is_in_graphql,
    key_name,
    value_type,
    words,
)
from scripts.derive.scan import Found, FoundResource
from sluice.graph.part import graphql_name, is_id, member_name
from sluice.kinds.field import DeclarationError, Field
from sluice.kinds.items import Items
from sluice.resource import Function, Many, One, Resource


def definitions(found: Found, each: FoundResource) -> Iterator[str]:
    """Yield the definitions of a resource, and of the items in it."""
    resource = each.resource
    name, one, many = type_name(resource), words(resource.singular), words(resource.name)
    description = resource.description or f"{a(one).capitalize()}."
    yield definition("type", name, description, row_members(found, resource))
    for field in resource.all_fields:
        yield enum_definition(name, field, description_of(resource, field))
        if isinstance(field, Items) and field.name not in resource.graphql.hidden:
            yield _item(found, item_resource(found, field), field)
    for owner, field in further_fields(resource):
        text = field.description or f"{a(words(field.name)).capitalize()}."
        yield enum_definition(owner, field, text)
    yield from page_definitions(name, name, one, many)
    yield from link_definitions(found, resource)
    yield from function_inputs(resource)
    yield from list_definitions(resource)
    yield from input_definitions(resource)


def row_members(found: Found, resource: Resource) -> Iterator[Member]:
    """Yield the fields of a row: columns, the row of each foreign key, lists of children."""
    if not is_id(resource, resource.keys[0]):
        yield Member("id", "ID!", _id_description(resource))
    for field in resource.all_fields:
        if field.name not in resource.graphql.hidden:
            if field not in resource.keys and graphql_name(field.name) == "id":
                message = 'the field `id` is the key: hide the other by GraphQL(hidden=["id"])'
                raise DeclarationError(f"{resource.name}: {message}")
            yield _row_member(found, resource, field)
    for relation in resource.relations:
        other = found.named(relation.resource) if not isinstance(relation, Function) else None
        if other is None or not is_in_graphql(other) or relation.name in resource.graphql.hidden:
            continue
        if isinstance(relation, One):
            yield _one(resource, relation, other.resource)
        elif isinstance(relation, Many):
            yield _many(resource, relation, other.resource)
    yield from function_members(resource)


def _id_description(resource: Resource) -> str:
    *others, last = [words(key.name) for key in resource.keys]
    parts = f"{', '.join(others)} and {last}" if others else f"its {last}"
    return f"The {words(resource.singular)}'s id, made of {parts}."


def _one(resource: Resource, one: One, other: Resource) -> Member:
    """Return the row that a foreign key of several columns references."""
    columns = [field for field in resource.all_fields if field.column in one.foreign_key]
    is_nullable = any(field.nullable for field in columns) or bool(other.soft_delete)
    text = f"The {words(one.name)} of the {words(resource.singular)}."
    return Member(graphql_name(one.name), type_name(other) + ("" if is_nullable else "!"), text)


def _many(resource: Resource, many: Many, other: Resource) -> Member:
    """Return the list of the rows that reference a row, or are linked with it."""
    order, arguments = _default_order(other), (*page_arguments(other), *sort_argument(other))
    owner = type_name(other)
    if many.through:
        order, arguments = f"sorted by {key_name(other)}", page_arguments(other)
        owner = owner_of(resource, many)
    text = f"List the {words(many.name)} of the {words(resource.singular)}, {order}."
    return Member(graphql_name(many.name), f"{owner}Connection!", text, arguments)


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
    end = "" if field.accepts_null else "!"
    if is_id(resource, field) and field.reference is None:
        return Member("id", "ID!", f"The {one}'s id.")
    if isinstance(field, Items):
        type_ = f"[{type_name(item_resource(found, field))}!]!"
        return Member(graphql_name(field.name), type_, description_of(resource, field))
    if field.reference is not None:
        other = found.named(field.reference.resource)
        if other is not None and is_in_graphql(other):
            relation = field.reference.relation
            text = field.description or f"The {words(relation)} of the {one}."
            end = "" if other.resource.soft_delete else end  # a deleted row is not shown
            return Member(graphql_name(relation), type_name(other.resource) + end, text)
        return Member(graphql_name(field.name), "ID" + end, description_of(resource, field))
    name = member_name(resource, field.name)
    return Member(name, value_type(resource, field) + end, description_of(resource, field))


def _item(found: Found, resource: Resource, items: Items) -> str:
    one = words(resource.singular)
    fields = [_row_member(found, resource, field) for field in items.item_fields]
    description = resource.description or f"{a(one).capitalize()}."
    return definition("type", type_name(resource), description, fields)


def _default_order(resource: Resource) -> str:
    unsorted = "without `sortBy` " if sort_names(resource) else ""
    return f"{unsorted}sorted by {key_name(resource)}"
