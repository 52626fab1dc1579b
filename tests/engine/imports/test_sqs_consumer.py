"""Messages from a real queue: repeated, concurrent, late and invalid ones."""

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from local.intrinsics import ACCOUNT_ID
from scripts.dead_letters import main as dead_letters
from sluice import runtime
from sluice.imports.sqs_consumer import ImportConsumer
from tests.engine.imports.test_job import HEADER, books
from tests.fixtures.import_queue import MAX_RECEIVE_COUNT, QueueHarness


def test_uploaded_file_is_imported(pipeline: QueueHarness) -> None:
    pipeline.harness.client.add_shelf("novels")
    pipeline.put("incoming/books/Größe 1 + 2.csv", HEADER + "Emma,,1.00,novels,1\n")
    pipeline.put("elsewhere/file.csv", HEADER)
    pipeline.put("incoming/loans/file.csv", HEADER)
    pipeline.send('{"Service":"Amazon S3","Event":"s3:TestEvent"}')
    assert pipeline.process_all() == 3
    assert pipeline.jobs() == [["incoming/books/Größe 1 + 2.csv", "completed", 1, None]]


def test_invalid_message_ends_in_dead_letter_queue(
    pipeline: QueueHarness,
) -> None:
    pipeline.harness.client.add_shelf("novels")
    pipeline.send("not about an import")
    for n in range(3):
        pipeline.put(f"incoming/books/{n}.csv", HEADER + f"Emma {n},,1.00,novels,1\n")
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
    pipeline.harness.client.sql("ALTER TABLE readers RENAME TO customers")
    try:
        pipeline.put("incoming/readers/a.csv", "email,name\nada@example.com,Ada\n")
        pipeline.send("not about an import")
        assert pipeline.process_all() == 2 * MAX_RECEIVE_COUNT
    finally:
        pipeline.harness.client.sql("ALTER TABLE customers RENAME TO readers")
    ((_, status, written, error),) = pipeline.jobs()
    assert (status, written) == ("failed", 0)
    assert "failed after 3 attempts" in str(error)

    for _ in range(2):  # listing does not remove messages
        assert dead_letters(["list", *state]) == 0
        listed = capsys.readouterr().out.splitlines()
        assert {entry.split("Z  ")[1] for entry in listed} == {
            "ObjectCreated:Put incoming/readers/a.csv", "'not about an import'",
        }  # fmt: skip
    (about_readers,) = [entry.split()[0] for entry in listed if "incoming/readers" in entry]
    assert dead_letters(["redrive", about_readers, *state]) == 0
    assert capsys.readouterr().out == "1 moved back\n"
    assert pipeline.process_all() == 1
    assert pipeline.jobs() == [["incoming/readers/a.csv", "completed", 1, None]]

    assert dead_letters(["redrive", about_readers, *state]) == 1
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


def test_delay_of_retries_is_at_most_an_hour(pipeline: QueueHarness) -> None:
    """SQS rejects a delay of more than 12 hours, which doubling would reach at attempt 13."""
    pipeline.send("not about an import")
    (message,) = pipeline.receive()
    consumer = replace(runtime.current().import_consumer, max_receive_count=20)
    consumer.handle_failure(message["Body"], message["ReceiptHandle"], 19, ValueError())
    assert pipeline.receive() == []


def test_repeated_events_import_once(pipeline: QueueHarness) -> None:
    """The file was uploaded twice, so the events of its first version fail."""
    pipeline.harness.client.add_shelf("novels")
    pipeline.put("incoming/books/a.csv", HEADER + "Emma,,1.00,novels,1\n")
    pipeline.put(
        "incoming/books/a.csv",
        HEADER + "Emma,,2.00,novels,2\n" + "".join(f"Dune {n},,1,novels,1\n" for n in range(99)),
    )
    pipeline.put("incoming/books/b.csv", HEADER + "Ulysses,,3.00,novels,3\n")
    events = [message["Body"] for message in pipeline.receive()]
    assert len(events) == 3
    bodies = random.Random(5).sample(events * 5, 15)
    with ThreadPoolExecutor(5) as threads:
        list(threads.map(lambda body: runtime.current().import_consumer.handle(body, 60.0), bodies))
    jobs = {(status, written) for _, status, written, _ in pipeline.jobs()}
    assert len(pipeline.jobs()) == 3
    assert jobs == {("failed", 0), ("completed", 100), ("completed", 1)}
    assert [row[2] for row in books(pipeline.harness) if row[0] in ("Emma", "Ulysses")] == [
        "2.00",
        "3.00",
    ]


def test_worker_without_time_continues_by_message(pipeline: QueueHarness) -> None:
    pipeline.harness.client.add_shelf("novels")
    rows = "".join(f"Emma {n},{'large ' * 50},1.00,novels,{n % 9}\n" for n in range(2_000))
    pipeline.put("incoming/books/long.csv", HEADER + rows)
    assert pipeline.process_all(seconds=1.3) > 1
    assert pipeline.jobs() == [["incoming/books/long.csv", "completed", 2_000, None]]
    assert len(books(pipeline.harness)) == 2_000


def test_responses_with_signed_urls_are_not_stored(pipeline: QueueHarness) -> None:
    new = {"resource": "books", "format": "csv", "filename": "a.csv"}
    client = pipeline.harness.client
    announced = client.post("/api/imports", new)
    assert announced.status == 201
    assert (
        client.post("/api/imports", {**announced.json, "filename": "b.csv", "format": "csv"}).status
        == 201
    )
    assert client.post("/api/imports", {**new, "colour": "blue"}).errors == {
        "/colour": "unknown_field"
    }
    for response in (
        announced,
        client.get(announced.headers["Location"]),
        client.get("/api/imports"),
    ):
        assert (response.headers["Cache-Control"], "X-API-Key" in response.headers["Vary"]) == (
            "no-store",
            True,
        )


@pytest.mark.parametrize("name", ["a.CSV.GZ", "a.csv.Gz", "a.GZ", "a.csv.gz"])
def test_gzip_file_can_be_announced_in_any_case(pipeline: QueueHarness, name: str) -> None:
    client = pipeline.harness.client
    new = {"resource": "readers", "format": "csv", "filename": name}
    assert client.post("/api/imports", new).status == 201
    [[key]] = client.sql("SELECT object_key FROM sluice.import_jobs")
    assert key.startswith("incoming/readers/")
    assert key.endswith("/a.csv.gz")
