"""Is the function alive, and can it serve?"""

import dataclasses

from sluice import runtime
from tests.fixtures.shop import Shop


def test_being_alive_takes_no_database(shop: Shop) -> None:
    runtime.install(None)
    answer = shop.get("/health")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


def test_being_ready_tells_the_migration_and_the_pool(shop: Shop) -> None:
    answer = shop.get("/health/ready")
    assert (answer.status, answer.json["status"]) == (200, "ready")
    assert [[answer.json["database"]["migration"]]] == shop.sql("SELECT version_num FROM alembic_version")
    assert set(answer.json["pool"]) >= {"size", "checked_in", "checked_out", "overflow", "invalid"}


def test_a_database_that_cannot_be_reached_is_503_and_when_to_try_again(shop: Shop) -> None:
    here = runtime.current().settings
    nowhere = dataclasses.replace(here, database=dataclasses.replace(here.database, port=1))
    runtime.install(runtime.build(nowhere))
    answer = shop.get("/health/ready")
    assert (answer.status, answer.code) == (503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert shop.get("/health").status == 200


def test_an_environment_that_cannot_be_used_is_500_not_a_crash(shop: Shop) -> None:
    runtime.install(None)  # what is built now reads an environment that names no database
    answer = shop.get("/health/ready", origin="https://shop.example")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "SLUICE" not in answer.text
