"""Each record of a file with all kinds of errors is written or rejected exactly once."""

import random

import pytest

from tests.fixtures.imports import ImportHarness, insert_trigger
from tests.shop.imports.faults import TRIGGER_BODY, FaultyFile, faulty_file
from tests.shop.imports.test_once import kill_workers


def check_import(harness: ImportHarness, id: int, file: FaultyFile) -> None:
    job = harness.job(id)
    assert (job["status"], job["error"]) == ("completed", None)
    assert [(line, code) for line, _, code in harness.rejects(id)] == file.rejected
    assert job["rows_read"] == file.read
    assert job["rows_rejected"] == len(file.rejected)
    assert job["rows_read"] == job["rows_written"] + job["rows_rejected"]
    assert {str(name) for (name,) in harness.client.sql("SELECT name FROM products")} == file.names


@pytest.mark.parametrize(
    ("faults", "seed"), [(200, 1), pytest.param(1_000, 2, marks=pytest.mark.slow)]
)
def test_only_invalid_records_are_rejected(harness: ImportHarness, faults: int, seed: int) -> None:
    harness.client.add_category("mugs")
    file = faulty_file(faults, seed)
    id = harness.put("incoming/products/a.csv", file.data)
    with insert_trigger(harness.client, "products", TRIGGER_BODY):
        while not harness.importer.run(id, 0.0):
            pass
    check_import(harness, id, file)


@pytest.mark.parametrize(
    ("faults", "kills"),
    [(150, 2), *(pytest.param(1_000, kills, marks=pytest.mark.slow) for kills in (5, 10, 20))],
)
def test_killed_workers_process_each_record_once(
    harness: ImportHarness, faults: int, kills: int
) -> None:
    harness.client.add_category("mugs")
    file, rng = faulty_file(faults, kills), random.Random(kills)
    id = harness.put("incoming/products/a.csv", file.data)
    moments = iter([rng.uniform(0.3, 1.2) for _ in range(kills)])
    with insert_trigger(harness.client, "products", TRIGGER_BODY):
        assert kill_workers(harness, id, lambda: next(moments, 120.0)) >= 1
    check_import(harness, id, file)
