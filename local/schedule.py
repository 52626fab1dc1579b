"""Run functions at the rate of their schedules, with the event that EventBridge sends.

The first run is one period after the start of the system. cron expressions, start and end dates,
flexible windows, the context attributes of an Input, and retries are not supported.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from local.intrinsics import ACCOUNT_ID, REGION
from local.invocation_result import InvocationResult, failure
from local.pool import SandboxPool, Throttled
from local.template import Schedule


class Scheduler:
    """Runs scheduled functions until `stop`.

    `pools` has a pool for every function that a schedule names. `log` is called with a line for
    each run that failed or was skipped. `sleep` waits for a period, and `clock` returns the Unix
    time for the event; tests replace both.
    """

    def __init__(
        self,
        schedules: Iterable[Schedule],
        pools: Mapping[str, SandboxPool],
        log: Callable[[str], None],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._schedules = tuple(schedules)
        self._pools = pools
        self._log = log
        self._sleep = sleep
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._run_schedule(schedule)) for schedule in self._schedules
        ]

    async def stop(self) -> None:
        """Cancel all runs. The caller stops the pools."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run_schedule(self, schedule: Schedule) -> None:
        run: asyncio.Task[None] | None = None
        # a task group: a run does not delay the next one, and ends with its schedule
        async with asyncio.TaskGroup() as runs:
            while True:
                await self._sleep(schedule.seconds)
                if run is None or run.done():
                    run = runs.create_task(self._run(schedule))
                else:  # EventBridge would start a second run
                    self._log(
                        f"{schedule.function} is still running; this scheduled run is skipped"
                    )

    async def _run(self, schedule: Schedule) -> None:
        result = await self._invoke(schedule)
        if result.error is not None:
            self._log(
                f"the scheduled run of {schedule.function} failed: "
                f"{result.error}: {result.error_message}"
            )

    async def _invoke(self, schedule: Schedule) -> InvocationResult:
        try:
            return await self._pools[schedule.function].invoke(build_event(schedule, self._clock()))
        except Throttled:
            return failure("TooManyRequestsException", "Rate Exceeded.")
        except Exception as error:  # otherwise the task would end, and the schedule with it
            return failure(type(error).__name__, str(error))


def build_event(schedule: Schedule, now: float) -> bytes:
    """Return the event of a run: the Input of the template, or else EventBridge's default event."""
    if schedule.payload is not None:
        return schedule.payload.encode()
    event: dict[str, Any] = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": f"aws.{schedule.service}",
        "account": ACCOUNT_ID,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "region": REGION,
        "resources": [schedule.arn],
        # EventBridge Scheduler sends the detail as text
        "detail": "{}" if schedule.service == "scheduler" else {},
    }
    return json.dumps(event, separators=(",", ":")).encode()
