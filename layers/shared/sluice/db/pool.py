"""How full is the pool? `PoolMetrics` for health and CloudWatch, and the pool that refuses in our own words."""

import logging
import threading
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event, exc
from sqlalchemy.engine import Engine
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from sluice import deadline
from sluice.errors import PoolExhausted

ALMOST_FULL = 80  # percent

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolMetrics:
    """One moment of one environment's pool. Without a pool (batch) `size` is 0 and what is open is checked out."""

    size: int
    checked_in: int
    checked_out: int
    overflow: int  # connections open beyond `size`
    invalid: int  # connections found dead or too old, since the engine was made


class BoundedPool(QueuePool):
    """A QueuePool whose waiting time ends in `PoolExhausted`, and with the request's own time."""

    _patience: float

    @property
    def limit(self) -> int:
        """How many connections it may have open."""
        return self.size() + self._max_overflow

    @property
    def _timeout(self) -> float:  # QueuePool's own attribute, read at each wait
        return deadline.cap(self._patience)

    @_timeout.setter
    def _timeout(self, seconds: float) -> None:
        self._patience = seconds

    def _do_get(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get()
        except exc.TimeoutError as error:
            raise PoolExhausted from error


class PoolMonitor:
    """Counts what a pool forgets, across `dispose()`. Make one for each engine, before its first connection."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()  # threads connect at once, and += is two steps
        self._open = 0
        self._invalid = 0
        self._busiest: PoolMetrics | None = None
        event.listen(engine, "connect", self._opened)
        event.listen(engine, "close", self._closed)
        event.listen(engine, "invalidate", self._invalidated)

    def metrics(self) -> PoolMetrics:
        """Read the pool now. Never waits, and never opens a connection."""
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

    def taken(self) -> None:
        """A connection has been handed out: remember the fullest moment, and warn of it, once until `busiest` asks."""
        pool = self._engine.pool
        if not isinstance(pool, BoundedPool):
            return
        used, before = pool.checkedout(), self._busiest
        if before is not None and used <= before.checked_out:
            return
        self._busiest = self.metrics()
        if used * 100 >= ALMOST_FULL * pool.limit or used > pool.size():
            _log.warning(
                "%d of %d connections are in use, %d is kept", used, pool.limit, pool.size()
            )

    def take_peak(self) -> tuple[PoolMetrics, float]:
        """The fullest moment since this was asked last, and how many percent of its connections were in use then."""
        pool, take_peak = self._engine.pool, self._busiest or self.metrics()
        self._busiest = None
        limit = pool.limit if isinstance(pool, BoundedPool) else 0
        return take_peak, 100 * take_peak.checked_out / limit if limit else 0.0

    def _opened(self, connection: Any, record: ConnectionPoolEntry) -> None:
        with self._lock:
            self._open += 1

    def _closed(self, connection: Any, record: ConnectionPoolEntry) -> None:
        with self._lock:
            self._open -= 1

    def _invalidated(
        self, connection: Any, record: ConnectionPoolEntry, error: BaseException | None
    ) -> None:
        with self._lock:
            self._invalid += 1
