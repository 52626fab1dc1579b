"""Failed imports: the reason, the redrive that resumes them, and the cleanup."""

import json
from pathlib import Path
from typing import Any

import pytest

from functions.cleanup.handler import handler as cleanup
from local.intrinsics import ACCOUNT_ID
from scripts.dead_letters import main as dead_letters
from sluice import runtime
from sluice.imports import maintenance
from tests.engine.imports.test_job import HEADER
from tests.fixtures.import_queue import MAX_RECEIVE_COUNT, QueueHarness

ROWS = 4_000
FIRST_HALF = "email,name\n" + "".join(f"{n}@x.y,N\n" for n in range(ROWS)) + "bad,B\n"


def receive_until_dead(pipeline: QueueHarness) -> int:
    """Receive messages like workers that are killed, until all are dead letters.

    Return how many were received.
    """
    received = 0
    while messages := pipeline.receive():
        for message in messages:
            received += 1
            receipt = {"QueueUrl": pipeline.url, "ReceiptHandle": message["ReceiptHandle"]}
            pipeline.sqs.change_message_visibility(**receipt, VisibilityTimeout=0)
    return received


def jobs(pipeline: QueueHarness) -> list[dict[str, Any]]:
    return [
        pipeline.harness.job(id)
        for (id,) in pipeline.harness.client.sql("SELECT id FROM sluice.import_jobs ORDER BY id")
    ]


def redrive(pipeline: QueueHarness, state: Path) -> None:
    (state / "local.json").write_text(
        json.dumps({"sqs_url": pipeline.url.partition("/" + ACCOUNT_ID)[0]})
    )
    assert dead_letters(["redrive", "--state", str(state)]) == 0


def break_readers(pipeline: QueueHarness) -> None:
    """Make the server reject every write of readers."""
    pipeline.harness.client.sql("ALTER TABLE readers RENAME COLUMN name TO called")


def repair_readers(pipeline: QueueHarness) -> None:
    pipeline.harness.client.sql("ALTER TABLE readers RENAME COLUMN called TO name")


def test_redrive_resumes_after_the_last_attempt(pipeline: QueueHarness, tmp_path: Path) -> None:
    """The first run writes a chunk. Then the schema is broken until the last attempt."""
    pipeline.put(
        "incoming/readers/a.csv", FIRST_HALF + "".join(f"{n}@z.y,N\n" for n in range(ROWS))
    )
    (message,) = pipeline.receive()
    id = next(iter(runtime.current().import_consumer._import_ids(json.loads(message["Body"]))))
    while pipeline.harness.job(id)["rows_rejected"] == 0:
        assert not pipeline.harness.importer.run(id, 0.0)
    before = pipeline.harness.job(id)
    pipeline.sqs.change_message_visibility(
        QueueUrl=pipeline.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    break_readers(pipeline)
    try:
        assert pipeline.process_all() == MAX_RECEIVE_COUNT - 1
    finally:
        repair_readers(pipeline)
    (failed,) = jobs(pipeline)
    assert failed["status"] == "failed"
    assert failed["error"].startswith(f"failed after {MAX_RECEIVE_COUNT} attempts: ")
    assert "make redrive" in failed["error"]
    assert failed["finished_at"]
    assert failed["rows_read"] == before["rows_read"] < 2 * ROWS + 1
    assert failed["rejects_url"]
    assert pipeline.harness.rejects(id) == [(ROWS + 2, "email", "invalid")]

    redrive(pipeline, tmp_path)
    assert pipeline.process_all() == 1
    (done,) = jobs(pipeline)
    assert (done["status"], done["error"]) == ("completed", None)
    assert (done["rows_read"], done["rows_written"], done["rows_rejected"]) == (
        2 * ROWS + 1,
        2 * ROWS,
        1,
    )
    assert pipeline.harness.rejects(id) == [(ROWS + 2, "email", "invalid")], (
        "the report of all runs, not of the last one"
    )


def test_cleanup_fails_imports_of_killed_workers(pipeline: QueueHarness, tmp_path: Path) -> None:
    """The cleanup finds the messages among the dead letters, and leaves them there."""
    pipeline.put("incoming/readers/a.csv", "email,name\na@x.y,A\n")
    announcement = {"resource": "readers", "object_key": "incoming/readers/b.csv", "upload_url": ""}
    announced = runtime.current().imports.create(announcement)
    pipeline.put("incoming/readers/b.csv", "email,name\nb@x.y,B\n")
    pipeline.send(
        "not about an import",
        "{}",
        "[]",
        '{"Records": [{}]}',
        '"import"',
        "null",
        '{"import": 999999999}',
    )
    assert receive_until_dead(pipeline) == 9 * MAX_RECEIVE_COUNT
    assert len(jobs(pipeline)) == 1
    for failed in (2, 0):
        assert cleanup({}, None) == {
            "deleted": 0,
            "expired": 0,
            "failed": failed,
            "rejections_deleted": 0,
        }
        assert {(job["status"], job["error"]) for job in jobs(pipeline)} == {
            ("failed", maintenance.DEAD_LETTER)
        }
    assert len(jobs(pipeline)) == 2
    assert int(announced.id) in {job["id"] for job in jobs(pipeline)}
    assert len(pipeline.receive(pipeline.dead)) == 9, "the cleanup leaves them in the queue"

    for message in pipeline.receive(pipeline.dead):
        receipt = {"QueueUrl": pipeline.dead, "ReceiptHandle": message["ReceiptHandle"]}
        pipeline.sqs.change_message_visibility(**receipt, VisibilityTimeout=0)


def test_redrive_resumes_import_failed_by_cleanup(pipeline: QueueHarness, tmp_path: Path) -> None:
    pipeline.put("incoming/readers/a.csv", "email,name\na@x.y,A\n")
    receive_until_dead(pipeline)
    assert cleanup({}, None)["failed"] == 1
    redrive(pipeline, tmp_path)
    assert pipeline.process_all() == 1
    assert [(job["status"], job["rows_written"], job["error"]) for job in jobs(pipeline)] == [
        ("completed", 1, None)
    ]
    assert cleanup({}, None)["failed"] == 0


def test_all_dead_letters_are_found(pipeline: QueueHarness) -> None:
    for n in range(25):
        pipeline.put(f"incoming/readers/{n}.csv", "email,name\na@x.y,A\n")
    assert receive_until_dead(pipeline) == 25 * MAX_RECEIVE_COUNT
    assert cleanup({}, None)["failed"] == 25
    assert {job["status"] for job in jobs(pipeline)} == {"failed"}


def test_dead_letter_does_not_fail_ended_import(pipeline: QueueHarness) -> None:
    pipeline.put("incoming/readers/a.csv", "email,name\na@x.y,A\n")
    (message,) = pipeline.receive()
    pipeline.send(*[message["Body"]] * 2)
    assert pipeline.process_all() == 2
    pipeline.sqs.change_message_visibility(
        QueueUrl=pipeline.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    assert receive_until_dead(pipeline) == MAX_RECEIVE_COUNT - 1
    assert cleanup({}, None)["failed"] == 0
    assert [job["status"] for job in jobs(pipeline)] == ["completed"]


def test_stalled_import_fails_and_resumes(pipeline: QueueHarness) -> None:
    """Its message was lost, so it is in no queue."""
    ids = [
        pipeline.harness.put(f"incoming/readers/{n}.csv", b"email,name\na@x.y,A\n")
        for n in range(2)
    ]
    pipeline.sqs.purge_queue(QueueUrl=pipeline.url)
    pipeline.harness.client.sql(
        "UPDATE sluice.import_jobs SET seen_at = now() - make_interval(secs => :s) WHERE id = :id",
        s=maintenance.STALLED_SECONDS + 1, id=ids[0],
    )  # fmt: skip
    assert cleanup({}, None) == {"deleted": 0, "expired": 0, "failed": 1, "rejections_deleted": 0}
    assert [(job["status"], job["error"]) for job in jobs(pipeline)] == [
        ("failed", maintenance.STALLED),
        ("queued", None),
    ]
    pipeline.send(json.dumps({"import": ids[0]}))
    assert pipeline.process_all() == 1
    assert [job["status"] for job in jobs(pipeline)] == ["completed", "queued"]


def test_import_without_upload_expires(pipeline: QueueHarness) -> None:
    create = runtime.current().imports.create
    keys = [f"incoming/readers/{name}.csv" for name in ("old", "new")]
    old, _ = (create({"resource": "readers", "object_key": key, "upload_url": ""}) for key in keys)
    pipeline.harness.client.sql(
        """
        UPDATE sluice.import_jobs SET created_at = now() - make_interval(secs => :s)
        WHERE id = :id
        """,
        s=maintenance.UPLOAD_SECONDS + 1, id=old.id,
    )  # fmt: skip
    assert cleanup({}, None) == {"deleted": 0, "expired": 1, "failed": 0, "rejections_deleted": 0}
    assert [(job["status"], job["error"]) for job in jobs(pipeline)] == [
        ("failed", maintenance.NOT_UPLOADED), ("awaiting_upload", None)
    ]  # fmt: skip
    assert jobs(pipeline)[0]["finished_at"]

    pipeline.put(keys[0], "email,name\na@x.y,A\n")
    assert pipeline.process_all() == 1
    assert [(job["status"], job["rows_written"], job["error"]) for job in jobs(pipeline)] == [
        ("completed", 1, None), ("awaiting_upload", 0, None)
    ]  # fmt: skip


def test_old_rejected_rows_are_deleted(pipeline: QueueHarness) -> None:
    id = pipeline.harness.put("incoming/readers/a.csv", FIRST_HALF.encode())
    pipeline.harness.client.sql(
        "INSERT INTO sluice.import_rejects VALUES (:id, 7, NULL, 'type', 'x')", id=id
    )
    assert pipeline.harness.importer.fail(id, "for a test")
    assert not pipeline.harness.importer.fail(id, "for a test")
    count = "SELECT count(*) FROM sluice.import_rejects"
    assert cleanup({}, None)["rejections_deleted"] == 0
    assert pipeline.harness.client.sql(count) == [[1]]
    finished = "UPDATE sluice.import_jobs SET finished_at = now() - make_interval(secs => :s)"
    pipeline.harness.client.sql(finished, s=maintenance.KEEP_REJECTIONS_SECONDS + 1)
    assert cleanup({}, None)["rejections_deleted"] == 1
    assert pipeline.harness.client.sql(count) == [[0]]
    assert pipeline.harness.importer.run(id, 60.0), "it can no longer be resumed"
    assert jobs(pipeline)[0]["status"] == "failed"


def test_worker_closes_its_connection(pipeline: QueueHarness) -> None:
    """The connection budget has one connection for each execution environment."""
    pipeline.harness.client.add_shelf("novels")
    pipeline.put("incoming/books/a.csv", HEADER + "Emma,,1.00,novels,1\n")
    assert pipeline.process_all() == 1
    assert runtime.current().database.pool.metrics().checked_in == 0


@pytest.mark.parametrize(
    "body", ["", "{", "[1]", "{}", '{"import": "x"}', '{"Records": [{"s3": {}}]}']
)
def test_other_messages_fail_no_import(pipeline: QueueHarness, body: str) -> None:
    assert runtime.current().import_consumer.fail_message(body, "for a test") == 0
