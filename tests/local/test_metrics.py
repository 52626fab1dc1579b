"""What is counted of accesses and of lines, in windows, with a clock of our own; and that none of it grows."""

import json
import math
import random

import pytest

from local.ddsketch import ACCURACY, BUCKETS, Sketch
from local.gateway import Access
from local.metrics import COUNTED, KEPT_SECONDS, ROUTE_SECONDS, Metrics, read

NOW = 1_800_000_000.0
POOL = {
    "pool_size": 1,
    "pool_checked_in": 0,
    "pool_checked_out": 2,
    "pool_overflow": 1,
    "pool_invalid": 0,
}


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(clock: Clock) -> Metrics:
    return Metrics(clock=clock)


def access(
    status: int = 200,
    seconds: float = 0.01,
    route: str | None = "ANY /api/products",
    **more: object,
) -> Access:
    known = {
        "method": "GET",
        "target": "/api/products?search=canary",
        "function": "ProductsFunction",
        **more,
    }
    return Access(status=status, duration=seconds, route=route, **known)  # type: ignore[arg-type]


def emf(namespace: str = "Sluice", **values: float) -> str:
    """As the functions print it, each value a list of one."""
    directive = {
        "Namespace": namespace,
        "Dimensions": [["service"]],
        "Metrics": [{"Name": name} for name in values],
    }
    told = {name: [value] for name, value in values.items()}
    return json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, **told}, separators=(",", ":"))


@pytest.mark.parametrize(
    "spread",
    [lambda d: d.uniform(0.001, 5), lambda d: min(100.0, max(0.001, d.lognormvariate(-4, 2)))],
)
def test_percentiles_are_true_to_the_accuracy(spread: object) -> None:
    dice, sketch = random.Random(7), Sketch()
    times = sorted(spread(dice) for _ in range(5_000))  # type: ignore[operator]
    for seconds in times:
        sketch.add(seconds)

    told = sketch.quantiles(0.0, 0.5, 0.95, 0.99, 1.0)

    exact = [times[math.floor(share * (len(times) - 1))] for share in (0.0, 0.5, 0.95, 0.99, 1.0)]
    assert told == pytest.approx(exact, rel=ACCURACY * 1.0001)


def test_sketches_add_up_and_never_have_more_than_their_buckets() -> None:
    dice, whole, parts = random.Random(7), Sketch(), [Sketch(), Sketch()]
    for number in range(50_000):
        seconds = 10 ** dice.uniform(-9, 9)
        whole.add(seconds)
        parts[number % 2].add(seconds)
    parts[0].merge(parts[1])

    assert parts[0].buckets == whole.buckets
    assert len(whole.buckets) <= BUCKETS
    assert Sketch().quantiles(0.5) is None


def test_a_second_is_told_when_it_is_over(metrics: Metrics, clock: Clock) -> None:
    metrics.access(access())
    metrics.access(access(404, init=0.3))
    assert list(metrics.seconds(0)) == []
    clock.now += 1
    metrics.access(access(503))

    ((at, second),) = metrics.seconds(0)

    assert (at, second.traffic.statuses, second.traffic.cold) == (NOW, {200: 1, 404: 1}, 1)
    assert list(metrics.seconds(NOW + 1)) == []  # who knows that one is told of those after it


def test_ten_minutes_are_kept_and_a_clock_that_is_set_back_loses_no_more(
    metrics: Metrics, clock: Clock
) -> None:
    for _ in range(KEPT_SECONDS + 100):
        metrics.access(access())
        clock.now += 1
    assert len(list(metrics.seconds(0))) == KEPT_SECONDS
    clock.now -= 30
    metrics.access(access())
    clock.now += 1
    assert len(list(metrics.seconds(0))) == KEPT_SECONDS - 30 + 1


def test_routes_are_summed_over_the_window_that_is_asked_for(
    metrics: Metrics, clock: Clock
) -> None:
    metrics.access(access(seconds=1.0))
    clock.now += 100
    for _ in range(3):
        metrics.access(access(seconds=0.01))

    assert metrics.routes(60)["GET /api/products"].statuses == {200: 3}
    assert metrics.routes(600)["GET /api/products"].statuses == {200: 4}
    (slowest,) = metrics.routes(600)["GET /api/products"].times.quantiles(1.0) or ()
    assert slowest == pytest.approx(1.0, rel=ACCURACY * 1.0001)


def test_nothing_that_a_client_makes_up_is_a_name_here(metrics: Metrics) -> None:
    for number in range(500):
        metrics.access(access(method=f"BREW{number}", target=f"/canary/{number}"))
        metrics.access(access(404, target=f"/canary/{number}", route="$default"))
        metrics.access(access(404, target=f"/canary/{number}", route=None))

    assert set(metrics.routes(60)) == {"… /api/products", "any other path", "no route"}


def test_memory_does_not_grow_with_requests(metrics: Metrics, clock: Clock) -> None:
    dice = random.Random(7)
    for number in range(5_000):
        clock.now += 0.5
        metrics.access(access(seconds=10 ** dice.uniform(-4, 2), route=f"ANY /api/{number % 7}"))
        metrics.line(
            "ProductsFunction", number, emf(**POOL, **dict.fromkeys(COUNTED, 1), made_up=1)
        )

    kept = list(metrics.seconds(0))
    assert len(kept) <= KEPT_SECONDS
    assert (
        sum(len(second.traffic.times.buckets) + len(second.told) for _, second in kept)
        <= 4 * KEPT_SECONDS
    )
    assert sum(traffic.statuses.total() for traffic in metrics.routes(10**9).values()) <= 2 * (
        600 + ROUTE_SECONDS
    )
    assert [metrics.told("ProductsFunction", number) is None for number in (0, 4_999)] == [
        True,
        False,
    ]


def test_lines_of_metrics_are_counted_and_tell_of_their_sandbox(
    metrics: Metrics, clock: Clock
) -> None:
    metrics.line("OrdersFunction", 1, "START RequestId: 1")
    metrics.line(
        "OrdersFunction", 1, emf(**POOL, breaker_open=1, circuit_open=3, limiter_failures=0)
    )
    # A traceback ends with no line end of its own, so what is printed next stands behind it.
    metrics.line(
        "OrdersFunction",
        2,
        "sluice.errors.CircuitOpen: away" + emf(**POOL, breaker_open=0, circuit_open=1),
    )
    clock.now += 1

    ((_, second),) = metrics.seconds(0)

    assert second.counted == {"circuit_open": 4}
    assert [told.breaker_open for told in second.told.values()] == [True, False]
    told = metrics.told("OrdersFunction", 1)
    assert told is not None
    assert (told.at, told.size, told.checked_in, told.checked_out, told.overflow) == (
        NOW,
        1,
        0,
        2,
        1,
    )
    assert metrics.told("ProductsFunction", 1) is None


LOOKALIKES = {
    "cut off": '{"_aws":',
    "no object": '{"_aws":1}',
    "no list": '{"_aws":[]}',
    "no namespace": '{"_aws":{"CloudWatchMetrics":[{}]}}',
    "deep": '{"_aws":' * 100_000,
    "no number": emf(pool_size=1).replace("[1]", '["x"]'),
    "infinite": emf(pool_size=math.inf),
    "too large": emf(circuit_open=10**400),
}


@pytest.mark.parametrize("line", LOOKALIKES.values(), ids=LOOKALIKES)
def test_a_line_that_only_looks_like_metrics_is_none(line: str, metrics: Metrics) -> None:
    assert read(line) is None
    metrics.line("OrdersFunction", 1, line)
    metrics.line(
        "OrdersFunction", 1, emf(pool_size=1)
    )  # some is better than a system that stops over it
    assert read(emf("Other", circuit_open=1)) == {}
