"""How does a function run several requests at once? As many sandboxes as needed, warm ones first.

Lambda starts an environment for each request that finds none free. A machine cannot, so here at most
`sandboxes` exist and further requests wait for the next free one; only past the function's concurrency are they
throttled, as there.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count

from local.code_fingerprint import CodeStamp
from local.invocation_result import MOST_PAYLOAD, InvocationResult, failure
from local.runtime_api import Invocation, new_trace_id
from local.sandbox import InitFailed, Sandbox, State
from local.template import LambdaFunction

IDLE_SECONDS = 300.0  # then an idle sandbox is given up, about as the service does


class Throttled(Exception):
    """TooManyRequestsException: more requests at once than the function's concurrency."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """One moment of one sandbox; memory in MB, None where it is not known."""

    number: int
    state: State
    invocations: int
    memory: int | None


class SandboxPool:
    """All sandboxes of one function. Edited code is picked up by the next request. `log` gets the number of a sandbox
    and a line of it.

    `starts` is shared by the pools of a machine: sandboxes that start at once take each other's CPU, and together
    would pass the time each has to initialise.
    """

    def __init__(
        self,
        function: LambdaFunction,
        environment: Mapping[str, str],
        log: Callable[[int, str], None],
        *,
        sandboxes: int = 10,
        starts: asyncio.Semaphore | None = None,
    ) -> None:
        self.function = function
        self._environment = environment
        self._log = log
        self._most = min(sandboxes, function.concurrency)
        self._starts = starts or asyncio.Semaphore(sandboxes)
        self._code = CodeStamp([function.folder, *function.layers])
        self._stamp = self._code.current()
        self._idle: list[Sandbox] = []
        self._waiting: deque[asyncio.Future[Sandbox]] = deque()
        self._all: dict[Sandbox, int] = {}
        self._numbers = count(1)
        self._starting = 0
        self._in_flight = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None

    async def invoke(self, event: bytes, *, trace_id: str | None = None) -> InvocationResult:
        """Run one request. Raises `Throttled`; every other failure is in the outcome."""
        if len(event) > MOST_PAYLOAD:
            return failure(
                "RequestEntityTooLargeException",
                f"Request must be smaller than {MOST_PAYLOAD} bytes",
            )
        if self._in_flight >= self.function.concurrency:
            raise Throttled
        self._in_flight += 1
        try:
            sandbox = await self._acquire()
        except InitFailed as failed:
            self._in_flight -= 1
            return failed.outcome
        try:
            return await sandbox.invoke(Invocation(event, trace_id=trace_id or new_trace_id()))
        finally:
            self._in_flight -= 1
            self._release(sandbox)

    @property
    def waiting(self) -> int:
        """How many requests wait for a sandbox."""
        return sum(not waiter.done() for waiter in self._waiting)

    def glimpses(self) -> list[Glimpse]:
        """Every sandbox there is now."""
        return [
            Glimpse(number, sandbox.state, sandbox.invocations, sandbox.memory)
            for sandbox, number in self._all.items()
        ]

    async def stop(self) -> None:
        """Kill every sandbox; requests that run or wait are lost."""
        if self._reaper is not None:
            self._reaper.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(sandbox.stop() for sandbox in self._all))

    async def _acquire(self) -> Sandbox:
        stamp = self._code.current()
        if stamp != self._stamp:
            self._stamp = stamp
            while self._idle:
                self._discard(self._idle.pop())
        while self._idle:
            sandbox = self._idle.pop()  # the one used last: the others may grow old and go
            if sandbox.alive:
                return sandbox
            self._discard(sandbox)
        waiter: asyncio.Future[Sandbox] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._grow()
        return await waiter

    def _grow(self) -> None:
        """Start as many as there are requests waiting for one, within the limit."""
        while self._starting < len(self._waiting) and len(self._all) < self._most:
            number = next(self._numbers)
            sandbox = Sandbox(
                self.function, self._environment, partial(self._log, number), stamp=self._stamp
            )
            self._all[sandbox] = number
            self._starting += 1
            self._spawn(self._start(sandbox))

    async def _start(self, sandbox: Sandbox) -> None:
        try:
            async with self._starts:
                if all(
                    waiter.done() for waiter in self._waiting
                ):  # served by another in the meantime
                    self._all.pop(sandbox, None)
                    return
                await sandbox.start()
        except InitFailed as failed:
            self._all.pop(sandbox, None)
            waiter = self._next_waiter()
            if waiter is not None:
                waiter.set_exception(failed)
        else:
            self._release(sandbox)
        finally:
            self._starting -= 1
        self._grow()

    def _release(self, sandbox: Sandbox) -> None:
        if not sandbox.alive or sandbox.stamp != self._stamp:
            self._discard(sandbox)
            self._grow()
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
        self._all.pop(sandbox, None)
        self._spawn(sandbox.stop())

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

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
