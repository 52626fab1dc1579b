"""Run concurrent requests of a function in a pool of sandboxes, idle ones first.

Lambda starts an execution environment for each request that finds none idle. A single machine
cannot, so a pool has at most `max_sandboxes`, and further requests wait for the next idle one.
As on Lambda, only requests beyond the function's concurrency are throttled.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count

from local.code_fingerprint import CodeFingerprint
from local.invocation_result import MAX_PAYLOAD_BYTES, InvocationResult, failure
from local.runtime_api import Invocation, new_trace_id
from local.sandbox import InitFailed, Sandbox, SandboxState
from local.template import LambdaFunction

IDLE_SECONDS = 300.0  # after which an idle sandbox is stopped; Lambda waits about as long


class Throttled(Exception):
    """More concurrent requests than the function's concurrency (TooManyRequestsException)."""


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """The state of one sandbox at one moment. Memory is in MB, None if it is not known."""

    number: int
    state: SandboxState
    invocations: int
    memory: int | None


class SandboxPool:
    """All sandboxes of one function. The next request after an edit runs the new code.

    `log` is called with the number of a sandbox and a line of its output. All pools of the machine
    share `start_limit`. If too many sandboxes start at the same time, they compete for the CPU, and
    all exceed the time limit of the initialisation.
    """

    def __init__(
        self,
        function: LambdaFunction,
        environment: Mapping[str, str],
        log: Callable[[int, str], None],
        *,
        max_sandboxes: int = 10,
        start_limit: asyncio.Semaphore | None = None,
    ) -> None:
        self.function = function
        self._environment = environment
        self._log = log
        self._max_sandboxes = min(max_sandboxes, function.concurrency)
        self._start_limit = start_limit or asyncio.Semaphore(max_sandboxes)
        self._code = CodeFingerprint([function.folder, *function.layers])
        self._fingerprint = self._code.current()
        self._idle: list[Sandbox] = []
        self._waiting: deque[asyncio.Future[Sandbox]] = deque()
        self._sandboxes: dict[Sandbox, int] = {}
        self._numbers = count(1)
        self._starting = 0
        self._in_flight = 0
        self._starts_running: set[asyncio.Task[None]] = set()
        self._stops_running: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._stopped = False

    async def invoke(self, event: bytes, *, trace_id: str | None = None) -> InvocationResult:
        """Run one request. Raise Throttled; every other failure is in the result."""
        if len(event) > MAX_PAYLOAD_BYTES:
            return failure(
                "RequestEntityTooLargeException",
                f"Request must be smaller than {MAX_PAYLOAD_BYTES} bytes",
            )
        if self._in_flight >= self.function.concurrency:
            raise Throttled
        self._in_flight += 1
        try:
            sandbox = await self._acquire()
        except InitFailed as failed:
            self._in_flight -= 1
            return failed.result
        try:
            return await sandbox.invoke(Invocation(event, trace_id=trace_id or new_trace_id()))
        finally:
            self._in_flight -= 1
            self._release(sandbox)

    @property
    def waiting(self) -> int:
        """The number of requests that wait for a sandbox."""
        return sum(not waiter.done() for waiter in self._waiting)

    def statuses(self) -> list[SandboxStatus]:
        """Return the status of every sandbox."""
        return [
            SandboxStatus(number, sandbox.state, sandbox.invocations, sandbox.memory)
            for sandbox, number in self._sandboxes.items()
        ]

    async def stop(self) -> None:
        """Kill every sandbox, and wait until each has ended. Requests that run or wait are lost."""
        self._stopped = True
        if self._reaper is not None:
            self._reaper.cancel()
        while (waiter := self._next_waiter()) is not None:
            waiter.cancel()
        for task in self._starts_running:
            task.cancel()
        await asyncio.gather(*self._starts_running, return_exceptions=True)
        await asyncio.gather(*(sandbox.stop() for sandbox in self._sandboxes))
        await asyncio.gather(*self._stops_running)

    async def _acquire(self) -> Sandbox:
        fingerprint = self._code.current()
        if fingerprint != self._fingerprint:
            self._fingerprint = fingerprint
            while self._idle:
                self._discard(self._idle.pop())
        while self._idle:
            sandbox = self._idle.pop()  # the last one used, so that the others can expire
            if sandbox.alive:
                return sandbox
            self._discard(sandbox)
        waiter: asyncio.Future[Sandbox] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._start_missing()
        return await waiter

    def _start_missing(self) -> None:
        """Start a sandbox for each waiting request, up to the limit."""
        if self._stopped:
            return
        while self._starting < len(self._waiting) and len(self._sandboxes) < self._max_sandboxes:
            number = next(self._numbers)
            sandbox = Sandbox(
                self.function,
                self._environment,
                partial(self._log, number),
                fingerprint=self._fingerprint,
            )
            self._sandboxes[sandbox] = number
            self._starting += 1
            self._spawn(self._start(sandbox), self._starts_running)

    async def _start(self, sandbox: Sandbox) -> None:
        try:
            async with self._start_limit:
                # another sandbox may have served the request in the meantime
                if all(waiter.done() for waiter in self._waiting):
                    self._sandboxes.pop(sandbox, None)
                    return
                await sandbox.start()
        except InitFailed as failed:
            self._sandboxes.pop(sandbox, None)
            waiter = self._next_waiter()
            if waiter is not None:
                waiter.set_exception(failed)
        else:
            self._release(sandbox)
        finally:
            self._starting -= 1
        self._start_missing()

    def _release(self, sandbox: Sandbox) -> None:
        if self._stopped:  # `stop` stops this sandbox, too
            return
        if not sandbox.alive or sandbox.fingerprint != self._fingerprint:
            self._discard(sandbox)
            self._start_missing()
            return
        waiter = self._next_waiter()
        if waiter is not None:
            waiter.set_result(sandbox)
            return
        loop = asyncio.get_running_loop()
        sandbox.idle_since = loop.time()
        self._idle.append(sandbox)
        if self._reaper is None:
            self._reaper = loop.call_later(IDLE_SECONDS, self._reap)

    def _next_waiter(self) -> "asyncio.Future[Sandbox] | None":
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():  # it may have been cancelled
                return waiter
        return None

    def _discard(self, sandbox: Sandbox) -> None:
        self._sandboxes.pop(sandbox, None)
        self._spawn(sandbox.stop(), self._stops_running)

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        self._reaper = None
        old = [
            sandbox for sandbox in self._idle if loop.time() - sandbox.idle_since >= IDLE_SECONDS
        ]
        self._idle = [sandbox for sandbox in self._idle if sandbox not in old]
        for sandbox in old:
            self._discard(sandbox)
        if self._idle:
            self._reaper = loop.call_at(self._idle[0].idle_since + IDLE_SECONDS, self._reap)

    def _spawn(self, work: Coroutine[None, None, None], running: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work)
        running.add(task)
        task.add_done_callback(running.discard)
