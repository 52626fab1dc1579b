"""What the schema says of itself, answered by graphql-core's own executor: it needs no database, and no speed."""

from collections.abc import Mapping
from typing import Any

from graphql import FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode, execute_sync
from graphql.language import DocumentNode

from sluice.graph.document import Operation
from sluice.graph.plan import PlannedField
from sluice.graph.schema import SCHEMA


def introspect(
    operation: Operation, variables: Mapping[str, object], selected: PlannedField
) -> Any:
    """The value of `__schema` or `__type`. Raises GraphQLError."""
    alone = OperationDefinitionNode(
        operation=operation.node.operation,
        variable_definitions=operation.node.variable_definitions,
        directives=(),
        selection_set=SelectionSetNode(selections=tuple(selected.field.nodes)),
    )
    fragments = [
        node for node in operation.document.definitions if isinstance(node, FragmentDefinitionNode)
    ]
    result = execute_sync(
        SCHEMA, DocumentNode(definitions=(alone, *fragments)), variable_values=dict(variables)
    )
    if result.errors:
        raise result.errors[0]
    return (result.data or {}).get(selected.key)
