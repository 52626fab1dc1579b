"""Emulate an API Gateway HTTP API: match the route, invoke its function, and send its response.

It has no authorizers (the functions authenticate their callers), throttling, stages or custom
domains.
"""

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.http1 import HttpError, HttpLimits, HttpRequest, HttpResponse, HttpServer
from local.invocation_result import InvocationResult
from local.invocation_trace import InvocationTrace
from local.origins import is_cross_origin, is_loopback_host, target_authority
from local.pages import serve_page
from local.payload import build_event, build_response, new_request_id
from local.pool import SandboxPool, Throttled
from local.routes import RouteMatch, RouteTable
from local.runtime_api import new_trace_id
from local.template import CorsConfiguration, SamTemplate

# The quotas of an HTTP API. The head is the request line and the headers together.
LIMITS = HttpLimits(
    head=10_240, body=10 * 1024 * 1024, idle=75.0, head_seconds=10.0, body_seconds=30.0
)
INTEGRATION_SECONDS = 30.0

Page = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse] | None]


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """One request, for the access log.

    Times are in seconds. `init` is the time of the cold start, or None without a cold start.
    """

    method: str
    target: str
    status: int
    duration: float
    function: str | None = None
    init: float | None = None
    error: str | None = None
    route: str | None = None  # the route key; None if the gateway itself responded
    request_id: str = ""  # as in the response and the log
    trace: InvocationTrace | None = None  # None if no function ran


class Gateway:
    """Serves the routes of `template` on one port.

    `pools` has a pool for every function that a route names. `pages` are called in order before the
    routes are matched: each returns the response to a request for a page, or None. `log` is called
    after each other request.
    """

    def __init__(
        self,
        template: SamTemplate,
        pools: Mapping[str, SandboxPool],
        log: Callable[[AccessRecord], None],
        *,
        integration_seconds: float = INTEGRATION_SECONDS,
        limits: HttpLimits = LIMITS,
        pages: Sequence[Page] = (serve_page,),
    ) -> None:
        self._routes = RouteTable(template.routes)
        self._cors = template.cors
        self._pools = pools
        self._log = log
        self._pages = pages
        self._integration_seconds = integration_seconds
        self._server = HttpServer(self._handle, limits)
        self._port = 0
        self._running: set[asyncio.Task[InvocationResult]] = set()

    async def start(self, listener: socket.socket | None = None) -> int:
        """Start to listen and return the port."""
        self._port = await self._server.start(listener)
        return self._port

    async def stop(self) -> None:
        """Close the port. The caller stops the pools."""
        await self._server.stop()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        request_id = new_request_id()
        result: InvocationResult | None = None
        match: RouteMatch | None = None
        try:
            authority = target_authority(request.target)
            request.target = _origin_form(request.target)
            self._require_local(request, authority)
            local_page = await self._page(request)
            if local_page is not None:
                return local_page
            match = self._routes.match(request.method, request.target.partition("?")[0])
            preflight = self._preflight(request)
            if preflight is not None:
                response = preflight
            elif match is None:
                raise HttpError(404, "Not Found")
            else:
                result = await self._invoke(request, match, request_id)
                response = build_response(result)
        except HttpError as error:
            response = HttpResponse.message(error.status, str(error))
        headers = [*self._apply_cors(request, response.headers), ("apigw-requestid", request_id)]
        error_text = f"{result.error}: {result.error_message}" if result and result.error else None
        self._log(
            AccessRecord(
                request.method,
                request.target,
                response.status,
                time.perf_counter() - began,
                function=match.route.function if match else None,
                init=result.init if result else None,
                error=error_text,
                route=match.route.key if match else None,
                request_id=_request_id(headers),
                trace=result.trace if result else None,
            )
        )
        return HttpResponse(response.status, headers, response.body)

    async def _page(self, request: HttpRequest) -> HttpResponse | None:
        for page in self._pages:
            response = page(request)
            if response is not None:
                return response if isinstance(response, HttpResponse) else await response
        return None

    def _require_local(self, request: HttpRequest, authority: str | None) -> None:
        """Raise HttpError 421 for another host name, and 403 for a page of another origin.

        The local keys are public, so such a request could do all that the developer can.
        """
        hosts = [request.header("host")]
        if authority is not None:
            hosts.append(authority)
        if not all(is_loopback_host(host, self._port) for host in hosts):
            raise HttpError(
                421,
                f"Only http://127.0.0.1:{self._port} and localhost are served; use that address",
            )
        allowed = () if self._cors is None else self._cors.origins
        origin, site, mode = (
            request.header(name) for name in ("origin", "sec-fetch-site", "sec-fetch-mode")
        )
        if is_cross_origin(origin, site, mode, request.method, allowed):
            raise HttpError(403, "A page of another origin may not use the local system")
        acts = request.target.startswith("/console") and request.method not in ("GET", "HEAD")
        if acts and origin != f"http://{request.header('host')}":
            raise HttpError(403, "Only the console's page may do this")

    async def _invoke(
        self, request: HttpRequest, match: RouteMatch, request_id: str
    ) -> InvocationResult:
        trace_id = new_trace_id()
        event = build_event(
            request, match, request_id=request_id, trace_id=trace_id, port=self._port
        )
        payload = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        # Shielded: as on AWS, a function continues to run after the gateway's timeout.
        task = asyncio.create_task(
            self._pools[match.route.function].invoke(payload, trace_id=trace_id)
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(self._integration_seconds):
                result = await asyncio.shield(task)
        except TimeoutError as error:
            raise HttpError(504, "Endpoint request timed out") from error
        except Throttled as error:
            raise HttpError(503, "Service Unavailable") from error
        if result.error == "RequestEntityTooLargeException":
            raise HttpError(413)
        return result

    def _preflight(self, request: HttpRequest) -> HttpResponse | None:
        """Return the response to a preflight request if the template configures CORS, else None."""
        if (
            self._cors is None
            or request.method != "OPTIONS"
            or not request.header("access-control-request-method")
        ):
            return None
        headers = []
        if _allows(self._cors, request.header("origin")):
            headers.append(("access-control-allow-methods", ",".join(self._cors.methods)))
            headers.append(("access-control-allow-headers", ",".join(self._cors.headers)))
            if self._cors.max_age is not None:
                headers.append(("access-control-max-age", str(self._cors.max_age)))
        return HttpResponse(204, [(name, value) for name, value in headers if value])

    def _apply_cors(
        self, request: HttpRequest, headers: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """Replace the function's CORS headers by the gateway's if the template configures CORS."""
        if self._cors is None:
            return headers
        kept = [(name, value) for name, value in headers if name not in _CORS_RESPONSE_HEADERS]
        origin = request.header("origin")
        if _allows(self._cors, origin):
            allowed = "*" if "*" in self._cors.origins else origin
            kept.append(("access-control-allow-origin", allowed))
            if self._cors.exposed:
                kept.append(("access-control-expose-headers", ",".join(self._cors.exposed)))
            if self._cors.credentials:
                kept.append(("access-control-allow-credentials", "true"))
        return kept


_CORS_RESPONSE_HEADERS = frozenset(
    {
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-allow-credentials",
    }
)


def _request_id(headers: Sequence[tuple[str, str]]) -> str:
    """Return the function's request id; the gateway's if no function responded."""
    named = dict(headers)
    return named.get("x-request-id", named["apigw-requestid"])


def _allows(cors: CorsConfiguration, origin: str) -> bool:
    return bool(origin) and ("*" in cors.origins or origin in cors.origins)


def _origin_form(target: str) -> str:
    """Return `/path?query`, also for a target in absolute form (`http://host/path`)."""
    if target.startswith("/"):
        return target.partition("#")[0]
    try:
        parts = urlsplit(target)
    except ValueError:
        raise HttpError(400) from None
    if parts.scheme not in ("http", "https"):
        raise HttpError(400)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
