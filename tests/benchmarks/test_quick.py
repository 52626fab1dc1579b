"""Run the benchmarks quickly: all contenders start and return the same. Times are not checked."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mangum") is None, reason="needs requirements/bench.txt")
def test_quick_run_has_a_row_per_contender() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'shared'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        text=True,
    )

    warm, rest = done.stdout.split("## Cold")
    cold, rest = rest.split("## GraphQL")
    graph, rest = rest.split("## Orders")
    orders, limits = rest.split("## The limiter")
    for contender in ("Sluice", "by hand", "FastAPI", "Powertools"):
        assert f"| {contender}" in warm
        assert f"| {contender}" in cold
    assert "| Sluice's /health" in cold
    for contender in ("Sluice", "Strawberry"):
        assert f"| {contender}" in graph
    for contender in (
        "Sluice",
        "Sluice, with",
        "SQLAlchemy ORM + pg8000",
        "SQLAlchemy ORM + psycopg",
        "by hand",
    ):
        assert f"| {contender}" in orders
    limits, encrypted = limits.split("## TLS to AWS")
    assert "GET one takes" in limits
    assert "| one context |" in encrypted
