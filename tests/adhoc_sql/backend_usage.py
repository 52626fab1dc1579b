"""What a statement of an analyst holds: the memory and the time of its backend, and the time of the function."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.adhoc_sql.database import AdhocSqlDatabase
from sluice.adhoc_sql.validator import check
from sluice.errors import QueryRejected, QueryTooExpensive, SluiceError
from sluice.runtime import Runtime
from tests.adhoc_sql.conftest import AnalystsShop

MAX_MEMORY = 256  # MB of a backend
MAX_HELD = (
    6.0  # seconds from the first statement to the last sign of work: the timeout and one more
)
MAX_CHECK = 2.0  # seconds before PostgreSQL is asked
INTERVAL = 0.01


@dataclass
class Holding:
    """What one statement held, and how it ended."""

    text: str
    check: float
    held: float
    memory: float  # MB at the highest
    ended: str

    def faults(self) -> list[str]:
        """What of it is more than may be."""
        found = []
        if self.memory > MAX_MEMORY:
            found.append(f"{self.memory:,.0f} MB")
        if self.held > MAX_HELD:
            found.append(f"{self.held:.1f} s")
        if self.check > MAX_CHECK:
            found.append(f"{self.check:.1f} s to check")
        if self.ended not in ("answered", "refused", "too expensive"):
            found.append(self.ended)
        return found


class Backend:
    """Watches the process of one backend: its memory at the highest (VmHWM), until it is stopped."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._stop = threading.Event()
        self.peak = 0.0

    @contextmanager
    def watched(self) -> Iterator["Backend"]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield self
        finally:
            self._look()
            self._stop.set()
            thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            self._look()

    def _look(self) -> None:
        try:
            lines = self._status.read_text().splitlines()
        except OSError:
            return  # it has ended
        for line in lines:
            if line.startswith("VmHWM:"):
                self.peak = max(self.peak, int(line.split()[1]) / 1024)


def hold(text: str, runtime: Runtime, shop: AnalystsShop) -> Holding:
    """Ask as the route does, by a backend of its own, and wait until that has ended its work."""
    database = _new_backend(runtime)
    with runtime.adhoc_sql.begin(timeout=5.0) as transaction:
        pid = int(str(transaction.run("SELECT pg_backend_pid()").rows[0][0]))
    began = time.thread_time()
    with suppress(SluiceError):
        check(text)
    checked = time.thread_time() - began
    with Backend(pid).watched() as backend:
        began = time.monotonic()
        ended = _ask(text, runtime)
        answered = time.monotonic() - began
        held = max(answered, _until_idle(pid, shop) - began)
    database.dispose()
    return Holding(text, checked, held, backend.peak, ended)


def _new_backend(runtime: Runtime) -> AdhocSqlDatabase:
    runtime.adhoc_sql  # noqa: B018  (makes the database where there is none yet)
    database = runtime._adhoc_sql_databases[None]
    database.dispose()
    return database


def _ask(text: str, runtime: Runtime) -> str:
    try:
        runtime.run_adhoc_sql(text, 10_000)
    except QueryRejected:
        return "refused"
    except QueryTooExpensive:
        return "too expensive"
    except Exception as error:
        return repr(error)
    return "answered"


def _until_idle(pid: int, shop: AnalystsShop) -> float:
    """When the backend was seen to have no work any more."""
    while _works(pid, shop):
        if threading.Event().wait(INTERVAL):
            break
    return time.monotonic()


def _works(pid: int, shop: AnalystsShop) -> Any:
    return shop.sql("SELECT 1 FROM pg_stat_activity WHERE pid = :pid AND state <> 'idle'", pid=pid)
