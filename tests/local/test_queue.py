"""Delivery of queue messages to functions, and the dead-letter queue."""

import asyncio
import os

from local.api_keys import emulated_client
from local.intrinsics import ACCOUNT_ID, REGION
from local.queue import QueuePoller, create_queues
from local.template import EventSourceMapping
from sluice.settings import AwsSettings
from tests.fixtures.waiting import asynchronous, wait_until
from tests.local.conftest import PoolOpener

FAILS = """
    import json

    def handler(event, context):
        (record,) = event["Records"]
        print("TRY", record["body"], record["attributes"]["ApproximateReceiveCount"], flush=True)
        if record["body"] == "broken":
            raise ValueError("no good")
        bad = record["body"] == "bad"
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}] if bad else []}
"""


@asynchronous
async def test_failed_messages_reach_dead_letter_queue(
    emulated_aws: AwsSettings, open_pool: PoolOpener
) -> None:
    endpoint, name = emulated_aws.dynamodb_endpoint, f"queue-{os.urandom(4).hex()}"
    redrive = {
        "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}-dead",
        "maxReceiveCount": 2,
    }
    create_queues(
        endpoint, {name: {"VisibilityTimeout": 1, "RedrivePolicy": redrive}, f"{name}-dead": {}}
    )
    sqs = emulated_client("sqs", endpoint)
    url = f"http://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{name}"
    for body in ("good 1", "bad", "broken", "good 2"):
        sqs.call("AmazonSQS.SendMessage", {"QueueUrl": url, "MessageBody": body})
    failures: list[str] = []
    dead: set[str] = set()

    def all_are_dead() -> bool:
        received = sqs.call(
            "AmazonSQS.ReceiveMessage", {"QueueUrl": f"{url}-dead", "MaxNumberOfMessages": 10}
        )
        dead.update(message["Body"] for message in received.get("Messages", ()))
        return dead == {"bad", "broken"}

    async with open_pool(FAILS) as (pool, lines):
        mapping = EventSourceMapping("EchoFunction", name, 2)
        poller = QueuePoller(endpoint, [mapping], {"EchoFunction": pool}, failures.append)
        poller.start()
        try:
            await asyncio.to_thread(wait_until, all_are_dead, "the end of the failed messages")
        finally:
            await poller.stop()
    sqs.close()
    tries = sorted(line.partition("TRY ")[2] for line in lines if "TRY " in line)
    assert tries == ["bad 1", "bad 2", "broken 1", "broken 2", "good 1 1", "good 2 1"]
    assert len(failures) == 4, failures
    assert any("ValueError: no good" in line for line in failures)
