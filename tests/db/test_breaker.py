"""Who tries to connect while the database is away: clocks are arguments, environments are breakers with one hint."""

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
from tests.fixtures.aws import RATE_LIMIT_TABLE

NOW = 1_800_000_000.0


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


class MemoryTurns:
    """What SharedTurns promises, in this process."""

    def __init__(self) -> None:
        self._lock, self._until = Lock(), 0.0

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


class NoTurns:
    """DynamoDB does not answer."""

    def acquire(self, now: float, until: float) -> bool:
        raise ProbeLockUnavailable

    def expires_at(self) -> float:
        raise ProbeLockUnavailable

    def release(self) -> None:
        raise ProbeLockUnavailable


class Database:
    """Away or not; counts who tried."""

    def __init__(self, error: Exception | None) -> None:
        self.error, self.tried = error, 0

    def __call__(self) -> str:
        self.tried += 1
        if self.error is not None:
            raise self.error
        return "connected"


def because(reason: BaseException) -> Exception:
    error = InterfaceError("cannot connect")
    error.__cause__ = reason
    return error


def said(state: str) -> Exception:
    return DatabaseError({"C": state})


REFUSED = because(ConnectionRefusedError())
SILENT = because(TimeoutError())
HUNG_UP = InterfaceError(
    "network error"
)  # pg8000's word for a connection that ends before the greeting


def attempt(breaker: CircuitBreaker, database: Database) -> str:
    """What came of it."""
    try:
        return breaker.connect(database)
    except CircuitOpen:
        return "open"
    except (InterfaceError, DatabaseError, DatabaseUnavailable, OSError):
        return "failed"


@pytest.fixture(params=["memory", "dynamodb"])
def turns(request: pytest.FixtureRequest, emulated_aws: AwsSettings) -> Iterator[ProbeLock]:
    if request.param == "memory":
        yield MemoryTurns()
        return
    client = AwsClient(
        emulated_aws, "dynamodb", endpoint=emulated_aws.dynamodb_endpoint, version="1.0"
    )
    yield DynamoProbeLock(client, RATE_LIMIT_TABLE, f"{request.node.name}")
    client.close()


def test_one_turn_at_a_time_and_none_is_for_ever(turns: ProbeLock) -> None:
    assert turns.expires_at() == 0
    assert turns.acquire(NOW, NOW + 2.5)
    assert not turns.acquire(NOW + 1, NOW + 3.5)
    assert turns.expires_at() == NOW + 2.5
    assert turns.acquire(NOW + 2.6, NOW + 5.1)
    turns.release()
    assert turns.expires_at() == 0
    assert turns.acquire(NOW + 2.7, NOW + 5.2)


def test_a_turn_in_the_far_future_is_a_wrong_clocks(turns: ProbeLock) -> None:
    assert turns.acquire(NOW + 3600, NOW + 3602.5)
    assert turns.acquire(NOW, NOW + 2.5)


def test_of_many_who_ask_at_once_one_has_the_turn(turns: ProbeLock) -> None:
    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(lambda _: turns.acquire(NOW, NOW + 2.5), range(64))) == 1


@pytest.mark.parametrize(
    "error", [REFUSED, SILENT, HUNG_UP, said("53300"), said("57P03"), said("08006")]
)
def test_a_failure_opens_it(error: Exception) -> None:
    database = Database(error)
    breaker = CircuitBreaker(clock=Clock())
    assert [attempt(breaker, database) for _ in range(5)] == ["failed"] + ["open"] * 4
    assert (breaker.state, breaker.rejections, database.tried) == ("open", 4, 1)


@pytest.mark.parametrize(
    "error",
    [
        said("28P01"),
        said("3D000"),
        because(ssl.SSLCertVerificationError()),
        DatabaseUnavailable(),
        because(ValueError()),
    ],
)
def test_what_says_nothing_about_availability_never_opens_it(error: Exception) -> None:
    breaker = CircuitBreaker(clock=Clock())
    assert {attempt(breaker, Database(error)) for _ in range(20)} == {"failed"}
    assert breaker.state == "closed"


def test_then_one_tries_and_closes_it_or_keeps_it_open() -> None:
    clock, database = Clock(), Database(SILENT)
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


def test_a_clock_that_is_set_back_does_not_keep_it_open() -> None:
    clock, database = Clock(), Database(SILENT)
    breaker = CircuitBreaker(clock=clock)
    attempt(breaker, database)
    clock.now -= 3600
    database.error = None
    assert attempt(breaker, database) == "connected"


def test_of_an_environments_threads_one_tries() -> None:
    clock, database = Clock(), Database(SILENT)
    breaker = CircuitBreaker(clock=clock)
    attempt(breaker, database)
    clock.now += OPEN_SECONDS
    everybody = Barrier(8)

    def slow() -> str:
        database()  # raises
        return ""

    def enter(_: int) -> str:
        everybody.wait()
        try:
            return breaker.connect(slow)
        except CircuitOpen:
            return "open"
        except InterfaceError:
            return "failed"

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(enter, range(8))) == ["failed"] + ["open"] * 7


@pytest.mark.parametrize("error", [REFUSED, SILENT])
def test_twenty_environments_hardly_knock(turns: ProbeLock, error: Exception) -> None:
    """Each finds out for itself; from then on it is one attempt for all of them, in the time that a turn takes."""
    clock, database = Clock(), Database(error)
    environments = [CircuitBreaker(turns, clock=clock) for _ in range(20)]
    found_out, seconds = 0, 20
    for tick in range(seconds * 4):
        for breaker in environments:
            attempt(breaker, database)
        found_out = database.tried if tick == 0 else found_out
        clock.now += 0.25
    assert found_out == len(environments)
    assert database.tried - found_out <= seconds / PROBE_SECONDS + 1

    database.error = None
    back = clock.now
    while {breaker.state for breaker in environments} != {"closed"}:
        for breaker in environments:
            attempt(breaker, database)
        clock.now += 0.05
    assert clock.now - back < 5


def test_one_that_alone_cannot_reach_it_shuts_nobody_out(turns: ProbeLock) -> None:
    clock, there = Clock(), Database(None)
    lost, well = CircuitBreaker(turns, clock=clock), CircuitBreaker(turns, clock=clock)
    attempt(lost, Database(SILENT))
    assert lost.state == "open"
    assert well.open_elsewhere() is True
    assert attempt(well, there) == "connected"


def test_one_who_dies_at_its_turn_delays_the_others_by_no_more_than_that(turns: ProbeLock) -> None:
    clock, database = Clock(), Database(SILENT)
    dies, lives = CircuitBreaker(turns, clock=clock), CircuitBreaker(turns, clock=clock)
    attempt(dies, database), attempt(lives, database)
    clock.now += PROBE_SECONDS
    with suppress(CircuitOpen):
        dies._admit()  # and no more is heard of it
    database.error = None
    waited = clock.now
    while attempt(lives, database) == "open":
        clock.now += 0.1
    assert clock.now - waited < PROBE_SECONDS + OPEN_SECONDS


def test_without_the_hint_each_tries_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    clock, database = Clock(), Database(SILENT)
    breaker = CircuitBreaker(NoTurns(), clock=clock)
    assert attempt(breaker, database) == "failed"
    assert breaker.open_elsewhere() is None
    clock.now += OPEN_SECONDS
    database.error = None
    assert attempt(breaker, database) == "connected"
    assert breaker.state == "closed"
