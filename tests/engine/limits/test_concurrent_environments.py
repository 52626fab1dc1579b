"""Concurrent execution environments whose clocks differ: no order of steps exceeds a quota."""

from collections import Counter
from collections.abc import Callable
from threading import Semaphore, Thread

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.limits import window
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import IncrementResult, Limiter
from sluice.limits.window import Policy
from tests.fixtures.examples import examples

START = 1_700_000_040_000  # ms; the beginning of a window of 1, 10 and 60 s

# The milliseconds since the previous turn, the number of the environment, and its steps.
Turns = list[tuple[int, int, int]]


class SharedStore(MemoryCounterStore):
    """The counts of one client; records what was taken and admitted in each window."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: Counter[int] = Counter()
        self.admitted: Counter[int] = Counter()

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        taken = super().increment(key, window, amount=amount, limit=limit, expires_at=expires_at)
        self.taken[window] = taken.total
        return taken


class SteppedStore:
    """Waits for a step before it calls the shared store, and before it returns the result."""

    def __init__(self, shared: MemoryCounterStore, wait: Callable[[], None]) -> None:
        self._shared = shared
        self._wait = wait

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        self._wait()
        taken = self._shared.increment(
            key, window, amount=amount, limit=limit, expires_at=expires_at
        )
        self._wait()
        return taken

    def count(self, key: str, window: int) -> int:
        self._wait()
        count = self._shared.count(key, window)
        self._wait()
        return count


class SteppedEnvironment(Thread):
    """Sends one request after another, in steps: up to a store call, its result, or the end."""

    def __init__(self, shared: SharedStore, clock: Callable[[], int], policy: Policy) -> None:
        super().__init__(daemon=True)
        self.in_request = False
        self._shared = shared
        self._clock = clock
        self._policy = policy
        self._limiter = Limiter(
            SteppedStore(shared, self._wait), MemoryCounterStore(), clock=lambda: clock() / 1000
        )
        self._may_run = Semaphore(0)
        self._has_stopped = Semaphore(0)
        self._ended = False
        self.start()

    def step(self) -> None:
        self._may_run.release()
        self._has_stopped.acquire()

    def stop(self) -> None:
        while self.in_request:
            self.step()
        self._ended = True
        self._may_run.release()
        self.join()

    def run(self) -> None:
        self._may_run.acquire()
        while not self._ended:
            self.in_request = True
            current = window.index(self._policy, self._clock())  # by its clock
            decision = self._limiter.hit("ada", self._policy)
            # In the same step as the end of the hit, so no other environment runs in between.
            self._shared.admitted[current] += decision.allowed
            self.in_request = False
            self._wait()

    def _wait(self) -> None:
        self._has_stopped.release()
        self._may_run.acquire()


@settings(max_examples=examples(80), deadline=None)
@given(
    quota=st.sampled_from([1, 5, 100, 100]),
    seconds=st.sampled_from([1, 1, 10, 60]),
    skews=st.lists(st.integers(-3_000, 3_000), min_size=1, max_size=50),
    turns=st.lists(
        st.tuples(
            st.sampled_from([0, 0, 1, 40, 900]), st.integers(0, 49), st.sampled_from([1, 2, 3, 100])
        ),
        max_size=150,
    ),
)
def test_no_order_of_steps_exceeds_the_quota(
    quota: int, seconds: int, skews: list[int], turns: Turns
) -> None:
    now, shared, policy = START, SharedStore(), Policy(quota, seconds)
    environments = [
        SteppedEnvironment(shared, lambda skew=skew: now + skew, policy) for skew in skews
    ]
    for pause, environment, steps in turns:
        now += pause
        for _ in range(steps):
            environments[environment % len(environments)].step()
        assert all(
            count <= shared.taken[current] <= quota for current, count in shared.admitted.items()
        )
    for each in environments:
        each.stop()
