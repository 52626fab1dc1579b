"""GraphQL over HTTP: a request in, a response out, and in between the steps that each bound the next.

https://graphql.github.io/graphql-over-http/draft/. What is wrong with the document is told in GraphQL's own words,
under 400 to who accepts application/graphql-response+json and under 200 to who knows only application/json.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from aws_lambda_powertools.event_handler import Response
from graphql import GraphQLError

from sluice.errors import (
    BadRequest,
    IdempotencyKeyReused,
    InsufficientScope,
    InvalidQuery,
    MethodNotAllowed,
    NotAcceptable,
    SluiceError,
)
from sluice.graph.cost import cost_of, require_affordable
from sluice.graph.document import DocumentCache, GraphQLRequestError, Operation
from sluice.graph.execution import ExecutionResult, execute, located
from sluice.graph.mutations import mutate
from sluice.graph.plan import PlannedField, plan
from sluice.graph.request import GraphQLRequest
from sluice.graph.resolvers import ResolverContext, reads_catalogue, require_scopes
from sluice.http import accept, idempotency, problem
from sluice.http.request import Request
from sluice.runtime import Runtime
from sluice.settings import GraphqlSettings
from sluice.unit_of_work import Repositories, UnitOfWork

Judge = Callable[[Exception], SluiceError]

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
MAX_ERRORS = 100  # that are told one by one: each of ten thousand nodes may have one


@lru_cache(maxsize=1)
def documents(limits: GraphqlSettings) -> DocumentCache:
    """Those of this environment."""
    return DocumentCache(limits)


def handle_request(
    shop: Runtime, request: Request, graphql_request: GraphQLRequest, judge: Judge
) -> Response[str]:
    """The response to who asks; `judge` says what may be seen of an error.

    SluiceErrors that are no part of GraphQL: not acceptable, unavailable, a reused key.
    """
    media_type = _media_type(request)
    turn = _Turn(shop, request, judge)
    try:
        text, replayed = turn.take(graphql_request)
    except (GraphQLRequestError, BadRequest) as error:
        errors = (
            error.errors
            if isinstance(error, GraphQLRequestError)
            else [GraphQLError(error.detail, original_error=error)]
        )
        text = turn.render(ExecutionResult(None, errors), with_data=False)
        return Response(
            400 if media_type == GRAPHQL_RESPONSE else 200, f"{media_type}; charset=utf-8", text
        )
    headers = {"Idempotency-Replayed": "true"} if replayed else {}
    return Response(200, f"{media_type}; charset=utf-8", text, headers)


class _Refused(Exception):
    """Mutations of which one failed; the others are undone by this."""

    def __init__(self, text: str) -> None:
        self.text = text


class _Turn:
    """One request's way through."""

    def __init__(self, shop: Runtime, request: Request, judge: Judge) -> None:
        self._shop = shop
        self._request = request
        self._judge = judge
        self._judged: dict[int, SluiceError] = {}  # by id: one error may be that of many nodes
        self._limits = shop.settings.graphql
        self._cost: int | None = None

    def take(self, graphql_request: GraphQLRequest) -> tuple[str, bool]:
        """The response's text, and whether it is an earlier one. Invalid, BadRequest: it is not run."""
        operation = documents(self._limits).operation(
            graphql_request.query, graphql_request.operation
        )
        if operation.is_mutation and self._request.method != "POST":
            raise MethodNotAllowed("A mutation is sent by POST", headers={"Allow": "POST"})
        fields = plan(operation, operation.variables(graphql_request.variables, self._limits))
        self._cost = cost_of(fields)
        require_affordable(self._cost, self._limits.max_cost)
        if operation.is_mutation:
            return self._mutate(operation, fields, graphql_request)
        shop = self._shop if reads_catalogue(fields) else self._shop.primary
        return self.render(
            execute(fields, self._resolution(operation, graphql_request, shop))
        ), False

    def render(self, result: ExecutionResult, *, with_data: bool = True) -> str:
        """The response as JSON."""
        body: dict[str, Any] = {}
        if result.errors:
            body["errors"] = [self._shown(error) for error in result.errors[:MAX_ERRORS]]
            if len(result.errors) > MAX_ERRORS:
                body["errors"][-1]["message"] += (
                    f" (and {len(result.errors) - MAX_ERRORS} more errors)"
                )
        if with_data:
            body["data"] = result.data
        if self._cost is not None:
            body["extensions"] = {"cost": {"requested": self._cost, "limit": self._limits.max_cost}}
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        return text.encode(
            "utf-8", "replace"
        ).decode()  # half a surrogate pair, out of the document, cannot be sent

    def _shown(self, error: GraphQLError) -> dict[str, Any]:
        """As the client sees it: with the problem that REST would have answered."""
        cause = error.original_error
        if error.path is None and not isinstance(
            cause, SluiceError
        ):  # of the document, before anything was run
            cause = InvalidQuery(error.message)
        fault = cause or error
        judged = self._judged.get(id(fault))
        if judged is None:
            judged = self._judged[id(fault)] = self._judge(fault)
        told = problem.body(judged, self._request.id)
        shown: dict[str, Any] = {"message": told["detail"]}
        if error.locations:
            shown["locations"] = [
                {"line": place.line, "column": place.column} for place in error.locations
            ]
        if error.path is not None:
            shown["path"] = list(error.path)
        return {**shown, "extensions": {"code": judged.code, "problem": told}}

    def _mutate(
        self, operation: Operation, fields: Sequence[PlannedField], graphql_request: GraphQLRequest
    ) -> tuple[str, bool]:
        """All of it in one transaction, with the answer that its Idempotency-Key keeps."""
        key = idempotency.read(self._request)

        def run(work: UnitOfWork) -> str:
            if key is not None:
                work.idempotency.claim(key)
            result = mutate(fields, self._resolution(operation, graphql_request, work))
            text = self.render(result)
            if result.errors:
                raise _Refused(text)
            if key is not None:
                work.idempotency.store_response(key, text)
            return text

        for selected in fields:
            try:
                require_scopes([selected], self._request.scopes)
            except InsufficientScope as error:  # told before anything is begun
                return self.render(
                    ExecutionResult(None, [located(error, selected, (selected.key,))])
                ), False
        try:
            return self._shop.run_in_transaction(run), False
        except _Refused as refused:
            return refused.text, False
        except IdempotencyKeyReused:
            first = self._shop.idempotency.find_response(key) if key else None
            if first is None:
                raise
            return first.json, True

    def _resolution(
        self, operation: Operation, graphql_request: GraphQLRequest, shop: Repositories
    ) -> ResolverContext:
        return ResolverContext(
            operation,
            graphql_request.variables,
            shop=shop,
            analytics=self._shop.analytics,
            scopes=self._request.scopes,
            max_rows=self._limits.max_cost,
        )


def _media_type(request: Request) -> str:
    """GraphQL's own media type where the client names it, else JSON. NotAcceptable."""
    chosen = accept.choose(request.headers.get("accept", ""), (GRAPHQL_RESPONSE, JSON), JSON)
    if chosen is None:
        raise NotAcceptable(
            f"The response is {GRAPHQL_RESPONSE} or {JSON}, which the Accept header excludes"
        )
    return chosen
