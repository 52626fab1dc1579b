"""Clean up imports on a schedule: fail those that stopped, and delete old rejected rows.

A worker that is killed at each attempt cannot fail its import. SQS moves its message to the
dead-letter queue. This module reads the message there and does not delete it, so that it can be
redriven.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sluice.aws.client import AwsClient
from sluice.imports.job_repository import ImportJobRepository
from sluice.imports.sqs_consumer import RESUME_HINT, ImportConsumer

# The upload URL is valid for the first hour, and an upload may take another.
UPLOAD_SECONDS = 2 * 3600
STALLED_SECONDS = 6 * 3600  # without progress; all attempts of a message together take less
KEEP_REJECTIONS_SECONDS = 15 * 86_400  # a message stays in the dead-letter queue for 14 days
PEEK_SECONDS = 30  # a dead letter is hidden this long while the others are read
BATCH_SIZE = 10  # messages; the maximum of SQS
MAX_IMPORTS = 1_000  # of each kind, in one run

NOT_UPLOADED = "nothing was uploaded within two hours; announce it again"
DEAD_LETTER = (
    "failed after the last attempt: the worker was killed or ran out of time, and left no error. "
    f"{RESUME_HINT}"
)
STALLED = (
    f"failed after six hours without progress. {RESUME_HINT}, "
    "and by itself if that is still in the queue"
)


class CleanupResult(NamedTuple):
    """What a run has done to imports."""

    expired: int  # the number of imports that were never uploaded
    rejections_deleted: int  # the number of imports whose rejected rows were deleted
    stalled: list[int]  # the ids of imports that no worker continues


@dataclass(frozen=True)
class ImportMaintenance:
    """Clean up imports. Without a `dead_letters_url` no dead letters are read."""

    consumer: ImportConsumer
    queue: AwsClient
    dead_letters_url: str

    @staticmethod
    def clean_up(jobs: ImportJobRepository) -> CleanupResult:
        """Fail imports that were never uploaded, and delete rejected rows that no redrive needs."""
        expired = jobs.fail_not_uploaded(UPLOAD_SECONDS, NOT_UPLOADED, MAX_IMPORTS)
        rejections_deleted = jobs.delete_stale_rejections(KEEP_REJECTIONS_SECONDS, MAX_IMPORTS)
        stalled = jobs.find_stalled(STALLED_SECONDS, MAX_IMPORTS)
        return CleanupResult(expired, rejections_deleted, stalled)

    def fail_stalled(self, stalled: Iterable[int]) -> int:
        """Fail these imports, and those of each dead letter. Return how many have failed."""
        failed = sum(self.consumer.fail_message(body, DEAD_LETTER) for body in self._dead_letters())
        return failed + sum(self.consumer.fail_import(id, STALLED) for id in stalled)

    def _dead_letters(self) -> Iterator[str]:
        """Yield the body of each message in the dead-letter queue, and leave it there."""
        receipts: dict[str, str] = {}  # by message id
        request = {
            "QueueUrl": self.dead_letters_url,
            "MaxNumberOfMessages": BATCH_SIZE,
            "VisibilityTimeout": PEEK_SECONDS,
        }
        try:
            while self.dead_letters_url and len(receipts) < MAX_IMPORTS:
                response = self.queue.call("AmazonSQS.ReceiveMessage", request)
                messages = response.get("Messages", [])
                new = [message for message in messages if message["MessageId"] not in receipts]
                receipts |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
                yield from (message["Body"] for message in new)
                if not new:
                    return
        finally:
            self._make_visible(list(receipts.values()))

    def _make_visible(self, receipts: list[str]) -> None:
        for start in range(0, len(receipts), BATCH_SIZE):
            batch = receipts[start : start + BATCH_SIZE]
            entries: list[dict[str, Any]] = [
                {"Id": str(index), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for index, receipt in enumerate(batch)
            ]
            request = {"QueueUrl": self.dead_letters_url, "Entries": entries}
            self.queue.call("AmazonSQS.ChangeMessageVisibilityBatch", request)
