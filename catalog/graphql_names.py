"""The names that a resource has in GraphQL, of which no two may be the same."""

import re
from collections.abc import Iterable, Iterator

from sluice.graph.part import graphql_name
from sluice.kinds.array import Array
from sluice.kinds.field import Field
from sluice.kinds.range import Range
from sluice.resource import Resource

TYPE_SUFFIXES = ("", "Connection", "Edge", "Filter", "Sort", "SortField")
ENUM_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
ENGINE_NAMES = ("Query", "Mutation", "PageInfo", "SortDirection", "node", "nodes")
SCALARS = (
    *("Boolean", "Float", "ID", "Int", "String", "BigInt", "Date", "DateTime", "Decimal"),
    *("Double", "Duration", "ExtendedDate", "ExtendedDateTime", "ExtendedDecimal", "JSON"),
    *("LocalDateTime", "LocalTime"),
)


def type_name(resource: Resource) -> str:
    """Return the name of the type of a row: `line_item` → `LineItem`."""
    return "".join(word.title() for word in resource.singular.split("_"))


def title(name: str) -> str:
    """Return a name as a part of another one: `old_labels` → `OldLabels`."""
    return graphql_name(f"_{name}")


def enum_name(owner: str, field: Field) -> str:
    """Return the name of the enum of a field. `owner` is the name of the type with the field."""
    return f"{owner}{title(field.name)}"


def enum_names(choices: Iterable[str]) -> dict[str, str]:
    """Return the names in GraphQL, each with its value. Empty if a value has no name.

    Lower-case values are named in upper case, others as they are.
    """
    values = list(choices)
    if not all(ENUM_NAME.fullmatch(value) and not value.startswith("__") for value in values):
        return {}
    if all(value == value.lower() for value in values):
        return {value.upper(): value for value in values}
    if {"true", "false", "null"} & {*values}:
        return {}
    return {value: value for value in values}


def items_of(field: Field) -> Field:
    """Return the kind of the items of an array, or the field itself."""
    return field.of if isinstance(field, Array) else field


def root_names(resource: Resource) -> list[str]:
    """Return the names of the resource's types and of its fields of Query."""
    name = type_name(resource)
    types = [f"{name}{suffix}" for suffix in TYPE_SUFFIXES]
    types += [f"Create{name}Input", f"Update{name}Input"]
    one = resource.singular
    return [*types, resource.name, f"{one}_by_id" if one == resource.name else one]


def types_of_fields(resource: Resource) -> Iterator[str]:
    """Yield the names of the enums of a resource, which no other one may have."""
    for field in resource.all_fields:
        if enum_names(items_of(field).choices):
            yield enum_name(type_name(resource), field)


def ranges_of(resource: Resource) -> Iterator[str]:
    """Yield the names of the types of the ranges, which resources share."""
    for field in map(items_of, resource.all_fields):
        if isinstance(field, Range):
            yield from (field.graphql_type, field.graphql_input_type)
