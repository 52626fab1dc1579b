"""Resolve `__schema` and `__type` with graphql-core's own executor, which needs no database."""

from collections.abc import Mapping
from typing import Any

from graphql import FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode, execute_sync
from graphql.language import DocumentNode

from sluice.graph.document import Operation
from sluice.graph.planned_field import PlannedField
from sluice.graph.schema import current_schema


def introspect(operation: Operation, variables: Mapping[str, object], field: PlannedField) -> Any:
    """Return the value of a `__schema` or `__type` field. Raises GraphQLError."""
    single_field_operation = OperationDefinitionNode(
        operation=operation.node.operation,
        variable_definitions=operation.node.variable_definitions,
        directives=(),
        selection_set=SelectionSetNode(selections=tuple(field.nodes)),
    )
    fragments = [
        node for node in operation.document.definitions if isinstance(node, FragmentDefinitionNode)
    ]
    document = DocumentNode(definitions=(single_field_operation, *fragments))
    result = execute_sync(current_schema(), document, variable_values=dict(variables))
    if result.errors:
        raise result.errors[0]
    return (result.data or {}).get(field.response_key)
