"""How many environments does Lambda run for so many requests a second, and what do they ask of everything else?

A simulation, for what cannot be had here. Each request has an environment of its own: the one of its function that was
used last, or else a new one, which starts first, as fast as new ones may start; one that was idle for minutes goes. The
limiter is Sluice's own, one in each environment over counts that all share, by the simulation's clock.
"""

import math
import random
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

from sluice.limits.memory import MemoryCounterStore
from sluice.limits.rate import IncrementResult, Limiter
from sluice.limits.window import Policy

BEGAN = 1_800_000_000.0  # seconds since the epoch: windows are aligned with the clock


class Kind(NamedTuple):
    """Requests of one kind: which part of all they are, and what each takes where nothing is cold. Times in ms."""

    function: str
    part: float
    handler: float  # on a whole CPU, with one round trip to the database
    server: float  # of it, the database's CPU

    @property
    def database(self) -> float:
        """How long a connection is in use."""
        return ROUND_TRIP + self.server


ROUND_TRIP = 1.0  # ms to the database and back
# What handlers take is in benchmarks/results.md, at a round trip of 1 ms; an order's is a guess, from how many are
# placed in a second. What the server takes, `python -m benchmarks.server_cpu` tells.
MIX = (
    Kind("products", 0.50, handler=2.5, server=0.13),  # GET one
    Kind("products", 0.30, handler=3.1, server=0.41),  # a list of 20
    Kind("orders", 0.10, handler=4.0, server=1.34),
    Kind("graphql", 0.10, handler=10.3, server=1.40),  # a hundred products and their categories
)


@dataclass(frozen=True)
class World:
    """What the simulation is of. Times in seconds."""

    rate: float  # requests a second, at random moments (Poisson)
    seconds: float
    settle: float = 0.0  # what happens before is not counted
    ramp: float = 0.0  # from nothing to the rate takes so long
    burst: float = 1.0  # for the first BURST_SECONDS of every BURST_EVERY, so many times the rate
    mix: tuple[Kind, ...] = MIX
    cpu: float = 1024 / 1769  # of a whole one, which is what the memory size comes with
    spread: float = 0.5  # of service times: the standard deviation of their logarithm
    cold: float = 0.7  # until a new environment's handler begins
    idle: float = 300.0  # before an idle environment is taken away
    most: int = 1_000  # environments at once, of all functions
    growth: tuple[int, float] = (1_000, 100.0)  # new ones of a function: at once, and a second
    write: float = 0.005  # a write to DynamoDB, and a read of it
    hot: int = 10  # clients who make `hot_part` of all requests
    hot_part: float = 0.8
    cold_clients: int = 2_000  # who make the rest
    limited: bool = True


BURST_SECONDS, BURST_EVERY = 2.0, 20.0


@dataclass
class Outcome:
    """What was counted. `busy` is how many environments were at work when a request came."""

    requests: int = 0
    refused: int = 0  # by Lambda: no environment
    limited: int = 0  # by the limiter
    cold: int = 0
    writes: int = 0
    reads: int = 0
    seconds: float = 0.0  # that were counted
    served: float = 0.0  # of environments at work, starts included
    in_database: float = 0.0  # of connections in use
    alive: int = 0  # environments at most
    largest: int = 0  # of one function
    busy: Counter[int] = field(default_factory=Counter)
    hottest: int = 0  # writes to one key within a second, at most

    @property
    def mean_busy(self) -> float:
        return sum(n * times for n, times in self.busy.items()) / self.busy.total()

    def busy_at(self, share: float) -> int:
        """So many or fewer were busy for this share of the requests."""
        wanted, seen = share * self.busy.total(), 0
        for n in sorted(self.busy):
            seen += self.busy[n]
            if seen >= wanted:
                return n
        return 0


class Counts(MemoryCounterStore):
    """The counts that all environments share, and how often they are asked."""

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


class Environment:
    __slots__ = ("idle_since", "limiter")

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.idle_since = 0.0


class Fleet:
    """The environments of one function."""

    def __init__(self, world: World) -> None:
        self.idle: deque[Environment] = deque()  # the one used last at the right
        self.alive = 0
        self._world = world
        self._tokens, self._refilled = float(world.growth[0]), 0.0

    def may_grow(self, now: float) -> bool:
        most, each_second = self._world.growth
        self._tokens = min(most, self._tokens + (now - self._refilled) * each_second)
        self._refilled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def reap(self, now: float) -> int:
        gone = 0
        while self.idle and now - self.idle[0].idle_since > self._world.idle:
            self.idle.popleft()
            gone += 1
        self.alive -= gone
        return gone


class Clients:
    """Who asks, and how often they may: the hot ones twice what they do, the others a hundred a minute."""

    def __init__(self, world: World) -> None:
        each = world.rate * world.hot_part / world.hot
        self._hot = [
            (f"hot {n}", Policy(max(100, int(120 * each * world.burst)), 60, "hot"))
            for n in range(world.hot)
        ]
        self._cold = [(f"cold {n}", Policy(100, 60)) for n in range(world.cold_clients)]
        self._part = world.hot_part

    def one(self, chance: random.Random) -> tuple[str, Policy]:
        return chance.choice(self._hot if chance.random() < self._part else self._cold)


def arrivals(world: World, chance: random.Random) -> Iterator[float]:
    """Moments, by thinning: as many as there could be at the highest rate, of which each is kept by its chance."""
    highest, now = world.rate * world.burst, 0.0
    while (now := now + chance.expovariate(highest)) < world.seconds:
        rate = world.rate * min(1.0, now / world.ramp) if world.ramp else world.rate
        if now % BURST_EVERY < BURST_SECONDS:
            rate *= world.burst
        if rate >= highest or chance.random() < rate / highest:
            yield now


def simulate(world: World, seed: int = 7) -> Outcome:
    """The same for the same seed."""
    chance, clock, out = random.Random(seed), [BEGAN], Outcome(seconds=world.seconds - world.settle)
    counts, clients = Counts(clock), Clients(world)
    fleets = defaultdict[str, Fleet](lambda: Fleet(world))
    parts = [kind.part for kind in world.mix]
    leaving: list[tuple[float, int, str, Environment]] = []
    alive, number, mean_of_spread = 0, 0, math.exp(world.spread**2 / 2)
    asked = 0, 0
    for now in arrivals(world, chance):
        number += 1
        clock[0] = BEGAN + now
        counted = now >= world.settle
        if not counted:
            asked, counts.hottest = (counts.writes, counts.reads), 0
        while leaving and leaving[0][0] <= now:
            left, _, function, environment = heappop(leaving)
            environment.idle_since = left
            fleets[function].idle.append(environment)
        kind = chance.choices(world.mix, parts)[0]
        fleet = fleets[kind.function]
        alive -= (
            sum(each.reap(now) for each in fleets.values())
            if number % 100 == 0
            else fleet.reap(now)
        )
        if counted:
            out.requests += 1
            out.busy[len(leaving)] += 1
        fresh = not fleet.idle
        if not fresh:
            environment = fleet.idle.pop()
        elif alive < world.most and fleet.may_grow(now):
            environment = Environment(Limiter(counts, MemoryCounterStore(), clock=lambda: clock[0]))
            fleet.alive, alive = fleet.alive + 1, alive + 1
        else:
            out.refused += counted
            continue
        before = counts.writes + counts.reads
        admitted = not world.limited or environment.limiter.hit(*clients.one(chance)).allowed
        waited = (counts.writes + counts.reads - before) * world.write
        stretch = chance.lognormvariate(0.0, world.spread) / mean_of_spread if world.spread else 1.0
        work = kind.handler - kind.database if admitted else 0.5
        held = kind.database * stretch / 1000 if admitted else 0.0
        service = fresh * world.cold + waited + work * stretch / world.cpu / 1000 + held
        heappush(leaving, (now + service, number, kind.function, environment))
        if counted:
            out.cold += fresh
            out.limited += not admitted
            out.served += service
            out.in_database += held
            out.alive, out.largest = max(out.alive, alive), max(out.largest, fleet.alive)
    out.writes, out.reads, out.hottest = (
        counts.writes - asked[0],
        counts.reads - asked[1],
        counts.hottest,
    )
    return out
