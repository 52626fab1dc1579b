"""Scheduled functions in real sandboxes. The tests decide when a period has passed."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from local.pool import SandboxPool
from local.schedule import Scheduler
from local.template import Schedule
from tests.fixtures.waiting import asynchronous, until
from tests.local.conftest import PoolOpener

RULE = Schedule("EchoFunction", 60, "arn:aws:events:us-east-1:123456789012:rule/minutely")
SCHEDULE = Schedule(
    "EchoFunction", 3600, "arn:aws:scheduler:us-east-1:123456789012:schedule/default/hourly"
)
ECHO = """
    import json
    def handler(event, context):
        print("got " + json.dumps(event))
"""
FAILING = "def handler(event, context): raise ValueError('no luck')"
# Runs until the file in its event exists.
GATED = """
    import pathlib, time
    def handler(event, context):
        print("got " + event["gate"])
        while not pathlib.Path(event["gate"]).exists():
            time.sleep(0.005)
"""


class FakePeriods:
    """Replaces sleeping. `waiting` lists the lengths of the periods; `end` ends one of them."""

    def __init__(self) -> None:
        self.waiting: list[float] = []
        self._ended = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        self.waiting.append(seconds)
        await self._ended.acquire()

    def end(self) -> None:
        self._ended.release()


@asynccontextmanager
async def scheduling(
    pool: SandboxPool, *schedules: Schedule
) -> AsyncIterator[tuple[FakePeriods, list[str]]]:
    """Run a scheduler; yield its periods and the lines that it logs."""
    periods, reports = FakePeriods(), []
    pools = {"EchoFunction": pool}
    scheduler = Scheduler(
        schedules, pools, reports.append, sleep=periods.sleep, clock=lambda: 1_764_115_200.9
    )
    scheduler.start()
    try:
        await until(lambda: len(periods.waiting) == len(schedules))
        yield periods, reports
    finally:
        await scheduler.stop()


def gated_by(gate: Path) -> Schedule:
    return Schedule("EchoFunction", 60, RULE.arn, json.dumps({"gate": str(gate)}))


def events(lines: list[str]) -> list[Any]:
    return [json.loads(line.removeprefix("got ")) for line in lines if line.startswith("got ")]


def count(lines: list[str], start: str) -> int:
    return sum(line.startswith(start) for line in lines)


@asynchronous
async def test_function_runs_after_each_period(
    open_pool: PoolOpener,
) -> None:
    async with open_pool(ECHO) as (pool, lines), scheduling(pool, RULE) as (periods, reports):
        assert lines == []
        periods.end()
        await until(lambda: count(lines, "REPORT") == 1)
        periods.end()
        await until(lambda: count(lines, "REPORT") == 2)
        assert periods.waiting == [60, 60, 60]
    assert reports == []


@asynchronous
async def test_each_schedule_has_its_period(open_pool: PoolOpener) -> None:
    async with open_pool(ECHO) as (pool, _), scheduling(pool, RULE, SCHEDULE) as (periods, _):
        assert periods.waiting == [60, 3600]


@pytest.mark.parametrize(
    ("schedule", "source", "detail"),
    [(RULE, "aws.events", {}), (SCHEDULE, "aws.scheduler", "{}")],
    ids=["rule", "scheduler"],
)
@asynchronous
async def test_event_is_that_of_the_service(
    open_pool: PoolOpener, schedule: Schedule, source: str, detail: object
) -> None:
    async with open_pool(ECHO) as (pool, lines), scheduling(pool, schedule) as (periods, _):
        periods.end()
        await until(lambda: count(lines, "REPORT") == 1)
    event = events(lines)[0]
    assert len(event.pop("id")) == 36
    assert event == {
        "version": "0",
        "detail-type": "Scheduled Event",
        "source": source,
        "account": "123456789012",
        "time": "2025-11-26T00:00:00Z",
        "region": "us-east-1",
        "resources": [schedule.arn],
        "detail": detail,
    }


@asynchronous
async def test_input_replaces_the_event(open_pool: PoolOpener) -> None:
    schedule = Schedule("EchoFunction", 60, RULE.arn, '{"keep": ["ü", 7]}')
    async with open_pool(ECHO) as (pool, lines), scheduling(pool, schedule) as (periods, _):
        periods.end()
        await until(lambda: count(lines, "REPORT") == 1)
    assert events(lines) == [{"keep": ["ü", 7]}]


@asynchronous
async def test_failed_run_does_not_end_the_schedule(open_pool: PoolOpener) -> None:
    async with open_pool(FAILING) as (pool, _), scheduling(pool, RULE) as (periods, reports):
        periods.end()
        await until(lambda: len(reports) == 1)
        periods.end()
        await until(lambda: len(reports) == 2)
    assert set(reports) == {"the scheduled run of EchoFunction failed: ValueError: no luck"}


@asynchronous
async def test_throttled_run_is_reported(open_pool: PoolOpener, tmp_path: Path) -> None:
    async with (
        open_pool(GATED, timeout=10, concurrency=1) as (pool, lines),
        scheduling(pool, RULE) as (periods, reports),
    ):
        other = asyncio.create_task(
            pool.invoke(json.dumps({"gate": str(tmp_path / "go")}).encode())
        )
        await until(lambda: count(lines, "got") == 1)
        periods.end()
        await until(lambda: len(reports) == 1)
        (tmp_path / "go").touch()
        await other
    assert reports == [
        "the scheduled run of EchoFunction failed: TooManyRequestsException: Rate Exceeded."
    ]


@asynchronous
async def test_pool_error_does_not_end_the_schedule(open_pool: PoolOpener) -> None:
    async with open_pool(ECHO) as (pool, _), scheduling(pool, RULE) as (periods, reports):
        shutil.rmtree(pool.function.folder)
        pool.function.folder.touch()  # a file now, so that listing the folder fails

        def broke_in_the_next_period() -> bool:
            periods.end()
            return sum("NotADirectoryError" in report for report in reports) > 1

        await until(broke_in_the_next_period)


@asynchronous
async def test_runs_do_not_overlap(open_pool: PoolOpener, tmp_path: Path) -> None:
    gate = tmp_path / "go"
    async with (
        open_pool(GATED, timeout=10) as (pool, lines),
        scheduling(pool, gated_by(gate)) as (periods, reports),
    ):
        periods.end()
        await until(lambda: count(lines, "got") == 1)
        periods.end()
        periods.end()
        await until(lambda: len(reports) == 2)
        gate.touch()
        await until(lambda: count(lines, "REPORT") == 1)
        periods.end()
        await until(lambda: count(lines, "REPORT") == 2)
    assert set(reports) == {"EchoFunction is still running; this scheduled run is skipped"}


@asynchronous
async def test_stop_cancels_runs(open_pool: PoolOpener, tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    never = gated_by(tmp_path / "never")
    async with (
        open_pool(GATED, timeout=10) as (pool, lines),
        scheduling(pool, never) as (periods, reports),
    ):
        periods.end()
        await until(lambda: count(lines, "got") == 1)
    assert asyncio.all_tasks() == before
    assert (count(lines, "REPORT"), reports) == (0, [])
