"""The way in to every function: routes, methods, CORS, request ids, and errors made problems in one place."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from sluice import deadline, request_stats, snapstart
from sluice.errors import (
    CircuitOpen,
    FieldError,
    InsufficientScope,
    InternalError,
    InvalidParameter,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    SluiceError,
)
from sluice.http import access_log, caching, conditional, content, cors, problem
from sluice.http.access_log import AccessLogEntry
from sluice.http.body import BodySchema
from sluice.http.metrics import MetricsEmitter
from sluice.http.origin import require_cloudfront
from sluice.http.query_params import QueryParams
from sluice.http.request import Request
from sluice.http.route import ResponseSpec, RouteSpec, query_of
from sluice.http.stale_cache import StaleResponseCache
from sluice.request_stats import RequestStats
from sluice.settings import SettingsError, origin_key, trace_settings

if TYPE_CHECKING:
    from sluice.http.trace import Tracer
    from sluice.runtime import Runtime

logger = logging.getLogger("sluice")

RouteHandler: TypeAlias = Callable[..., Response[Any]]

RESPONSE_MARGIN = 0.3  # of the function's time, for making the answer and sending it


def _no_runtime() -> Runtime:
    raise RuntimeError("this function works with no shop")


class Api:
    """A function's routes. The instance is the Lambda handler.

    A route takes the Request, then what it was asked or sent, already read as it declares, and by name the ids in its
    path; it returns a Response or raises a SluiceError. GET also answers HEAD; OPTIONS and 405 follow from the routes
    there are.

    With a `scope` nobody is answered whom `shop` does not admit, nor served without `scope`:read for a GET, :write for
    the rest, or the scope that a route names for itself. With `scopes_within` nobody is answered either, but the routes
    judge scopes themselves. `cors_origins` are the settings' own where they are not given. Without `storable` no client
    may keep a response: for those that hold signed URLs. With `counts_unmatched` this function is open, and a request
    that none of its routes takes is admitted if it shows credentials: so a client is known and counted on every path.
    """

    def __init__(
        self,
        *,
        runtime: Callable[[], Runtime] = _no_runtime,
        scope: str = "",
        authenticate_only: bool = False,
        cors_origins: Collection[str] | None = None,
        cacheable: bool = True,
        rate_limit_unmatched: bool = False,
    ) -> None:
        self._runtime = runtime  # asked when somebody asks: importing a function reads no settings
        self._scope = scope
        self._admits = bool(scope) or authenticate_only
        self._counts_unmatched = rate_limit_unmatched
        self._cors_origins = cors_origins
        self._storable = self._admits and cacheable
        self._resolver = APIGatewayHttpResolver()
        self._resolver.not_found(self._unmatched)
        self._resolver.exception_handler(Exception)(self._problem)
        self._methods: dict[str, set[str]] = {}  # by path, whose ids are <names>
        self.routes: list[RouteSpec] = []
        self._reset()
        snapstart.before_snapshot(self._reset)

    def _reset(self) -> None:
        """As if nobody had asked yet."""
        self._request = Request("", "", {}, {}, b"")
        self._entry = AccessLogEntry(0.0)
        self._cold = True
        self._tracer: Tracer | None = None
        self._last_good = StaleResponseCache()
        self._telemetry = MetricsEmitter()

    def get(
        self,
        path: str,
        *,
        response: ResponseSpec,
        query: QueryParams | None = None,
        scope: str = "",
        stale_if_error: bool = False,
    ) -> Callable[[RouteHandler], RouteHandler]:
        """`query` is what this route alone may be asked; pages and single resources have theirs.

        With `fallback` the last good answer is given again while the database is away.
        """
        return self._route(
            "GET",
            path,
            response,
            scope,
            query=query or query_of(response),
            stale_if_error=stale_if_error,
        )

    def post(
        self,
        path: str,
        *,
        body: BodySchema,
        response: ResponseSpec,
        idempotent: bool = True,
        scope: str = "",
    ) -> Callable[[RouteHandler], RouteHandler]:
        return self._route("POST", path, response, scope, body=body, idempotent=idempotent)

    def put(
        self, path: str, *, body: BodySchema, response: ResponseSpec
    ) -> Callable[[RouteHandler], RouteHandler]:
        return self._route("PUT", path, response, body=body)

    def patch(
        self, path: str, *, body: BodySchema, response: ResponseSpec
    ) -> Callable[[RouteHandler], RouteHandler]:
        return self._route("PATCH", path, response, body=body)

    def delete(self, path: str) -> Callable[[RouteHandler], RouteHandler]:
        return self._route("DELETE", path, None)

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer one HTTP API event. Nothing escapes: an unknown error is logged whole and answered as a bare 500."""
        entry = self._entry = AccessLogEntry(
            time.perf_counter()
        )  # one request at a time: Lambda's promise
        request = self._request = Request.from_event(event, context.aws_request_id)
        # The resolver's routes know no path but one of ASCII; an id of anything else is theirs to refuse. Its copy
        # of the headers would only be looked at to compress, which nothing here asks for.
        plain = {**event, "rawPath": quote(request.path, errors="replace"), "headers": {}}
        seconds = context.get_remaining_time_in_millis() / 1000 - RESPONSE_MARGIN
        with deadline.within(seconds), request_stats.collect() as taken:
            try:
                request = self._request = require_cloudfront(request, origin_key())
                if request.method == "OPTIONS":
                    answer = self._preflight()
                else:
                    self._admit(request)
                    answer = self._resolver.resolve(plain, context)
            except Exception as error:
                answer = _as_answer(self._problem(error))
        headers = answer["headers"]
        headers["X-Request-Id"] = context.aws_request_id
        if entry.decision is not None:
            headers.update(entry.decision.headers())
        if taken.commit_lsn:
            headers["X-Sluice-Min-LSN"] = taken.commit_lsn
        if "origin" in request.headers:
            headers.update(cors.headers(request, self._origins(), allow=headers.get("Allow", "")))
        # HEAD has GET's body here: the gateway takes Content-Length from it, and sends none of it.
        headers.update(
            caching.headers(request.method, answer["statusCode"], headers, cacheable=self._storable)
        )
        entry.status, entry.seconds = answer["statusCode"], time.perf_counter() - entry.began
        self._record(entry, taken, headers)
        return answer

    def _record(self, entry: AccessLogEntry, taken: RequestStats, headers: dict[str, Any]) -> None:
        """What is told of a request when it is answered: to CloudWatch, to the log, and to those who develop."""
        if entry.decision is not None:  # somebody is known, so there is a shop to tell of
            shop = self._runtime()
            self._telemetry.emit(shop)
            if shop.settings.server_timing:
                headers["Server-Timing"] = access_log.server_timing(entry, taken)
        entry.route = entry.route or _openapi_path(self._path())
        access_log.write(self._request, entry, taken, cold=self._cold)
        if self._cold and (wanted := trace_settings()) is not None:
            from sluice.http.trace import Tracer  # only where it is on

            self._tracer = Tracer(wanted)
        if self._tracer is not None:
            self._tracer.send(self._request, entry, taken)
        self._cold = False

    def _route(
        self, method: str, path: str, response: ResponseSpec, own_scope: str = "", **declared: Any
    ) -> Callable[[RouteHandler], RouteHandler]:
        methods = ["GET", "HEAD"] if method == "GET" else [method]
        usual = f"{self._scope}:{'read' if method == 'GET' else 'write'}" if self._scope else ""

        def register(route: RouteHandler) -> RouteHandler:
            scope = own_scope or usual
            operation = RouteSpec(
                method, path, route.__name__, route.__doc__ or "", response, scope, **declared
            )

            shown = _openapi_path(path)

            def answer(**ids: str) -> Response[str]:
                self._entry.route = shown
                if scope and scope not in self._request.scopes:
                    raise InsufficientScope(scope)
                request = self._request = operation.receive(self._request)
                if operation.changes_collection:
                    conditional.require_collection_precondition(request)
                if operation.query is None:
                    _require_no_query(request)
                arguments, numbers = operation.read(request, ids)
                if operation.stale_if_error:
                    return self._stale_if_error(lambda: route(request, *arguments, **numbers))
                return route(request, *arguments, **numbers)

            self._resolver.route(path, methods)(answer)
            self._methods.setdefault(path, set()).update(methods)
            self.routes.append(operation)
            return route

        return register

    def _admit(self, request: Request) -> None:
        """Before anything else, even before what there is at this path: know who asks, and whether once too often."""
        shown = request.headers.get("x-api-key"), request.headers.get("authorization")
        if shown == (None, None):  # an unknown path costs those who show nothing, and us, nothing
            asks = self._admits and self._path() is not None
        else:
            asks = self._admits or (self._counts_unmatched and not self._matches())
        if asks:
            shop = self._runtime()
            principal, decision = shop.admit(*shown, request.client_ip, request.claims)
            self._request = replace(request, client_id=principal.client_id, scopes=principal.scopes)
            self._entry.decision = decision
            if not decision.allowed:
                raise RateLimited(decision.retry_after)
            if shop.replica is not None:
                request_stats.current().min_lsn = request.min_lsn()

    def _stale_if_error(self, ask: Callable[[], Response[str]]) -> Response[str]:
        cache_key = f"{self._request.path}?{sorted(self._request.query.items())}"
        try:
            answer = ask()
        except CircuitOpen:
            old = self._last_good.find(
                cache_key, max_age=self._runtime().settings.stale_if_error_seconds
            )
            if (
                old is None or request_stats.current().min_lsn
            ):  # who wants no older data than that is not given what was kept
                raise
            self._telemetry.count_stale_response()
            return old
        if answer.status_code == 200:
            self._last_good.store(cache_key, answer)
        return answer

    def _allowed(self) -> str:
        """The methods of this path; NotFound where it is none of ours."""
        path = self._path()
        if path is None:
            raise NotFound("There is nothing at this path")
        return ", ".join(sorted({*self._methods[path], "OPTIONS"}))

    def _path(self) -> str | None:
        """The path of ours that was asked for. Routes know theirs: this is for requests that reach none."""
        ours = (
            path
            for path in self._methods
            if re.fullmatch(re.sub(r"<\w+>", "[^/]+", path), self._request.path)
        )
        return next(ours, None)

    def _matches(self) -> bool:
        path = self._path()
        return path is not None and self._request.method in self._methods[path]

    def _unmatched(self, _: Exception) -> Response[str]:
        raise MethodNotAllowed(
            f"This path does not take {self._request.method[:20]}",
            headers={"Allow": self._allowed()},
        )

    def _preflight(self) -> dict[str, Any]:
        headers = {"Allow": self._allowed()}
        for operation in self.routes:
            if (
                operation.path == self._path()
                and operation.method in ("POST", "PATCH")
                and operation.body
            ):
                headers |= content.accepted_types_header(operation.method, operation.media_types)
        return _as_answer(Response(204, headers=headers))

    def _problem(self, error: Exception) -> Response[str]:
        return problem.render(self.to_api_error(error), self._request.id)

    def to_api_error(self, error: Exception) -> SluiceError:
        """The error as its client may see it. What is ours, or the database's, is logged, and counted."""
        if not isinstance(error, SluiceError):
            logger.error("unexpected error", exc_info=error, extra={"request_id": self._request.id})
            error = InternalError()
        elif isinstance(error, CircuitOpen):  # the failure that opened it has told why
            logger.warning(
                "%s: %s", error.code, error.detail, extra={"request_id": self._request.id}
            )
        elif error.status >= 500:
            logger.error(
                "%s: %s",
                error.code,
                error.detail,
                exc_info=error,
                extra={"request_id": self._request.id},
            )
        self._telemetry.failed(error.status, error.code)
        self._entry.code = self._entry.code or error.code
        return error

    def _origins(self) -> Collection[str]:
        """The origins whose pages may read what this function answers."""
        if self._cors_origins is not None:
            return self._cors_origins
        try:
            return self._runtime().settings.cors_origins
        except SettingsError:  # which every route that needs settings reports
            return ()


def json_response(
    status: int, body: object, headers: Mapping[str, str] | None = None
) -> Response[str]:
    """A body that Python renders; rows come rendered by PostgreSQL."""
    return Response(
        status, "application/json", json.dumps(body, separators=(",", ":")), dict(headers or {})
    )


def _as_answer(response: Response[str]) -> dict[str, Any]:
    """As the resolver gives its own: payload format 2.0."""
    content = {"Content-Type": response.content_type} if response.content_type else {}
    return {
        "statusCode": response.status_code,
        "headers": {**response.headers, **content},
        "body": response.body or "",
        "isBase64Encoded": False,
    }


def _openapi_path(path: str | None) -> str:
    """As OpenAPI and template.yaml write it."""
    return (path or "").replace("<", "{").replace(">", "}")


def _require_no_query(request: Request) -> None:
    if request.query:
        raise InvalidParameter(
            errors=[
                FieldError(
                    "unknown_parameter",
                    f"is not a parameter of {request.method} here",
                    parameter=name[:100],
                )
                for name in request.query
            ]
        )
