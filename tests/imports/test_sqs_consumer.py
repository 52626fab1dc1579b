"""Messages about files, by a real queue: they come twice, at once, late, poisoned; what they ask for is done once."""

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
from tests.fixtures.shop import lambda_context
from tests.imports.conftest import BUCKET, Depot
from tests.imports.test_job import HEADER, products

TRIES = 3
QUEUE, DEAD = f"{STACK_NAME}-importsqueue", f"{STACK_NAME}-importsdeadletters"


@dataclass
class Line:
    """A bucket, its queue, and who works at it: the function's own handler, in this process."""

    depot: Depot
    sqs: Any
    url: str
    dead: str

    def put(self, key: str, data: str) -> None:
        """The bucket tells the queue."""
        self.depot.s3.put_object(Bucket=BUCKET, Key=key, Body=data.encode())

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def receive(self, url: str = "") -> list[dict[str, Any]]:
        received = self.sqs.receive_message(
            QueueUrl=url or self.url, MaxNumberOfMessages=10, AttributeNames=["All"]
        )
        return list(received.get("Messages", []))

    def work(self, seconds: float = 60.0) -> int:
        """Until no message is left; what failed comes again at once, as if its time were over. How many messages?"""
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
        return self.depot.shop.sql(
            "SELECT object_key, status, rows_written, error FROM sluice.import_jobs ORDER BY id"
        )


@pytest.fixture
def line(depot: Depot) -> Iterator[Line]:
    here = runtime.current()
    endpoint = here.settings.aws.dynamodb_endpoint
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{QUEUE}"
    redrive = {"deadLetterTargetArn": arn.replace(QUEUE, DEAD), "maxReceiveCount": TRIES}
    create_queues(
        endpoint, {QUEUE: {"VisibilityTimeout": 1800, "RedrivePolicy": redrive}, DEAD: {}}
    )
    rules = {"S3Key": {"Rules": [{"Name": "prefix", "Value": "incoming/"}]}}
    told = {"Event": "s3:ObjectCreated:*", "Queue": arn, "Filter": rules}
    put_bucket_notifications(
        endpoint, BUCKET, {"NotificationConfiguration": {"QueueConfigurations": [told]}}
    )
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": REGION}
    sqs = boto3.client("sqs", endpoint_url=endpoint, **keys)
    url, dead = (f"{endpoint}/{ACCOUNT_ID}/{name}" for name in (QUEUE, DEAD))
    aws = replace(here.settings.aws, s3_endpoint=endpoint, sqs_endpoint=endpoint)
    imports = {
        "imports_bucket": BUCKET,
        "imports_queue_url": url,
        "imports_dead_letter_queue_url": dead,
    }
    runtime.set_current(
        runtime.build(replace(here.settings, aws=aws, imports_max_receive_count=TRIES, **imports))
    )
    line = Line(depot, sqs, url, dead)
    assert [json.loads(message["Body"])["Event"] for message in line.receive()] == ["s3:TestEvent"]
    yield line
    put_bucket_notifications(endpoint, BUCKET, {})
    for queue in (url, dead):
        sqs.delete_queue(QueueUrl=queue)
    sqs.close()
    runtime.current().database.dispose()
    runtime.current().close_clients()
    runtime.set_current(here)


def test_a_file_that_is_put_there_is_imported(line: Line) -> None:
    line.depot.shop.add_category("mugs")
    line.put("incoming/products/Größe 1 + 2.csv", HEADER + "Mug,,1.00,mugs,1\n")
    line.put("elsewhere/file.csv", HEADER)
    line.put("incoming/orders/file.csv", HEADER)
    line.send('{"Service":"Amazon S3","Event":"s3:TestEvent"}')
    assert line.work() == 3
    assert line.jobs() == [["incoming/products/Größe 1 + 2.csv", "completed", 1, None]]


def test_a_poisoned_message_stops_nobody_and_ends_in_the_dead_letter_queue(line: Line) -> None:
    line.depot.shop.add_category("mugs")
    line.send("no message of ours")
    for n in range(3):
        line.put(f"incoming/products/{n}.csv", HEADER + f"Mug {n},,1.00,mugs,1\n")
    assert line.work() == 3 + TRIES
    assert [job[1] for job in line.jobs()] == ["completed"] * 3
    (dead,) = line.receive(line.dead)
    assert dead["Body"] == "no message of ours"


def test_what_the_database_refused_goes_on_when_it_is_put_back(
    line: Line, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(tmp_path)]
    (tmp_path / "local.json").write_text(
        json.dumps({"sqs_url": line.url.partition("/" + ACCOUNT_ID)[0]})
    )
    line.depot.shop.sql("ALTER TABLE users RENAME TO customers")
    try:
        line.put("incoming/users/a.csv", "email,name\nada@example.com,Ada\n")
        line.send("no message of ours")
        assert line.work() == 2 * TRIES
    finally:
        line.depot.shop.sql("ALTER TABLE customers RENAME TO users")
    ((_, status, written, error),) = line.jobs()
    assert (status, written) == ("failed", 0)
    assert "given up after 3 tries" in str(error)

    for _ in range(2):  # looking takes nothing away
        assert dead_letters(["list", *state]) == 0
        listed = capsys.readouterr().out.splitlines()
        assert {told.split("Z  ")[1] for told in listed} == {
            "ObjectCreated:Put incoming/users/a.csv", "'no message of ours'",
        }  # fmt: skip
    (about_users,) = [told.split()[0] for told in listed if "incoming/users" in told]
    assert dead_letters(["redrive", about_users, *state]) == 0
    assert capsys.readouterr().out == "1 moved back\n"
    assert line.work() == 1
    assert line.jobs() == [["incoming/users/a.csv", "completed", 1, None]]

    assert dead_letters(["redrive", about_users, *state]) == 1
    assert "no message has an id that starts with" in capsys.readouterr().err
    assert dead_letters(["redrive", *state]) == 0
    assert [message["Body"] for message in line.receive()] == ["no message of ours"]


def test_failed_messages_wait_longer_each_time() -> None:
    class Recorder:
        waits: ClassVar[list[object]] = []

        def call(self, target: str, body: dict[str, object]) -> None:
            assert (target, body["QueueUrl"], body["ReceiptHandle"]) == (
                "AmazonSQS.ChangeMessageVisibility", "queue", "receipt",
            )  # fmt: skip
            self.waits.append(body["VisibilityTimeout"])

    consumer = ImportConsumer(cast(Any, None), cast(Any, None), cast(Any, Recorder()), "queue")
    consumer.set_visibility("receipt", 299.9)
    for tries in range(1, 6):
        consumer.handle_failure("about no import", "receipt", tries, ValueError())
    assert Recorder.waits == [329, 15, 30, 60, 120, 0]


def test_an_event_that_comes_five_times_and_late_is_done_once(line: Line) -> None:
    """Of a file that was put there twice: the older version's event finds that it was replaced."""
    line.depot.shop.add_category("mugs")
    line.put("incoming/products/a.csv", HEADER + "Mug,,1.00,mugs,1\n")
    line.put(
        "incoming/products/a.csv",
        HEADER + "Mug,,2.00,mugs,2\n" + "".join(f"Cup {n},,1,mugs,1\n" for n in range(99)),
    )
    line.put("incoming/products/b.csv", HEADER + "Pot,,3.00,mugs,3\n")
    events = [message["Body"] for message in line.receive()]
    assert len(events) == 3
    many = random.Random(5).sample(events * 5, 15)
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda body: runtime.current().import_consumer.handle(body, 60.0), many))
    jobs = {(status, written) for _, status, written, _ in line.jobs()}
    assert len(line.jobs()) == 3
    assert jobs == {("failed", 0), ("completed", 100), ("completed", 1)}
    assert [row[2] for row in products(line.depot) if row[0] in ("Mug", "Pot")] == ["2.00", "3.00"]


def test_a_worker_without_time_sends_itself_messages(line: Line) -> None:
    line.depot.shop.add_category("mugs")
    rows = "".join(f"Mug {n},{'large ' * 50},1.00,mugs,{n % 9}\n" for n in range(2_000))
    line.put("incoming/products/long.csv", HEADER + rows)
    assert line.work(seconds=1.3) > 1
    assert line.jobs() == [["incoming/products/long.csv", "completed", 2_000, None]]
    assert len(products(line.depot)) == 2_000


def test_responses_with_signed_urls_are_not_stored(line: Line) -> None:
    new = {"resource": "products", "format": "csv", "filename": "a.csv"}
    shop = line.depot.shop
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
def test_a_packed_file_is_announced_in_any_case(line: Line, name: str) -> None:
    shop = line.depot.shop
    new = {"resource": "users", "format": "csv", "filename": name}
    assert shop.post("/api/imports", new).status == 201
    [[key]] = shop.sql("SELECT object_key FROM sluice.import_jobs")
    assert key.startswith("incoming/users/")
    assert key.endswith("/a.csv.gz")
