"""Run mutations, and the mutations that create, update and delete a row of a resource.

Their repositories belong to one transaction, which is committed only if all mutations succeed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sluice.errors import NotFound
from sluice.graph.execution import ExecutionResult, Objects, execute
from sluice.graph.loaders import Pending
from sluice.graph.part import column_name, graphql_name
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import ResolverContext, row_id
from sluice.http.body import BodySchema
from sluice.kinds.field import Field
from sluice.sql.key import of_representation

if TYPE_CHECKING:
    from sluice.graph.part import Resolver
    from sluice.resource import Resource


class IdField(Field):
    """Read a GraphQL ID as a row's id. An ID that no row can have becomes NO_ID."""

    def read(self, value: object, pointer: str) -> int | None:
        return None if value is None else row_id(str(value))


def input_of(field: PlannedField) -> dict[str, Any]:
    """Return the argument `input`, with column names as keys."""
    return {column_name(name): value for name, value in field.arguments["input"].items()}


def create_row(name: str) -> "Resolver":
    """Return a resolver that adds a row with the argument `input`, and reads the row."""

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        rows = context.repositories.named(name)
        values = _read(field, _new_row(rows.resource), "POST")
        key = of_representation(rows.resource.keys, rows.create(values).id)
        return context.load(name, [key], field)

    return resolve


def update_row(name: str) -> "Resolver":
    """Return a resolver that changes the row with the argument `id`, and reads the row.

    The row is null if the id is unknown. With `ifVersion` its version must be that one.
    """

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        rows = context.repositories.named(name)
        changes = _read(field, _changed_row(rows.resource), "PATCH")
        key, version = (row_id(field.arguments["id"]),), field.arguments.get("ifVersion")
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
        try:
            context.repositories.named(name).delete((row_id(field.arguments["id"]),))
        except NotFound:
            return [False]
        return [True]

    return resolve


@cache
def _new_row(resource: "Resource") -> BodySchema:
    optional = [field for field in resource.writable if not field.required]
    names = [field.name for field in _inputs(optional)]
    return BodySchema(_inputs(resource.writable), optional=names)


@cache
def _changed_row(resource: "Resource") -> BodySchema:
    return BodySchema(_inputs(resource.changeable))


def _inputs(fields: Iterable[Field]) -> list[Field]:
    """Return the fields as GraphQL has them: a reference is an ID."""
    return [IdField(field.reference.key.column) if field.reference else field for field in fields]


def _read(field: PlannedField, schema: BodySchema, method: str) -> dict[str, Any]:
    """Return the values of the argument `input`. Raises ValidationFailed, like a REST body."""
    given: Mapping[str, object] = field.arguments["input"]
    names = {graphql_name(name): name for name in schema.fields}
    document = {names.get(name, name): _json(value) for name, value in given.items()}
    return schema.read_body(document, method)


def _json(value: object) -> object:
    """Return the value as a REST body has it. The scalar DateTime is parsed already."""
    return value.isoformat() if isinstance(value, datetime) else value


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
