"""Imports, and how far each has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.errors import InternalError
from sluice.repositories import conditional_write
from sluice.repositories.idempotency import IdempotencyKey
from sluice.repositories.list_spec import Filter, ListSpec, Sort
from sluice.repositories.projection import (
    Column,
    Executor,
    Projection,
    Representation,
    integer,
    text,
    timestamp,
)
from sluice.repositories.read_repository import ReadRepository

RESOURCES = ("products", "inventory", "categories", "users")
STATUSES = ("awaiting_upload", "queued", "running", "completed", "failed")

PROJECTION = Projection(
    name="imports",
    singular="import",
    source="sluice.import_jobs j",
    key="j.id",
    fields={
        "id": integer("j.id"),
        "resource": text("j.resource"),
        "status": text("j.status"),
        "rows_read": integer("j.rows_read"),
        "rows_written": integer("j.rows_written"),
        "rows_rejected": integer("j.rows_rejected"),
        "bytes_read": integer("j.bytes_read"),
        "bytes_total": Column("j.bytes_total", "integer", nullable=True),
        # The object's key, which http/uploads.py makes an address of.
        "rejects_url": text(
            "CASE WHEN j.rows_rejected > 0 AND j.finished_at IS NOT NULL THEN 'rejects/' || j.id || '.csv' END",
            nullable=True,
        ),
        "error": text("j.error", nullable=True),
        "created_at": timestamp("j.created_at"),
        "started_at": timestamp("j.started_at", nullable=True),
        "finished_at": timestamp("j.finished_at", nullable=True),
    },
    etag="j.version::text",
)
# What a client that announces an upload gets: also where to put it.
NEW_IMPORT_PROJECTION = replace(
    PROJECTION, fields={**PROJECTION.fields, "upload_url": text("CAST(:upload_url AS text)")}
)
LIST_SPEC = ListSpec(
    projection=PROJECTION,
    filters={
        "status": Filter("choice", "j.status = :status", choices=STATUSES),
        "resource": Filter("choice", "j.resource = :resource", choices=RESOURCES),
    },
    sorts={
        "id": Sort("j.id", "bigint", unique=True),
        "created_at": Sort("j.created_at", "timestamptz"),
    },
)
INSERT = "j AS (INSERT INTO sluice.import_jobs (resource, object_key) VALUES (:resource, :object_key) RETURNING *)"

# An upload that was announced takes what is put there, even if it was given up meanwhile; whatever else is put
# somewhere gets a job of its own. A repeated event finds the job it made.
RECEIVE = """
    WITH announced AS (
        UPDATE sluice.import_jobs SET
            status = 'queued', object_etag = :etag, sequencer = :sequencer, bytes_total = :size,
            seen_at = now(), error = NULL, finished_at = NULL
        WHERE object_key = :key AND status IN ('awaiting_upload', 'failed') AND object_etag IS NULL
            AND NOT EXISTS (
                SELECT FROM sluice.import_jobs k
                WHERE k.object_key = :key AND k.object_etag = :etag AND k.sequencer = :sequencer
            )
        RETURNING id
    ), added AS (
        INSERT INTO sluice.import_jobs (resource, object_key, object_etag, sequencer, bytes_total, status, seen_at)
        SELECT :resource, :key, :etag, :sequencer, :size, 'queued', now() WHERE NOT EXISTS (SELECT FROM announced)
        ON CONFLICT (object_key, coalesce(object_etag, ''), coalesce(sequencer, '')) DO NOTHING
        RETURNING id
    )
    SELECT id FROM announced UNION ALL SELECT id FROM added
    UNION ALL
    SELECT id FROM sluice.import_jobs WHERE object_key = :key AND object_etag = :etag AND sequencer = :sequencer
    LIMIT 1
"""
# A job that was given up is `resumable`: its message may come again, by a redrive or late. `seen_at` is the last sign
# of life: an attempt that began, or rows that were written.
START = """
    UPDATE sluice.import_jobs SET
        status = 'running', started_at = coalesce(started_at, now()), seen_at = now(), error = NULL, finished_at = NULL
    WHERE id = :id AND (status IN ('queued', 'running') OR status = 'failed' AND resumable)
    RETURNING id, resource, object_key, object_etag, bytes_total, header, next_byte, next_line, rows_rejected
"""
# Only if no other worker has gone on from the same place. A job that was given up under a slow worker runs again.
ADVANCE = """
    UPDATE sluice.import_jobs SET
        next_byte = :next_byte, next_line = :next_line, header = :header, bytes_read = :bytes_read,
        rows_read = rows_read + :read, rows_written = rows_written + :written,
        rows_rejected = rows_rejected + :rejected,
        status = 'running', seen_at = now(), error = NULL, finished_at = NULL
    WHERE id = :id AND next_byte = :from_byte AND (status = 'running' OR status = 'failed' AND resumable)
    RETURNING rows_rejected
"""
REJECT = """
    INSERT INTO sluice.import_rejects (import_id, line, column_name, code, reason)
    SELECT :id, * FROM unnest(
        CAST(:lines AS bigint[]), CAST(:columns AS text[]), CAST(:codes AS text[]), CAST(:reasons AS text[])
    )
    ON CONFLICT DO NOTHING
"""
REJECTS = """
    SELECT line, column_name, code, reason FROM sluice.import_rejects
    WHERE import_id = :id AND line > :after ORDER BY line LIMIT 10000
"""
# The report has the rejected rows then.
END = """
    WITH ended AS (
        UPDATE sluice.import_jobs SET status = :status, error = :error, finished_at = now(), resumable = false,
            bytes_read = CASE WHEN :status = 'completed' THEN bytes_total ELSE bytes_read END
        WHERE id = :id AND (status = 'running' OR status = 'failed' AND resumable)
        RETURNING id
    )
    DELETE FROM sluice.import_rejects r USING ended e WHERE r.import_id = e.id
"""
# The rejected rows stay: the report is written again when the job has come to its end.
GIVE_UP = """
    UPDATE sluice.import_jobs SET status = 'failed', error = :error, finished_at = now(), resumable = true
    WHERE id = :id AND status IN ('queued', 'running')
    RETURNING id
"""
EXPIRE = """
    UPDATE sluice.import_jobs SET status = 'failed', error = :error, finished_at = now()
    WHERE id IN (
        SELECT id FROM sluice.import_jobs
        WHERE status = 'awaiting_upload' AND created_at < now() - make_interval(secs => CAST(:seconds AS float8))
        ORDER BY id LIMIT CAST(:most AS integer) FOR UPDATE SKIP LOCKED
    )
    RETURNING id
"""
STALLED = """
    SELECT id FROM sluice.import_jobs
    WHERE status IN ('queued', 'running')
        AND coalesce(seen_at, created_at) < now() - make_interval(secs => CAST(:seconds AS float8))
    ORDER BY id LIMIT CAST(:most AS integer)
"""
# By then the dead-letter queue has forgotten the message, too.
FORGET = """
    WITH over AS (
        UPDATE sluice.import_jobs SET resumable = false WHERE id IN (
            SELECT id FROM sluice.import_jobs
            WHERE status = 'failed' AND resumable
                AND finished_at < now() - make_interval(secs => CAST(:seconds AS float8))
            ORDER BY id LIMIT CAST(:most AS integer) FOR UPDATE SKIP LOCKED
        )
        RETURNING id
    ), deleted AS (
        DELETE FROM sluice.import_rejects r USING over o WHERE r.import_id = o.id
    )
    SELECT id FROM over
"""
# The transaction's, not the session's: behind a pooler, which may give the next one another session, that would be
# unlocked in vain, and held until the pooler closes it.
LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('sluice import', :id)) AS mine"


@dataclass(frozen=True, slots=True)
class RunningImport:
    """What a worker needs to know of an import; `header` is empty before the file's was read."""

    id: int
    resource: str
    key: str
    etag: str
    size: int
    header: Sequence[str]
    next_byte: int
    next_line: int
    rejected: int


class ImportJobRepository(ReadRepository):
    """Every statement about imports."""

    list_spec = LIST_SPEC

    def create(
        self, job: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """One that waits for its upload: `resource`, `object_key`, and the `upload_url` that the answer tells."""
        return conditional_write.create(
            self._statements, NEW_IMPORT_PROJECTION, INSERT, "j", job, key
        )

    def upsert_for_object(
        self, resource: str, key: str, etag: str, sequencer: str, size: int
    ) -> int:
        """The id of the job for what was put there: one that waited for it, a new one, or the one it has."""
        values = {
            "resource": resource,
            "key": key,
            "etag": etag,
            "sequencer": sequencer,
            "size": size,
        }
        for _ in range(
            2
        ):  # the same event at the same time adds the job unseen; the second statement sees it
            for row in self._statements.write(RECEIVE, values):
                return int(row.id)
        raise InternalError

    def fail_not_uploaded(self, seconds: float, error: str, most: int) -> int:
        """Fail up to `most` imports that were announced so long ago and never uploaded. Return how many."""
        return len(
            self._statements.write(EXPIRE, {"seconds": seconds, "error": error, "most": most})
        )

    def find_stalled(self, seconds: float, most: int) -> list[int]:
        """Return the ids of up to `most` imports that gave no sign of life for so long."""
        return [
            int(row.id)
            for row in self._statements.read(STALLED, {"seconds": seconds, "most": most})
        ]

    def delete_stale_rejections(self, seconds: float, most: int) -> int:
        """Delete the rejected rows of up to `most` imports that were given up so long ago. Return how many imports."""
        return len(self._statements.write(FORGET, {"seconds": seconds, "most": most}))


class ImportRunRepository:
    """The statements of who works at an import, in its transactions."""

    def __init__(self, statements: Executor) -> None:
        self._statements = statements

    def try_lock(self, id: int) -> bool:
        """Is nobody else at it? Held until the transaction ends."""
        return bool(self._statements.write(LOCK, {"id": id})[0].mine)

    def start(self, id: int) -> RunningImport | None:
        """The job, from where it is to go on; None where there is nothing left to do."""
        for row in self._statements.write(START, {"id": id}):
            return RunningImport(
                row.id, row.resource, row.object_key, row.object_etag, row.bytes_total, row.header or (),
                row.next_byte, row.next_line, row.rows_rejected,
            )  # fmt: skip
        return None

    def add_rejections(
        self, id: int, rejections: Sequence[tuple[int, str | None, str, str]]
    ) -> None:
        """Keep these; a line's first rejection is its only one."""
        if rejections:
            lines, columns, codes, reasons = (
                list(values) for values in zip(*rejections, strict=True)
            )
            values = {
                "id": id,
                "lines": lines,
                "columns": columns,
                "codes": codes,
                "reasons": reasons,
            }
            self._statements.write(REJECT, values)

    def save_progress(self, id: int, **values: Any) -> int | None:
        """How many rows are rejected by now; None where somebody else has gone on from `from_byte`."""
        rows = self._statements.write(ADVANCE, {"id": id, **values})
        return int(rows[0].rows_rejected) if rows else None

    def rejections_after(self, id: int, after: int) -> Sequence[Any]:
        """A page of rejections beyond a line."""
        return self._statements.read(REJECTS, {"id": id, "after": after})

    def finish(self, id: int, status: str, error: str | None = None) -> None:
        """End a job for good, and delete its rejected rows, which are in the report."""
        self._statements.write(END, {"id": id, "status": status, "error": error})

    def fail_resumable(self, id: int, error: str) -> bool:
        """Fail a job until its message comes again. Return False if it has ended."""
        return bool(self._statements.write(GIVE_UP, {"id": id, "error": error}))
