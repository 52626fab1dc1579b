"""Serve GraphQL over HTTP: turn one HTTP request into one HTTP response.

https://graphql.github.io/graphql-over-http/draft/. An invalid document is status 400 for clients
that accept application/graphql-response+json, and 200 for those that accept application/json only.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

from graphql import GraphQLError

from sluice import application, snapstart
from sluice.errors import (
    BadRequest,
    IdempotencyKeyReused,
    InsufficientScope,
    InvalidQuery,
    MethodNotAllowed,
    NoTenant,
    SluiceError,
)
from sluice.graph.cost import calculate_cost, check_cost
from sluice.graph.document import DocumentCache, GraphQLRequestError, Operation
from sluice.graph.execution import ExecutionResult, execute, located_error
from sluice.graph.mutations import run_mutations
from sluice.graph.part import current_part
from sluice.graph.plan import plan
from sluice.graph.planned_field import PlannedField
from sluice.graph.request import GraphQLRequest
from sluice.graph.resolvers import ResolverContext, reads_only_replica_types, require_access_to_all
from sluice.http import idempotency, problem
from sluice.http.headers import accepted_type
from sluice.http.request import Request
from sluice.http.response import Response
from sluice.runtime import Runtime
from sluice.settings import GraphqlSettings
from sluice.sql.idempotency import IdempotencyKey
from sluice.unit_of_work import Repositories, UnitOfWork

ToApiError = Callable[[Exception], SluiceError]

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
MAX_REPORTED_ERRORS = 100  # each of 10,000 nodes may have an error


@lru_cache(maxsize=1)
def document_cache(limits: GraphqlSettings) -> DocumentCache:
    """Return the cache of this execution environment."""
    return DocumentCache(limits)


def handle_request(
    runtime: Runtime, request: Request, graphql_request: GraphQLRequest, to_api_error: ToApiError
) -> Response:
    """Run a GraphQL request and return its response.

    `to_api_error` converts an exception to the error that clients may see.
    Raises SluiceErrors that are not GraphQL errors: NotAcceptable, Unavailable, MethodNotAllowed,
    IdempotencyInProgress and IdempotencyKeyReused.
    """
    media_type = accepted_type(request, (GRAPHQL_RESPONSE, JSON), JSON)
    content_type = f"{media_type}; charset=utf-8"
    handler = _RequestHandler(runtime, request, to_api_error)
    try:
        text, replayed = handler.run(graphql_request)
    except (GraphQLRequestError, BadRequest) as error:
        errors = (
            error.errors
            if isinstance(error, GraphQLRequestError)
            else [GraphQLError(error.detail, original_error=error)]
        )
        text = handler.render(ExecutionResult(None, errors), with_data=False)
        return Response(400 if media_type == GRAPHQL_RESPONSE else 200, content_type, text)
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return Response(200, content_type, text, headers)


class _MutationFailed(Exception):
    """A mutation failed. Raising this rolls back all mutations of the request."""

    def __init__(self, response_text: str) -> None:
        self.response_text = response_text


class _RequestHandler:
    """Run one request and render its response."""

    def __init__(self, runtime: Runtime, request: Request, to_api_error: ToApiError) -> None:
        self._runtime = runtime
        self._request = request
        self._to_api_error = to_api_error
        # By the id of the exception, so that an exception of many nodes is logged once.
        self._api_errors: dict[int, SluiceError] = {}
        self._limits = runtime.settings.graphql
        self._cost: int | None = None

    def run(self, graphql_request: GraphQLRequest) -> tuple[str, bool]:
        """Return the response's body, and whether it is the stored response of an earlier request.

        Raises GraphQLRequestError or BadRequest if the request is invalid: then nothing has run.
        """
        documents = document_cache(self._limits)
        operation = documents.operation(graphql_request.query, graphql_request.operation)
        if operation.is_mutation and self._request.method != "POST":
            raise MethodNotAllowed("A mutation is sent by POST", headers={"Allow": "POST"})
        variables = operation.coerce_variables(graphql_request.variables, self._limits)
        fields = plan(operation, variables)
        self._cost = calculate_cost(fields)
        check_cost(self._cost, self._limits.max_cost)
        if operation.is_mutation:
            return self._run_mutation(operation, fields, graphql_request)
        repositories = self._runtime if reads_only_replica_types(fields) else self._runtime.primary
        context = self._resolver_context(operation, graphql_request, repositories)
        return self.render(execute(fields, context)), False

    def render(self, result: ExecutionResult, *, with_data: bool = True) -> str:
        """Return the response's body as JSON."""
        body: dict[str, Any] = {}
        if result.errors:
            body["errors"] = self._render_errors(result.errors)
        if with_data:
            body["data"] = result.data
        if self._cost is not None:
            body["extensions"] = {"cost": {"requested": self._cost, "limit": self._limits.max_cost}}
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        # A lone surrogate from the document cannot be encoded; it becomes a question mark.
        return text.encode("utf-8", "replace").decode()

    def _render_errors(self, errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
        rendered = [self._render_error(error) for error in errors[:MAX_REPORTED_ERRORS]]
        if len(errors) > MAX_REPORTED_ERRORS:
            rendered[-1]["message"] += f" (and {len(errors) - MAX_REPORTED_ERRORS} more errors)"
        return rendered

    def _render_error(self, error: GraphQLError) -> dict[str, Any]:
        """Return the error as the client sees it, with the problem body of the REST API."""
        cause = error.original_error
        if error.path is None and not isinstance(cause, SluiceError):  # the document is invalid
            cause = InvalidQuery(error.message)
        exception = cause or error
        api_error = self._api_errors.get(id(exception))
        if api_error is None:
            api_error = self._api_errors[id(exception)] = self._to_api_error(exception)
        problem_body = problem.body(api_error, self._request.id)
        rendered: dict[str, Any] = {"message": problem_body["detail"]}
        if error.locations:
            rendered["locations"] = [
                {"line": location.line, "column": location.column} for location in error.locations
            ]
        if error.path is not None:
            rendered["path"] = list(error.path)
        return {**rendered, "extensions": {"code": api_error.code, "problem": problem_body}}

    def _run_mutation(
        self, operation: Operation, fields: Sequence[PlannedField], graphql_request: GraphQLRequest
    ) -> tuple[str, bool]:
        """Run all mutations and store the response of the Idempotency-Key in one transaction."""
        key = idempotency.read_key(self._request)

        def run(work: UnitOfWork) -> str:
            if key is not None:
                work.idempotency.claim(key)
            context = self._resolver_context(operation, graphql_request, work)
            result = run_mutations(fields, context)
            text = self.render(result)
            if result.errors:
                raise _MutationFailed(text)
            if key is not None:
                work.idempotency.store_response(key, text)
            return text

        for field in fields:
            try:
                require_access_to_all([field], self._request.scopes)
            except (InsufficientScope, NoTenant) as error:  # reported before the transaction begins
                access_error = located_error(error, field, (field.response_key,))
                return self.render(ExecutionResult(None, [access_error])), False
        try:
            return self._runtime.run_in_transaction(run), False
        except _MutationFailed as failed:
            return failed.response_text, False
        except IdempotencyKeyReused:
            stored_text = self._stored_response(key)
            if stored_text is None:
                raise
            return stored_text, True

    def _stored_response(self, key: IdempotencyKey | None) -> str | None:
        stored = self._runtime.idempotency.find_response(key) if key else None
        return None if stored is None else stored.json

    def _resolver_context(
        self, operation: Operation, graphql_request: GraphQLRequest, repositories: Repositories
    ) -> ResolverContext:
        return ResolverContext(
            operation,
            graphql_request.variables,
            repositories=repositories,
            replica_reads=self._runtime,
            scopes=self._request.scopes,
            max_rows=self._limits.max_cost,
        )


def _preload() -> None:
    """Import what the first queries would import, so that it is in the snapshot."""
    current = application.current()
    for name in current.repositories:
        current.load("repositories", name)
    if current.has_graphql:
        for module in current_part().preload:
            import_module(module)


snapstart.before_snapshot(_preload)
