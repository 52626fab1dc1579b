"""However often a worker is stopped, killed or doubled, a file becomes what one clean run makes of it."""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sluice import runtime
from sluice.imports.job import ImportLocked
from tests.imports.conftest import BUCKET, Depot

ROOT = Path(__file__).parents[2]
ROWS, WORDS = 400, 1_700  # in some three chunks


def dirty_file() -> bytes:
    """With every kind of row: clean ones, such as come twice, and one in a hundred that is rejected."""
    chance = random.Random(3)
    lines = ["name,description,price,category,inventory"]
    for n in range(ROWS):
        name = f"Mug {chance.randrange(ROWS)}"
        text = f"It is, as it were,\n{n} " + "large " * (WORDS - n % 50)
        lines.append(f'"{name}","{text}",{n % 100}.5,{"mugs" if n % 100 else "cups"},{n % 9}')
    return "\n".join(lines).encode()


def outcome(depot: Depot, id: int) -> tuple[Any, ...]:
    rows = depot.shop.sql(
        "SELECT count(*), md5(string_agg(concat_ws('|', name, description, price, quantity), ',' ORDER BY name)) "
        "FROM products JOIN inventory ON product_id = id"
    )
    job = depot.job(id)
    return (
        rows,
        depot.rejects(id),
        job["rows_read"],
        job["rows_rejected"],
        job["status"],
        job["error"],
    )


@pytest.fixture
def clean(depot: Depot) -> tuple[bytes, tuple[Any, ...]]:
    """A file, and what one run makes of it; undone."""
    depot.shop.add_category("mugs")
    data = dirty_file()
    id = depot.put("incoming/products/clean.csv", data)
    assert depot.importer.run(id, 600.0)
    made = outcome(depot, id)
    depot.shop.sql("DELETE FROM products")
    return data, made


def test_a_run_without_time_does_a_chunk_and_the_next_goes_on(
    depot: Depot, clean: tuple[bytes, Any]
) -> None:
    data, made = clean
    id, runs = depot.put("incoming/products/slow.csv", data), 1
    while not depot.importer.run(id, 0.0):
        assert depot.job(id)["status"] == "running"
        runs += 1
    assert runs > 2
    assert outcome(depot, id) == made
    assert depot.importer.run(id, 0.0), "there is nothing left to do"
    assert outcome(depot, id) == made


def test_five_workers_at_one_file(depot: Depot, clean: tuple[bytes, Any]) -> None:
    data, made = clean
    id, start = depot.put("incoming/products/five.csv", data), threading.Barrier(5)

    def work(_: int) -> str:
        start.wait()
        try:
            return "done" if depot.importer.run(id, 600.0) else "left"
        except ImportLocked:
            return "busy"

    with ThreadPoolExecutor(5) as threads:
        assert sorted(threads.map(work, range(5))) == ["busy"] * 4 + ["done"]
    assert outcome(depot, id) == made


def killed(depot: Depot, id: int, seconds: Callable[[], float]) -> int:
    """Kill every worker at some moment until one comes to the end; how many were killed."""
    database = runtime.current().settings.database
    url = f"postgresql://{database.user}:{database.password}@{database.host}:{database.port}/{database.name}"
    endpoint = depot.importer.bucket._settings.s3_endpoint
    command = [
        sys.executable,
        str(ROOT / "tests/imports/worker.py"),
        url,
        endpoint,
        BUCKET,
        str(id),
    ]
    environ = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/shared'}", "PATH": os.environ["PATH"]}
    kills = 0
    while depot.job(id)["status"] != "completed":
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            worker.stdout.readline()
            try:
                worker.wait(seconds())
            except subprocess.TimeoutExpired:
                worker.kill()
                kills += 1
        assert worker.returncode in (
            0,
            3,
            -9,
        )  # 3: the server has not noticed yet that the one before is gone
    return kills


@pytest.mark.slow
def test_a_worker_that_is_killed_and_killed_again(depot: Depot, clean: tuple[bytes, Any]) -> None:
    data, made = clean
    id = depot.put("incoming/products/killed.csv", data)
    moments = iter([0.3, 0.9, 1.5])
    assert killed(depot, id, lambda: next(moments, 60.0)) >= 2
    assert outcome(depot, id) == made


@pytest.mark.slow
@pytest.mark.parametrize("round", range(10))
def test_a_worker_that_is_killed_at_ten_random_moments(
    depot: Depot, clean: tuple[bytes, Any], round: int
) -> None:
    data, made = clean
    chance = random.Random(round)
    id = depot.put(f"incoming/products/killed-{round}.csv", data)
    moments = iter([chance.uniform(0.0, 1.5) for _ in range(10)])
    killed(depot, id, lambda: next(moments, 60.0))
    assert outcome(depot, id) == made
