"""Messages about files: S3 tells that one was put there, and a worker whose time was up that there is more to do."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from sluice import aws
from sluice.imports.job import Importer
from sluice.imports.rows import RESOURCES
from sluice.repositories.import_jobs import ImportJobRepository

INCOMING = "incoming"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inbox:
    importer: Importer
    jobs: ImportJobRepository
    queue: aws.Client
    queue_url: str

    def work(self, message: str, seconds: float) -> None:
        """Do what a message's body asks for. Whatever is raised, it may come again: nothing is done twice."""
        for id in self._jobs(json.loads(message)):
            if not self.importer.run(id, seconds):
                body = {"QueueUrl": self.queue_url, "MessageBody": json.dumps({"import": id})}
                self.queue.call("AmazonSQS.SendMessage", body)

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
