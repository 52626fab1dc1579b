"""Resolve `__schema` and `__type` with graphql-core's own executor, which needs no database."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphql import FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode, execute_sync
from graphql.language import DocumentNode

from sluice.graph.planned_field import PlannedField
from sluice.graph.schema import current_schema

if TYPE_CHECKING:
    from sluice.graph.resolvers import ResolverContext


def resolve_introspection(
    context: "ResolverContext", field: PlannedField, parents: Sequence[Any]
) -> list[Any]:
    """Return the value of a `__schema` or `__type` field. Raises GraphQLError."""
    operation = context.operation
    single_field_operation = OperationDefinitionNode(
        operation=operation.node.operation,
        variable_definitions=operation.node.variable_definitions,
        directives=(),
        selection_set=SelectionSetNode(selections=tuple(field.collected.nodes)),
    )
    fragments = [
        node for node in operation.document.definitions if isinstance(node, FragmentDefinitionNode)
    ]
    document = DocumentNode(definitions=(single_field_operation, *fragments))
    result = execute_sync(current_schema(), document, variable_values=dict(context.variables))
    if result.errors:
        raise result.errors[0]
    return [(result.data or {}).get(field.response_key)]
