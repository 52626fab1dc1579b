"""A file with faults of every kind, by a worker that is killed: each record is written or rejected, exactly once."""

import random

import pytest

from tests.imports.conftest import Depot
from tests.imports.faults import REFUSAL, FaultyFile, faulty_file
from tests.imports.test_once import killed
from tests.imports.test_rejections import product_trigger


def check(depot: Depot, id: int, file: FaultyFile) -> None:
    job = depot.job(id)
    assert (job["status"], job["error"]) == ("completed", None)
    assert [(line, code) for line, _, code in depot.rejects(id)] == file.rejected
    assert job["rows_read"] == file.read
    assert job["rows_rejected"] == len(file.rejected)
    assert job["rows_read"] == job["rows_written"] + job["rows_rejected"]
    assert {str(name) for (name,) in depot.shop.sql("SELECT name FROM products")} == file.names


@pytest.mark.parametrize(
    ("faults", "seed"), [(200, 1), pytest.param(1_000, 2, marks=pytest.mark.slow)]
)
def test_faults_of_every_kind_reject_their_records_alone(
    depot: Depot, faults: int, seed: int
) -> None:
    depot.shop.add_category("mugs")
    file = faulty_file(faults, seed)
    id = depot.put("incoming/products/a.csv", file.data)
    with product_trigger(depot, REFUSAL):
        while not depot.importer.run(id, 0.0):
            pass
    check(depot, id, file)


@pytest.mark.parametrize(
    ("faults", "kills"),
    [(150, 2), *(pytest.param(1_000, kills, marks=pytest.mark.slow) for kills in (5, 10, 20))],
)
def test_killed_workers_lose_no_record_and_repeat_none(
    depot: Depot, faults: int, kills: int
) -> None:
    depot.shop.add_category("mugs")
    file, chance = faulty_file(faults, kills), random.Random(kills)
    id = depot.put("incoming/products/a.csv", file.data)
    moments = iter([chance.uniform(0.3, 1.2) for _ in range(kills)])
    with product_trigger(depot, REFUSAL):
        assert killed(depot, id, lambda: next(moments, 120.0)) >= 1
    check(depot, id, file)
