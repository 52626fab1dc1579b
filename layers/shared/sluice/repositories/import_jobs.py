"""Imports, and how far each has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.repositories import writing
from sluice.repositories.answers import IdempotencyKey
from sluice.repositories.listing import Filter, Listing, Sort
from sluice.repositories.reading import Listed
from sluice.repositories.view import Column, Record, Statements, View, integer, text, time

RESOURCES = ("products", "inventory", "categories", "users")
STATUSES = ("awaiting_upload", "queued", "running", "completed", "failed")

VIEW = View(
    name="imports",
    noun="import",
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
        "created_at": time("j.created_at"),
        "started_at": time("j.started_at", nullable=True),
        "finished_at": time("j.finished_at", nullable=True),
    },
    etag="j.version::text",
)
# What a client that announces an upload gets: also where to put it.
ANNOUNCED = replace(VIEW, fields={**VIEW.fields, "upload_url": text("CAST(:upload_url AS text)")})
LISTING = Listing(
    view=VIEW,
    filters={
        "status": Filter("choice", "j.status = :status", choices=STATUSES),
        "resource": Filter("choice", "j.resource = :resource", choices=RESOURCES),
    },
    sorts={"id": Sort("j.id", "bigint", unique=True), "created_at": Sort("j.created_at", "timestamptz")},
)
INSERT = "j AS (INSERT INTO sluice.import_jobs (resource, object_key) VALUES (:resource, :object_key) RETURNING *)"

# An upload that was announced takes what is put there; whatever else is put somewhere gets a job of its own. A repeated
# event finds the job it made.
RECEIVE = """
    WITH announced AS (
        UPDATE sluice.import_jobs
        SET status = 'queued', object_etag = :etag, sequencer = :sequencer, bytes_total = :size
        WHERE object_key = :key AND status = 'awaiting_upload'
            AND NOT EXISTS (
                SELECT FROM sluice.import_jobs k
                WHERE k.object_key = :key AND k.object_etag = :etag AND k.sequencer = :sequencer
            )
        RETURNING id
    ), added AS (
        INSERT INTO sluice.import_jobs (resource, object_key, object_etag, sequencer, bytes_total, status)
        SELECT :resource, :key, :etag, :sequencer, :size, 'queued' WHERE NOT EXISTS (SELECT FROM announced)
        ON CONFLICT (object_key, coalesce(object_etag, ''), coalesce(sequencer, '')) DO NOTHING
        RETURNING id
    )
    SELECT id FROM announced UNION ALL SELECT id FROM added
    UNION ALL
    SELECT id FROM sluice.import_jobs WHERE object_key = :key AND object_etag = :etag AND sequencer = :sequencer
    LIMIT 1
"""
START = """
    UPDATE sluice.import_jobs SET status = 'running', started_at = coalesce(started_at, now())
    WHERE id = :id AND status IN ('queued', 'running')
    RETURNING id, resource, object_key, object_etag, header, next_byte, next_line, rows_rejected
"""
# Nobody else may have gone on from where this one did.
ADVANCE = """
    UPDATE sluice.import_jobs SET
        next_byte = :next_byte, next_line = :next_line, header = :header, bytes_read = :bytes_read,
        rows_read = rows_read + :read, rows_written = rows_written + :written, rows_rejected = rows_rejected + :rejected
    WHERE id = :id AND next_byte = :from_byte AND status = 'running'
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
END = """
    UPDATE sluice.import_jobs SET status = :status, error = :error, finished_at = now(),
        bytes_read = CASE WHEN :status = 'completed' THEN bytes_total ELSE bytes_read END
    WHERE id = :id AND status = 'running'
"""
# The transaction's, not the session's: behind a pooler, which may give the next one another session, that would be
# unlocked in vain, and held until the pooler closes it.
LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('sluice import', :id)) AS mine"


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to know of an import; `header` is empty before the file's was read."""

    id: int
    resource: str
    key: str
    etag: str
    header: Sequence[str]
    next_byte: int
    next_line: int
    rejected: int


class ImportJobRepository(Listed):
    """Every statement about imports."""

    listing = LISTING

    def create(self, job: Mapping[str, object], key: IdempotencyKey | None = None) -> Record:
        """One that waits for its upload: `resource`, `object_key`, and the `upload_url` that the answer tells."""
        return writing.create(self._statements, ANNOUNCED, INSERT, "j", job, key)

    def receive(self, resource: str, key: str, etag: str, sequencer: str, size: int) -> int:
        """The id of the job for what was put there: one that waited for it, a new one, or the one it has."""
        values = {"resource": resource, "key": key, "etag": etag, "sequencer": sequencer, "size": size}
        return int(self._statements.write(RECEIVE, values)[0].id)


class ImportProgress:
    """The statements of who works at an import, in its transactions."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    def lock(self, id: int) -> bool:
        """Is nobody else at it? Held until the transaction ends."""
        return bool(self._statements.write(LOCK, {"id": id})[0].mine)

    def start(self, id: int) -> Job | None:
        """The job, from where it is to go on; None where there is nothing left to do."""
        for row in self._statements.write(START, {"id": id}):
            return Job(
                row.id, row.resource, row.object_key, row.object_etag, row.header or (), row.next_byte, row.next_line,
                row.rows_rejected,
            )  # fmt: skip
        return None

    def reject(self, id: int, rejections: Sequence[tuple[int, str | None, str, str]]) -> None:
        """Keep these; a line's first rejection is its only one."""
        if rejections:
            lines, columns, codes, reasons = (list(values) for values in zip(*rejections, strict=True))
            values = {"id": id, "lines": lines, "columns": columns, "codes": codes, "reasons": reasons}
            self._statements.write(REJECT, values)

    def advance(self, id: int, **values: Any) -> int | None:
        """How many rows are rejected by now; None where somebody else has gone on from `from_byte`."""
        rows = self._statements.write(ADVANCE, {"id": id, **values})
        return int(rows[0].rows_rejected) if rows else None

    def rejects(self, id: int, after: int) -> Sequence[Any]:
        """A page of rejections beyond a line."""
        return self._statements.read(REJECTS, {"id": id, "after": after})

    def end(self, id: int, status: str, error: str | None = None) -> None:
        self._statements.write(END, {"id": id, "status": status, "error": error})
