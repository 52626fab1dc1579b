"""One studio among two gets the responses that it gets alone, on every surface.

Either lock is enough: the tenant in the statements, or the policies of the tables.

`make fuzz-tenants REQUESTS=100000 SEED=1` sends more requests than `make test`. A failure names the
seed of its batch: `SLUICE_TENANT_BATCH=…` runs it alone.
"""

import os
import time
from collections.abc import Callable

import pytest

from sluice import runtime
from tests.fixtures.rewritten_sql import rewrite_statements, without_all
from tests.fixtures.studio import OTHER_STUDIO, STUDIO
from tests.fixtures.two_tenants import REQUESTS, Batch, Studios, check

LOCKS = ("statements", "policies", "both")
COUNT = int(os.environ.get("SLUICE_TENANT_REQUESTS", "2000")) // len(LOCKS)
SEED = os.environ.get("SLUICE_TENANT_SEED", "1")
ONE_BATCH = os.environ.get("SLUICE_TENANT_BATCH", "")
SEEDS = [ONE_BATCH] if ONE_BATCH else [f"{SEED}.{n}" for n in range(-(-COUNT // REQUESTS))]


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
        batch = Batch(both, f"{locks}.{seed}")
        batch.run()
        check(batch, alone)
    count, seconds = len(SEEDS) * REQUESTS, time.monotonic() - began
    print(f"{locks}: {count} requests, {count / seconds:.0f} a second")  # noqa: T201
