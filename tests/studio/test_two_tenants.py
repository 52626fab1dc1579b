"""One studio among two gets the responses that it gets alone, on every surface.

Either lock is enough: the tenant in the statements, or the policies of the tables.

`make fuzz-tenants REQUESTS=100000 SEED=1` sends more requests than `make test`. A failure names the
seed of its batch: `SLUICE_TENANT_BATCH=…` runs it alone.
"""

import logging
import os
import time
from collections.abc import Callable

import pytest

from sluice import runtime
from tests.fixtures.rewritten_sql import rewrite_statements, without_all
from tests.fixtures.studio import OTHER_STUDIO, STUDIO
from tests.fixtures.two_tenants import REQUESTS, SURFACES, Batch, Leak, Studios, check

LOCKS = ("statements", "policies", "both")
CONTROL = 40  # requests that leak without both locks
COUNT = int(os.environ.get("SLUICE_TENANT_REQUESTS", "2000")) // len(LOCKS)
SEED = os.environ.get("SLUICE_TENANT_SEED", "1")
ONE_BATCH = os.environ.get("SLUICE_TENANT_BATCH", "")
SEEDS = [ONE_BATCH] if ONE_BATCH else [f"{SEED}.{n}" for n in range(-(-COUNT // REQUESTS))]


def compare(batch: Batch, alone: Studios) -> None:
    batch.run()
    check(batch, alone)


@pytest.mark.parametrize("locks", LOCKS)
def test_responses_are_those_of_the_studio_alone(
    make_studios: Callable[..., Studios], locks: str
) -> None:
    both = make_studios(STUDIO, OTHER_STUDIO, policies=locks != "statements")
    alone = make_studios(STUDIO, policies=False)
    if locks == "policies":
        rewrite_statements(both.built, without_all)
    began = time.monotonic()
    for seed in SEEDS:
        runtime.set_current(both.built)
        compare(Batch(both, f"{locks}.{seed}"), alone)
    count, seconds = len(SEEDS) * REQUESTS, time.monotonic() - began
    print(f"{locks}: {count} requests, {count / seconds:.0f} a second")  # noqa: T201


@pytest.mark.parametrize("surface", SURFACES)
def test_without_both_locks_each_surface_leaks(
    make_studios: Callable[..., Studios], surface: str
) -> None:
    """So the requests of each surface reach rows of the other studio, and a lock hides them."""
    both = make_studios(STUDIO, OTHER_STUDIO, policies=False)
    alone = make_studios(STUDIO, policies=False)
    rewrite_statements(both.built, without_all)
    runtime.set_current(both.built)
    batch = Batch(both, surface, count=CONTROL, surfaces=(surface,))

    with pytest.raises(Leak):
        compare(batch, alone)


def test_foreign_value_in_a_log_is_a_leak(make_studios: Callable[..., Studios]) -> None:
    def logs_a_value(sql: str) -> str:
        logging.getLogger("sluice").warning("a row of %s", OTHER_STUDIO)
        return sql

    both = make_studios(STUDIO, OTHER_STUDIO, policies=False)
    alone = make_studios(STUDIO, policies=False)
    rewrite_statements(both.built, logs_a_value)
    runtime.set_current(both.built)

    with pytest.raises(Leak, match=OTHER_STUDIO):
        compare(Batch(both, "logs", count=1), alone)
