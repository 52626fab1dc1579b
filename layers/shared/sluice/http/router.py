"""The router of the HTTP functions: methods, authentication, CORS, request ids and errors."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from sluice import request_context
from sluice.errors import (
    CircuitOpen,
    InternalError,
    MethodNotAllowed,
    RateLimited,
    SluiceError,
)
from sluice.http import access_log, caching, conditional, content, cors, problem
from sluice.http.body import BodySchema
from sluice.http.environment import environment, prepare
from sluice.http.headers import credentials, min_lsn, origin, tenant
from sluice.http.origin import require_cloudfront
from sluice.http.paths import PathTemplates, to_openapi
from sluice.http.query_params import QueryParams
from sluice.http.request import Request, request_of, require_scope
from sluice.http.response import Response, to_payload
from sluice.http.route import (
    LazyRoute,
    ResponseSpec,
    RouteHandler,
    RouteSpec,
    default_query,
    has_rows_of_tenants,
    ids_of,
)
from sluice.http.tenant import require_allowed, require_one
from sluice.kinds.field import Field
from sluice.request_context import RequestContext
from sluice.settings import SettingsError, origin_key

if TYPE_CHECKING:
    from sluice.runtime import Runtime

logger = logging.getLogger("sluice")

RESPONSE_MARGIN = 0.3  # seconds of the function's timeout, kept for building and sending a response


def _no_runtime() -> Runtime:
    raise RuntimeError("this function was declared without a runtime")


class Api:
    """The routes of a function. An instance is the Lambda handler.

    A route handler gets the Request, then the parsed body or query parameters, then the values of
    the path by name. It returns a Response or raises a SluiceError. GET routes also serve HEAD.
    OPTIONS and 405 responses are derived from the routes.

    runtime: returns the Runtime. It is called by the first request that needs it, and on Lambda
        when the function is initialised.
    scope: requests must be authenticated. GET needs the scope `<scope>:read`, other methods
        `<scope>:write`, unless a route declares its own scope.
    authenticate_only: requests must be authenticated, and the routes check scopes themselves.
    cors_origins: the allowed origins; by default those of the settings.
    cacheable: whether clients may store responses. False for routes that return signed URLs.
    rate_limit_unmatched: the function is open, but requests with credentials that match no route
        are authenticated. So clients are also rate limited on unknown paths.
    unmatched: the detail of the 404 of other paths.
    keys: the fields that paths name, such as the key in `/api/labels/<slug>`. Others are ids.
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
        unmatched: str = "No route matches this path",
        keys: Collection[Field] = (),
    ) -> None:
        self._runtime = runtime
        self._scope = scope
        self._authenticates = bool(scope) or authenticate_only
        if self._authenticates:
            prepare(runtime)
        self._rate_limit_unmatched = rate_limit_unmatched
        self._cors_origins = cors_origins
        self._cacheable = self._authenticates and cacheable
        self._paths = PathTemplates(unmatched)
        self._keys = {field.name: field for field in keys}
        self._routes: list[LazyRoute] = []

    @property
    def routes(self) -> list[RouteSpec]:
        """The declared routes, for openapi.json and the tests."""
        return [route.make()[0] for route in self._routes]

    def add(self, route: RouteSpec, handler: RouteHandler) -> None:
        """Add a route. The methods below make it from the arguments of a decorator."""
        self.add_lazily(LazyRoute.of(route, handler))

    def add_lazily(self, route: LazyRoute) -> None:
        """Add a route that its first request declares."""
        methods = ["GET", "HEAD"] if route.method == "GET" else [route.method]
        self._paths.add(route, methods)
        self._routes.append(route)

    def get(
        self,
        path: str,
        *,
        response: ResponseSpec,
        query: QueryParams | None = None,
        scope: str = "",
        stale_if_error: bool = False,
    ) -> Callable[[RouteHandler], RouteHandler]:
        """Declare a GET route. By default `query` is that of a list or a single resource.

        With `stale_if_error` the last successful response is served while the database is
        unavailable.
        """
        query = query or default_query(response)
        return self._route("GET", path, response, scope, query=query, stale_if_error=stale_if_error)

    def post(
        self,
        path: str,
        *,
        body: BodySchema,
        response: ResponseSpec,
        idempotent: bool = True,
        scope: str = "",
    ) -> Callable[[RouteHandler], RouteHandler]:
        """Declare a POST route. `idempotent` routes accept `Idempotency-Key`."""
        return self._route("POST", path, response, scope, body=body, idempotent=idempotent)

    def put(
        self, path: str, *, body: BodySchema, response: ResponseSpec
    ) -> Callable[[RouteHandler], RouteHandler]:
        """Declare a PUT route."""
        return self._route("PUT", path, response, body=body)

    def patch(
        self, path: str, *, body: BodySchema, response: ResponseSpec
    ) -> Callable[[RouteHandler], RouteHandler]:
        """Declare a PATCH route."""
        return self._route("PATCH", path, response, body=body)

    def delete(self, path: str) -> Callable[[RouteHandler], RouteHandler]:
        """Declare a DELETE route, which returns 204."""
        return self._route("DELETE", path, None)

    def __call__(self, event: Mapping[str, Any], lambda_context: Any) -> dict[str, Any]:
        """Handle an HTTP API event. An unexpected error of a route is logged and becomes a 500."""
        seconds = lambda_context.get_remaining_time_in_millis() / 1000 - RESPONSE_MARGIN
        with request_context.begin(seconds) as context:
            context.request = Request.from_event(event, lambda_context.aws_request_id)
            try:
                response = to_payload(self._respond(context))
            except Exception as error:
                response = to_payload(self._problem(error))
        request = request_of(context)
        headers = response["headers"]
        headers["X-Request-Id"] = request.id
        if context.decision is not None:
            headers.update(context.decision.headers())
        if context.database.commit_lsn:
            headers["X-Sluice-Min-LSN"] = context.database.commit_lsn
        sender, has_tenants = origin(request), self._has_tenants()
        if sender is not None:
            allowed = headers.get("Allow", ""), cors.request_headers(with_tenant=has_tenants)
            headers.update(cors.headers(sender, request.method, self._origins(), *allowed))
        # The response to HEAD still has a body. API Gateway takes Content-Length from it and does
        # not send it.
        status = context.status = response["statusCode"]
        vary = caching.VARY_BY_TENANT if has_tenants else caching.VARY
        headers.update(
            caching.headers(request.method, status, headers, vary, cacheable=self._cacheable)
        )
        context.seconds = time.perf_counter() - context.started_at
        self._record(context, headers)
        return response

    def _respond(self, context: RequestContext) -> Response:
        """Authenticate the request and call the matching route."""
        request = context.request = require_cloudfront(request_of(context), origin_key())
        if request.method == "OPTIONS":
            return self._preflight(request.path)
        self._authenticate(context)
        matched = self._paths.match(request.method, request.path)
        if matched is None:
            raise self._unmatched(request)
        route, path_texts = matched
        return self._call(*route.make(), path_texts)

    def _record(self, context: RequestContext, headers: dict[str, Any]) -> None:
        """Write metrics, the access log and the trace. Add `Server-Timing` for a known client."""
        if context.uses_runtime:
            runtime = self._runtime()
            environment.metrics.emit(runtime)
            if runtime.settings.server_timing and context.decision is not None:
                headers["Server-Timing"] = access_log.server_timing(context)
        if not context.route:
            template = self._paths.find(request_of(context).path)
            context.route = to_openapi(template or "")
        environment.record(context)

    def _route(
        self, method: str, path: str, response: ResponseSpec, own_scope: str = "", **declared: Any
    ) -> Callable[[RouteHandler], RouteHandler]:
        access = "read" if method == "GET" else "write"
        default_scope = f"{self._scope}:{access}" if self._scope else ""

        def register(handler: RouteHandler) -> RouteHandler:
            route = RouteSpec(
                method=method,
                path=path,
                name=handler.__name__,
                text=handler.__doc__ or "",
                response=response,
                scope=own_scope or default_scope,
                path_fields={name: self._keys.get(name, id) for name, id in ids_of(path).items()},
                needs_tenant=has_rows_of_tenants(response),
                **declared,
            )
            self.add(route, handler)
            return handler

        return register

    def _call(
        self, route: RouteSpec, handler: RouteHandler, path_texts: Mapping[str, str]
    ) -> Response:
        """Check what the route declares, parse its arguments and call its handler."""
        context = request_context.current()
        context.route = to_openapi(route.path)
        if route.scope:
            require_scope(request_of(context), route.scope)
        require_allowed(context)
        if route.needs_tenant:
            require_one()
        request = context.request = route.prepare(request_of(context))
        if route.changes_collection:
            conditional.require_collection_precondition(request)
        arguments, path = route.parse_arguments(request, path_texts)
        if route.stale_if_error:
            return self._stale_if_error(context, lambda: handler(request, *arguments, **path))
        return handler(request, *arguments, **path)

    def _authenticate(self, context: RequestContext) -> None:
        """Authenticate the client and check its rate limit, before the path is matched.

        Raise what `Admission.admit` raises, RateLimited, and BadRequest for an invalid minimum LSN.
        """
        request = request_of(context)
        sent = credentials(request)
        if sent.are_missing:
            # A request without credentials for an unknown path is a 404, which costs nothing.
            is_required = self._authenticates and self._paths.find(request.path) is not None
        else:
            is_required = self._authenticates or (
                self._rate_limit_unmatched
                and not self._paths.has_route(request.method, request.path)
            )
        if not is_required:
            return
        runtime = self._runtime()
        context.uses_runtime = True
        principal, decision, context.tenant = runtime.admission.admit(
            sent.api_key, sent.authorization, request.client_ip, request.claims, tenant(request)
        )
        context.request = request._replace(
            client_id=principal.client_id, scopes=principal.scopes, tenants=principal.tenants
        )
        context.decision = decision
        if not decision.allowed:
            raise RateLimited(decision.retry_after)
        if runtime.replica is not None:
            context.database.min_lsn = min_lsn(request)

    def _stale_if_error(self, context: RequestContext, call: Callable[[], Response]) -> Response:
        """Return the route's response, or the cached one while the circuit breaker is open."""
        request = request_of(context)
        cache_key = f"{context.tenant}\0{request.path}?{sorted(request.pairs)}"
        try:
            response = call()
        except CircuitOpen:
            max_age = self._runtime().settings.stale_if_error_seconds
            stale = environment.stale_responses.find(cache_key, max_age=max_age)
            # A client that sent a minimum LSN must not get older data than that.
            if stale is None or context.database.min_lsn:
                raise
            environment.metrics.count_stale_response()
            return stale
        if response.status_code == 200:
            environment.stale_responses.store(cache_key, response)
        return response

    def _unmatched(self, request: Request) -> MethodNotAllowed:
        """Return the error of a request that matches no route. Raise NotFound for other paths."""
        return MethodNotAllowed(
            f"This path does not support the method {request.method[:20]}",
            headers={"Allow": self._paths.allowed_methods(request.path)},
        )

    def _preflight(self, path: str) -> Response:
        headers = {"Allow": self._paths.allowed_methods(path)}
        template = self._paths.find(path)
        matching = [route for route in self._routes if route.path == template]
        for route, _ in (each.make() for each in matching):
            if route.method in ("POST", "PATCH") and route.body:
                headers |= content.accepted_types_header(route.method, route.media_types)
        return Response(204, headers=headers)

    def _problem(self, error: Exception) -> Response:
        request_id = request_of(request_context.current()).id
        return problem.render(self.to_api_error(error), request_id)

    def to_api_error(self, error: Exception) -> SluiceError:
        """Return the error that the client may see. Log server errors, and count all errors."""
        context = request_context.current()
        extra = {"request_id": request_of(context).id}
        if not isinstance(error, SluiceError):
            logger.error("unexpected error", exc_info=error, extra=extra)
            error = InternalError()
        elif isinstance(error, CircuitOpen):  # the error that opened the circuit has been logged
            logger.warning("%s: %s", error.code, error.detail, extra=extra)
        elif error.status >= 500:
            logger.error("%s: %s", error.code, error.detail, exc_info=error, extra=extra)
        environment.metrics.count_error(error.status, error.code)
        context.code = context.code or error.code
        return error

    def _has_tenants(self) -> bool:
        """Return whether the application has tenants, for a function with authenticated routes."""
        try:
            return self._authenticates and self._runtime().admission.has_tenants
        except SettingsError:  # reported by every route that needs settings
            return False

    def _origins(self) -> Collection[str]:
        """Return the origins whose pages may read the responses of this function."""
        if self._cors_origins is not None:
            return self._cors_origins
        try:
            return self._runtime().settings.cors_origins
        except SettingsError:  # reported by every route that needs settings
            return ()


def json_response(status: int, body: object, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response that Python serializes. Rows are serialized by PostgreSQL."""
    text = json.dumps(body, separators=(",", ":"))
    return Response(status, "application/json", text, headers)
