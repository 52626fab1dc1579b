"""The worker in a local sandbox, with three seconds for each invocation."""

import asyncio
from pathlib import Path

import pytest

from local.environment import aws_env_vars, function_env_vars
from local.pool import SandboxPool
from local.queue import QueuePoller
from local.template import EventSourceMapping, LambdaFunction
from sluice import runtime
from tests.fixtures.database import CURSOR_KEY
from tests.fixtures.import_queue import QUEUE, QueueHarness
from tests.fixtures.imports import BUCKET
from tests.shop.imports.product_files import import_result

ROOT = Path(__file__).parents[3]
ROWS = 60_000
TIMEOUT_SECONDS = 240


def large_file() -> str:
    lines = [
        f"Mug {n % 50_000},of clay {n},{n % 100}.5,{'mugs' if n % 997 else 'cups'},{n % 9}"
        for n in range(ROWS)
    ]
    return "name,description,price,category,inventory\n" + "\n".join(lines)


@pytest.mark.slow
def test_short_invocations_complete_the_import(
    pipeline: QueueHarness,
) -> None:
    pipeline.harness.client.add_category("mugs")
    single_run = pipeline.harness.put("incoming/products/single_run.csv", large_file().encode())
    for message in pipeline.receive():  # the event of this file, which is imported directly
        pipeline.sqs.delete_message(QueueUrl=pipeline.url, ReceiptHandle=message["ReceiptHandle"])
    assert pipeline.harness.importer.run(single_run, 600.0)
    expected = import_result(pipeline.harness, single_run)
    pipeline.harness.client.sql("DELETE FROM products")

    pipeline.put("incoming/products/three.csv", large_file())
    runs = asyncio.run(_work(pipeline))
    (job,) = pipeline.harness.client.sql(
        "SELECT id FROM sluice.import_jobs WHERE object_key LIKE '%three.csv'"
    )
    assert import_result(pipeline.harness, job[0]) == expected
    assert runs > 5, "no run could finish the import"


async def _work(pipeline: QueueHarness) -> int:
    """Run the function until both imports are completed. Return the number of invocations."""
    database = runtime.current().settings.database
    endpoint = runtime.current().settings.aws.sqs_endpoint
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
        "SLUICE_DB_HOST": database.host,
        "SLUICE_DB_PORT": str(database.port),
        "SLUICE_DB_NAME": database.name,
        "SLUICE_DB_USER": database.user,
        "SLUICE_DB_PASSWORD": database.password,
        "SLUICE_DB_TLS": "off",
        "SLUICE_CURSOR_KEY": CURSOR_KEY.decode(),
        "SLUICE_API_KEYS_TABLE": "keys",
        "SLUICE_RATE_LIMIT_TABLE": "limits",
        "SLUICE_IMPORTS_BUCKET": BUCKET,
        "SLUICE_IMPORTS_QUEUE_URL": pipeline.url,
        "POWERTOOLS_SERVICE_NAME": "tests",
    }
    runs = 0

    def log(_: int, line: str) -> None:
        nonlocal runs
        runs += line.startswith("START ")

    pool = SandboxPool(
        function, function_env_vars(function, {**variables, **aws_env_vars(endpoint)}), log
    )
    poller = QueuePoller(
        endpoint,
        [EventSourceMapping(function.name, QUEUE, 2)],
        {function.name: pool},
        lambda line: None,
    )
    poller.start()
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while [status for _, status, *_ in pipeline.jobs()].count("completed") < 2:
                await asyncio.sleep(0.1)
    finally:
        await poller.stop()
        await pool.stop()
    return runs
