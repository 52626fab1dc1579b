"""The page of results: goals with their figures, tables, and what a quick look says."""

from collections.abc import Sequence
from dataclasses import replace

from benchmarks import report
from benchmarks.cold import ColdSamples
from benchmarks.contenders import (
    BARE,
    CONTENDERS,
    FASTAPI,
    GRAPHQL,
    HEALTH,
    PREPARED,
    SLUICE,
    STRAWBERRY,
)
from benchmarks.modes import FAR, FURTHER, NEAR
from benchmarks.sizes import QUICK
from benchmarks.warm import WarmTimings

ABOUT = report.Run("", QUICK.shop, "18.6", rounds=2, samples=2, libraries="pg8000 1.31.5")
SECONDS = {SLUICE: 100.0, BARE: 50.0, FASTAPI: 400.0, HEALTH: 60.0, GRAPHQL: 120.0}


def started(times: Sequence[float]) -> ColdSamples:
    return ColdSamples([*times], [*times], [*times], [*times])


def timings(ms: float) -> WarmTimings:
    rounds = {
        (scenario, distance): [ms, 10 * ms]
        for distance in (NEAR, FAR, FURTHER)
        for scenario in report.READS
    }
    return WarmTimings(rounds, dict.fromkeys(report.READS, 1.0))


def figures() -> report.Figures:
    names = [*CONTENDERS, HEALTH, GRAPHQL, STRAWBERRY]
    cold = {each.name: started([SECONDS.get(each, 500.0)] * 2) for each in names}
    cold |= {name: started([n * 10.0, n * 10.0]) for n, name in enumerate(report.GROUPS)}
    warm = {each.name: timings(4.0) for each in CONTENDERS}
    warm |= {SLUICE.name: timings(1.0), PREPARED.name: timings(1.5)}
    return report.Figures(
        cold=cold,
        warm=warm,
        graphql={STRAWBERRY.name: 8.0, "PostGraphile 5": 1.2},
        hot_product=0.9,
        adopted={"GET one": 1.02},
        tenants={"one row": 0.2},
    )


def rows() -> dict[str, tuple[str, str, str]]:
    cells = [goal.row().strip("| ").split(" | ") for goal in report.goals(figures())]
    return {text: (measured, goal, reached) for text, measured, goal, reached in cells}


def test_each_goal_has_its_figure() -> None:
    found = rows()

    assert found["cold start of a GET, of FastAPI's"] == ("0.25", "at most 0.35", "yes")
    assert found["cold start of a GET, of bare pg8000's"] == ("2.00", "at most 1.8", "**no**")
    assert found["cold start of /health, of FastAPI's"] == ("0.15", "at most 0.2", "yes")
    assert found["cold start of GraphQL, of Strawberry's"] == ("0.24", "at most 0.5", "yes")
    more = found["cold start of a group of twenty resources, ms more than one"]
    assert more == ("10.00", "at most 15", "yes")
    assert found["list 100 at 0 ms, of pg8000 by hand"] == ("0.25", "at most 0.45", "yes")
    prepared = found["list 20 at 1 ms, of pg8000 by hand, prepared"]
    assert prepared == ("0.67", "at most 0.4", "**no**")
    fastapi = found["GET one at 1 ms, times as fast as FastAPI"]
    assert fastapi == ("4.00", "at least 5", "**no**")
    tenant = found["one row with a tenant and row-level security, ms more"]
    assert tenant == ("0.20", "at most 0.15", "**no**")


def test_missed_goals_of_orders_and_graphql_are_named() -> None:
    missed = {text for text, (_, _, reached) in rows().items() if reached != "yes"}

    assert "orders of one hot product at 1 ms, of psycopg in a pipeline" in missed
    assert "GraphQL, 100 products, times as fast as PostGraphile 5" in missed
    assert "GraphQL, 100 products, times as fast as Strawberry + FastAPI + Mangum" not in missed


def test_quick_look_says_so() -> None:
    about = replace(ABOUT, note=QUICK.note)

    sections = report.sections(figures(), {}, about)

    assert QUICK.note in sections["run"]
    assert "60,000 products in 1,000" in "\n".join(sections["run"])


def test_warm_section_has_a_table_for_each_distance() -> None:
    lines = report.sections(figures(), {}, ABOUT)["warm"]

    assert [line for line in lines if line.startswith("At ")] == [
        f"At {distance}:" for distance in (NEAR, FAR, FURTHER)
    ]
    assert "| Sluice | 5.50 | 5.50 | 5.50 | 1 |" in lines
