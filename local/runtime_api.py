"""Lambda's Runtime API for one sandbox: what the real awslambdaric asks for, and where it leaves its answers.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import asyncio
import json
import re
import secrets
import time
import uuid
from dataclasses import dataclass, field, replace

from local.http1 import HttpError, HttpServer, Limits, Request, Response
from local.intrinsics import ACCOUNT_ID, REGION
from local.invocation_result import MOST_PAYLOAD, InvocationResult, failure

# The runtime sends the X-Ray form of an error in a header of up to 1 MiB.
LIMITS = Limits(head=2 * 1024 * 1024, body=64 * 1024 * 1024)
ANSWER = re.compile(r"2018-06-01/runtime/invocation/([^/]+)/(response|error)")
ACCEPTED = Response(202, [("content-type", "application/json")], b'{"status":"OK"}')


def new_trace_id() -> str:
    """As X-Ray words it; nothing here samples."""
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"


@dataclass(frozen=True, slots=True)
class Invocation:
    event: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_id: str = field(default_factory=new_trace_id)


class RuntimeApi:
    """One at a time, and for one process: its address ends with a secret, and without that everything is 403.

    `invoke` hands the event over, the runtime fetches it and posts what came of it.

    `ready` is set when the runtime first asks for work, which ends the initialisation; `init_error` is its
    own account of why it never did.
    """

    def __init__(self, function: str, timeout: float) -> None:
        self.ready = asyncio.Event()
        self.init_error: InvocationResult | None = None
        self._arn = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function}"
        self._timeout = timeout
        self._work: asyncio.Queue[Invocation] = asyncio.Queue()
        self._current: tuple[str, asyncio.Future[InvocationResult]] | None = None
        self._secret = secrets.token_urlsafe(32)
        self._asking = False
        self._server = HttpServer(self._handle, LIMITS)

    async def start(self) -> str:
        """Returns the address for AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{await self._server.start()}/{self._secret}"

    async def stop(self) -> None:
        await self._server.stop()

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Raises TimeoutError when the function's time is over; `end` makes it return early."""
        result: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
        self._current = (invocation.request_id, result)
        self._work.put_nowait(invocation)
        async with asyncio.timeout(self._timeout):
            return await result

    def end(self, outcome: InvocationResult) -> None:
        """The process is gone: whatever runs ends with `outcome`."""
        if self._current is not None and not self._current[1].done():
            self._current[1].set_result(outcome)

    async def _handle(self, request: Request) -> Response:
        shown, separator, path = request.target.removeprefix("/").partition("/")
        if not separator or not secrets.compare_digest(shown.encode(), self._secret.encode()):
            raise HttpError(403)
        if (request.method, path) == ("GET", "2018-06-01/runtime/invocation/next"):
            return await self._next()
        if (request.method, path) == ("POST", "2018-06-01/runtime/init/error"):
            self.init_error = _error(request.body)
            return ACCEPTED
        answer = ANSWER.fullmatch(path)
        if answer is None or request.method != "POST":
            raise HttpError(404)
        if self._current is None or self._current[0] != answer[1] or self._current[1].done():
            raise HttpError(400, "Invalid request ID")
        if len(request.body) > MOST_PAYLOAD:
            told = f"Response payload size exceeded maximum allowed payload size ({MOST_PAYLOAD} bytes)."
            self._current[1].set_result(failure("Function.ResponseSizeTooLarge", told))
            raise HttpError(413)
        self._current[1].set_result(
            InvocationResult(request.body) if answer[2] == "response" else _error(request.body)
        )
        return ACCEPTED

    async def _next(self) -> Response:
        """Wait for work. HttpError 409 if the runtime is waiting already: an invocation goes to one process."""
        if self._asking:
            raise HttpError(409, "The next invocation is being waited for already")
        self._asking = True
        try:
            self.ready.set()
            return self._delivery(await self._work.get())
        finally:
            self._asking = False

    def _delivery(self, invocation: Invocation) -> Response:
        headers = [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", invocation.request_id),
            ("lambda-runtime-deadline-ms", str(int((time.time() + self._timeout) * 1000))),
            ("lambda-runtime-invoked-function-arn", self._arn),
            ("lambda-runtime-trace-id", invocation.trace_id),
        ]
        return Response(200, headers, invocation.event)


def _error(body: bytes) -> InvocationResult:
    kind = str(json.loads(body).get("errorType") or "Unhandled")
    outcome = InvocationResult(body, error=kind)
    if kind == "MemoryError":
        # Python could say so because the limit is on its data; the service would have killed it.
        return replace(outcome, error="Runtime.OutOfMemory")
    return outcome
