"""Functions of the database: a mutation if the function writes, a field of the row if it reads.

A field calls its function for all rows of a level in one statement.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from sluice.errors import FieldError, InvalidParameter, NotFound, ValidationFailed
from sluice.graph.execution import Objects
from sluice.graph.inputs import further_names, read_further
from sluice.graph.loaders import Pending
from sluice.graph.planned_field import PlannedField
from sluice.graph.resolvers import ResolverContext, keys_in
from sluice.graph.values import as_text
from sluice.kinds.field import Field
from sluice.resource import NOTHING, ROWS
from sluice.sql.calls import Call, CallRepository, reader_of
from sluice.sql.key import Key, of_id
from sluice.sql.precondition import NO_PRECONDITION, Precondition

if TYPE_CHECKING:
    from sluice.graph.part import Resolver


def called(name: str, function: str) -> "Resolver":
    """Return a resolver that calls a function which writes, on the row with the argument `id`.

    It is what the function returned: a row, a value, or true for nothing. It is null, or false, if
    the id is unknown. With `ifVersion` the version of the row must be that one.
    """

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> list[Any]:
        call = _call(context, name, function)
        given = field.arguments.get("input") or {}
        values = {**call.defaults, **read_further(given, tuple(call.function.arguments))}
        key = of_id(call.projection.keys, field.arguments["id"])
        version = field.arguments.get("ifVersion")
        precondition = NO_PRECONDITION if version is None else Precondition([str(version)])
        unknown = False if call.function.returns == NOTHING else None
        if key is None:
            return [unknown]
        try:
            found = context.repositories.get(CallRepository).write(call, key, values, precondition)
        except NotFound:
            return [unknown]
        return [_value(call, found.json) if found.json else True]

    return resolve


def computed(name: str, function: str) -> "Resolver":
    """Return a resolver of what a function that only reads returns for each row.

    It is null if the function returned no row.
    """

    def resolve(context: ResolverContext, field: PlannedField, parents: Objects) -> Pending:
        call = _call(context, name, function)
        values = _arguments(call, field)
        keys = keys_in(parents, field.info.parent.key)
        if call.function.returns == ROWS:
            context.check_size(field, keys, call.function.max_rows)
        reader = reader_of(type(context.repositories.named(name)))
        repository = context.repositories.get(reader)

        def read(keys: Sequence[Key], _: frozenset[str]) -> Mapping[Key, Any]:
            return {
                key: found if isinstance(found, ValidationFailed) else _value(call, found)
                for key, found in repository.read_many(call, keys, values).items()
            }

        # An argument that is null is not one that is left out.
        given = json.dumps(field.arguments, default=repr, sort_keys=True)
        return context.loaders.get(("function", name, function, given), read).load(keys)

    return resolve


def _call(context: ResolverContext, name: str, function: str) -> Call:
    repository: Any = type(context.repositories.named(name))
    return _call_of(repository, function)


@cache
def _call_of(repository: Any, name: str) -> Call:
    resource = repository.resource
    function = next(each for each in resource.functions if each.name == name)
    return Call(resource, repository.graphql_list_spec.projection, function)


def _arguments(call: Call, field: PlannedField) -> dict[str, object]:
    """Return the arguments of a function that only reads, parsed like those of a query string.

    Raises InvalidParameter with all that are invalid.
    """
    values, errors = dict(call.defaults), []
    for name, declared in further_names(call.function.arguments).items():
        value = field.arguments.get(name)
        if value is None:
            if name in field.arguments and declared.nullable:
                values[declared.name] = None
            continue
        try:
            values[declared.name] = declared.parse(as_text(value))
        except ValueError as problem:
            errors.append(FieldError("invalid", str(problem), parameter=name))
    if errors:
        raise InvalidParameter(errors=errors)
    return values


def _value(call: Call, text: str) -> Any:
    """Return what a function returned: a row, rows, or a value."""
    value, returns = json.loads(text), call.function.returns
    if isinstance(returns, Field):
        return value[returns.name]
    return value["data"] if returns == ROWS else value
