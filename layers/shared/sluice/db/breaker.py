"""While the database is away, who tries to connect? One at a time; everybody else is refused in a millisecond.

A circuit breaker (Michael Nygard, "Release It!") around connecting, and nothing else: a connection that is open tells
by itself when it breaks. Each environment's circuit opens by a failure of its own, so that one which alone cannot reach
the database shuts nobody else out. What they share is whose turn it is to look whether it is back.
See docs/decisions/0012-circuit-breaker.md.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from ssl import SSLCertVerificationError
from threading import Lock
from typing import Literal, Protocol, TypeVar

from sluice.db.transport import DISCONNECT_MESSAGES
from sluice.errors import CircuitOpen

T = TypeVar("T")
State = Literal["closed", "open", "half_open"]

OPEN_SECONDS = 1.0  # without trying
PROBE_SECONDS = 2.5  # for the one who is let through: more than a connect may take

# SQLSTATEs of a server that is there and cannot serve: connections, resources, shutting down or starting, its disk.
OUTAGES = ("08", "53", "57P01", "57P02", "57P03", "58")

_log = logging.getLogger(__name__)


class ProbeLockUnavailable(Exception):
    """What environments share cannot be reached."""


class ProbeLock(Protocol):
    """Whose turn is it to try? At most one environment's, until its time is over. Both raise HintUnavailable."""

    def acquire(self, now: float, until: float) -> bool:
        """Is it this one's, from now on? Not while it is another's. Seconds since the epoch."""
        ...

    def expires_at(self) -> float:
        """When the turn that was taken last is over; 0 where the database was there since."""
        ...

    def release(self) -> None:
        """The database is there."""
        ...


class CircuitBreaker:
    """One for each engine, safe to share between threads. Without a `hint` it is for one environment alone."""

    def __init__(
        self,
        hint: ProbeLock | None = None,
        *,
        clock: Callable[[], float] = time.time,
        of: str = "the database",
    ) -> None:
        self._hint = hint
        self._of = of  # in the log
        self._clock = clock
        self._lock = Lock()
        self._open_until: float | None = None  # None: closed
        self._trying = False
        self.rejections = 0  # so far

    @property
    def state(self) -> State:
        """Half open: the next to come, or one who is at it, tries for all."""
        with self._lock:
            if self._open_until is None:
                return "closed"
            return "open" if self._waits(self._clock()) else "half_open"

    def open_elsewhere(self) -> bool | None:
        """Has any environment been kept from trying just now? None where that cannot be told."""
        try:
            return self._hint is not None and self._hint.expires_at() > self._clock()
        except ProbeLockUnavailable:
            return None

    def connect(self, attempt: Callable[[], T]) -> T:
        """The connection that `attempt` makes; its errors are passed on. CircuitOpen where nothing was tried."""
        self._admit()
        try:
            connection = attempt()
        except BaseException as error:
            if _is_outage(error):
                self._failed()
            else:
                self._answered()
            raise
        self._answered()
        return connection

    def _admit(self) -> None:
        with self._lock:
            if self._open_until is None:
                return
            now = self._clock()
            if self._trying or self._waits(now):
                raise self._refusal(now)
            self._trying = True
        if not self._takes_turn(now, now + PROBE_SECONDS):
            with self._lock:
                self._trying, self._open_until = False, now + OPEN_SECONDS
                raise self._refusal(now)

    def _failed(self) -> None:
        with self._lock:
            now = self._clock()
            opens = self._open_until is None
            self._trying, self._open_until = False, now + OPEN_SECONDS
        if opens:
            _log.warning("the circuit is open: %s is away", self._of)
            self._takes_turn(
                now, now + OPEN_SECONDS
            )  # that it is away is known: the others may wait

    def _answered(self) -> None:
        """Somebody was there, if only to say that our password is wrong."""
        with self._lock:
            was_open = self._open_until is not None
            self._trying, self._open_until = False, None
        if was_open:
            _log.warning("the circuit is closed: %s is there again", self._of)
            if self._hint is not None:
                with suppress(ProbeLockUnavailable):  # the turn is over by itself, a little later
                    self._hint.release()

    def _takes_turn(self, now: float, until: float) -> bool:
        """Where nobody can be asked, every environment tries for itself."""
        try:
            return self._hint is None or self._hint.acquire(now, until)
        except ProbeLockUnavailable:
            _log.exception("whether other environments find the database is not known")
            return True

    def _waits(self, now: float) -> bool:
        # A clock that was set back must not keep the circuit open for longer than it would be.
        return self._open_until is not None and 0 < self._open_until - now <= OPEN_SECONDS

    def _refusal(self, now: float) -> CircuitOpen:
        self.rejections += 1
        return CircuitOpen(retry_after=max(1, ceil((self._open_until or now) - now)))


def _is_outage(error: BaseException) -> bool:
    """Is the database away? Not where somebody answered (that our password is wrong), or nobody was asked."""
    if error.args and isinstance(error.args[0], dict):
        return str(error.args[0].get("C")).startswith(OUTAGES)
    if str(error) in DISCONNECT_MESSAGES:
        return True  # taken, and ended before the greeting: by a proxy with nobody behind it
    reason = error if isinstance(error, OSError) else error.__cause__
    return isinstance(reason, OSError) and not isinstance(reason, SSLCertVerificationError)
