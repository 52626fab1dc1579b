"""Counting requests and metrics in windows of time, with a fake clock, in bounded memory."""

import json
import math
import random

import pytest

from local.console.ddsketch import BUCKETS, RELATIVE_ACCURACY, DDSketch
from local.console.metrics import (
    COUNTED_METRICS,
    RETENTION_SECONDS,
    ROUTE_SECONDS,
    Metrics,
    parse_emf,
)
from local.gateway import AccessRecord

NOW = 1_800_000_000.0
POOL = {
    "pool_size": 1,
    "pool_checked_in": 0,
    "pool_checked_out": 2,
    "pool_overflow": 1,
    "pool_invalid": 0,
}


class FakeClock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def metrics(clock: FakeClock) -> Metrics:
    return Metrics(clock=clock)


def access_record(
    status: int = 200,
    seconds: float = 0.01,
    route: str | None = "ANY /api/products",
    **more: object,
) -> AccessRecord:
    known = {
        "method": "GET",
        "target": "/api/products?search=canary",
        "function": "ProductsFunction",
        **more,
    }
    return AccessRecord(status=status, duration=seconds, route=route, **known)  # type: ignore[arg-type]


def emf(namespace: str = "Sluice", **values: float) -> str:
    """Return a line in the embedded metric format, as the functions print it."""
    directive = {
        "Namespace": namespace,
        "Dimensions": [["service"]],
        "Metrics": [{"Name": name} for name in values],
    }
    lists = {name: [value] for name, value in values.items()}
    return json.dumps({"_aws": {"CloudWatchMetrics": [directive]}, **lists}, separators=(",", ":"))


@pytest.mark.parametrize(
    "spread",
    [lambda d: d.uniform(0.001, 5), lambda d: min(100.0, max(0.001, d.lognormvariate(-4, 2)))],
)
def test_percentiles_have_the_accuracy(spread: object) -> None:
    generator, sketch = random.Random(7), DDSketch()
    times = sorted(spread(generator) for _ in range(5_000))  # type: ignore[operator]
    for seconds in times:
        sketch.add(seconds)

    quantiles = sketch.quantiles(0.0, 0.5, 0.95, 0.99, 1.0)

    exact = [times[math.floor(share * (len(times) - 1))] for share in (0.0, 0.5, 0.95, 0.99, 1.0)]
    assert quantiles == pytest.approx(exact, rel=RELATIVE_ACCURACY * 1.0001)


def test_merged_sketches_equal_one_sketch() -> None:
    generator, whole, parts = random.Random(7), DDSketch(), [DDSketch(), DDSketch()]
    for number in range(50_000):
        seconds = 10 ** generator.uniform(-9, 9)
        whole.add(seconds)
        parts[number % 2].add(seconds)
    parts[0].merge(parts[1])

    assert parts[0].buckets == whole.buckets
    assert len(whole.buckets) <= BUCKETS
    assert DDSketch().quantiles(0.5) is None


def test_second_is_returned_when_finished(metrics: Metrics, clock: FakeClock) -> None:
    metrics.record_access(access_record())
    metrics.record_access(access_record(404, init=0.3))
    assert list(metrics.seconds(0)) == []
    clock.now += 1
    metrics.record_access(access_record(503))

    ((at, second),) = metrics.seconds(0)

    assert (at, second.traffic.statuses, second.traffic.cold) == (NOW, {200: 1, 404: 1}, 1)
    assert list(metrics.seconds(NOW + 1)) == []


def test_ten_minutes_are_kept(metrics: Metrics, clock: FakeClock) -> None:
    for _ in range(RETENTION_SECONDS + 100):
        metrics.record_access(access_record())
        clock.now += 1
    assert len(list(metrics.seconds(0))) == RETENTION_SECONDS
    clock.now -= 30  # a clock that was set back loses only the seconds after it
    metrics.record_access(access_record())
    clock.now += 1
    assert len(list(metrics.seconds(0))) == RETENTION_SECONDS - 30 + 1


def test_routes_are_summed_over_the_window(metrics: Metrics, clock: FakeClock) -> None:
    metrics.record_access(access_record(seconds=1.0))
    clock.now += 100
    for _ in range(3):
        metrics.record_access(access_record(seconds=0.01))

    assert metrics.routes(60)["GET /api/products"].statuses == {200: 3}
    assert metrics.routes(600)["GET /api/products"].statuses == {200: 4}
    (slowest,) = metrics.routes(600)["GET /api/products"].times.quantiles(1.0) or ()
    assert slowest == pytest.approx(1.0, rel=RELATIVE_ACCURACY * 1.0001)


def test_clients_cannot_invent_route_names(metrics: Metrics) -> None:
    for number in range(500):
        metrics.record_access(access_record(method=f"BREW{number}", target=f"/canary/{number}"))
        metrics.record_access(access_record(404, target=f"/canary/{number}", route="$default"))
        metrics.record_access(access_record(404, target=f"/canary/{number}", route=None))

    assert set(metrics.routes(60)) == {"… /api/products", "any other path", "no route"}


def test_memory_does_not_grow_with_requests(metrics: Metrics, clock: FakeClock) -> None:
    generator = random.Random(7)
    for number in range(5_000):
        clock.now += 0.5
        metrics.record_access(
            access_record(seconds=10 ** generator.uniform(-4, 2), route=f"ANY /api/{number % 7}")
        )
        metrics.record_line(
            "ProductsFunction", number, emf(**POOL, **dict.fromkeys(COUNTED_METRICS, 1), made_up=1)
        )

    kept = list(metrics.seconds(0))
    assert len(kept) <= RETENTION_SECONDS
    assert (
        sum(len(second.traffic.times.buckets) + len(second.last_metrics) for _, second in kept)
        <= 4 * RETENTION_SECONDS
    )
    assert sum(traffic.statuses.total() for traffic in metrics.routes(10**9).values()) <= 2 * (
        600 + ROUTE_SECONDS
    )
    assert [metrics.last_metrics("ProductsFunction", number) is None for number in (0, 4_999)] == [
        True,
        False,
    ]


def test_metrics_in_log_lines_are_counted(metrics: Metrics, clock: FakeClock) -> None:
    metrics.record_line("OrdersFunction", 1, "START RequestId: 1")
    metrics.record_line(
        "OrdersFunction", 1, emf(**POOL, breaker_open=1, circuit_open=3, limiter_failures=0)
    )
    # A traceback has no line end, so the metrics are in the same line.
    metrics.record_line(
        "OrdersFunction",
        2,
        "sluice.errors.CircuitOpen: away" + emf(**POOL, breaker_open=0, circuit_open=1),
    )
    clock.now += 1

    ((_, second),) = metrics.seconds(0)

    assert second.counted == {"circuit_open": 4}
    assert [each.breaker_open for each in second.last_metrics.values()] == [True, False]
    last = metrics.last_metrics("OrdersFunction", 1)
    assert last is not None
    connections = (last.size, last.checked_in, last.checked_out, last.overflow)
    assert (last.at, *connections) == (NOW, 1, 0, 2, 1)
    assert metrics.last_metrics("ProductsFunction", 1) is None


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
def test_malformed_metrics_are_ignored(line: str, metrics: Metrics) -> None:
    assert parse_emf(line) is None
    metrics.record_line("OrdersFunction", 1, line)
    metrics.record_line(
        "OrdersFunction", 1, emf(pool_size=1)
    )  # some is better than a system that stops over it
    assert parse_emf(emf("Other", circuit_open=1)) == {}
