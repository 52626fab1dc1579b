"""Plan an operation: apply @skip and @include, and put the variables into the arguments."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    VariableNode,
)
from graphql.execution.values import VariableValues, get_argument_values

from sluice.graph.document import GraphQLRequestError, Operation
from sluice.graph.field_collection import CollectedField, Conditions
from sluice.graph.field_info import current_fields
from sluice.graph.planned_field import PlannedField


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
    """Return the included fields in the order of their first included occurrences."""
    positions = {
        position: field
        for field in fields.values()
        if (position := _position(field, variables)) is not None
    }
    return tuple(
        _plan_field(positions[position], parent_type, variables) for position in sorted(positions)
    )


def _position(field: CollectedField, variables: VariableValues) -> int | None:
    """Return the position of the first included occurrence, or None if all are skipped."""
    for occurrence in field.occurrences:
        if _is_included(occurrence.conditions, variables):
            return occurrence.position
    return None


def _plan_field(field: CollectedField, parent_type: str, variables: VariableValues) -> PlannedField:
    node = field.nodes[0]
    info = current_fields()[parent_type, field.name]
    arguments: Mapping[str, Any] = {}
    explicit_args: frozenset[str] = frozenset()
    if info.definition.args:
        arguments = get_argument_values(info.definition, node, variables)
        explicit_args = _explicit_args(node, variables)
    children: tuple[PlannedField, ...] = ()
    if info.object_type:
        children = _plan_fields(field.fields, info.object_type, variables)
    return PlannedField(
        _included_nodes(field, variables),
        field.key,
        field.name,
        parent_type,
        info,
        arguments,
        explicit_args,
        children,
    )


def _included_nodes(field: CollectedField, variables: VariableValues) -> list[FieldNode]:
    if len(field.nodes) == 1:
        return field.nodes
    return [
        node
        for node, occurrence in zip(field.nodes, field.occurrences, strict=True)
        if _is_included(occurrence.conditions, variables)
    ]


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
