"""API Gateway in front: takes HTTP on one port, finds the route, invokes its function, answers as an HTTP API does.

What it does not have: authorizers (the functions admit their callers), throttling, stages and custom domains.
"""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.http1 import HttpError, HttpServer, Limits, Request, Response
from local.invocation_result import InvocationResult
from local.origins import authority_of, is_foreign_page, is_here
from local.pages import page
from local.payload import build_event, build_response, new_request_id
from local.pool import SandboxPool, Throttled
from local.routes import Match, RouteTable
from local.runtime_api import new_trace_id
from local.template import Cors, Template

# The quotas of an HTTP API; the head is request line and headers together.
LIMITS = Limits(head=10_240, body=10 * 1024 * 1024, idle=75.0, head_seconds=10.0, body_seconds=30.0)
INTEGRATION_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the access log. Times in seconds; `init` where the request started a sandbox."""

    method: str
    target: str
    status: int
    duration: float
    function: str | None = None
    init: float | None = None
    error: str | None = None
    route: str | None = None  # its key; None where the gateway itself answered


class Gateway:
    """`pools` by function name, for every function a route of `template` names. `pages` come before all routes."""

    def __init__(
        self,
        template: Template,
        pools: Mapping[str, SandboxPool],
        log: Callable[[Access], None],
        *,
        integration_seconds: float = INTEGRATION_SECONDS,
        limits: Limits = LIMITS,
        pages: Callable[[Request], Response | None] = page,
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
        """Listen; returns the port."""
        self._port = await self._server.start(listener)
        return self._port

    async def stop(self) -> None:
        """Close the port. The pools are the caller's to stop."""
        await self._server.stop()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _handle(self, request: Request) -> Response:
        began = time.perf_counter()
        request_id = new_request_id()
        outcome: InvocationResult | None = None
        match: Match | None = None
        try:
            authority = authority_of(request.target)
            request.target = _origin_form(request.target)
            self._require_local(request, authority)
            own = self._pages(request)
            if own is not None:
                return own
            match = self._routes.match(request.method, request.target.partition("?")[0])
            preflight = self._preflight(request)
            if preflight is not None:
                response = preflight
            elif match is None:
                raise HttpError(404, "Not Found")
            else:
                outcome = await self._invoke(request, match, request_id)
                response = build_response(outcome)
        except HttpError as error:
            response = Response.message(error.status, str(error))
        headers = [*self._share(request, response.headers), ("apigw-requestid", request_id)]
        self._log(
            Access(
                request.method,
                request.target,
                response.status,
                time.perf_counter() - began,
                function=match.route.function if match else None,
                init=outcome.init if outcome else None,
                error=f"{outcome.error}: {outcome.error_message}"
                if outcome and outcome.error
                else None,
                route=match.route.key if match else None,
            )
        )
        return Response(response.status, headers, response.body)

    def _require_local(self, request: Request, authority: str | None) -> None:
        """HttpError 421 for a request that names another machine, 403 for one of a page of another origin.

        With a key that is known to everybody, either could do all that the developer can.
        """
        named = [request.header("host"), *([] if authority is None else [authority])]
        if not all(is_here(host, self._port) for host in named):
            raise HttpError(
                421, f"This is http://127.0.0.1:{self._port}, and answers to no other host"
            )
        allowed = () if self._cors is None else self._cors.origins
        origin, site, mode = (
            request.header(name) for name in ("origin", "sec-fetch-site", "sec-fetch-mode")
        )
        if is_foreign_page(origin, site, mode, request.method, allowed):
            raise HttpError(403, "A page of another origin may not use the local system")
        acts = request.target.startswith("/console") and request.method not in ("GET", "HEAD")
        if acts and origin != f"http://{request.header('host')}":
            raise HttpError(403, "Only the console's own page may do that")

    async def _invoke(self, request: Request, match: Match, request_id: str) -> InvocationResult:
        trace_id = new_trace_id()
        event = build_event(
            request, match, request_id=request_id, trace_id=trace_id, port=self._port
        )
        payload = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        # Shielded: a function that outlives the gateway's patience runs on, as it does in the cloud.
        task = asyncio.create_task(
            self._pools[match.route.function].invoke(payload, trace_id=trace_id)
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            async with asyncio.timeout(self._integration_seconds):
                outcome = await asyncio.shield(task)
        except TimeoutError as error:
            raise HttpError(504, "Endpoint request timed out") from error
        except Throttled as error:
            raise HttpError(503, "Service Unavailable") from error
        if outcome.error == "RequestEntityTooLargeException":
            raise HttpError(413)
        return outcome

    def _preflight(self, request: Request) -> Response | None:
        """The gateway answers these itself where CORS is configured in the template, and only there."""
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
        return Response(204, [(name, value) for name, value in headers if value])

    def _share(self, request: Request, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """`headers` as they leave: with CORS configured, the gateway's CORS headers replace the function's."""
        if self._cors is None:
            return headers
        own = [(name, value) for name, value in headers if name not in _CORS_ANSWERS]
        origin = request.header("origin")
        if _allows(self._cors, origin):
            own.append(
                ("access-control-allow-origin", "*" if "*" in self._cors.origins else origin)
            )
            if self._cors.exposed:
                own.append(("access-control-expose-headers", ",".join(self._cors.exposed)))
            if self._cors.credentials:
                own.append(("access-control-allow-credentials", "true"))
        return own


_CORS_ANSWERS = frozenset(
    {
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-allow-credentials",
    }
)


def _allows(cors: Cors, origin: str) -> bool:
    return bool(origin) and ("*" in cors.origins or origin in cors.origins)


def _origin_form(target: str) -> str:
    """`/path?query`, also where a proxy's form `http://host/path` was sent."""
    if target.startswith("/"):
        return target.partition("#")[0]
    try:
        parts = urlsplit(target)
    except ValueError:
        raise HttpError(400) from None
    if parts.scheme not in ("http", "https"):
        raise HttpError(400)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
