"""The inputs of derived mutations."""

import json
from collections.abc import Iterable, Iterator

from catalog.graphql_names import enum_names, type_name
from scripts.derive.graphql_descriptions import description_of
from scripts.derive.graphql_text import Member, a, definition, value_type, words
from sluice.graph.part import graphql_name, member_name
from sluice.kinds.field import Field
from sluice.kinds.items import Items
from sluice.resource import Resource


def input_definitions(resource: Resource) -> Iterator[str]:
    """Yield the inputs that create and update a row."""
    name, one = type_name(resource), words(resource.singular)
    yield definition(
        "input", f"Create{name}Input", f"{a(one).capitalize()} to create.", _new_members(resource)
    )
    yield definition(
        "input",
        f"Update{name}Input",
        f"The changes to {a(one)}. A field that is left out stays unchanged.",
        (
            member._replace(type=_null(member))
            for member in input_members(resource, resource.changeable)
        ),
    )


def _new_members(resource: Resource) -> Iterator[Member]:
    for field in resource.writable:
        member = next(input_members(resource, [field]), None)
        if member is None:
            continue
        if field.default is None:
            yield member if field.required else member._replace(type=_null(member))
        else:
            yield member._replace(type=_null(member), default=default_literal(field))


def input_members(resource: Resource, fields: Iterable[Field]) -> Iterator[Member]:
    """Yield the fields of an input, as if each were required. A reference is an id."""
    for field in fields:
        if field.reference is not None:
            name = graphql_name(field.reference.key.name)
            relation = words(field.reference.relation)
            yield Member(name, "ID!", f"The id of the {relation}.")
        elif not isinstance(field, Items):  # an input by hand has them
            type_ = value_type(resource, field, is_input=True)
            name = member_name(resource, field.name)
            yield Member(name, f"{type_}!", description_of(resource, field))


def default_literal(field: Field) -> str:
    """Return the default as a literal. That of a list or an object is left to the server."""
    if isinstance(field.default, (list, dict)) or field.graphql_type == "JSON":
        return ""
    names = {value: name for name, value in enum_names(field.choices).items()}
    return names.get(str(field.default)) or json.dumps(field.default, default=str)


def _null(member: Member) -> str:
    return member.type.removesuffix("!")
