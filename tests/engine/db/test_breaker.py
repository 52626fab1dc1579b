"""The circuit breaker and its probe lock.

Clocks are arguments. Each breaker stands for an execution environment; all share a probe lock.
"""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, Lock

import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from sluice.aws.client import AwsClient
from sluice.db.breaker import (
    OPEN_SECONDS,
    PROBE_SECONDS,
    CircuitBreaker,
    ProbeLock,
    ProbeLockUnavailable,
)
from sluice.db.probe_lock import DynamoProbeLock
from sluice.errors import CircuitOpen, DatabaseUnavailable
from sluice.settings import AwsSettings
from testing.aws import RATE_LIMIT_TABLE

NOW = 1_800_000_000.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


class MemoryProbeLock:
    """The behaviour of DynamoProbeLock, in this process."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._until = 0.0

    def acquire(self, now: float, until: float) -> bool:
        with self._lock:
            free = not now <= self._until <= now + 60
            if free:
                self._until = until
            return free

    def expires_at(self) -> float:
        return self._until

    def release(self) -> None:
        self._until = 0.0


class UnavailableProbeLock:
    """A probe lock while DynamoDB is unavailable."""

    def acquire(self, now: float, until: float) -> bool:
        raise ProbeLockUnavailable

    def expires_at(self) -> float:
        raise ProbeLockUnavailable

    def release(self) -> None:
        raise ProbeLockUnavailable


class FakeDatabase:
    """A database that is available, or fails with `error`. Counts the attempts."""

    def __init__(self, error: Exception | None) -> None:
        self.error, self.attempts = error, 0

    def __call__(self) -> str:
        self.attempts += 1
        if self.error is not None:
            raise self.error
        return "connected"


def interface_error(reason: BaseException) -> Exception:
    error = InterfaceError("cannot connect")
    error.__cause__ = reason
    return error


def server_error(state: str) -> Exception:
    return DatabaseError({"C": state})


CONNECTION_REFUSED = interface_error(ConnectionRefusedError())
SILENT = interface_error(TimeoutError())
# pg8000's message for a connection that ends before the server's first message.
DISCONNECTED = InterfaceError("network error")


def attempt(breaker: CircuitBreaker, database: FakeDatabase) -> str:
    """Connect, and return the outcome: connected, open or failed."""
    try:
        return breaker.connect(database)
    except CircuitOpen:
        return "open"
    except (InterfaceError, DatabaseError, DatabaseUnavailable, OSError):
        return "failed"


@pytest.fixture(params=["memory", "dynamodb"])
def probe_lock(request: pytest.FixtureRequest, emulated_aws: AwsSettings) -> Iterator[ProbeLock]:
    if request.param == "memory":
        yield MemoryProbeLock()
        return
    client = AwsClient(
        emulated_aws, "dynamodb", endpoint=emulated_aws.dynamodb_endpoint, version="1.0"
    )
    yield DynamoProbeLock(client, RATE_LIMIT_TABLE, f"{request.node.name}")
    client.close()


def test_lock_has_one_holder_and_expires(probe_lock: ProbeLock) -> None:
    assert probe_lock.expires_at() == 0
    assert probe_lock.acquire(NOW, NOW + 2.5)
    assert not probe_lock.acquire(NOW + 1, NOW + 3.5)
    assert probe_lock.expires_at() == NOW + 2.5
    assert probe_lock.acquire(NOW + 2.6, NOW + 5.1)
    probe_lock.release()
    assert probe_lock.expires_at() == 0
    assert probe_lock.acquire(NOW + 2.7, NOW + 5.2)


def test_lock_from_a_wrong_clock_is_ignored(probe_lock: ProbeLock) -> None:
    assert probe_lock.acquire(NOW + 3600, NOW + 3602.5)
    assert probe_lock.acquire(NOW, NOW + 2.5)


def test_concurrent_acquire_has_one_winner(probe_lock: ProbeLock) -> None:
    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(lambda _: probe_lock.acquire(NOW, NOW + 2.5), range(64))) == 1


@pytest.mark.parametrize(
    "error",
    [
        CONNECTION_REFUSED,
        SILENT,
        DISCONNECTED,
        server_error("53300"),
        server_error("57P03"),
        server_error("08006"),
    ],
)
def test_failure_opens_the_circuit(error: Exception) -> None:
    database = FakeDatabase(error)
    breaker = CircuitBreaker(clock=Clock())
    assert [attempt(breaker, database) for _ in range(5)] == ["failed"] + ["open"] * 4
    assert (breaker.state, breaker.rejections, database.attempts) == ("open", 4, 1)


@pytest.mark.parametrize(
    "error",
    [
        server_error("28P01"),
        server_error("3D000"),
        interface_error(ssl.SSLCertVerificationError()),
        DatabaseUnavailable(),
        interface_error(ValueError()),
    ],
)
def test_other_errors_do_not_open_the_circuit(error: Exception) -> None:
    breaker = CircuitBreaker(clock=Clock())
    assert {attempt(breaker, FakeDatabase(error)) for _ in range(20)} == {"failed"}
    assert breaker.state == "closed"


def test_probe_closes_the_circuit_or_keeps_it_open() -> None:
    clock, database = Clock(), FakeDatabase(SILENT)
    breaker = CircuitBreaker(clock=clock)
    attempt(breaker, database)
    for _ in range(3):
        clock.now += OPEN_SECONDS
        assert breaker.state == "half_open"
        assert [attempt(breaker, database) for _ in range(3)] == ["failed", "open", "open"]
    database.error = None
    assert attempt(breaker, database) == "open"
    clock.now += OPEN_SECONDS
    assert [attempt(breaker, database) for _ in range(2)] == ["connected"] * 2
    assert breaker.state == "closed"


def test_clock_set_back_does_not_keep_it_open() -> None:
    clock, database = Clock(), FakeDatabase(SILENT)
    breaker = CircuitBreaker(clock=clock)
    attempt(breaker, database)
    clock.now -= 3600
    database.error = None
    assert attempt(breaker, database) == "connected"


def test_one_thread_of_an_environment_probes() -> None:
    clock, database = Clock(), FakeDatabase(SILENT)
    breaker = CircuitBreaker(clock=clock)
    attempt(breaker, database)
    clock.now += OPEN_SECONDS
    all_threads = Barrier(8)

    def fail() -> str:
        database()  # raises
        return ""

    def attempt_in_thread(_: int) -> str:
        all_threads.wait()
        try:
            return breaker.connect(fail)
        except CircuitOpen:
            return "open"
        except InterfaceError:
            return "failed"

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(attempt_in_thread, range(8))) == ["failed"] + ["open"] * 7


@pytest.mark.parametrize("error", [CONNECTION_REFUSED, SILENT])
def test_environments_share_the_probes(probe_lock: ProbeLock, error: Exception) -> None:
    """Each environment fails once; after that, all of them together make one attempt per probe."""
    clock, database = Clock(), FakeDatabase(error)
    environments = [CircuitBreaker(probe_lock, clock=clock) for _ in range(20)]
    first_attempts, seconds = 0, 20
    for tick in range(seconds * 4):
        for breaker in environments:
            attempt(breaker, database)
        first_attempts = database.attempts if tick == 0 else first_attempts
        clock.now += 0.25
    assert first_attempts == len(environments)
    assert database.attempts - first_attempts <= seconds / PROBE_SECONDS + 1

    database.error = None
    recovered_at = clock.now
    while {breaker.state for breaker in environments} != {"closed"}:
        for breaker in environments:
            attempt(breaker, database)
        clock.now += 0.05
    assert clock.now - recovered_at < 5


def test_one_isolated_environment_stops_no_other(probe_lock: ProbeLock) -> None:
    clock, database = Clock(), FakeDatabase(None)
    isolated = CircuitBreaker(probe_lock, clock=clock)
    healthy = CircuitBreaker(probe_lock, clock=clock)
    attempt(isolated, FakeDatabase(SILENT))
    assert isolated.state == "open"
    assert healthy.open_elsewhere() is True
    assert attempt(healthy, database) == "connected"


def test_killed_probe_delays_the_others_by_its_lock(probe_lock: ProbeLock) -> None:
    clock, database = Clock(), FakeDatabase(SILENT)
    killed = CircuitBreaker(probe_lock, clock=clock)
    surviving = CircuitBreaker(probe_lock, clock=clock)
    attempt(killed, database)
    attempt(surviving, database)
    clock.now += PROBE_SECONDS
    with suppress(CircuitOpen):
        killed._admit()  # a probe that never ends
    database.error = None
    waiting_since = clock.now
    while attempt(surviving, database) == "open":
        clock.now += 0.1
    assert clock.now - waiting_since < PROBE_SECONDS + OPEN_SECONDS


def test_without_dynamodb_each_environment_probes(caplog: pytest.LogCaptureFixture) -> None:
    clock, database = Clock(), FakeDatabase(SILENT)
    breaker = CircuitBreaker(UnavailableProbeLock(), clock=clock)
    assert attempt(breaker, database) == "failed"
    assert breaker.open_elsewhere() is None
    clock.now += OPEN_SECONDS
    database.error = None
    assert attempt(breaker, database) == "connected"
    assert breaker.state == "closed"
