"""A job fails, with a reason, when its message is given up; a redrive resumes it; and what is old is tidied up."""

import json
from pathlib import Path
from typing import Any

import pytest

from functions.cleanup.handler import handler as cleanup
from local.intrinsics import ACCOUNT_ID
from scripts.dead_letters import main as dead_letters
from sluice import runtime
from sluice.imports import maintenance
from tests.imports.test_job import HEADER
from tests.imports.test_sqs_consumer import TRIES, Line, line

__all__ = ["line"]

ROWS = 4_000
FIRST = "email,name\n" + "".join(f"{n}@x.y,N\n" for n in range(ROWS)) + "bad,B\n"


def kill(line: Line) -> int:
    """Receive messages as workers that are killed do: nothing comes of it. Return how many were received."""
    received = 0
    while messages := line.receive():
        for message in messages:
            received += 1
            receipt = {"QueueUrl": line.url, "ReceiptHandle": message["ReceiptHandle"]}
            line.sqs.change_message_visibility(**receipt, VisibilityTimeout=0)
    return received


def jobs(line: Line) -> list[dict[str, Any]]:
    return [
        line.depot.job(id)
        for (id,) in line.depot.shop.sql("SELECT id FROM sluice.import_jobs ORDER BY id")
    ]


def redrive(line: Line, state: Path) -> None:
    (state / "local.json").write_text(
        json.dumps({"sqs_url": line.url.partition("/" + ACCOUNT_ID)[0]})
    )
    assert dead_letters(["redrive", "--state", str(state)]) == 0


def break_users(line: Line) -> None:
    """From now on the server refuses every write of users, whatever the row."""
    line.depot.shop.sql("ALTER TABLE users RENAME COLUMN name TO called")


def mend_users(line: Line) -> None:
    line.depot.shop.sql("ALTER TABLE users RENAME COLUMN called TO name")


def test_last_try_fails_the_job_and_a_redrive_resumes_it(line: Line, tmp_path: Path) -> None:
    """The first run writes a chunk and reports a row; then the schema is broken until the message is dead."""
    line.put("incoming/users/a.csv", FIRST + "".join(f"{n}@z.y,N\n" for n in range(ROWS)))
    (message,) = line.receive()
    id = next(iter(runtime.current().import_consumer._jobs(json.loads(message["Body"]))))
    while line.depot.job(id)["rows_rejected"] == 0:
        assert not line.depot.importer.run(id, 0.0)
    before = line.depot.job(id)
    line.sqs.change_message_visibility(
        QueueUrl=line.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    break_users(line)
    try:
        assert line.work() == TRIES - 1
    finally:
        mend_users(line)
    (failed,) = jobs(line)
    assert failed["status"] == "failed"
    assert failed["error"].startswith(f"given up after {TRIES} tries: ")
    assert "make redrive" in failed["error"]
    assert failed["finished_at"]
    assert failed["rows_read"] == before["rows_read"] < 2 * ROWS + 1
    assert failed["rejects_url"]
    assert line.depot.rejects(id) == [(ROWS + 2, "email", "invalid")]

    redrive(line, tmp_path)
    assert line.work() == 1
    (done,) = jobs(line)
    assert (done["status"], done["error"]) == ("completed", None)
    assert (done["rows_read"], done["rows_written"], done["rows_rejected"]) == (
        2 * ROWS + 1,
        2 * ROWS,
        1,
    )
    assert line.depot.rejects(id) == [(ROWS + 2, "email", "invalid")], (
        "the whole report, not that of the last run"
    )


def test_worker_that_is_killed_each_time_leaves_a_failed_job(line: Line, tmp_path: Path) -> None:
    """It never could say so. The sweep finds its message among the dead letters, and leaves it there."""
    line.put("incoming/users/a.csv", "email,name\na@x.y,A\n")
    announcement = {"resource": "users", "object_key": "incoming/users/b.csv", "upload_url": ""}
    announced = runtime.current().imports.create(announcement)
    line.put("incoming/users/b.csv", "email,name\nb@x.y,B\n")
    line.send(
        "no message of ours",
        "{}",
        "[]",
        '{"Records": [{}]}',
        '"import"',
        "null",
        '{"import": 999999999}',
    )
    assert kill(line) == 9 * TRIES
    assert len(jobs(line)) == 1
    for failed in (2, 0):
        assert cleanup({}, None) == {"deleted": 0, "expired": 0, "failed": failed, "forgotten": 0}
        assert {(job["status"], job["error"]) for job in jobs(line)} == {
            ("failed", maintenance.DEAD)
        }
    assert len(jobs(line)) == 2
    assert announced.id in {job["id"] for job in jobs(line)}
    assert len(line.receive(line.dead)) == 9, "all are there, and can be seen"

    for message in line.receive(line.dead):
        receipt = {"QueueUrl": line.dead, "ReceiptHandle": message["ReceiptHandle"]}
        line.sqs.change_message_visibility(**receipt, VisibilityTimeout=0)


def test_redrive_resumes_what_the_sweep_has_failed(line: Line, tmp_path: Path) -> None:
    line.put("incoming/users/a.csv", "email,name\na@x.y,A\n")
    kill(line)
    assert cleanup({}, None)["failed"] == 1
    redrive(line, tmp_path)
    assert line.work() == 1
    assert [(job["status"], job["rows_written"], job["error"]) for job in jobs(line)] == [
        ("completed", 1, None)
    ]
    assert cleanup({}, None)["failed"] == 0


def test_more_dead_letters_than_one_look_shows_are_all_found(line: Line) -> None:
    for n in range(25):
        line.put(f"incoming/users/{n}.csv", "email,name\na@x.y,A\n")
    assert kill(line) == 25 * TRIES
    assert cleanup({}, None)["failed"] == 25
    assert {job["status"] for job in jobs(line)} == {"failed"}


def test_job_that_has_ended_is_not_failed_by_a_dead_letter(line: Line) -> None:
    line.put("incoming/users/a.csv", "email,name\na@x.y,A\n")
    (message,) = line.receive()
    line.send(*[message["Body"]] * 2)
    assert line.work() == 2
    line.sqs.change_message_visibility(
        QueueUrl=line.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    assert kill(line) == TRIES - 1
    assert cleanup({}, None)["failed"] == 0
    assert [job["status"] for job in jobs(line)] == ["completed"]


def test_stalled_job_is_failed_and_resumes(line: Line) -> None:
    """Its message was lost: nothing is in a queue."""
    ids = [line.depot.put(f"incoming/users/{n}.csv", b"email,name\na@x.y,A\n") for n in range(2)]
    line.sqs.purge_queue(QueueUrl=line.url)
    line.depot.shop.sql(
        "UPDATE sluice.import_jobs SET seen_at = now() - make_interval(secs => :s) WHERE id = :id",
        s=maintenance.STALL_SECONDS + 1, id=ids[0],
    )  # fmt: skip
    assert cleanup({}, None) == {"deleted": 0, "expired": 0, "failed": 1, "forgotten": 0}
    assert [(job["status"], job["error"]) for job in jobs(line)] == [
        ("failed", maintenance.STALLED),
        ("queued", None),
    ]
    line.send(json.dumps({"import": ids[0]}))
    assert line.work() == 1
    assert [job["status"] for job in jobs(line)] == ["completed", "queued"]


def test_announced_import_that_is_not_uploaded_expires(line: Line) -> None:
    create = runtime.current().imports.create
    keys = [f"incoming/users/{name}.csv" for name in ("old", "new")]
    old, _ = (create({"resource": "users", "object_key": key, "upload_url": ""}) for key in keys)
    line.depot.shop.sql(
        "UPDATE sluice.import_jobs SET created_at = now() - make_interval(secs => :s) WHERE id = :id",
        s=maintenance.UPLOAD_SECONDS + 1, id=old.id,
    )  # fmt: skip
    assert cleanup({}, None) == {"deleted": 0, "expired": 1, "failed": 0, "forgotten": 0}
    assert [(job["status"], job["error"]) for job in jobs(line)] == [
        ("failed", maintenance.NOT_UPLOADED), ("awaiting_upload", None)
    ]  # fmt: skip
    assert jobs(line)[0]["finished_at"]

    line.put(keys[0], "email,name\na@x.y,A\n")
    assert line.work() == 1
    assert [(job["status"], job["rows_written"], job["error"]) for job in jobs(line)] == [
        ("completed", 1, None), ("awaiting_upload", 0, None)
    ]  # fmt: skip


def test_rejected_rows_are_deleted_when_no_redrive_can_come(line: Line) -> None:
    id = line.depot.put("incoming/users/a.csv", FIRST.encode())
    line.depot.shop.sql(
        "INSERT INTO sluice.import_rejects VALUES (:id, 7, NULL, 'type', 'x')", id=id
    )
    assert line.depot.importer.fail(id, "for a test")
    assert not line.depot.importer.fail(id, "for a test")
    count = "SELECT count(*) FROM sluice.import_rejects"
    assert cleanup({}, None)["forgotten"] == 0
    assert line.depot.shop.sql(count) == [[1]]
    finished = "UPDATE sluice.import_jobs SET finished_at = now() - make_interval(secs => :s)"
    line.depot.shop.sql(finished, s=maintenance.KEEP_SECONDS + 1)
    assert cleanup({}, None)["forgotten"] == 1
    assert line.depot.shop.sql(count) == [[0]]
    assert line.depot.importer.run(id, 60.0), "there is nothing left to resume"
    assert jobs(line)[0]["status"] == "failed"


def test_worker_keeps_no_connection_in_a_pool(line: Line) -> None:
    """Each environment counts for one in the connection budget."""
    line.depot.shop.add_category("mugs")
    line.put("incoming/products/a.csv", HEADER + "Mug,,1.00,mugs,1\n")
    assert line.work() == 1
    assert runtime.current().database.pool_metrics().checked_in == 0


@pytest.mark.parametrize(
    "body", ["", "{", "[1]", "{}", '{"import": "x"}', '{"Records": [{"s3": {}}]}']
)
def test_messages_about_no_import_fail_nothing(line: Line, body: str) -> None:
    assert runtime.current().import_consumer.fail_message(body, "for a test") == 0
