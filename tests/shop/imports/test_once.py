"""Stopped, killed and concurrent workers import a file like a single run."""

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
from tests.fixtures.imports import BUCKET, ImportHarness, make_file
from tests.shop.imports.product_files import HEADER, import_result

ROOT = Path(__file__).parents[3]


@pytest.fixture
def file(harness: ImportHarness) -> tuple[bytes, tuple[Any, ...]]:
    """Return a file and the result of importing it in one run, which is then deleted."""
    harness.client.add_category("mugs")
    data = make_file(HEADER, "mugs")
    id = harness.put("incoming/products/single.csv", data)
    assert harness.importer.run(id, 600.0)
    expected = import_result(harness, id)
    harness.client.sql("DELETE FROM products")
    return data, expected


def test_run_without_time_writes_one_chunk(harness: ImportHarness, file: tuple[bytes, Any]) -> None:
    data, expected = file
    id, runs = harness.put("incoming/products/slow.csv", data), 1
    while not harness.importer.run(id, 0.0):
        assert harness.job(id)["status"] == "running"
        runs += 1
    assert runs > 2
    assert import_result(harness, id) == expected
    assert harness.importer.run(id, 0.0), "the import has already ended"
    assert import_result(harness, id) == expected


def test_concurrent_workers_import_once(harness: ImportHarness, file: tuple[bytes, Any]) -> None:
    data, expected = file
    id, start = harness.put("incoming/products/five.csv", data), threading.Barrier(5)

    def work(_: int) -> str:
        start.wait()
        try:
            return "done" if harness.importer.run(id, 600.0) else "unfinished"
        except ImportLocked:
            return "locked"

    with ThreadPoolExecutor(5) as threads:
        assert sorted(threads.map(work, range(5))) == ["done"] + ["locked"] * 4
    assert import_result(harness, id) == expected


def kill_workers(harness: ImportHarness, id: int, seconds: Callable[[], float]) -> int:
    """Start and kill workers until the import is completed. Return the number of kills."""
    database = runtime.current().settings.database
    login = f"{database.user}:{database.password}"
    url = f"postgresql://{login}@{database.host}:{database.port}/{database.name}"
    endpoint = harness.importer.bucket._settings.s3_endpoint
    command = [
        sys.executable,
        str(ROOT / "tests/shop/imports/worker.py"),
        url,
        endpoint,
        BUCKET,
        str(id),
    ]
    environ = {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers/shared'}", "PATH": os.environ["PATH"]}
    kills = 0
    while harness.job(id)["status"] != "completed":
        with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdout is not None
            worker.stdout.readline()
            try:
                worker.wait(seconds())
            except subprocess.TimeoutExpired:
                worker.kill()
                kills += 1
        # 3: the server has not yet noticed the end of the worker before, and holds its lock.
        assert worker.returncode in (0, 3, -9)
    return kills


@pytest.mark.slow
def test_killed_workers_import_once(harness: ImportHarness, file: tuple[bytes, Any]) -> None:
    data, expected = file
    id = harness.put("incoming/products/killed.csv", data)
    moments = iter([0.3, 0.9, 1.5])
    assert kill_workers(harness, id, lambda: next(moments, 60.0)) >= 2
    assert import_result(harness, id) == expected


@pytest.mark.slow
@pytest.mark.parametrize("round", range(10))
def test_workers_killed_at_random_import_once(
    harness: ImportHarness, file: tuple[bytes, Any], round: int
) -> None:
    data, expected = file
    rng = random.Random(round)
    id = harness.put(f"incoming/products/killed-{round}.csv", data)
    moments = iter([rng.uniform(0.0, 1.5) for _ in range(10)])
    kill_workers(harness, id, lambda: next(moments, 60.0))
    assert import_result(harness, id) == expected
