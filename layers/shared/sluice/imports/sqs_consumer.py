"""Handle SQS messages about files: events of S3, and messages of workers that ran out of time."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from sluice import request_context
from sluice.aws.client import AwsClient, AwsError
from sluice.errors import InternalError, SluiceError
from sluice.imports import file_keys
from sluice.imports.job import Importer, ImportLocked
from sluice.imports.job_repository import ImportJobRepository
from sluice.settings import IMPORTS_MAX_RECEIVE_COUNT

# Before the end of the worker's time: no statement runs in it.
RESPONSE_MARGIN_SECONDS = 0.3
# Added to that margin: no chunk begins in it, because it may take longer than the one before.
CHUNK_MARGIN_SECONDS = 0.7
# Delay after the first attempt, doubled after each. The first four are 225 s together, in which a
# database can fail over. SQS hides a message for 12 h at most.
RETRY_SECONDS = 15
MAX_RETRY_SECONDS = 3_600
LOCKED_SECONDS = 30  # delay before checking again whether another worker has finished
# After the end of a worker's time. By then it is certain that the worker has ended, so its message
# may be received again.
WORKER_END_SECONDS = 30
RESUME_HINT = "The import resumes where it stopped when its message is redriven (make redrive)"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImportConsumer:
    """Run the imports that messages are about, and retry or fail them."""

    importer: Importer
    jobs: ImportJobRepository
    queue: AwsClient
    queue_url: str
    max_receive_count: int = IMPORTS_MAX_RECEIVE_COUNT

    def handle(self, message: str, seconds: float) -> None:
        """Run the imports of a message for `seconds`.

        For an import that is not finished, send a new message. After any exception the message can
        be handled again: nothing is done twice.
        """
        with request_context.begin(seconds - RESPONSE_MARGIN_SECONDS):
            for id in self._import_ids(json.loads(message)):
                try:
                    if not self.importer.run(
                        id, request_context.cap(seconds) - CHUNK_MARGIN_SECONDS
                    ):
                        self._continue_later(id, 0)
                except ImportLocked:
                    self._continue_later(id, LOCKED_SECONDS)

    def set_visibility(self, receipt: str, seconds: float) -> None:
        """Hide a message only as long as this worker can run, not for the queue's 30 minutes.

        So the message of a killed worker is received again within minutes.
        """
        try:
            self._change_visibility(receipt, int(seconds) + WORKER_END_SECONDS)
        except AwsError:
            _log.warning(
                "the message's visibility timeout could not be shortened; if this worker is killed,"
                " it is retried after the queue's timeout",
                exc_info=True,
            )

    def handle_failure(
        self, message: str, receipt: str, receive_count: int, error: Exception
    ) -> None:
        """Delay the next attempt of a failed message. After the last attempt, fail its imports."""
        if receive_count < self.max_receive_count:
            delay = RETRY_SECONDS * 2 ** (receive_count - 1)
            self._change_visibility(receipt, min(delay, MAX_RETRY_SECONDS))
            return
        is_expected = isinstance(error, SluiceError) and not isinstance(error, InternalError)
        cause = str(error) if is_expected else "unexpected error; the worker's log has the cause"
        try:
            self.fail_message(
                message, f"failed after {receive_count} attempts: {cause}. {RESUME_HINT}"
            )
        except Exception:
            _log.exception("the import could not be marked as failed; the cleanup does it later")
        self._change_visibility(receipt, 0)  # SQS moves it to the dead-letter queue

    def fail_message(self, message: str, reason: str) -> int:
        """Fail the imports of a message that SQS does not retry. Return how many have failed."""
        try:
            ids = list(self._import_ids(json.loads(message)))
        except (ValueError, KeyError, TypeError, AttributeError):
            return 0  # the message is not about an import
        return sum(self.fail_import(id, reason) for id in ids)

    def fail_import(self, id: int, reason: str) -> bool:
        """Fail an import until its message is redriven.

        Return False if it has already ended, or if a worker holds its lock.
        """
        try:
            return self.importer.fail(id, reason)
        except ImportLocked:
            return False

    def _change_visibility(self, receipt: str, seconds: int) -> None:
        message = {
            "QueueUrl": self.queue_url,
            "ReceiptHandle": receipt,
            "VisibilityTimeout": seconds,
        }
        self.queue.call("AmazonSQS.ChangeMessageVisibility", message)

    def _continue_later(self, id: int, delay_seconds: int) -> None:
        """Send a new message about the import. The receive count of a new message is 0."""
        body = json.dumps({"import": id})
        message = {"QueueUrl": self.queue_url, "MessageBody": body, "DelaySeconds": delay_seconds}
        self.queue.call("AmazonSQS.SendMessage", message)

    def _import_ids(self, message: Any) -> Iterator[int]:
        """Yield the ids of a message's imports. Creates the import of a new file."""
        if "import" in message:
            yield int(message["import"])
            return
        if message.get("Event") == "s3:TestEvent":  # sent once, to test the notification
            return
        for record in message["Records"]:
            s3_object = record["s3"]["object"]
            key = unquote_plus(s3_object["key"])
            if (file := file_keys.read(key)) is not None:
                size = int(s3_object["size"])
                sequencer = s3_object.get("sequencer", "")
                yield self.jobs.upsert_for_object(
                    file.resource, key, s3_object["eTag"], sequencer, size, file.tenant
                )
            else:
                _log.warning("a file was ignored: its key must begin with incoming/RESOURCE/")
