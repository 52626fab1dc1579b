"""What is done about imports by the clock: those that ended without a word are failed, and what is old is deleted.

A worker that is killed at each try cannot say so. Its message ends in the dead-letter queue, where it is looked at and
left: taken from there, it could not be put back by a redrive.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sluice.aws.client import AwsClient
from sluice.imports.sqs_consumer import RESUMES, ImportConsumer
from sluice.repositories.import_jobs import ImportJobRepository

UPLOAD_SECONDS = (
    2 * 3600
)  # the address for an upload is good for the first of these; an upload may take the second
STALL_SECONDS = 6 * 3600  # without a sign of life: more than all tries of a message take
KEEP_SECONDS = 15 * 86_400  # a message stays in the dead-letter queue for 14 days
LOOK_SECONDS = 30  # that a dead letter is hidden for while the others are looked at
AT_ONCE = 10  # messages, SQS's most
MOST = 1_000  # jobs of a kind, in one run

NOT_UPLOADED = "nothing was uploaded within two hours; announce it again"
DEAD = f"given up after its last try, without a word from the worker: it was killed or ran out of time. {RESUMES}"
STALLED = f"given up: no sign of life for six hours. {RESUMES}, and by itself if that is still in the queue"


class CleanupResult(NamedTuple):
    """How many imports were expired and forgotten, and the ids of those that stalled."""

    expired: int
    forgotten: int
    stalled: list[int]


@dataclass(frozen=True)
class ImportMaintenance:
    """`queue` and `dead_letters_url` are of the dead-letter queue; without a URL there is none to look at."""

    consumer: ImportConsumer
    queue: AwsClient
    dead_letters_url: str

    @staticmethod
    def clean_up(jobs: ImportJobRepository) -> CleanupResult:
        """Fail the imports that were announced and never uploaded, and delete rejected rows that no redrive needs."""
        expired = jobs.fail_not_uploaded(UPLOAD_SECONDS, NOT_UPLOADED, MOST)
        return CleanupResult(
            expired,
            jobs.delete_stale_rejections(KEEP_SECONDS, MOST),
            jobs.find_stalled(STALL_SECONDS, MOST),
        )

    def fail_stalled(self, stalled: Iterable[int]) -> int:
        """Fail these imports, and those of each dead letter. Return how many have failed by this."""
        failed = sum(self.consumer.fail_message(body, DEAD) for body in self._dead_letters())
        return failed + sum(self.consumer.fail_import(id, STALLED) for id in stalled)

    def _dead_letters(self) -> Iterator[str]:
        """Return the body of each message in the dead-letter queue, and leave it there."""
        seen: dict[str, str] = {}
        look = {
            "QueueUrl": self.dead_letters_url,
            "MaxNumberOfMessages": AT_ONCE,
            "VisibilityTimeout": LOOK_SECONDS,
        }
        try:
            while self.dead_letters_url and len(seen) < MOST:
                received = self.queue.call("AmazonSQS.ReceiveMessage", look).get("Messages", [])
                fresh = [message for message in received if message["MessageId"] not in seen]
                seen |= {message["MessageId"]: message["ReceiptHandle"] for message in received}
                yield from (message["Body"] for message in fresh)
                if not fresh:
                    return
        finally:
            self._show(list(seen.values()))

    def _show(self, receipts: list[str]) -> None:
        """Let these messages be seen by others again."""
        for at in range(0, len(receipts), AT_ONCE):
            entries: list[dict[str, Any]] = [
                {"Id": str(n), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for n, receipt in enumerate(receipts[at : at + AT_ONCE])
            ]
            shown = {"QueueUrl": self.dead_letters_url, "Entries": entries}
            self.queue.call("AmazonSQS.ChangeMessageVisibilityBatch", shown)
