"""Compute what a million requests cost, from small numbers."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from benchmarks import scenarios
from benchmarks.studies import costs, request_kinds
from benchmarks.studies.costs import SHAPES, MillionRequests, TrafficShape, configured, million
from benchmarks.studies.lambda_simulation import DAY, SimulationConfig, simulate
from benchmarks.studies.request_kinds import FunctionMeasurement, KindMeasurement
from testing.realistic_shop import ShopSize

KINDS = {
    name: KindMeasurement(
        function, handler=2, server=1, round_trips=1, function_log=300, gateway_log=400, events=2
    )
    for name, (function, _) in request_kinds.kinds(100).items()
}
FUNCTIONS = {
    name: FunctionMeasurement(cold=500, metrics_log=600) for name in request_kinds.FUNCTIONS
}


def total_of(name: str, **changes: object) -> MillionRequests:
    shape = SHAPES[name]
    shape = shape._replace(config=replace(shape.config, **changes))  # type: ignore[arg-type]
    return million(shape, simulate(configured(shape, KINDS, FUNCTIONS)), KINDS, FUNCTIONS)


def test_dollars_are_counts_times_prices() -> None:
    total = MillionRequests(
        cold=0, gb_seconds=3_000, requests=1e6, writes=2e6, reads=4e6, log_bytes=3e9
    )

    assert total.dollars() == {
        "API Gateway": 1.0,
        "Lambda": pytest.approx(0.20 + 0.04),
        "DynamoDB": pytest.approx(2 * 0.625 + 4 * 0.125),
        "logs": pytest.approx(1.5),
    }


def test_time_and_log_of_a_request_are_the_measured_ones() -> None:
    """No request is cold, and no client is limited: only the handlers' figures are left."""
    plain = SimulationConfig(100, 90, 30, cpu=1, spread=0, limited=False)
    shape = TrafficShape("", {"GET one": 0.5, "POST order": 0.5}, plain)
    result = simulate(configured(shape, KINDS, FUNCTIONS))
    result.metric_lines = 0

    total = million(shape, result, KINDS, FUNCTIONS)

    of_lambda = sum(len(line) + 26 for line in request_kinds.lambda_lines(is_cold=False))
    assert total.gb_seconds == pytest.approx(1e6 * 0.004)  # 2 + 1 ms, and a round trip of 1 ms
    assert total.log_bytes == pytest.approx(1e6 * (300 + 400 + 2 * 26 + of_lambda))
    assert (total.cold, total.writes, total.requests) == (0, 0, 1e6)


def test_rare_requests_are_cold_and_read_their_key() -> None:
    total = total_of("internal tool", seconds=2 * DAY)

    assert total.cold > 0.7
    assert total.gb_seconds > 1e6 * total.cold * 0.5
    assert total.writes == 1e6
    assert total.reads > 1e6  # the key, and the count of the minute before


def test_small_quotas_cost_a_write_for_each_request() -> None:
    many = total_of("many clients", rate=5, seconds=240, settle=60, cold_clients=500)
    busy = total_of("catalogue", seconds=240, settle=60, ramp=50)

    assert many.writes == pytest.approx(1e6, rel=0.01)
    assert busy.writes < many.writes / 2
    assert busy.reads < many.reads / 10


def test_daily_wave_keeps_the_mean_rate() -> None:
    config = SimulationConfig(0.1, DAY, limited=False)

    flat, wave = (simulate(replace(config, wave=height)) for height in (0.0, 0.9))
    evening = simulate(replace(config, wave=0.9, settle=0.4 * DAY, seconds=0.6 * DAY))

    assert wave.requests == pytest.approx(flat.requests, rel=0.05)
    assert evening.requests > 0.3 * wave.requests


def test_gateways_line_is_the_templates_format() -> None:
    line = request_kinds.gateway_line(scenarios.get_one(7), response_bytes=250)

    fields = json.loads(line)
    assert (fields["path"], fields["response_bytes"]) == ("/api/products/7", "250")
    assert "$" not in line.replace("$default", "")


def test_page_has_the_sum_of_each_shape() -> None:
    text = costs.DOCUMENT.read_text()
    (section,) = re.findall(f"<!-- {costs.SECTION} -->(.*)<!-- /{costs.SECTION} -->", text, re.S)

    dollars = section.partition("in dollars")[2].partition("as measured")[0]
    rows = dict(re.findall(r"^\| ([a-z ]+) \| (.*) \|$", dollars, re.M))
    assert rows.keys() == SHAPES.keys()
    for cells in rows.values():
        *services, together = map(float, cells.split(" | "))
        assert together == pytest.approx(sum(services), abs=0.03)


@pytest.mark.slow
def test_kinds_are_measured_with_the_handlers() -> None:
    kinds, functions = costs.measure(shop=ShopSize(300, 40), calls=4, cold_samples=1)

    assert kinds.keys() == {kind for shape in SHAPES.values() for kind in shape.shares}
    assert all(_is_measured(kind._asdict()) for kind in kinds.values())
    assert all(_is_measured(function._asdict()) for function in functions.values())
    assert {kind.round_trips for kind in kinds.values()} == {1}
    assert all(kind.events == 2 for kind in kinds.values())


def _is_measured(figures: Mapping[str, object]) -> bool:
    return all(figure > 0 for figure in figures.values() if isinstance(figure, float))
