"""Deliver the messages of a queue to a function, as an event source mapping of Lambda does.

A batch has one message. A message that the function processed is deleted. Any other message stays
in the queue. The emulated SQS delivers it again after its visibility timeout, and moves it to the
dead-letter queue after the last attempt.

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
from sluice.aws.client import AwsClient

WAIT_SECONDS = 1  # of a long poll; asyncio.run waits for its thread at the end
XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


def create_queues(endpoint: str, queues: Mapping[str, Mapping[str, Any]]) -> None:
    """Create the queues of the template, the dead-letter queues first."""
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
    """Configure the bucket's notifications to queues, as the template declares them."""
    configurations = properties.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    queues = "".join(_queue_configuration(each) for each in configurations)
    document = f'<NotificationConfiguration xmlns="{XMLNS}">{queues}</NotificationConfiguration>'
    url, headers = f"{endpoint}/{bucket}?notification", {"Content-Type": "application/xml"}
    request = urllib.request.Request(url, document.encode(), headers, method="PUT")  # noqa: S310
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - our own server


def _queue_configuration(configuration: Mapping[str, Any]) -> str:
    rules = "".join(
        f"<FilterRule><Name>{escape(rule['Name'])}</Name>"
        f"<Value>{escape(rule['Value'])}</Value></FilterRule>"
        for rule in configuration["Filter"]["S3Key"]["Rules"]
    )
    return (
        f"<QueueConfiguration><Queue>{escape(configuration['Queue'])}</Queue>"
        f"<Event>{escape(configuration['Event'])}</Event>"
        f"<Filter><S3Key>{rules}</S3Key></Filter></QueueConfiguration>"
    )


class QueuePoller:
    """Polls queues and invokes their functions.

    `pools` has the pools by function name. `log` is called with a line for each invocation that
    failed.
    """

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
        """Stop polling. Messages in progress are delivered again after their visibility timeout."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _poll(self, source: EventSourceMapping) -> None:
        sqs = emulated_client("sqs", self._endpoint)
        url = f"http://sqs.{REGION}.amazonaws.com/{ACCOUNT_ID}/{source.queue}"
        poll = {
            "QueueUrl": url,
            "MaxNumberOfMessages": 1,
            "WaitTimeSeconds": WAIT_SECONDS,
            "AttributeNames": ["All"],
        }
        try:
            while not self._stopping:
                received = await _call(sqs, "ReceiveMessage", poll)
                for message in received.get("Messages", ()):
                    if await self._process(source, message):
                        deletion = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
                        await _call(sqs, "DeleteMessage", deletion)
        finally:
            sqs.close()

    async def _process(self, source: EventSourceMapping, message: Mapping[str, Any]) -> bool:
        """Invoke the function with the message; return whether it succeeded."""
        try:
            result = await self._pools[source.function].invoke(
                json.dumps(sqs_event(source, message)).encode()
            )
        except Throttled:
            return False
        if result.error is not None:
            self._log(
                f"{source.function} failed for a message of {source.queue}: "
                f"{result.error}: {result.error_message}"
            )
            return False
        reported = json.loads(result.payload or b"null") or {}
        failed = reported.get("batchItemFailures", ())
        if failed:
            self._log(
                f"{source.function} reported a message of {source.queue} as failed; "
                "it will be delivered again"
            )
        return not failed


async def _call(sqs: AwsClient, action: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """Call SQS in a thread. If this task is cancelled, wait for the thread: it uses the client."""
    call = asyncio.ensure_future(asyncio.to_thread(sqs.call, f"AmazonSQS.{action}", payload))
    try:
        return await asyncio.shield(call)
    except asyncio.CancelledError:
        await asyncio.gather(call, return_exceptions=True)
        raise


def sqs_event(source: EventSourceMapping, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event that Lambda sends for a message."""
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
