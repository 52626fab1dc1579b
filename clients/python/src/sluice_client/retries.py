"""Which attempts of a call are repeated, and when. Sends nothing itself.

A request is repeated after an unclear failure only if the server then does its work once: GET and
HEAD, POST with an `Idempotency-Key`, and PUT, PATCH and DELETE with `If-Match`. A refusal that
certainly did nothing (429, or 503 before a statement was sent) is repeated for every method.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from .errors import ClientError, NoResponseError, error_of, problem_of
from .timing import Timing

# The request was not sent: no connection was made.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# Codes of 503 with which the server says that it has not begun.
NOT_BEGUN = {"circuit_open", "pool_exhausted", "identity_unavailable"}
UNCLEAR_STATUSES = {500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a call is tried. All times are seconds.

    deadline: the maximum for all attempts and waits of a call.
    attempt_timeout: the maximum without a byte from the server.
    base_delay, max_delay: waits are random, at most `base_delay` doubled with each attempt. They
        are added to the response's Retry-After.
    """

    max_attempts: int = 5
    deadline: float = 30.0
    attempt_timeout: float = 15.0
    base_delay: float = 0.1
    max_delay: float = 5.0


@dataclass(frozen=True, slots=True)
class RetriedCall:
    """What the decisions need of a request."""

    method: str
    has_key: bool = False
    has_if_match: bool = False

    @property
    def reads(self) -> bool:
        return self.method in ("GET", "HEAD")

    @property
    def is_repeatable(self) -> bool:
        """Return whether the server does the work once if it receives the request twice."""
        if self.method == "POST":
            return self.has_key
        return self.reads or self.has_if_match


@dataclass(frozen=True, slots=True)
class Send:
    """Send the request now; wait at most `timeout` for a byte."""

    timeout: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Sleep before the next attempt."""

    seconds: float


Outcome = httpx.Response | httpx.TransportError | None
Steps = Generator[Send | Wait, Outcome, httpx.Response]


def steps(call: RetriedCall, policy: RetryPolicy, timing: Timing) -> Steps:
    """Yield what to do next, and return the successful response.

    The caller sends in the response, or the error of the connection, after each `Send`. Raise the
    error of the last attempt.
    """
    end = timing.monotonic() + policy.deadline
    maybe_applied = False
    attempt = 0
    while True:
        attempt += 1
        remaining = max(end - timing.monotonic(), 0.001)
        outcome = yield Send(min(policy.attempt_timeout, remaining))
        if isinstance(outcome, httpx.Response) and outcome.is_success:
            return outcome
        unclear = is_unclear(outcome)
        maybe_applied = (maybe_applied or unclear) and not call.reads
        refused_with_key = call.has_key and not unclear
        error = _error(outcome, maybe_applied=maybe_applied and not refused_with_key)
        if attempt >= policy.max_attempts or not is_retried(call, outcome):
            raise error
        delay = _delay(attempt, outcome, policy, timing)
        if timing.monotonic() + delay >= end:
            raise error
        yield Wait(delay)


def is_unclear(outcome: Outcome) -> bool:
    """Return whether the server may have done the work."""
    if not isinstance(outcome, httpx.Response):
        return not isinstance(outcome, NOT_SENT)
    if outcome.status_code == 409:
        return problem_of(outcome).code == "idempotency_in_progress"
    return outcome.status_code >= 500 and problem_of(outcome).code not in NOT_BEGUN


def is_retried(call: RetriedCall, outcome: Outcome) -> bool:
    """Return whether another attempt can succeed, and does the work once."""
    if not isinstance(outcome, httpx.Response):
        return call.is_repeatable or isinstance(outcome, NOT_SENT)
    if outcome.status_code == 429:
        return True
    code = problem_of(outcome).code
    if outcome.status_code == 409:
        return call.has_key and code == "idempotency_in_progress"
    if code in NOT_BEGUN:
        return True
    is_fault = code == "internal_error"  # of the program: it would happen again
    return outcome.status_code in UNCLEAR_STATUSES and call.is_repeatable and not is_fault


def retry_after(response: httpx.Response, now: float) -> float | None:
    """Return the seconds of the header, which may also be a date; None without a valid one."""
    value = str(response.headers.get("Retry-After", "")).strip()
    if value.isdecimal():
        return float(value)
    try:
        seconds: float = parsedate_to_datetime(value).timestamp() - now
    except ValueError:
        return None
    return max(seconds, 0.0)


def _delay(attempt: int, outcome: Outcome, policy: RetryPolicy, timing: Timing) -> float:
    longest = min(policy.max_delay, policy.base_delay * 2.0 ** (attempt - 1))
    backoff = longest * timing.random()
    asked = None
    if isinstance(outcome, httpx.Response):
        asked = retry_after(outcome, timing.now())
    return backoff if asked is None else asked + backoff


def _error(outcome: Outcome, *, maybe_applied: bool) -> ClientError:
    if isinstance(outcome, httpx.Response):
        return error_of(outcome, maybe_applied=maybe_applied)
    error = NoResponseError(f"{type(outcome).__name__}: {outcome}")
    error.__cause__ = outcome
    error.maybe_applied = maybe_applied
    return error
