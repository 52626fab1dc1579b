"""Measure what a query uses: memory and time of its backend, and time of the function."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.adhoc_sql.validator import validate
from sluice.errors import QueryRejected, QueryTooExpensive, SluiceError
from sluice.runtime import Runtime
from tests.engine.adhoc_sql.catalogue import CATALOGUE
from tests.fixtures.adhoc_sql import AnalystClient

MAX_MEMORY = 256  # MB of a backend
# Seconds from the first statement until the backend is idle: the role's timeout and one second
# more. The timeout of a query is half a second shorter.
MAX_BUSY = 6.0
MAX_VALIDATION = 2.0  # seconds before the first statement
POLL_INTERVAL = 0.01


@dataclass
class Usage:
    """What one query used, and its outcome. Times are in seconds, memory in MB at the peak."""

    text: str
    validation: float
    busy: float
    memory: float
    outcome: str

    def violations(self) -> list[str]:
        """Return the limits that it exceeded."""
        found = []
        if self.memory > MAX_MEMORY:
            found.append(f"{self.memory:,.0f} MB")
        if self.busy > MAX_BUSY:
            found.append(f"{self.busy:.1f} s")
        if self.validation > MAX_VALIDATION:
            found.append(f"{self.validation:.1f} s of validation")
        if self.outcome not in ("answered", "rejected", "too expensive"):
            found.append(self.outcome)
        return found


class MemoryWatch:
    """Polls the peak memory (VmHWM) of a process in a thread."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._stop = threading.Event()
        self.peak = 0.0

    @contextmanager
    def running(self) -> Iterator["MemoryWatch"]:
        thread = threading.Thread(target=self._poll)
        thread.start()
        try:
            yield self
        finally:
            self._read()
            self._stop.set()
            thread.join()

    def _poll(self) -> None:
        while not self._stop.wait(POLL_INTERVAL):
            self._read()

    def _read(self) -> None:
        try:
            lines = self._status.read_text().splitlines()
        except OSError:
            return  # the process has ended
        for line in lines:
            if line.startswith("VmHWM:"):
                self.peak = max(self.peak, int(line.split()[1]) / 1024)


def measure(text: str, runtime: Runtime, analyst: AnalystClient) -> Usage:
    """Run a query as the route does, in a new backend, and wait until that is idle."""
    runtime.adhoc_sql.dispose()
    with runtime.adhoc_sql.on_primary().begin(timeout=5.0) as transaction:
        pid = int(str(transaction.run("SELECT pg_backend_pid()").rows[0][0]))
    started = time.thread_time()
    with suppress(SluiceError):
        validate(text, CATALOGUE)
    validation = time.thread_time() - started
    with MemoryWatch(pid).running() as watch:
        started = time.monotonic()
        outcome = _execute(text, runtime)
        answered = time.monotonic() - started
        busy = max(answered, _wait_until_idle(pid, analyst) - started)
    runtime.adhoc_sql.dispose()
    return Usage(text, validation, busy, watch.peak, outcome)


def _execute(text: str, runtime: Runtime) -> str:
    try:
        runtime.adhoc_sql.run(text, 10_000)
    except QueryRejected:
        return "rejected"
    except QueryTooExpensive:
        return "too expensive"
    except Exception as error:
        return repr(error)
    return "answered"


def _wait_until_idle(pid: int, analyst: AnalystClient) -> float:
    """Return the time when the backend was first seen to be idle."""
    while _is_busy(pid, analyst):
        if threading.Event().wait(POLL_INTERVAL):
            break
    return time.monotonic()


def _is_busy(pid: int, analyst: AnalystClient) -> Any:
    return analyst.sql(
        "SELECT 1 FROM pg_stat_activity WHERE pid = :pid AND state <> 'idle'", pid=pid
    )
