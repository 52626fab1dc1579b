"""The routes of a resource's functions of the database: POST, or GET if the function only reads.

POST  /api/deals/<id>/win
GET   /api/deals/<id>/open_total
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sluice import runtime
from sluice.http import idempotency, responses
from sluice.http.body import OptionalBody
from sluice.http.conditional import precondition
from sluice.http.paths import row_path
from sluice.http.query_params import ArgumentParams
from sluice.http.request import Request
from sluice.http.resource_routes import Repository
from sluice.http.response import Response
from sluice.http.route import DataEnvelope, LazyRoute, ResponseSpec, RouteSpec
from sluice.http.route_names import name_of_function
from sluice.http.route_texts import a_row, words
from sluice.kinds.field import Field
from sluice.resource import ROW, ROWS, Function
from sluice.sql.calls import Call, CallRepository, reader_of
from sluice.sql.key import Key


def function_routes(repository: Repository, texts: Mapping[str, str]) -> Iterator[LazyRoute]:
    """Yield the route of each function."""
    for function in repository.resource.functions:
        handlers = FunctionHandlers(repository, function)
        handler = handlers.read if function.stable else handlers.call
        yield LazyRoute.of(_route(repository, function, texts), handler)


class FunctionHandlers:
    """Handle the requests of a function."""

    def __init__(self, repository: Repository, function: Function) -> None:
        self._call = Call(repository.resource, repository.projection, function)
        self.reader = reader_of(repository)

    def read(self, request: Request, values: dict[str, Any], key: Key) -> Response:
        found = runtime.current().get(self.reader).read(self._call, key, values)
        return responses.result(request, found)

    def call(self, request: Request, values: dict[str, Any], key: Key) -> Response:
        current = runtime.current()
        calls, arguments = current.get(CallRepository), {**self._call.defaults, **values}
        return idempotency.once(
            request,
            current.idempotency,
            lambda repeated: calls.write(
                self._call, key, arguments, precondition(request), repeated
            ),
            lambda returned: responses.result(request, returned),
        )


def _route(repository: Repository, function: Function, texts: Mapping[str, str]) -> RouteSpec:
    resource = repository.resource
    name = name_of_function(resource, function)
    verb = (
        f"Get the {words(function.name)} of"
        if function.stable
        else words(function.name).capitalize()
    )
    key = {field.name: field for field in resource.keys}
    arguments = tuple(function.arguments)
    return RouteSpec(
        method="GET" if function.stable else "POST",
        path=f"{row_path(resource)}/{function.name}",
        name=name,
        text=texts.get(name) or f"{verb} {a_row(resource)}.",
        response=_response(repository, function),
        scope=function.scope or f"{resource.scope_prefix}:{'read' if function.stable else 'write'}",
        path_fields=key,
        keys={"key": tuple(key)},
        query=ArgumentParams(arguments) if function.stable else None,
        body=None if function.stable else OptionalBody(arguments),
        idempotent=not function.stable,
        needs_tenant=resource.has_tenant,
    )


def _response(repository: Repository, function: Function) -> ResponseSpec:
    if isinstance(function.returns, Field):
        return {function.returns.name: function.returns.row_schema()}
    if function.returns == ROWS:
        return DataEnvelope(repository.projection.fields)
    return repository.projection if function.returns == ROW else None
