"""Plan an operation: apply @skip and @include, and put the variables into the arguments."""

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
from sluice.graph.field_collection import INTROSPECTION_FIELDS, CollectedField, Conditions
from sluice.graph.schema import SCHEMA

DEFAULT_FIRST = 20  # if the schema has no default


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """A field of the schema, with the properties of its type that the executor needs.

    `object_type`: the name of the object type it returns; None for a leaf.
    `serialize`: converts a leaf's value for the response; None if it needs no conversion.
    `default_first`: the page size without `first`; None if the field is not a paginated list.
    """

    definition: GraphQLField
    object_type: str | None
    is_list: bool
    non_null: bool
    serialize: Callable[[Any], Any] | None
    default_first: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A field to resolve on objects of the type `parent_type`.

    `response_key` is its alias or name. `explicit_args` are the names of the arguments that the
    client passed.
    """

    collected: CollectedField
    response_key: str
    name: str
    parent_type: str
    info: FieldInfo
    arguments: Mapping[str, Any]
    explicit_args: frozenset[str]
    fields: "tuple[PlannedField, ...]"


def cache_key(field: PlannedField) -> tuple[str, str, str]:
    """Return a key that is equal for equal fields with equal arguments. Nulls are left out."""
    arguments = _without_nulls(field.arguments)
    return field.parent_type, field.name, json.dumps(arguments, default=str, sort_keys=True)


def _without_nulls(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in arguments.items()
        if value is not None
    }


def plan(operation: Operation, variables: VariableValues) -> tuple[PlannedField, ...]:
    """Return the root fields to resolve, in the order of the response.

    Raises GraphQLRequestError if a variable makes an argument invalid.
    """
    root_type = "Mutation" if operation.is_mutation else "Query"
    try:
        return _plan_fields(operation.fields, root_type, variables)
    except GraphQLError as error:
        raise GraphQLRequestError([error]) from None


def _plan_fields(
    fields: Mapping[str, CollectedField], parent_type: str, variables: VariableValues
) -> tuple[PlannedField, ...]:
    return tuple(
        _plan_field(field, parent_type, variables)
        for field in fields.values()
        if any(_is_included(conditions, variables) for conditions in field.conditions)
    )


def _plan_field(field: CollectedField, parent_type: str, variables: VariableValues) -> PlannedField:
    node = field.nodes[0]
    info = FIELD_INFO[parent_type, field.name]
    arguments: Mapping[str, Any] = {}
    explicit_args: frozenset[str] = frozenset()
    if info.definition.args:
        arguments = get_argument_values(info.definition, node, variables)
        explicit_args = _explicit_args(node, variables)
    children: tuple[PlannedField, ...] = ()
    if info.object_type:
        children = _plan_fields(field.fields, info.object_type, variables)
    return PlannedField(
        field, field.key, field.name, parent_type, info, arguments, explicit_args, children
    )


def _explicit_args(node: FieldNode, variables: VariableValues) -> frozenset[str]:
    return frozenset(
        argument.name.value
        for argument in node.arguments or ()
        if not isinstance(argument.value, VariableNode)
        or argument.value.name.value in variables.coerced
    )


def _is_included(conditions: Conditions, variables: VariableValues) -> bool:
    for node in conditions:
        is_skip = node.name.value == "skip"
        definition = GraphQLSkipDirective if is_skip else GraphQLIncludeDirective
        if get_argument_values(definition, node, variables)["if"] is is_skip:
            return False
    return True


def _all_field_info() -> dict[tuple[str, str], FieldInfo]:
    """Return the FieldInfo of every field, by the names of its type and the field."""
    infos = {}
    string = GraphQLField(GraphQLString)
    for name, type_ in SCHEMA.type_map.items():
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__"):
            infos[name, "__typename"] = FieldInfo(string, None, False, True, None)
            for field_name, definition in type_.fields.items():
                infos[name, field_name] = _field_info(definition)
    for field_name in INTROSPECTION_FIELDS:  # resolved by graphql-core
        infos["Query", field_name] = FieldInfo(string, None, False, False, None)
    return infos


def _field_info(definition: GraphQLField) -> FieldInfo:
    """Read a field's type: an object, a list of objects, or a leaf.

    A list cannot be null, nor can its items: tests/engine/graph/test_execution.py checks it.
    """
    inner = get_nullable_type(definition.type)
    is_list = isinstance(inner, GraphQLList)
    if isinstance(inner, GraphQLList):
        inner = get_nullable_type(inner.of_type)
    serialize: Callable[[Any], Any] | None = None
    if getattr(inner, "name", "") == "ID":
        serialize = str
    elif isinstance(inner, GraphQLEnumType):
        serialize = inner.serialize
    object_type = inner.name if isinstance(inner, GraphQLObjectType) else None
    non_null = isinstance(definition.type, GraphQLNonNull)
    default_first = _default_first(definition)
    return FieldInfo(definition, object_type, is_list, non_null, serialize, default_first)


def _default_first(definition: GraphQLField) -> int | None:
    if "first" not in definition.args:
        return None
    # A field with `first` has no required argument, so an empty node gets all defaults.
    node = FieldNode(name=NameNode(value="first"), arguments=())
    defaults = get_argument_values(definition, node)
    default_first: int = defaults.get("first", DEFAULT_FIRST)
    return default_first


FIELD_INFO = _all_field_info()
