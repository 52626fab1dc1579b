"""Messages about files: S3 tells that one was put there, and a worker whose time was up that there is more to do."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from sluice import aws, deadline
from sluice.imports.job import Busy, Importer
from sluice.imports.rows import RESOURCES
from sluice.repositories.import_jobs import ImportJobRepository

INCOMING = "incoming"
ANSWER_SECONDS = 0.3  # before the end, in which no statement runs any more
SPARE_SECONDS = 0.7  # before that, for a chunk that takes longer than the one before
RETRY_SECONDS = 15  # after the first try; four more are five minutes, in which a database fails over
BUSY_SECONDS = 30  # until it is asked again whether another worker, who has a message too, has come to the end

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inbox:
    importer: Importer
    jobs: ImportJobRepository
    queue: aws.Client
    queue_url: str

    def work(self, message: str, seconds: float) -> None:
        """Do what a message's body asks for, as far as it goes in so many seconds.

        Whatever is raised, it may come again: nothing is done twice.
        """
        with deadline.within(seconds - ANSWER_SECONDS):
            for id in self._jobs(json.loads(message)):
                try:
                    if not self.importer.run(id, deadline.at_most(seconds) - SPARE_SECONDS):
                        self._go_on(id, 0)
                except Busy:
                    self._go_on(id, BUSY_SECONDS)

    def postpone(self, receipt: str, tries: int) -> None:
        """Let a message that failed come again soon, and then later and later: its queue would keep it half an hour."""
        seconds = RETRY_SECONDS * 2 ** (tries - 1)
        message = {"QueueUrl": self.queue_url, "ReceiptHandle": receipt, "VisibilityTimeout": seconds}
        self.queue.call("AmazonSQS.ChangeMessageVisibility", message)

    def _go_on(self, id: int, delay: int) -> None:
        """By a message of our own, whose tries are counted anew."""
        body = json.dumps({"import": id})
        message = {"QueueUrl": self.queue_url, "MessageBody": body, "DelaySeconds": delay}
        self.queue.call("AmazonSQS.SendMessage", message)

    def _jobs(self, message: Any) -> Iterator[int]:
        if "import" in message:
            yield int(message["import"])
        elif message.get("Event") != "s3:TestEvent":  # which S3 sends to see whether the queue is there
            for record in message["Records"]:
                thing = record["s3"]["object"]
                key = unquote_plus(thing["key"])
                folder, resource, *rest = [*key.split("/"), "", ""]
                if folder == INCOMING and resource in RESOURCES and rest[0]:
                    size = int(thing["size"])
                    yield self.jobs.receive(resource, key, thing["eTag"], thing.get("sequencer", ""), size)
                else:
                    _log.warning("a file is not where an import is: its folder must be incoming/ and a resource's")
