"""How does a message get from a queue to a function? Polled for, as Lambda does it, and taken off where it is done.

A batch is one message. What the function reports as failed, or what ends in an error, stays in the queue: it is seen
again when its time is over, and after its last try goes to the dead-letter queue, both of which are the emulated
queue's own doing.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import asyncio
import json
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from local.api_keys import emulated_client
from local.intrinsics import ACCOUNT_ID, REGION
from local.pool import SandboxPool, Throttled
from local.template import EventSourceMapping

WAIT_SECONDS = 1  # a poll's; a stop waits for it
XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


def create_queues(endpoint: str, queues: Mapping[str, Mapping[str, Any]]) -> None:
    """Queues as the template declares them, those first that others hand over to."""
    sqs = emulated_client("sqs", endpoint)
    for name, properties in sorted(queues.items(), key=lambda queue: "RedrivePolicy" in queue[1]):
        attributes = {
            key: json.dumps(value) if isinstance(value, dict) else str(value)
            for key, value in properties.items()
            if key in ("VisibilityTimeout", "MessageRetentionPeriod", "RedrivePolicy")
        }
        sqs.call("AmazonSQS.CreateQueue", {"QueueName": name, "Attributes": attributes})
    sqs.close()


def put_bucket_notifications(endpoint: str, bucket: str, properties: Mapping[str, Any]) -> None:
    """Let the bucket tell its queues of new objects."""
    configurations = properties.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    told = "".join(
        f"<QueueConfiguration><Queue>{escape(each['Queue'])}</Queue><Event>{escape(each['Event'])}</Event><Filter><S3Key>"
        + "".join(
            f"<FilterRule><Name>{escape(rule['Name'])}</Name><Value>{escape(rule['Value'])}</Value></FilterRule>"
            for rule in each["Filter"]["S3Key"]["Rules"]
        )
        + "</S3Key></Filter></QueueConfiguration>"
        for each in configurations
    )
    document = f'<NotificationConfiguration xmlns="{XMLNS}">{told}</NotificationConfiguration>'
    url, headers = f"{endpoint}/{bucket}?notification", {"Content-Type": "application/xml"}
    request = urllib.request.Request(url, document.encode(), headers, method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - our own server


class QueuePoller:
    """`pools` by function name. `log` gets a line for each invocation that failed."""

    def __init__(
        self,
        endpoint: str,
        sources: Iterable[EventSourceMapping],
        pools: Mapping[str, SandboxPool],
        log: Callable[[str], None],
    ) -> None:
        self._endpoint = endpoint
        self._sources = tuple(sources)
        self._pools = pools
        self._log = log
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._poll(source))
            for source in self._sources
            for _ in range(source.concurrency)
        ]

    async def stop(self) -> None:
        """Messages that are being worked at come again, one day."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _poll(self, source: EventSourceMapping) -> None:
        sqs = emulated_client("sqs", self._endpoint)
        url = f"http://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{source.queue}"
        asked = {
            "QueueUrl": url,
            "MaxNumberOfMessages": 1,
            "WaitTimeSeconds": WAIT_SECONDS,
            "AttributeNames": ["All"],
        }
        try:
            while not self._stopping:
                received = await asyncio.to_thread(sqs.call, "AmazonSQS.ReceiveMessage", asked)
                for message in received.get("Messages", ()):
                    if await self._is_done(source, message):
                        done = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
                        await asyncio.to_thread(sqs.call, "AmazonSQS.DeleteMessage", done)
        finally:
            sqs.close()

    async def _is_done(self, source: EventSourceMapping, message: Mapping[str, Any]) -> bool:
        try:
            outcome = await self._pools[source.function].invoke(
                json.dumps(sqs_event(source, message)).encode()
            )
        except Throttled:
            return False
        if outcome.error is not None:
            self._log(
                f"{source.function}, for a message of {source.queue}: {outcome.error}: {outcome.error_message}"
            )
            return False
        reported = json.loads(outcome.payload or b"null") or {}
        failed = reported.get("batchItemFailures", ())
        if failed:
            self._log(
                f"{source.function} could not do what a message of {source.queue} asks; it will come again"
            )
        return not failed


def sqs_event(source: EventSourceMapping, message: Mapping[str, Any]) -> dict[str, Any]:
    """What Lambda makes of a message."""
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{source.queue}",
        "awsRegion": REGION,
    }
    return {"Records": [record]}
