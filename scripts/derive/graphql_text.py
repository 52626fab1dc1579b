"""What the derived GraphQL definitions consist of: members, names and descriptions."""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from catalog.graphql_names import enum_name, enum_names, items_of, title, type_name
from scripts.derive.scan import FoundResource
from sluice.graph.part import is_id
from sluice.http.route_texts import a as a
from sluice.http.route_texts import words as words
from sluice.kinds.array import Array
from sluice.kinds.field import DeclarationError, Field
from sluice.resource import Function, Many, Resource

UNKNOWN = "if the id is unknown"


class Member(NamedTuple):
    """A field of a type or an input, an argument, or (without a type) a value of an enum."""

    name: str
    type: str
    description: str
    arguments: "tuple[Member, ...]" = ()
    default: str = ""

    def __str__(self) -> str:
        arguments = f"({' '.join(map(str, self.arguments))})" if self.arguments else ""
        type_ = f": {self.type}" if self.type else ""
        default = f" = {self.default}" if self.default else ""
        return f"{_literal(self.description)} {self.name}{arguments}{type_}{default}"


def definition(kind: str, name: str, description: str, members: Iterable[Member]) -> str:
    """Return a definition; empty without members."""
    text = "\n".join(map(str, members))
    return f"{_literal(description)} {kind} {name} {{\n{text}\n}}" if text else ""


def is_in_graphql(found: FoundResource | None) -> bool:
    """Return whether there can be a type of the resource: a function serves it."""
    return found is not None and found.is_served


def value_type(resource: Resource, field: Field, *, is_input: bool = False) -> str:
    """Return the type of a value: an enum, an ID, a scalar, a range, or a list of such values."""
    if is_id(resource, field):
        return "ID"
    return further_type(type_name(resource), field, is_input=is_input)


def further_type(owner: str, field: Field, *, is_input: bool = False) -> str:
    """Return the type of a value that is no column of a resource. `owner` names its enum."""
    if field.reference is not None:
        return "ID"
    type_ = field.graphql_input_type if is_input else field.graphql_type
    if not enum_names(items_of(field).choices):
        return type_
    enum = enum_name(owner, field)
    if not isinstance(field, Array):
        return enum
    return f"[{enum}]" if field.of.nullable else f"[{enum}!]"


def enum_definition(owner: str, field: Field, description: str) -> str:
    """Return the enum of a field; empty if it has none."""
    names = enum_names(items_of(field).choices)
    values = (Member(name, "", f"{words(choice).capitalize()}.") for name, choice in names.items())
    return definition("enum", enum_name(owner, field), description, values)


def id_argument(one: str) -> Member:
    """Return the argument with the id of a row."""
    return Member("id", "ID!", f"The {one}'s id.")


def version_argument(one: str) -> Member:
    """Return the argument with the version that a row must have."""
    text = (
        f"The expected `version`. If the {one} has another version, the error is `stale_version`."
    )
    return Member("ifVersion", "Int", text)


def further_fields(resource: Resource) -> Iterator[tuple[str, Field]]:
    """Yield the fields that are no columns of the table, each with the owner of its enum."""
    for relation in resource.relations:
        owner = f"{type_name(resource)}{title(relation.name)}"
        if isinstance(relation, Many):
            yield from ((owner, field) for field in relation.payload)
        elif isinstance(relation, Function):
            yield from ((owner, field) for field in relation.arguments)
            if isinstance(relation.returns, Field):
                yield owner, relation.returns


def key_name(resource: Resource) -> str:
    """Return what lists are sorted by: `id`, or the key of several columns."""
    return "id" if len(resource.keys) == 1 else "key"


def chosen(
    resource: Resource, names: list[str], chosen: Iterable[str] | None, what: str
) -> list[str]:
    """Return what GraphQL has of these names. Raise DeclarationError for an unknown one."""
    if chosen is None:
        return names
    unknown = set(chosen) - set(names)
    if unknown:
        raise DeclarationError(
            f"{resource.name}: GraphQL has no such {what}: {', '.join(sorted(unknown))}"
        )
    return list(chosen)


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
