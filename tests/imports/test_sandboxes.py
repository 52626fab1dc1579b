"""The worker as Lambda runs it, in sandboxes that are given three seconds at a time, fed from the queue."""

import asyncio
from pathlib import Path

import pytest

from local.environment import aws_env_vars, function_env_vars
from local.pool import SandboxPool
from local.queue import QueuePoller
from local.template import EventSourceMapping, LambdaFunction
from sluice import runtime
from tests.fixtures.shop import CURSOR_KEY
from tests.imports.conftest import BUCKET
from tests.imports.test_once import outcome
from tests.imports.test_sqs_consumer import QUEUE, Line, line

__all__ = ["line"]

ROOT = Path(__file__).parents[2]
ROWS, SECONDS = 60_000, 240


def large_file() -> str:
    lines = [
        f"Mug {n % 50_000},of clay {n},{n % 100}.5,{'mugs' if n % 997 else 'cups'},{n % 9}"
        for n in range(ROWS)
    ]
    return "name,description,price,category,inventory\n" + "\n".join(lines)


@pytest.mark.slow
def test_a_worker_that_is_given_three_seconds_goes_on_and_on_to_the_same_end(line: Line) -> None:
    line.depot.shop.add_category("mugs")
    clean = line.depot.put("incoming/products/clean.csv", large_file().encode())
    for message in line.receive():  # the bucket's word of it: this one is imported at one go
        line.sqs.delete_message(QueueUrl=line.url, ReceiptHandle=message["ReceiptHandle"])
    assert line.depot.importer.run(clean, 600.0)
    made = outcome(line.depot, clean)
    line.depot.shop.sql("DELETE FROM products")

    line.put("incoming/products/three.csv", large_file())
    runs = asyncio.run(_work(line))
    (job,) = line.depot.shop.sql(
        "SELECT id FROM sluice.import_jobs WHERE object_key LIKE '%three.csv'"
    )
    assert outcome(line.depot, job[0]) == made
    assert runs > 5, "each run came only so far"


async def _work(line: Line) -> int:
    """How often the function was asked, until the import was at its end."""
    database, endpoint = (
        runtime.current().settings.database,
        runtime.current().settings.aws.sqs_endpoint,
    )
    layer = ROOT / "layers/shared"
    function = LambdaFunction(
        "ImportWorkerFunction",
        ROOT / "functions/import_worker",
        "handler.handler",
        memory=1769,
        timeout=3,
        layers=(layer,),
    )
    variables = {
        "SLUICE_DB_HOST": database.host, "SLUICE_DB_PORT": str(database.port), "SLUICE_DB_NAME": database.name,
        "SLUICE_DB_USER": database.user, "SLUICE_DB_PASSWORD": database.password, "SLUICE_DB_TLS": "off",
        "SLUICE_CURSOR_KEY": CURSOR_KEY.decode(), "SLUICE_API_KEYS_TABLE": "keys", "SLUICE_RATE_LIMIT_TABLE": "limits",
        "SLUICE_IMPORTS_BUCKET": BUCKET, "SLUICE_IMPORTS_QUEUE_URL": line.url, "POWERTOOLS_SERVICE_NAME": "tests",
    }  # fmt: skip
    runs = 0

    def log(_: int, told: str) -> None:
        nonlocal runs
        runs += told.startswith("START ")

    pool = SandboxPool(
        function, function_env_vars(function, {**variables, **aws_env_vars(endpoint)}), log
    )
    poller = QueuePoller(
        endpoint,
        [EventSourceMapping(function.name, QUEUE, 2)],
        {function.name: pool},
        lambda told: None,
    )
    poller.start()
    try:
        async with asyncio.timeout(SECONDS):
            while [status for _, status, *_ in line.jobs()].count("completed") < 2:
                await asyncio.sleep(0.1)
    finally:
        await poller.stop()
        await pool.stop()
    return runs
