"""Run mutations, and read their input.

Their repositories belong to one transaction, which is committed only if all mutations succeed.
"""

from collections.abc import Sequence
from typing import Any

from sluice.graph.execution import ExecutionResult, execute
from sluice.graph.part import column_name
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import ResolverContext, row_id
from sluice.kinds.field import Field


class IdField(Field):
    """Read a GraphQL ID as a row's id. An ID that no row can have becomes NO_ID."""

    def read(self, value: object, pointer: str) -> int | None:
        return None if value is None else row_id(str(value))


def input_of(field: PlannedField) -> dict[str, Any]:
    """Return the argument `input`, with column names as keys."""
    return {column_name(name): value for name, value in field.arguments["input"].items()}


def run_mutations(fields: Sequence[PlannedField], context: ResolverContext) -> ExecutionResult:
    """Run the mutations one after another, until one fails.

    If one fails, the result has no data, because the caller rolls the transaction back.
    """
    data: dict[str, Any] = {}
    for field in fields:
        context.loaders.clear()
        result = execute([field], context)
        if result.errors or result.data is None:
            return ExecutionResult(None, result.errors)
        data |= result.data
    return ExecutionResult(data)
