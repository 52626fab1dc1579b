"""Read the progress of imports from the database while the console is open.

The database is queried in the background: requests of the console never wait for it.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, Literal

from sluice.db.database import Database
from sluice.db.pools import make_pool
from sluice.errors import NotSetUp, SluiceError
from sluice.imports.job_repository import ImportJobRepository
from sluice.settings import DatabaseSettings
from sluice.sql.list_spec import ListQuery
from sluice.sql.page_cursor import CursorSigner

REFRESH_SECONDS = 1.0  # between two queries
STALE_SECONDS = 3.0  # after which the state of the database is unknown again
MAX_JOBS = 8
FIELDS = frozenset(
    {
        "id",
        "resource",
        "status",
        "rows_read",
        "rows_written",
        "rows_rejected",
        "bytes_read",
        "bytes_total",
        "error",
        "started_at",
        "finished_at",
    }
)

DatabaseState = Literal["unknown", "reachable", "unreachable"]
FetchJobs = Callable[[], list[dict[str, Any]]]


class ImportStatus:
    """The newest imports, and whether the database is reachable.

    `fetch` returns the imports; it runs in a thread and may raise SluiceError. `clock` returns
    seconds.
    """

    def __init__(self, fetch: FetchJobs, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._started_at = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None
        self._finished_at = float("-inf")
        self._jobs: list[dict[str, Any]] = []
        self._state: DatabaseState = "unknown"

    def latest(self) -> tuple[list[dict[str, Any]], DatabaseState]:
        """Return the last known imports and state, and start a query for the next call."""
        idle = self._refreshing is None or self._refreshing.done()
        if idle and self._clock() - self._started_at >= REFRESH_SECONDS:
            self._started_at = self._clock()
            self._refreshing = asyncio.create_task(self._refresh())
        fresh = self._clock() - self._finished_at < STALE_SECONDS
        return self._jobs, self._state if fresh else "unknown"

    async def stop(self) -> None:
        """Wait for a query that is running."""
        if self._refreshing is not None:
            await self._refreshing

    async def _refresh(self) -> None:
        try:
            self._jobs, self._state = await asyncio.to_thread(self._fetch), "reachable"
        except NotSetUp:
            self._jobs, self._state = [], "reachable"
        except SluiceError:
            self._state = "unreachable"
        self._finished_at = self._clock()


def import_jobs_fetcher(settings: DatabaseSettings) -> FetchJobs:
    """Return a function that fetches the newest imports; it connects when first called."""
    impatient = settings._replace(pool_overflow=0, connect_timeout=1.0, socket_timeout=2.0)
    database = Database(make_pool(impatient, "function"))
    imports = ImportJobRepository(database, CursorSigner(b"cursors are not used"))

    def fetch() -> list[dict[str, Any]]:
        page = imports.page(ListQuery(limit=MAX_JOBS, sort=(("id", True),), fields=FIELDS))
        jobs: list[dict[str, Any]] = json.loads(f"[{page.items}]")
        return jobs

    return fetch
