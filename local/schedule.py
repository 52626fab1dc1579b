"""When does a function run that nobody calls? At the rate its schedule declares, with the event EventBridge sends.

The first run is one period after the start: the service counts from the schedule's creation, and a start of this
system creates nothing. What it does not have: cron, start and end dates, flexible windows, the attributes that
EventBridge Scheduler puts into an Input, and retries, for which the next run stands in.

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
    """`pools` by function name, for every function a schedule names. `log` gets a line for each run that failed.

    `sleep` and `clock` are time itself: the one lets a period pass, the other says what the event tells.
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
        self._tasks = [asyncio.create_task(self._keep(schedule)) for schedule in self._schedules]

    async def stop(self) -> None:
        """Runs that are under way are lost. The pools are the caller's to stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _keep(self, schedule: Schedule) -> None:
        run: asyncio.Task[None] | None = None
        async with (
            asyncio.TaskGroup() as runs
        ):  # a run never delays the next, and ends with its schedule
            while True:
                await self._sleep(schedule.seconds)
                if run is None or run.done():
                    run = runs.create_task(self._run(schedule))
                else:  # the service would start one beside it, where the function's concurrency allows
                    self._log(f"{schedule.function} still runs; its schedule leaves this run out")

    async def _run(self, schedule: Schedule) -> None:
        outcome = await self._outcome(schedule)
        if outcome.error is not None:
            self._log(
                f"{schedule.function}, run by its schedule: {outcome.error}: {outcome.error_message}"
            )

    async def _outcome(self, schedule: Schedule) -> InvocationResult:
        try:
            return await self._pools[schedule.function].invoke(build_event(schedule, self._clock()))
        except Throttled:
            return failure("TooManyRequestsException", "Rate Exceeded.")
        except (
            Exception
        ) as error:  # nobody else would tell of it, and the next run would never come
            return failure(type(error).__name__, str(error))


def build_event(schedule: Schedule, now: float) -> bytes:
    """What the function gets: its Input where the template gives one, else the service's account of the run."""
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
        "detail": "{}"
        if schedule.service == "scheduler"
        else {},  # EventBridge Scheduler sends it as text
    }
    return json.dumps(event, separators=(",", ":")).encode()
