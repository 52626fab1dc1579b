"""What one request wants of a document: the fields that its directives leave, with its variables in their arguments."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSkipDirective,
    GraphQLString,
    NameNode,
    VariableNode,
    get_nullable_type,
)
from graphql.execution.values import VariableValues, get_argument_values

from sluice.graph.document import GraphQLRequestError, Operation
from sluice.graph.field_collection import INTROSPECTION, CollectedField, Conditions
from sluice.graph.schema import SCHEMA

DEFAULT_FIRST = 20  # where the schema says none


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field of the schema: the object type it leads to, if any; whether to many of them; how a leaf is written.

    `first`, of a list that takes a size: what that is where nobody says.
    """

    definition: GraphQLField
    object: str | None
    many: bool
    required: bool
    write: Callable[[Any], Any] | None
    first: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A field to answer, on objects of the type `owner`. `given` are the arguments that the client gave itself."""

    field: CollectedField
    key: str
    name: str
    owner: str
    kind: FieldInfo
    arguments: Mapping[str, Any]
    given: frozenset[str]
    fields: "tuple[PlannedField, ...]"


def key_of(selected: PlannedField) -> tuple[str, str, str]:
    """What equal fields with equal arguments have in common. Arguments that are null count as absent."""
    return (
        selected.owner,
        selected.name,
        json.dumps(_present(selected.arguments), default=str, sort_keys=True),
    )


def _present(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _present(value) if isinstance(value, dict) else value
        for name, value in arguments.items()
        if value is not None
    }


def plan(operation: Operation, variables: VariableValues) -> tuple[PlannedField, ...]:
    """What to answer, in the order of the answer. Invalid where an argument cannot be what a variable makes it."""
    owner = "Mutation" if operation.is_mutation else "Query"
    try:
        return _select(operation.fields, owner, variables)
    except GraphQLError as error:
        raise GraphQLRequestError([error]) from None


def _select(
    fields: Mapping[str, CollectedField], owner: str, variables: VariableValues
) -> tuple[PlannedField, ...]:
    return tuple(
        _selected(field, owner, variables)
        for field in fields.values()
        if any(_holds(conditions, variables) for conditions in field.conditions)
    )


def _selected(field: CollectedField, owner: str, variables: VariableValues) -> PlannedField:
    node, kind = field.nodes[0], FIELD_INFO[owner, field.name]
    arguments: Mapping[str, Any] = {}
    given: frozenset[str] = frozenset()
    if kind.definition.args:
        arguments = get_argument_values(kind.definition, node, variables)
        given = frozenset(
            argument.name.value
            for argument in node.arguments or ()
            if not isinstance(argument.value, VariableNode)
            or argument.value.name.value in variables.coerced
        )
    inner = _select(field.fields, kind.object, variables) if kind.object else ()
    return PlannedField(field, field.key, field.name, owner, kind, arguments, given, inner)


def _holds(conditions: Conditions, variables: VariableValues) -> bool:
    for node in conditions:
        skips = node.name.value == "skip"
        definition = GraphQLSkipDirective if skips else GraphQLIncludeDirective
        if get_argument_values(definition, node, variables)["if"] is skips:
            return False
    return True


def _kinds() -> dict[tuple[str, str], FieldInfo]:
    kinds = {}
    string = GraphQLField(GraphQLString)
    for name, owner in SCHEMA.type_map.items():
        if isinstance(owner, GraphQLObjectType) and not name.startswith("__"):
            kinds[name, "__typename"] = FieldInfo(string, None, False, True, None)
            kinds |= {
                (name, field): _kind(definition) for field, definition in owner.fields.items()
            }
    for field in INTROSPECTION:  # answered by graphql-core
        kinds["Query", field] = FieldInfo(string, None, False, False, None)
    return kinds


def _kind(definition: GraphQLField) -> FieldInfo:
    """The schema has objects, lists of objects and leaves; of lists neither they nor what is in them can be null."""
    inner = get_nullable_type(definition.type)
    many = isinstance(inner, GraphQLList)
    if isinstance(inner, GraphQLList):
        inner = get_nullable_type(inner.of_type)
    write: Callable[[Any], Any] | None = None
    if getattr(inner, "name", "") == "ID":
        write = str
    elif isinstance(inner, GraphQLEnumType):
        write = inner.serialize
    name = inner.name if isinstance(inner, GraphQLObjectType) else None
    first = None
    if "first" in definition.args:  # such fields need no argument
        first = get_argument_values(
            definition, FieldNode(name=NameNode(value="first"), arguments=())
        ).get("first", DEFAULT_FIRST)
    return FieldInfo(
        definition, name, many, isinstance(definition.type, GraphQLNonNull), write, first
    )


FIELD_INFO = _kinds()
