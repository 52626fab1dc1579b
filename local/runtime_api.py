"""Serve Lambda's Runtime API to one sandbox, whose awslambdaric fetches events and posts responses.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import asyncio
import json
import re
import secrets
import time
import uuid
from dataclasses import dataclass, field, replace

from local.http1 import HttpError, HttpLimits, HttpRequest, HttpResponse, HttpServer
from local.intrinsics import ACCOUNT_ID, REGION
from local.invocation_result import MAX_PAYLOAD_BYTES, InvocationResult, failure

# The runtime sends the X-Ray form of an error in a header of up to 1 MiB.
LIMITS = HttpLimits(head=2 * 1024 * 1024, body=64 * 1024 * 1024)
RESULT_PATH = re.compile(r"2018-06-01/runtime/invocation/([^/]+)/(response|error)")
ACCEPTED = HttpResponse(202, [("content-type", "application/json")], b'{"status":"OK"}')


def new_trace_id() -> str:
    """Return a trace id in X-Ray's format. Traces are not sampled."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"


@dataclass(frozen=True, slots=True)
class Invocation:
    """An invocation of a function: its event in JSON, and its ids."""

    event: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_id: str = field(default_factory=new_trace_id)


class RuntimeApi:
    """The Runtime API for one process and one invocation at a time.

    Its address ends with a secret; requests without the secret are rejected (403). `ready` is set
    when the runtime first requests an invocation, which ends the initialisation. `init_error` is
    the runtime's report of a failed initialisation.
    """

    def __init__(self, function: str, timeout: float) -> None:
        self.ready = asyncio.Event()
        self.init_error: InvocationResult | None = None
        self._arn = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function}"
        self._timeout = timeout
        self._work: asyncio.Queue[Invocation] = asyncio.Queue()
        self._current: tuple[str, asyncio.Future[InvocationResult]] | None = None
        self._secret = secrets.token_urlsafe(32)
        self._waiting = False
        self._server = HttpServer(self._handle, LIMITS)

    async def start(self) -> str:
        """Start to listen and return the address for AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{await self._server.start()}/{self._secret}"

    async def stop(self) -> None:
        await self._server.stop()

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Pass the invocation to the runtime and return its result.

        Raise TimeoutError after the function's timeout. `end` makes it return early.
        """
        result: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
        self._current = (invocation.request_id, result)
        self._work.put_nowait(invocation)
        async with asyncio.timeout(self._timeout):
            return await result

    def end(self, result: InvocationResult) -> None:
        """End the current invocation with `result`, because the process has ended."""
        if self._current is not None and not self._current[1].done():
            self._current[1].set_result(result)

    async def _handle(self, request: HttpRequest) -> HttpResponse:
        secret, separator, path = request.target.removeprefix("/").partition("/")
        if not separator or not secrets.compare_digest(secret.encode(), self._secret.encode()):
            raise HttpError(403)
        if (request.method, path) == ("GET", "2018-06-01/runtime/invocation/next"):
            return await self._next()
        if (request.method, path) == ("POST", "2018-06-01/runtime/init/error"):
            self.init_error = _error(request.body)
            return ACCEPTED
        match = RESULT_PATH.fullmatch(path)
        if match is None or request.method != "POST":
            raise HttpError(404)
        request_id, kind = match.groups()
        if self._current is None or self._current[0] != request_id or self._current[1].done():
            raise HttpError(400, "Invalid request ID")
        if len(request.body) > MAX_PAYLOAD_BYTES:
            message = (
                "Response payload size exceeded maximum allowed payload size "
                f"({MAX_PAYLOAD_BYTES} bytes)."
            )
            self._current[1].set_result(failure("Function.ResponseSizeTooLarge", message))
            raise HttpError(413)
        result = InvocationResult(request.body) if kind == "response" else _error(request.body)
        self._current[1].set_result(result)
        return ACCEPTED

    async def _next(self) -> HttpResponse:
        """Wait for an invocation. Raise HttpError 409 if another process is waiting already."""
        if self._waiting:
            raise HttpError(409, "Another process is waiting for the next invocation")
        self._waiting = True
        try:
            self.ready.set()
            return self._invocation_response(await self._work.get())
        finally:
            self._waiting = False

    def _invocation_response(self, invocation: Invocation) -> HttpResponse:
        headers = [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", invocation.request_id),
            ("lambda-runtime-deadline-ms", str(int((time.time() + self._timeout) * 1000))),
            ("lambda-runtime-invoked-function-arn", self._arn),
            ("lambda-runtime-trace-id", invocation.trace_id),
        ]
        return HttpResponse(200, headers, invocation.event)


def _error(body: bytes) -> InvocationResult:
    kind = str(json.loads(body).get("errorType") or "Unhandled")
    outcome = InvocationResult(body, error=kind)
    if kind == "MemoryError":
        # RLIMIT_DATA makes Python raise MemoryError; Lambda would kill the process.
        return replace(outcome, error="Runtime.OutOfMemory")
    return outcome
