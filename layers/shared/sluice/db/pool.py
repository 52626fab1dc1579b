"""What a database needs of a connection pool, and the metrics of a pool's use.

The pool of functions is in driver_pool.py, all others in sqlalchemy_pool.py.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sluice.db.error_names import ErrorNames
from sluice.query import Query

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

ALMOST_FULL = 80  # percent

Hook = Callable[[Any], None]  # gets a connection of the driver

_log = logging.getLogger(__name__)


class PoolMetrics(NamedTuple):
    """The state of the pool of one execution environment.

    A batch pool keeps no connection: `size` is 0, and open connections count as checked out.
    """

    size: int
    checked_in: int
    checked_out: int
    overflow: int  # open connections beyond `size`
    invalid: int  # connections found dead or too old since the pool was created


class PooledConnection(Protocol):
    """A connection that the pool has lent. `connection` is the driver's."""

    @property
    def connection(self) -> Any: ...

    def cursor(self) -> Any:
        """Return a cursor for statements as `ConnectionPool.positional` returns them."""

    def invalidate(self, error: BaseException) -> None:
        """Close the connection, because `error` has broken it. The pool opens another one."""


class Checkout(PooledConnection, Protocol):
    """A connection for one query, without a transaction."""

    def close(self) -> None:
        """Return the connection to the pool, which rolls back what is not committed."""


class PoolTransaction(PooledConnection, Protocol):
    """A transaction on a connection. BEGIN is sent with its first statement."""

    @property
    def is_active(self) -> bool:
        """Whether the transaction has not ended."""

    def commit(self) -> None:
        """Commit and end the transaction. Raise SluiceErrors."""

    def make_session(self) -> "Session":
        """Return a session of SQLAlchemy's ORM in this transaction."""


BeginTransaction = Callable[[], AbstractContextManager[PoolTransaction]]


class ConnectionPool(Protocol):
    """The connections to one database. Safe to share between threads.

    Each method that opens a connection raises SluiceErrors. `pipelined`: the driver sends several
    statements in one flush. `migrated`: `make migrate` was run for the database. `names` returns
    the names that the errors of this database may contain.
    """

    pipelined: bool
    migrated: bool
    names: Callable[[], ErrorNames]

    def checkout(self) -> Checkout:
        """Take a connection."""

    def connect(self) -> AbstractContextManager[BeginTransaction]:
        """Take a connection for several transactions in turn. Each is rolled back at its end."""

    def positional(self, query: Query) -> tuple[str, list[object]]:
        """Return the statement with the driver's placeholders, and their values."""

    def is_disconnect(self, error: BaseException, connection: Any) -> bool:
        """Return whether the driver's connection cannot be used after `error`."""

    def metrics(self) -> PoolMetrics:
        """Return the current state of the pool. Never waits, and never opens a connection."""

    def take_peak(self) -> tuple[PoolMetrics, float]:
        """Return the state at the peak since the last call, and its use as percent of the limit."""

    def dispose(self) -> None:
        """Close idle connections. The pool can still be used."""


class PeakUse:
    """The peak use of a pool, which has at most `limit` connections; 0 means no limit."""

    def __init__(self, metrics: Callable[[], PoolMetrics], limit: int) -> None:
        self._metrics = metrics
        self._limit = limit
        self._peak: PoolMetrics | None = None

    def record(self, used: int) -> None:
        """Record that `used` connections are in use.

        Log a warning for a new peak that is beyond the pool's size or near its limit. A pool of one
        connection logs none: each query uses all of it.
        """
        if self._peak is not None and used <= self._peak.checked_out:
            return
        self._peak = self._metrics()
        size = self._peak.size
        almost_full = self._limit > 1 and used * 100 >= ALMOST_FULL * self._limit
        if almost_full or used > size:
            _log.warning(
                "%d of %d connections are in use; the pool keeps %d", used, self._limit, size
            )

    def take(self) -> tuple[PoolMetrics, float]:
        """Return the peak since the last call, and its use as percent of the limit."""
        peak = self._peak or self._metrics()
        self._peak = None
        return peak, 100 * peak.checked_out / self._limit if self._limit else 0.0
