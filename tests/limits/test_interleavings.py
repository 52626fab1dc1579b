"""Environments that ask at once, with clocks that differ: whatever the order of their steps, no window is overdrawn."""

from collections import Counter
from collections.abc import Callable
from threading import Semaphore, Thread

from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.limits import window
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import IncrementResult, Limiter
from sluice.limits.window import Policy

START = 1_700_000_040_000  # ms; windows of 1, 10 and 60 s begin

Turns = list[tuple[int, int, int]]  # ms after the turn before, whose it is, and how many steps


class Shared(MemoryCounterStore):
    """Counts of one client, which can be looked at: what was taken, and admitted, in each window."""

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


class Waiting:
    """Counts of which nobody may ask, or hear the answer, before it is their turn."""

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


class Environment(Thread):
    """Sends one request after another. Each `step` goes on to its next question, answer or end."""

    def __init__(self, shared: Shared, clock: Callable[[], int], policy: Policy) -> None:
        super().__init__(daemon=True)
        self.within = False  # a request
        self._shared = shared
        self._clock = clock
        self._policy = policy
        self._limiter = Limiter(
            Waiting(shared, self._wait), MemoryCounterStore(), clock=lambda: clock() / 1000
        )
        self._goes, self._waits = Semaphore(0), Semaphore(0)
        self._stops = False
        self.start()

    def step(self) -> None:
        self._goes.release()
        self._waits.acquire()

    def stop(self) -> None:
        while self.within:
            self.step()
        self._stops = True
        self._goes.release()
        self.join()

    def run(self) -> None:
        self._goes.acquire()
        while not self._stops:
            self.within = True
            current = window.index(self._policy, self._clock())  # as its own clock has it
            decision = self._limiter.hit("ada", self._policy)
            self._shared.admitted[current] += (
                decision.allowed
            )  # one step: nobody else's turn is in between
            self.within = False
            self._wait()

    def _wait(self) -> None:
        self._waits.release()
        self._goes.acquire()


@settings(max_examples=80, deadline=None)
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
def test_no_window_is_overdrawn_in_any_order_of_steps(
    quota: int, seconds: int, skews: list[int], turns: Turns
) -> None:
    now, shared, policy = START, Shared(), Policy(quota, seconds)
    environments = [Environment(shared, lambda skew=skew: now + skew, policy) for skew in skews]
    for pause, who, steps in turns:
        now += pause
        for _ in range(steps):
            environments[who % len(environments)].step()
        assert all(
            count <= shared.taken[current] <= quota for current, count in shared.admitted.items()
        )
    for environment in environments:
        environment.stop()
