"""Run mutations, and the mutations that create, update and delete a row of a resource.

Their repositories belong to one transaction, which is committed only if all mutations succeed.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sluice.errors import NotFound
from sluice.graph.execution import ExecutionResult, Objects, execute
from sluice.graph.inputs import IdField, OwnIdField, read_input
from sluice.graph.loaders import Pending
from sluice.graph.part import column_name, is_id, member_name
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import ResolverContext
from sluice.http.body import BodySchema
from sluice.kinds.field import Field
from sluice.sql.key import of_id, of_representation

if TYPE_CHECKING:
    from sluice.graph.part import Resolver
    from sluice.resource import Resource


def input_of(field: PlannedField) -> dict[str, Any]:
    """Return the argument `input`, with column names as keys."""
    return {column_name(name): value for name, value in field.arguments["input"].items()}


def create_row(name: str) -> "Resolver":
    """Return a resolver that adds a row with the argument `input`, and reads the row."""

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        rows = context.repositories.named(name)
        values = _read(field, rows.resource, _new_row(rows.resource), "POST")
        key = of_representation(rows.resource.keys, rows.create(values).id)
        return context.load(name, [key], field)

    return resolve


def update_row(name: str) -> "Resolver":
    """Return a resolver that changes the row with the argument `id`, and reads the row.

    The row is null if the id is unknown. With `ifVersion` its version must be that one.
    """

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        rows = context.repositories.named(name)
        changes = _read(field, rows.resource, _changed_row(rows.resource), "PATCH")
        key = of_id(rows.resource.keys, field.arguments["id"])
        version = field.arguments.get("ifVersion")
        if key is None:
            return context.load(name, [None], field)
        try:
            if version is None:
                rows.update(key, changes)
            else:
                rows.update_version(key, changes, version)
        except NotFound:
            return context.load(name, [None], field)
        return context.load(name, [key], field)

    return resolve


def delete_row(name: str) -> "Resolver":
    """Return a resolver that deletes the row with the argument `id`. False: the id is unknown."""

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Sequence[bool]:
        rows = context.repositories.named(name)
        key = of_id(rows.resource.keys, field.arguments["id"])
        if key is None:
            return [False]
        try:
            rows.delete(key)
        except NotFound:
            return [False]
        return [True]

    return resolve


@cache
def _new_row(resource: "Resource") -> BodySchema:
    optional = [field for field in resource.writable if not field.required]
    names = [field.name for field in _inputs(resource, optional)]
    return BodySchema(_inputs(resource, resource.writable), optional=names)


@cache
def _changed_row(resource: "Resource") -> BodySchema:
    return BodySchema(_inputs(resource, resource.changeable))


def _inputs(resource: "Resource", fields: Iterable[Field]) -> list[Field]:
    """Return the fields as GraphQL has them: a reference is an ID, and so is the field `id`."""
    return [_input(resource, field) for field in fields]


def _input(resource: "Resource", field: Field) -> Field:
    if field.reference:
        return IdField(field.reference.key)
    return OwnIdField(field) if is_id(resource, field) else field


def _read(
    field: PlannedField, resource: "Resource", schema: BodySchema, method: str
) -> dict[str, Any]:
    """Return the values of the argument `input`. Raises ValidationFailed, like a REST body."""
    given: Mapping[str, object] = field.arguments["input"]
    names = {member_name(resource, name): name for name in schema.fields}
    return read_input(given, schema, names, method)


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
