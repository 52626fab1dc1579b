"""Messages about files: S3 tells that one was put there, and a worker whose time was up that there is more to do."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from sluice import deadline
from sluice.aws.client import AwsClient, AwsError
from sluice.errors import InternalError, SluiceError
from sluice.imports.job import Importer, ImportLocked
from sluice.imports.row_parser import RESOURCES
from sluice.repositories.import_jobs import ImportJobRepository

INCOMING = "incoming"
ANSWER_SECONDS = 0.3  # before the end, in which no statement runs any more
SPARE_SECONDS = 0.7  # before that, for a chunk that takes longer than the one before
RETRY_SECONDS = (
    15  # after the first try; four more are five minutes, in which a database fails over
)
BUSY_SECONDS = (
    30  # until it is asked again whether another worker, who has a message too, has come to the end
)
TRIES = 5  # of a message, unless the settings say otherwise: its queue's maxReceiveCount
GONE_SECONDS = (
    30  # after the end of its time a worker is certainly gone, and its message may come again
)
RESUMES = "It resumes where it stopped when its message is put back (make redrive)"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImportConsumer:
    importer: Importer
    jobs: ImportJobRepository
    queue: AwsClient
    queue_url: str
    tries: int = TRIES

    def handle(self, message: str, seconds: float) -> None:
        """Do what a message's body asks for, as far as it goes in so many seconds.

        Whatever is raised, it may come again: nothing is done twice.
        """
        with deadline.within(seconds - ANSWER_SECONDS):
            for id in self._jobs(json.loads(message)):
                try:
                    if not self.importer.run(id, deadline.cap(seconds) - SPARE_SECONDS):
                        self._go_on(id, 0)
                except ImportLocked:
                    self._go_on(id, BUSY_SECONDS)

    def set_visibility(self, receipt: str, seconds: float) -> None:
        """Hide a message for as long as this worker can be at it: its queue would hide it for half an hour.

        So the message of a worker that is killed comes again within minutes.
        """
        try:
            self._hide(receipt, int(seconds) + GONE_SECONDS)
        except AwsError:
            _log.warning(
                "the message of a killed worker comes again only when the queue says so",
                exc_info=True,
            )

    def handle_failure(self, message: str, receipt: str, tries: int, error: Exception) -> None:
        """Let a failed message come again, later each time; after its last try its imports have failed."""
        if tries < self.tries:
            self._hide(receipt, RETRY_SECONDS * 2 ** (tries - 1))
            return
        known = isinstance(error, SluiceError) and not isinstance(error, InternalError)
        reason = str(error) if known else "an unexpected error, which the worker's log has"
        try:
            self.fail_message(message, f"given up after {tries} tries: {reason}. {RESUMES}")
        except Exception:
            _log.exception(
                "an import that is given up cannot be marked as failed now; the hourly cleanup marks it later"
            )
        self._hide(receipt, 0)  # its queue hands it over to the dead-letter queue

    def fail_message(self, message: str, reason: str) -> int:
        """Fail the imports of a message that is not tried again. Return how many have failed by this."""
        try:
            document = json.loads(message)
            ids = list(self._jobs(document))
        except (ValueError, KeyError, TypeError, AttributeError):
            return 0  # it is about no import
        return sum(self.fail_import(id, reason) for id in ids)

    def fail_import(self, id: int, reason: str) -> bool:
        """Fail an import until its message comes again. Return False if it has ended, or a worker is at it."""
        try:
            return self.importer.fail(id, reason)
        except ImportLocked:
            return False

    def _hide(self, receipt: str, seconds: int) -> None:
        message = {
            "QueueUrl": self.queue_url,
            "ReceiptHandle": receipt,
            "VisibilityTimeout": seconds,
        }
        self.queue.call("AmazonSQS.ChangeMessageVisibility", message)

    def _go_on(self, id: int, delay: int) -> None:
        """By a message of our own, whose tries are counted anew."""
        body = json.dumps({"import": id})
        message = {"QueueUrl": self.queue_url, "MessageBody": body, "DelaySeconds": delay}
        self.queue.call("AmazonSQS.SendMessage", message)

    def _jobs(self, message: Any) -> Iterator[int]:
        if "import" in message:
            yield int(message["import"])
        elif (
            message.get("Event") != "s3:TestEvent"
        ):  # which S3 sends to see whether the queue is there
            for record in message["Records"]:
                thing = record["s3"]["object"]
                key = unquote_plus(thing["key"])
                folder, resource, *rest = [*key.split("/"), "", ""]
                if folder == INCOMING and resource in RESOURCES and rest[0]:
                    size = int(thing["size"])
                    yield self.jobs.upsert_for_object(
                        resource, key, thing["eTag"], thing.get("sequencer", ""), size
                    )
                else:
                    _log.warning(
                        "a file is not where an import is: its folder must be incoming/ and a resource's"
                    )
