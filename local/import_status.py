"""How far are the imports? Asked of the database while somebody looks, and never waited for."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from sluice.db.database import Database
from sluice.db.engine import make_engine
from sluice.errors import NotSetUp, SluiceError
from sluice.repositories.import_jobs import ImportJobRepository
from sluice.repositories.list_spec import ListQuery
from sluice.repositories.page_cursor import CursorSigner
from sluice.settings import DatabaseSettings

EVERY = 1.0  # seconds, at most
OLD_SECONDS = 3.0  # an answer, when nobody has looked for a while
SHOWN = 8
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
    }
    | {"started_at", "finished_at"}
)

State = Literal["asked", "reached", "away"]
Ask = Callable[[], list[dict[str, Any]]]


class Progress:
    """`ask` gives the newest imports, from a thread; SluiceError where the database cannot tell. `clock`: seconds."""

    def __init__(self, ask: Ask, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._answered_at = float("-inf")
        self._jobs: list[dict[str, Any]] = []
        self._state: State = "asked"

    def latest(self) -> tuple[list[dict[str, Any]], State]:
        """What is known by now, and what the database is when asked. Asks again, for the next time."""
        if (
            self._asking is None or self._asking.done()
        ) and self._clock() - self._asked_at >= EVERY:
            self._asked_at = self._clock()
            self._asking = asyncio.create_task(self._refresh())
        fresh = self._clock() - self._answered_at < OLD_SECONDS
        return self._jobs, self._state if fresh else "asked"

    async def stop(self) -> None:
        """Wait for an answer that is under way."""
        if self._asking is not None:
            await self._asking

    async def _refresh(self) -> None:
        try:
            self._jobs, self._state = await asyncio.to_thread(self._ask), "reached"
        except NotSetUp:
            self._jobs, self._state = [], "reached"
        except SluiceError:
            self._state = "away"
        self._answered_at = self._clock()


def ask_of(settings: DatabaseSettings) -> Ask:
    """What asks there, by a connection of its own that is opened when it is first needed."""
    impatient = replace(settings, pool_overflow=0, connect_timeout=1.0, socket_timeout=2.0)
    database = Database(make_engine(impatient, "function"))
    imports = ImportJobRepository(database, CursorSigner(b"no cursor is made of it"))

    def ask() -> list[dict[str, Any]]:
        page = imports.page(ListQuery(limit=SHOWN, sort=(("id", True),), fields=FIELDS))
        jobs: list[dict[str, Any]] = json.loads(f"[{page.items}]")
        return jobs

    return ask
