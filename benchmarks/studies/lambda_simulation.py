"""Simulate Lambda's execution environments at a given request rate, and their load on the database.

Each request uses one environment: the function's most recently used idle one, or a new one. New
environments start at Lambda's scaling rate and are removed after minutes of idleness. Each
environment has Sluice's limiter, over one shared counter store, with the simulation's clock. With
`api_keys`, it also has Sluice's cache of API keys.
"""

import math
import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

from sluice.identity.authenticator import Authenticator, Principal
from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import IncrementResult, Limiter
from sluice.limits.window import Policy
from sluice.settings import METRICS_INTERVAL

BEGAN = 1_800_000_000.0  # Unix time; the limiter's windows are aligned with the clock


class RequestType(NamedTuple):
    """A type of request: its share of all requests, and its times in a warm environment, in ms."""

    function: str
    share: float
    handler: float  # on a whole CPU, with one round trip to the database
    server: float  # the part of `handler` that the database's CPU takes

    @property
    def database(self) -> float:
        """Return how long a request uses a connection, in ms."""
        return ROUND_TRIP + self.server


ROUND_TRIP = 1.0  # ms to the database and back
# `handler` is that of benchmarks/results.md at a round trip of 1 ms. `server` comes from
# `python -m benchmarks.studies.server_cpu`.
MIX = (
    RequestType("products", 0.50, handler=1.40, server=0.09),  # GET one
    RequestType("products", 0.30, handler=1.60, server=0.22),  # a list of 20
    RequestType("orders", 0.10, handler=1.98, server=0.28),
    RequestType("graphql", 0.10, handler=2.46, server=0.53),  # 100 products and their categories
)


@dataclass(frozen=True)
class SimulationConfig:
    """The parameters of a simulation. Times are in seconds."""

    rate: float  # requests a second, at random moments (Poisson)
    seconds: float
    settle: float = 0.0  # requests before this time are not counted
    ramp: float = 0.0  # the rate grows linearly from 0 during this time
    burst: float = 1.0  # factor of the rate in the first BURST_SECONDS of every BURST_EVERY
    wave: float = 0.0  # the rate rises and falls by this share of it, once a DAY
    mix: tuple[RequestType, ...] = MIX
    cpu: float = 1024 / 1769  # share of a CPU that a function of 1,024 MB gets
    spread: float = 0.5  # standard deviation of the logarithm of service times
    cold: float = 0.7  # a cold start
    idle: float = 300.0  # an environment that is idle for longer is removed
    max_environments: int = 1_000  # environments at once, of all functions
    scaling: tuple[int, float] = (1_000, 100.0)  # new ones of a function: at once, and a second
    write: float = 0.005  # a read or write of DynamoDB
    hot: int = 10  # clients that make `hot_share` of all requests
    hot_share: float = 0.8
    cold_clients: int = 2_000  # clients that make the other requests
    quota: int = 100  # requests a minute of each of these
    limited: bool = True
    api_keys: bool = False  # each environment reads the key of a client once a minute


BURST_SECONDS = 2.0
BURST_EVERY = 20.0
DAY = 86_400.0


@dataclass
class SimulationResult:
    """The counts of a simulation. `busy` counts the busy environments at each request's arrival."""

    requests: int = 0
    throttled: int = 0  # by Lambda, for lack of an environment
    limited: int = 0  # rejected by the limiter
    cold: int = 0
    writes: int = 0
    reads: int = 0
    key_reads: int = 0  # of API keys
    metric_lines: int = 0  # of the log: each busy environment prints one a minute
    seconds: float = 0.0  # simulated time that is counted
    served: float = 0.0  # busy seconds of all environments, cold starts included
    in_database: float = 0.0  # seconds of connections in use
    alive: int = 0  # peak of environments
    largest: int = 0  # peak of one function's environments
    busy: Counter[int] = field(default_factory=Counter)
    hottest: int = 0  # peak of the writes to one key within a second

    @property
    def mean_busy(self) -> float:
        return sum(n * times for n, times in self.busy.items()) / self.busy.total()

    def busy_at(self, share: float) -> int:
        """Return the quantile of busy environments.

        At the arrival of this share of the requests, at most this many environments were busy.
        """
        wanted, seen = share * self.busy.total(), 0
        for n in sorted(self.busy):
            seen += self.busy[n]
            if seen >= wanted:
                return n
        return 0


class SharedCounterStore(MemoryCounterStore):
    """The counter store that all environments share; counts its reads and writes."""

    def __init__(self, now: list[float]) -> None:
        super().__init__(max_windows=1_000_000)
        self._now = now
        self.writes = self.reads = self.hottest = 0
        self._second, self._of_key = -1, Counter[str]()

    def increment(
        self, key: str, window: int, *, amount: int, limit: int, expires_at: int
    ) -> IncrementResult:
        self.writes += 1
        if int(self._now[0]) != self._second:
            self._second, self._of_key = int(self._now[0]), Counter()
        self._of_key[key] += 1
        self.hottest = max(self.hottest, self._of_key[key])
        return super().increment(key, window, amount=amount, limit=limit, expires_at=expires_at)

    def count(self, key: str, window: int) -> int:
        self.reads += 1
        return super().count(key, window)


class SimulatedEnvironment:
    __slots__ = ("_clock", "_metrics_at", "authenticator", "idle_since", "key_reads", "limiter")

    def __init__(self, counts: SharedCounterStore, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._metrics_at = -math.inf
        self.limiter = Limiter(counts, MemoryCounterStore(), clock=clock)
        self.authenticator = Authenticator(self._read_key, None, clock=clock)
        self.idle_since = 0.0
        self.key_reads = 0

    def _read_key(self, client: str) -> Principal:
        self.key_reads += 1
        return Principal(client, frozenset())

    def metrics_are_due(self) -> bool:
        """Return whether the environment prints its metrics after this request."""
        due = self._clock() - self._metrics_at >= METRICS_INTERVAL
        if due:
            self._metrics_at = self._clock()
        return due


class FunctionEnvironments:
    """The environments of one function, and a token bucket for starting new ones."""

    def __init__(self, config: SimulationConfig) -> None:
        # the most recently used environment is on the right
        self.idle: deque[SimulatedEnvironment] = deque()
        self.alive = 0
        self._world = config
        self._tokens, self._refilled = float(config.scaling[0]), 0.0

    def take_start_token(self, now: float) -> bool:
        max_environments, each_second = self._world.scaling
        self._tokens = min(max_environments, self._tokens + (now - self._refilled) * each_second)
        self._refilled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def remove_idle(self, now: float) -> int:
        gone = 0
        while self.idle and now - self.idle[0].idle_since > self._world.idle:
            self.idle.popleft()
            gone += 1
        self.alive -= gone
        return gone


class ClientMix:
    """The clients and their quotas.

    The quota of a hot client is twice its request rate, and at least 100 a minute.
    """

    def __init__(self, config: SimulationConfig) -> None:
        each = config.rate * config.hot_share / config.hot
        self._hot = [
            (
                f"hot {n}",
                Policy(max(100, int(120 * each * config.burst * (1 + config.wave))), 60, "hot"),
            )
            for n in range(config.hot)
        ]
        self._cold = [(f"cold {n}", Policy(config.quota, 60)) for n in range(config.cold_clients)]
        self._part = config.hot_share

    def one(self, rng: random.Random) -> tuple[str, Policy]:
        return rng.choice(self._hot if rng.random() < self._part else self._cold)


def arrivals(config: SimulationConfig, rng: random.Random) -> Iterator[float]:
    """Yield the arrival times of a Poisson process with a varying rate, by thinning."""
    highest, now = config.rate * config.burst * (1 + config.wave), 0.0
    while (now := now + rng.expovariate(highest)) < config.seconds:
        rate = config.rate * min(1.0, now / config.ramp) if config.ramp else config.rate
        if now % BURST_EVERY < BURST_SECONDS:
            rate *= config.burst
        rate *= 1 - config.wave * math.cos(2 * math.pi * now / DAY)
        if rate >= highest or rng.random() < rate / highest:
            yield now


def simulate(config: SimulationConfig, seed: int = 7) -> SimulationResult:
    """Run the simulation. The same seed produces the same result."""
    return _Simulation(config, seed).run()


class _Simulation:
    """One run; `_alive` counts the environments of all functions."""

    def __init__(self, config: SimulationConfig, seed: int) -> None:
        self._config = config
        self._rng = random.Random(seed)
        self._clock = [BEGAN]
        self._result = SimulationResult(seconds=config.seconds - config.settle)
        self._counts = SharedCounterStore(self._clock)
        self._clients = ClientMix(config)
        self._functions = defaultdict[str, FunctionEnvironments](
            lambda: FunctionEnvironments(config)
        )
        # Requests in progress: the time of their end, a number, the function, the environment.
        self._busy: list[tuple[float, int, str, SimulatedEnvironment]] = []
        self._alive = 0
        self._mean_of_spread = math.exp(config.spread**2 / 2)

    def run(self) -> SimulationResult:
        shares = [kind.share for kind in self._config.mix]
        writes_before = 0
        reads_before = 0
        for number, now in enumerate(arrivals(self._config, self._rng), start=1):
            self._clock[0] = BEGAN + now
            counted = now >= self._config.settle
            if not counted:
                writes_before, reads_before = self._counts.writes, self._counts.reads
                self._counts.hottest = 0
            self._release_finished(now)
            kind = self._rng.choices(self._config.mix, shares)[0]
            self._remove_idle(now, kind.function, everywhere=number % 100 == 0)
            self._request(number, now, kind, counted)
        self._result.writes = self._counts.writes - writes_before
        self._result.reads = self._counts.reads - reads_before
        self._result.hottest = self._counts.hottest
        return self._result

    def _release_finished(self, now: float) -> None:
        while self._busy and self._busy[0][0] <= now:
            ended, _, function, environment = heappop(self._busy)
            environment.idle_since = ended
            self._functions[function].idle.append(environment)

    def _remove_idle(self, now: float, function: str, *, everywhere: bool) -> None:
        of_this_function = self._functions[function]
        functions = list(self._functions.values()) if everywhere else [of_this_function]
        self._alive -= sum(environments.remove_idle(now) for environments in functions)

    def _request(self, number: int, now: float, kind: RequestType, counted: bool) -> None:
        result = self._result
        environments = self._functions[kind.function]
        if counted:
            result.requests += 1
            result.busy[len(self._busy)] += 1
        fresh = not environments.idle
        environment = self._acquire(environments, now)
        if environment is None:
            result.throttled += counted
            return
        keys_before = environment.key_reads
        admitted, service, held = self._serve(environment, kind, fresh)
        heappush(self._busy, (now + service, number, kind.function, environment))
        if counted:
            result.cold += fresh
            result.key_reads += environment.key_reads - keys_before
            result.metric_lines += environment.metrics_are_due()
            result.limited += not admitted
            result.served += service
            result.in_database += held
            result.alive = max(result.alive, self._alive)
            result.largest = max(result.largest, environments.alive)

    def _acquire(
        self, environments: FunctionEnvironments, now: float
    ) -> SimulatedEnvironment | None:
        """Return an idle or new environment, or None if Lambda throttles the request."""
        if environments.idle:
            return environments.idle.pop()
        if self._alive >= self._config.max_environments or not environments.take_start_token(now):
            return None
        environments.alive += 1
        self._alive += 1
        return SimulatedEnvironment(self._counts, lambda: self._clock[0])

    def _serve(
        self, environment: SimulatedEnvironment, kind: RequestType, fresh: bool
    ) -> tuple[bool, float, float]:
        """Return whether the request is admitted, its duration, and the time with a connection."""
        config = self._config
        before = self._counts.writes + self._counts.reads + environment.key_reads
        admitted = True
        if config.limited:
            client, policy = self._clients.one(self._rng)
            if config.api_keys:
                environment.authenticator.identify(client, None)
            admitted = environment.limiter.hit(client, policy).allowed
        asked = self._counts.writes + self._counts.reads + environment.key_reads - before
        waited = asked * config.write
        stretch = 1.0
        if config.spread:
            stretch = self._rng.lognormvariate(0.0, config.spread) / self._mean_of_spread
        work = kind.handler - kind.database if admitted else 0.5
        held = kind.database * stretch / 1000 if admitted else 0.0
        service = fresh * config.cold + waited + work * stretch / config.cpu / 1000 + held
        return admitted, service, held
