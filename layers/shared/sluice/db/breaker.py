"""A circuit breaker around connecting to the database (Michael Nygard, "Release It!").

While the database is unavailable, one execution environment at a time tries to connect; all others
reject requests within a millisecond. The breaker guards only connecting: an open connection
detects by itself that it is broken. Each environment opens its circuit after its own failure. So if
only one environment cannot reach the database, it does not stop the others. They share only the
probe lock, which elects the environment that tries. See docs/decisions/0012-circuit-breaker.md.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from ssl import SSLCertVerificationError
from threading import Lock
from typing import Literal, Protocol, TypeVar

from sluice.db.driver.transport import DISCONNECT_MESSAGES
from sluice.errors import CircuitOpen

T = TypeVar("T")
State = Literal["closed", "open", "half_open"]

OPEN_SECONDS = 1.0  # how long an open circuit allows no attempt
PROBE_SECONDS = 2.5  # how long a probe holds the lock; the default connect_timeout is 2 s

# SQLSTATEs of a server that runs but cannot serve: connections, resources, shutdown, startup, I/O.
OUTAGE_SQLSTATES = ("08", "53", "57P01", "57P02", "57P03", "58")

_log = logging.getLogger(__name__)


class ProbeLockUnavailable(Exception):
    """The probe lock cannot be reached."""


class ProbeLock(Protocol):
    """Elects the execution environment that may try to connect. Times are Unix time in seconds.

    The methods raise ProbeLockUnavailable.
    """

    def acquire(self, now: float, until: float) -> bool:
        """Take the lock until `until`. Return False if another environment holds it."""
        ...

    def expires_at(self) -> float:
        """Return when the current lock expires, or 0 if it was released."""
        ...

    def release(self) -> None:
        """Release the lock, because the database answered."""
        ...


class CircuitBreaker:
    """The circuit breaker of one engine. Safe to share between threads.

    Without a `lock` it works for this execution environment alone. `name` is for the log.
    """

    def __init__(
        self,
        lock: ProbeLock | None = None,
        *,
        clock: Callable[[], float] = time.time,
        name: str = "the database",
    ) -> None:
        self._probe_lock = lock
        self._name = name
        self._clock = clock
        self._lock = Lock()
        self._open_until: float | None = None  # None: closed
        self._is_probing = False
        self.rejections = 0  # since the environment started

    @property
    def state(self) -> State:
        """The state of the circuit. Half open: the next attempt, or one running now, is a probe."""
        with self._lock:
            if self._open_until is None:
                return "closed"
            return "open" if self._is_open(self._clock()) else "half_open"

    def open_elsewhere(self) -> bool | None:
        """Return whether an environment could not connect just now, and holds the probe lock.

        Return None if the probe lock cannot be reached.
        """
        try:
            return self._probe_lock is not None and self._probe_lock.expires_at() > self._clock()
        except ProbeLockUnavailable:
            return None

    def connect(self, attempt: Callable[[], T]) -> T:
        """Return the connection that `attempt` opens, and pass on its errors.

        Raise CircuitOpen, without an attempt, while the circuit is open.
        """
        self._admit()
        try:
            connection = attempt()
        except BaseException as error:
            if _is_outage(error):
                self._on_failure()
            else:
                self._on_success()
            raise
        self._on_success()
        return connection

    def _admit(self) -> None:
        with self._lock:
            if self._open_until is None:
                return
            now = self._clock()
            if self._is_probing or self._is_open(now):
                raise self._rejection(now)
            self._is_probing = True
        if not self._acquire(now, now + PROBE_SECONDS):
            with self._lock:
                self._is_probing, self._open_until = False, now + OPEN_SECONDS
                raise self._rejection(now)

    def _on_failure(self) -> None:
        with self._lock:
            now = self._clock()
            opens = self._open_until is None
            self._is_probing, self._open_until = False, now + OPEN_SECONDS
        if opens:
            _log.warning("the circuit is open: %s is unavailable", self._name)
            # The state of the database is known now, so no other environment needs to probe.
            self._acquire(now, now + OPEN_SECONDS)

    def _on_success(self) -> None:
        """Close the circuit. The server answered, even if it only rejected our password."""
        with self._lock:
            was_open = self._open_until is not None
            self._is_probing, self._open_until = False, None
        if was_open:
            _log.warning("the circuit is closed: %s is available again", self._name)
            if self._probe_lock is not None:
                with suppress(ProbeLockUnavailable):  # the lock expires a little later
                    self._probe_lock.release()

    def _acquire(self, now: float, until: float) -> bool:
        """Take the probe lock. If it cannot be reached, every environment probes on its own."""
        try:
            return self._probe_lock is None or self._probe_lock.acquire(now, until)
        except ProbeLockUnavailable:
            _log.exception("the probe lock is unavailable; this environment probes on its own")
            return True

    def _is_open(self, now: float) -> bool:
        # A clock that was set back must not keep the circuit open for longer than OPEN_SECONDS.
        return self._open_until is not None and 0 < self._open_until - now <= OPEN_SECONDS

    def _rejection(self, now: float) -> CircuitOpen:
        self.rejections += 1
        return CircuitOpen(retry_after=max(1, ceil((self._open_until or now) - now)))


def _is_outage(error: BaseException) -> bool:
    """Return whether the error means that the database is unavailable.

    It does not if the server answered (our password is wrong), or if no attempt was made.
    """
    if error.args and isinstance(error.args[0], dict):
        return str(error.args[0].get("C")).startswith(OUTAGE_SQLSTATES)
    if str(error) in DISCONNECT_MESSAGES:
        return True  # a proxy accepted the connection, and closed it because it has no server
    reason = error if isinstance(error, OSError) else error.__cause__
    return isinstance(reason, OSError) and not isinstance(reason, SSLCertVerificationError)
