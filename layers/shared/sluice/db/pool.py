"""The connection pool: its limits, and its metrics for health and CloudWatch."""

import logging
import threading
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, exc
from sqlalchemy.engine import Engine
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from sluice import request_context
from sluice.errors import PoolExhausted

ALMOST_FULL = 80  # percent

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolMetrics:
    """The state of the pool of one execution environment.

    A batch engine has no pool: `size` is 0, and open connections count as checked out.
    """

    size: int
    checked_in: int
    checked_out: int
    overflow: int  # open connections beyond `size`
    invalid: int  # connections found dead or too old since the engine was created


class BoundedPool(QueuePool):
    """A QueuePool that raises PoolExhausted, and waits no longer than the request's deadline."""

    _base_timeout: float

    @property
    def limit(self) -> int:
        """The maximum number of open connections."""
        return self.size() + self._max_overflow

    @property
    def _timeout(self) -> float:  # an attribute of QueuePool, which reads it before each wait
        return request_context.cap(self._base_timeout)

    @_timeout.setter
    def _timeout(self, seconds: float) -> None:
        self._base_timeout = seconds

    def _do_get(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get()
        except exc.TimeoutError as error:
            raise PoolExhausted from error


class PoolMonitor:
    """Counts the open and invalid connections of an engine, and records the pool's peak.

    `dispose()` does not reset the counts. Create one for each engine, before its first connection.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()  # threads may connect at the same time, and += is two steps
        self._open = 0
        self._invalid = 0
        self._peak: PoolMetrics | None = None
        event.listen(engine, "connect", self._on_connect)
        event.listen(engine, "close", self._on_close)
        event.listen(engine, "invalidate", self._on_invalidate)

    def metrics(self) -> PoolMetrics:
        """Return the current state of the pool. Never waits, and never opens a connection."""
        pool = self._engine.pool
        if not isinstance(pool, QueuePool):
            return PoolMetrics(0, 0, checked_out=self._open, overflow=0, invalid=self._invalid)
        return PoolMetrics(
            size=pool.size(),
            checked_in=pool.checkedin(),
            checked_out=pool.checkedout(),
            overflow=max(0, pool.overflow()),
            invalid=self._invalid,
        )

    def on_checkout(self) -> None:
        """Record the peak usage. Log a warning for a new peak beyond `size` or near the limit."""
        pool = self._engine.pool
        if not isinstance(pool, BoundedPool):
            return
        used = pool.checkedout()
        if self._peak is not None and used <= self._peak.checked_out:
            return
        self._peak = self.metrics()
        is_almost_full = used * 100 >= ALMOST_FULL * pool.limit
        if is_almost_full or used > pool.size():
            _log.warning(
                "%d of %d connections are in use; the pool keeps %d", used, pool.limit, pool.size()
            )

    def take_peak(self) -> tuple[PoolMetrics, float]:
        """Return the pool at its peak since the last call, and the connections in use as percent.

        The percentage is of the limit. The next peak starts from here.
        """
        peak = self._peak or self.metrics()
        self._peak = None
        pool = self._engine.pool
        limit = pool.limit if isinstance(pool, BoundedPool) else 0
        return peak, 100 * peak.checked_out / limit if limit else 0.0

    def _on_connect(self, connection: Any, record: ConnectionPoolEntry) -> None:
        with self._lock:
            self._open += 1

    def _on_close(self, connection: Any, record: ConnectionPoolEntry) -> None:
        with self._lock:
            self._open -= 1

    def _on_invalidate(
        self, connection: Any, record: ConnectionPoolEntry, error: BaseException | None
    ) -> None:
        with self._lock:
            self._invalid += 1
