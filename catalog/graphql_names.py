"""The names that a resource has in GraphQL, of which no two may be the same."""

import re
from collections.abc import Collection, Iterable, Iterator

from sluice.graph.part import graphql_name
from sluice.kinds.array import Array
from sluice.kinds.field import Field
from sluice.kinds.range import Range
from sluice.resource import Function, Many, Resource

TYPE_SUFFIXES = ("", "Connection", "Edge", "Filter", "Sort", "SortField")
ENUM_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
ENGINE_NAMES = ("Query", "Mutation", "PageInfo", "SortDirection", "Query.node", "Query.nodes")
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


def names_of(resource: Resource) -> Iterator[str]:
    """Yield the names that no other resource may have.

    They are those of types, and of fields of the roots: `Query.deals`, `Mutation.createDeal`.
    """
    yield from _types(resource)
    yield from _of_root("Query", _queries(resource), resource.graphql.queries)
    yield from _of_root("Mutation", _mutations(resource), resource.graphql.mutations)


def list_name(collection: str) -> str:
    """Return the name of a collection as a field of Query."""
    return f"Query.{graphql_name(collection)}"


def _of_root(root: str, names: Iterable[str], chosen: Collection[str] | None) -> Iterator[str]:
    yield from (f"{root}.{name}" for name in names if chosen is None or name in chosen)


def _queries(resource: Resource) -> Iterator[str]:
    one = graphql_name(resource.singular)
    yield graphql_name(resource.name)
    yield f"{one}ById" if resource.singular == resource.name else one
    if len(resource.keys) > 1:
        yield f"{one}ByKey"


def _mutations(resource: Resource) -> Iterator[str]:
    for write in ("create", "update", "delete"):
        if write in resource.writes:
            yield f"{write}{type_name(resource)}"
    for many in _links(resource):
        if many.writes:
            yield from (f"{verb}{_owner(resource, many)}" for verb in ("link", "unlink"))
    for function in resource.functions:
        if not function.stable:
            yield graphql_name(f"{function.name}_{resource.singular}")


def _types(resource: Resource) -> Iterator[str]:
    name = type_name(resource)
    yield from (f"{name}{suffix}" for suffix in TYPE_SUFFIXES)
    yield from (f"{verb}{name}Input" for verb in ("Create", "Update"))
    yield from _enums(name, resource.all_fields)
    for many in _links(resource):
        owner = _owner(resource, many)
        yield from (f"{owner}{suffix}" for suffix in ("Connection", "Edge"))
        yield from (f"Link{owner}{suffix}" for suffix in ("Input", "Payload"))
        yield f"Unlink{owner}Payload"
        yield from _enums(owner, many.payload)
    for function in resource.functions:
        if not function.stable:
            yield f"{title(function.name)}{name}Input"
        returns = [function.returns] if isinstance(function.returns, Field) else []
        yield from _enums(_owner(resource, function), (*function.arguments, *returns))


def _links(resource: Resource) -> Iterator[Many]:
    hidden = resource.graphql.hidden
    yield from (many for many in resource.lists if many.through and many.name not in hidden)


def _owner(resource: Resource, relation: Many | Function) -> str:
    """Return the start of the names of a relation's types: `DealLabels`."""
    return f"{type_name(resource)}{title(relation.name)}"


def _enums(owner: str, fields: Iterable[Field]) -> Iterator[str]:
    for field in fields:
        if enum_names(items_of(field).choices):
            yield enum_name(owner, field)


def ranges_of(resource: Resource) -> Iterator[str]:
    """Yield the names of the types of the ranges, which resources share."""
    for field in map(items_of, resource.all_fields):
        if isinstance(field, Range):
            yield from (field.graphql_type, field.graphql_input_type)
