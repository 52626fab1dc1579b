"""Delivery of queue messages to functions, and the dead-letter queue."""

import asyncio
import os
import re
from collections.abc import Iterator
from typing import Any

from local.api_keys import emulated_client
from local.intrinsics import ACCOUNT_ID, REGION
from local.queue import QueuePoller, create_queues
from local.template import EventSourceMapping
from sluice.aws.client import AwsClient
from sluice.settings import AwsSettings
from tests.fixtures.waiting import asynchronous, wait_until
from tests.local.conftest import PoolOpener

FAILS = """
    import json

    def handler(event, context):
        (record,) = event["Records"]
        count = record["attributes"]["ApproximateReceiveCount"]
        print("TRY", record["receiptHandle"], record["body"], count, flush=True)
        if record["body"] == "broken":
            raise ValueError("no good")
        bad = record["body"] == "bad"
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}] if bad else []}
"""
TRY = re.compile(r"TRY (\S+) (.*)")
MAX_RECEIVE_COUNT = 2


class Queue:
    """A queue whose messages are delivered again only when the test says so, and its dead one."""

    def __init__(self, endpoint: str) -> None:
        self.name = f"queue-{os.urandom(4).hex()}"
        redrive = {
            "deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{self.name}-dead",
            "maxReceiveCount": MAX_RECEIVE_COUNT,
        }
        longer_than_the_test = {"VisibilityTimeout": 3_600, "RedrivePolicy": redrive}
        create_queues(endpoint, {self.name: longer_than_the_test, f"{self.name}-dead": {}})
        self._sqs: AwsClient = emulated_client("sqs", endpoint)

    def call(self, action: str, *, of: str = "", **request: Any) -> Any:
        url = f"http://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{self.name}{of}"
        return self._sqs.call(f"AmazonSQS.{action}", {"QueueUrl": url, **request})

    def deliver_again(self, receipt_handle: str) -> None:
        """End the visibility timeout of a message that was received."""
        self.call("ChangeMessageVisibility", ReceiptHandle=receipt_handle, VisibilityTimeout=0)

    def dead(self) -> Iterator[str]:
        received = self.call("ReceiveMessage", of="-dead", MaxNumberOfMessages=10)
        for message in received.get("Messages", ()):
            yield message["Body"]


def tries(lines: list[str]) -> dict[str, str]:
    """Return the receipt handles by body and count, such as "bad 2"."""
    found = [each.groups() for each in map(TRY.search, lines) if each]
    assert len(found) == len({text for _, text in found}), "a message was delivered twice at a time"
    return {text: handle for handle, text in found}


@asynchronous
async def test_failed_messages_reach_dead_letter_queue(
    emulated_aws: AwsSettings, open_pool: PoolOpener
) -> None:
    queue = Queue(emulated_aws.dynamodb_endpoint)
    for body in ("good 1", "bad", "broken", "good 2"):
        queue.call("SendMessage", MessageBody=body)
    failures: list[str] = []
    dead: set[str] = set()

    def all_are_dead() -> bool:
        dead.update(queue.dead())
        return dead == {"bad", "broken"}

    def fail(lines: list[str], count: int) -> None:
        texts = [f"{body} {count}" for body in ("bad", "broken")]
        wait_until(lambda: {*texts} <= tries(lines).keys(), "the tries")
        wait_until(lambda: len(failures) == 2 * count, "the failures")
        for text in texts:
            queue.deliver_again(tries(lines)[text])

    def fail_until_dead(lines: list[str]) -> None:
        for count in range(1, MAX_RECEIVE_COUNT + 1):
            fail(lines, count)
        wait_until(all_are_dead, "the end of the failed messages")
        wait_until(lambda: {"good 1 1", "good 2 1"} <= tries(lines).keys(), "the others")

    async with open_pool(FAILS) as (pool, lines):
        mapping = EventSourceMapping("EchoFunction", queue.name, 2)
        endpoint, pools = emulated_aws.dynamodb_endpoint, {"EchoFunction": pool}
        poller = QueuePoller(endpoint, [mapping], pools, failures.append)
        poller.start()
        try:
            await asyncio.to_thread(fail_until_dead, lines)
        finally:
            await poller.stop()
    failed = ["bad 1", "bad 2", "broken 1", "broken 2"]
    assert sorted(tries(lines)) == [*failed, "good 1 1", "good 2 1"]
    assert len(failures) == 4, failures
    assert any("ValueError: no good" in line for line in failures)
