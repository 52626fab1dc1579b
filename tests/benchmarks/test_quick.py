"""Run the benchmarks once: all contenders start and return the same. Times are not checked."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.benchmarks.test_comparison import OF_A_RUN

ROOT = Path(__file__).parents[2]
PEERS = ("by hand: pg8000", "by hand: pg8000, prepared", "FastAPI", "Powertools")
SECTION = re.compile(r"<!-- ([a-z-]+) -->\n(.*?)<!-- /\1 -->", re.DOTALL)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mangum") is None, reason="needs requirements/bench.txt")
def test_smoke_run_has_a_row_per_contender(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    page.write_text("<!-- depth -->\nof another command\n<!-- /depth -->\n")
    subprocess.run(
        [sys.executable, "-m", "benchmarks", "--smoke", "--output", str(page)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'shared'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
        text=True,
    )

    sections = dict(SECTION.findall(page.read_text()))
    assert sections.keys() == OF_A_RUN | {"depth"}
    assert sections["depth"] == "of another command\n"
    rows = {
        "run": ["**A smoke test**"],
        "goals": ["| cold start of a GET, of FastAPI's |", "| orders of one hot product"],
        "warm": ["| Sluice |", "At 0 ms:", "At 1 ms:", "At 5 ms:", *(f"| {n}" for n in PEERS)],
        "cold": ["| Sluice |", "| Sluice's /health |", "| Strawberry", "| a group of 20 |"],
        "graphql": ["| Sluice's GraphQL |", "| Strawberry"],
        "orders": ["| Sluice |", "| Sluice, with an Idempotency-Key |", "a pipeline |"],
        "products": ["| the adopted products |"],
        "tenants": ["| row-level security |", "| both |"],
    }
    missing = [
        (name, row) for name, texts in rows.items() for row in texts if row not in sections[name]
    ]
    assert missing == []
