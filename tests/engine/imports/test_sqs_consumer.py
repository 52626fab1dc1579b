"""Messages from a real queue: repeated, concurrent, late and invalid ones."""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import boto3
import pytest

from functions.import_worker.handler import handler
from local.intrinsics import ACCOUNT_ID, REGION, STACK_NAME
from local.queue import create_queues, put_bucket_notifications, sqs_event
from local.template import EventSourceMapping
from scripts.dead_letters import main as dead_letters
from sluice import runtime
from sluice.imports.sqs_consumer import ImportConsumer
from tests.engine.imports.test_job import HEADER, products
from tests.fixtures.client import lambda_context
from tests.fixtures.imports import BUCKET, ImportHarness

MAX_RECEIVE_COUNT = 3
QUEUE = f"{STACK_NAME}-importsqueue"
DEAD_LETTERS = f"{STACK_NAME}-importsdeadletters"


@dataclass
class QueueHarness:
    """A bucket and its queue, whose messages the function's handler processes in this process."""

    harness: ImportHarness
    sqs: Any
    url: str
    dead: str

    def put(self, key: str, data: str) -> None:
        """Upload a file. The bucket sends an event to the queue."""
        self.harness.s3.put_object(Bucket=BUCKET, Key=key, Body=data.encode())

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def receive(self, url: str = "") -> list[dict[str, Any]]:
        received = self.sqs.receive_message(
            QueueUrl=url or self.url, MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        return list(received.get("Messages", []))

    def process_all(self, seconds: float = 60.0) -> int:
        """Process messages until none is left. Return their number.

        Failed messages are received again at once.
        """
        done = 0
        while messages := self.receive():
            for message in messages:
                done += 1
                event = sqs_event(EventSourceMapping("ImportWorkerFunction", "imports", 1), message)
                failed = handler(event, lambda_context(seconds))["batchItemFailures"]
                receipt = {"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]}
                if failed:
                    assert failed == [{"itemIdentifier": message["MessageId"]}]
                    self.sqs.change_message_visibility(**receipt, VisibilityTimeout=0)
                else:
                    self.sqs.delete_message(**receipt)
        return done

    def jobs(self) -> list[list[object]]:
        return self.harness.shop.sql(
            "SELECT object_key, status, rows_written, error FROM sluice.import_jobs ORDER BY id"
        )


def connect_bucket_to_queue(endpoint: str) -> None:
    """Create the queues, and let the bucket send an event for each new file."""
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{QUEUE}"
    redrive = {
        "deadLetterTargetArn": arn.replace(QUEUE, DEAD_LETTERS),
        "maxReceiveCount": MAX_RECEIVE_COUNT,
    }
    create_queues(
        endpoint, {QUEUE: {"VisibilityTimeout": 1800, "RedrivePolicy": redrive}, DEAD_LETTERS: {}}
    )
    rules = {"S3Key": {"Rules": [{"Name": "prefix", "Value": "incoming/"}]}}
    notification = {"Event": "s3:ObjectCreated:*", "Queue": arn, "Filter": rules}
    put_bucket_notifications(
        endpoint, BUCKET, {"NotificationConfiguration": {"QueueConfigurations": [notification]}}
    )


@pytest.fixture
def pipeline(harness: ImportHarness) -> Iterator[QueueHarness]:
    here = runtime.current()
    endpoint = here.settings.aws.dynamodb_endpoint
    connect_bucket_to_queue(endpoint)
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": REGION}
    sqs = boto3.client("sqs", endpoint_url=endpoint, **keys)
    url, dead = (f"{endpoint}/{ACCOUNT_ID}/{name}" for name in (QUEUE, DEAD_LETTERS))
    aws = replace(here.settings.aws, s3_endpoint=endpoint, sqs_endpoint=endpoint)
    imports = {
        "imports_bucket": BUCKET,
        "imports_queue_url": url,
        "imports_dead_letter_queue_url": dead,
    }
    runtime.set_current(
        runtime.build(
            replace(here.settings, aws=aws, imports_max_receive_count=MAX_RECEIVE_COUNT, **imports)
        )
    )
    pipeline = QueueHarness(harness, sqs, url, dead)
    events = [json.loads(message["Body"])["Event"] for message in pipeline.receive()]
    assert events == ["s3:TestEvent"]
    yield pipeline
    put_bucket_notifications(endpoint, BUCKET, {})
    for queue in (url, dead):
        sqs.delete_queue(QueueUrl=queue)
    sqs.close()
    runtime.current().database.dispose()
    runtime.current().close_clients()
    runtime.set_current(here)


def test_uploaded_file_is_imported(pipeline: QueueHarness) -> None:
    pipeline.harness.shop.add_category("mugs")
    pipeline.put("incoming/products/Größe 1 + 2.csv", HEADER + "Mug,,1.00,mugs,1\n")
    pipeline.put("elsewhere/file.csv", HEADER)
    pipeline.put("incoming/orders/file.csv", HEADER)
    pipeline.send('{"Service":"Amazon S3","Event":"s3:TestEvent"}')
    assert pipeline.process_all() == 3
    assert pipeline.jobs() == [["incoming/products/Größe 1 + 2.csv", "completed", 1, None]]


def test_invalid_message_ends_in_dead_letter_queue(
    pipeline: QueueHarness,
) -> None:
    pipeline.harness.shop.add_category("mugs")
    pipeline.send("not about an import")
    for n in range(3):
        pipeline.put(f"incoming/products/{n}.csv", HEADER + f"Mug {n},,1.00,mugs,1\n")
    assert pipeline.process_all() == 3 + MAX_RECEIVE_COUNT
    assert [job[1] for job in pipeline.jobs()] == ["completed"] * 3
    (dead,) = pipeline.receive(pipeline.dead)
    assert dead["Body"] == "not about an import"


def test_redrive_resumes_failed_import(
    pipeline: QueueHarness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(tmp_path)]
    (tmp_path / "local.json").write_text(
        json.dumps({"sqs_url": pipeline.url.partition("/" + ACCOUNT_ID)[0]})
    )
    pipeline.harness.shop.sql("ALTER TABLE users RENAME TO customers")
    try:
        pipeline.put("incoming/users/a.csv", "email,name\nada@example.com,Ada\n")
        pipeline.send("not about an import")
        assert pipeline.process_all() == 2 * MAX_RECEIVE_COUNT
    finally:
        pipeline.harness.shop.sql("ALTER TABLE customers RENAME TO users")
    ((_, status, written, error),) = pipeline.jobs()
    assert (status, written) == ("failed", 0)
    assert "failed after 3 attempts" in str(error)

    for _ in range(2):  # listing does not remove messages
        assert dead_letters(["list", *state]) == 0
        listed = capsys.readouterr().out.splitlines()
        assert {entry.split("Z  ")[1] for entry in listed} == {
            "ObjectCreated:Put incoming/users/a.csv", "'not about an import'",
        }  # fmt: skip
    (about_users,) = [entry.split()[0] for entry in listed if "incoming/users" in entry]
    assert dead_letters(["redrive", about_users, *state]) == 0
    assert capsys.readouterr().out == "1 moved back\n"
    assert pipeline.process_all() == 1
    assert pipeline.jobs() == [["incoming/users/a.csv", "completed", 1, None]]

    assert dead_letters(["redrive", about_users, *state]) == 1
    assert "no message has an id that starts with" in capsys.readouterr().err
    assert dead_letters(["redrive", *state]) == 0
    assert [message["Body"] for message in pipeline.receive()] == ["not about an import"]


def test_retries_of_failed_message_are_delayed() -> None:
    class Recorder:
        waits: ClassVar[list[object]] = []

        def call(self, target: str, body: dict[str, object]) -> None:
            assert (target, body["QueueUrl"], body["ReceiptHandle"]) == (
                "AmazonSQS.ChangeMessageVisibility", "queue", "receipt",
            )  # fmt: skip
            self.waits.append(body["VisibilityTimeout"])

    consumer = ImportConsumer(cast(Any, None), cast(Any, None), cast(Any, Recorder()), "queue")
    consumer.set_visibility("receipt", 299.9)
    for receive_count in range(1, 6):
        consumer.handle_failure("about no import", "receipt", receive_count, ValueError())
    assert Recorder.waits == [329, 15, 30, 60, 120, 0]


def test_repeated_events_import_once(pipeline: QueueHarness) -> None:
    """The file was uploaded twice, so the events of its first version fail."""
    pipeline.harness.shop.add_category("mugs")
    pipeline.put("incoming/products/a.csv", HEADER + "Mug,,1.00,mugs,1\n")
    pipeline.put(
        "incoming/products/a.csv",
        HEADER + "Mug,,2.00,mugs,2\n" + "".join(f"Cup {n},,1,mugs,1\n" for n in range(99)),
    )
    pipeline.put("incoming/products/b.csv", HEADER + "Pot,,3.00,mugs,3\n")
    events = [message["Body"] for message in pipeline.receive()]
    assert len(events) == 3
    bodies = random.Random(5).sample(events * 5, 15)
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda body: runtime.current().import_consumer.handle(body, 60.0), bodies))
    jobs = {(status, written) for _, status, written, _ in pipeline.jobs()}
    assert len(pipeline.jobs()) == 3
    assert jobs == {("failed", 0), ("completed", 100), ("completed", 1)}
    assert [row[2] for row in products(pipeline.harness) if row[0] in ("Mug", "Pot")] == [
        "2.00",
        "3.00",
    ]


def test_worker_without_time_continues_by_message(pipeline: QueueHarness) -> None:
    pipeline.harness.shop.add_category("mugs")
    rows = "".join(f"Mug {n},{'large ' * 50},1.00,mugs,{n % 9}\n" for n in range(2_000))
    pipeline.put("incoming/products/long.csv", HEADER + rows)
    assert pipeline.process_all(seconds=1.3) > 1
    assert pipeline.jobs() == [["incoming/products/long.csv", "completed", 2_000, None]]
    assert len(products(pipeline.harness)) == 2_000


def test_responses_with_signed_urls_are_not_stored(pipeline: QueueHarness) -> None:
    new = {"resource": "products", "format": "csv", "filename": "a.csv"}
    shop = pipeline.harness.shop
    announced = shop.post("/api/imports", new)
    assert announced.status == 201
    assert (
        shop.post("/api/imports", {**announced.json, "filename": "b.csv", "format": "csv"}).status
        == 201
    )
    assert shop.post("/api/imports", {**new, "colour": "blue"}).errors == {
        "/colour": "unknown_field"
    }
    for response in (announced, shop.get(announced.headers["Location"]), shop.get("/api/imports")):
        assert (response.headers["Cache-Control"], "X-API-Key" in response.headers["Vary"]) == (
            "no-store",
            True,
        )


@pytest.mark.parametrize("name", ["a.CSV.GZ", "a.csv.Gz", "a.GZ", "a.csv.gz"])
def test_gzip_file_can_be_announced_in_any_case(pipeline: QueueHarness, name: str) -> None:
    shop = pipeline.harness.shop
    new = {"resource": "users", "format": "csv", "filename": name}
    assert shop.post("/api/imports", new).status == 201
    [[key]] = shop.sql("SELECT object_key FROM sluice.import_jobs")
    assert key.startswith("incoming/users/")
    assert key.endswith("/a.csv.gz")
