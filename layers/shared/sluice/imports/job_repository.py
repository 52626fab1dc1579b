"""Reads and writes import jobs, their progress and their rejected rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice import application, request_context
from sluice.errors import InternalError
from sluice.kinds.choice import Choice
from sluice.kinds.integer import BigInt
from sluice.kinds.timestamp import Timestamp
from sluice.query import Executor, Query
from sluice.sql.idempotency import IdempotencyKey, idempotent_query
from sluice.sql.list_spec import ListSpec, Sort, filters_of
from sluice.sql.page_cursor import CursorSigner
from sluice.sql.projection import Projection, Representation, integer, text, timestamp
from sluice.sql.read_repository import ReadRepository

RESOURCES = tuple(application.current().imports)
STATUSES = ("awaiting_upload", "queued", "running", "completed", "failed")

PROJECTION = Projection(
    name="imports",
    singular="import",
    table="sluice.import_jobs",
    alias="j",
    keys=(BigInt("id"),),
    fields={
        "id": integer("j.id"),
        "resource": text("j.resource"),
        "status": text("j.status"),
        "rows_read": integer("j.rows_read"),
        "rows_written": integer("j.rows_written"),
        "rows_rejected": integer("j.rows_rejected"),
        "bytes_read": integer("j.bytes_read"),
        "bytes_total": integer("j.bytes_total", nullable=True),
        # functions/imports replaces it by a presigned URL of the tenant's report.
        "rejects_url": text(
            """
            CASE WHEN j.rows_rejected > 0 AND j.finished_at IS NOT NULL
            THEN 'rejects/' || j.id || '.csv' END
            """,
            nullable=True,
        ),
        "error": text("j.error", nullable=True),
        "created_at": timestamp("j.created_at"),
        "started_at": timestamp("j.started_at", nullable=True),
        "finished_at": timestamp("j.finished_at", nullable=True),
    },
    etag="j.version::text",
    # Callers see the imports of their tenant, and those without a tenant the others.
    kept_condition="j.tenant = :owner",
)
# The response to a POST also has the URL to upload to.
NEW_IMPORT_PROJECTION = replace(
    PROJECTION, fields={**PROJECTION.fields, "upload_url": text("CAST(:upload_url AS text)")}
)
LIST_SPEC = ListSpec(
    projection=PROJECTION,
    filters={
        **filters_of(Choice("status", STATUSES, filter="equal"), "j.status"),
        **filters_of(Choice("resource", RESOURCES, filter="equal"), "j.resource"),
    },
    sorts={
        "id": Sort("id", BigInt("id"), unique=True),
        "created_at": Sort("created_at", Timestamp("created_at")),
    },
)

INSERT = """
    j AS (
        INSERT INTO sluice.import_jobs (resource, object_key, tenant)
        VALUES (:resource, :object_key, :tenant)
        RETURNING *
    )
"""

# An object at the key of an announced upload belongs to that job, even if the job has failed
# meanwhile. Any other object gets a new job. A repeated event finds the job that it made.
UPSERT_FOR_OBJECT_SQL = """
    WITH announced AS (
        UPDATE sluice.import_jobs SET
            status = 'queued',
            object_etag = :etag,
            sequencer = :sequencer,
            bytes_total = :size,
            seen_at = now(),
            error = NULL,
            finished_at = NULL
        WHERE object_key = :key AND status IN ('awaiting_upload', 'failed') AND object_etag IS NULL
            AND NOT EXISTS (
                SELECT FROM sluice.import_jobs k
                WHERE k.object_key = :key AND k.object_etag = :etag AND k.sequencer = :sequencer
            )
        RETURNING id
    ), added AS (
        INSERT INTO sluice.import_jobs
            (resource, object_key, object_etag, sequencer, bytes_total, status, seen_at, tenant)
        SELECT :resource, :key, :etag, :sequencer, :size, 'queued', now(), :tenant
        WHERE NOT EXISTS (SELECT FROM announced)
        ON CONFLICT (object_key, coalesce(object_etag, ''), coalesce(sequencer, '')) DO NOTHING
        RETURNING id
    )
    SELECT id FROM announced
    UNION ALL
    SELECT id FROM added
    UNION ALL
    SELECT id FROM sluice.import_jobs
    WHERE object_key = :key AND object_etag = :etag AND sequencer = :sequencer
    LIMIT 1
"""

FAIL_NOT_UPLOADED_SQL = """
    UPDATE sluice.import_jobs SET status = 'failed', error = :error, finished_at = now()
    WHERE id IN (
        SELECT id FROM sluice.import_jobs
        WHERE status = 'awaiting_upload'
            AND created_at < now() - make_interval(secs => CAST(:seconds AS float8))
        ORDER BY id
        LIMIT CAST(:limit AS integer)
        FOR UPDATE SKIP LOCKED
    )
    RETURNING id
"""

FIND_STALLED_SQL = """
    SELECT id FROM sluice.import_jobs
    WHERE status IN ('queued', 'running')
        AND coalesce(seen_at, created_at) < now() - make_interval(secs => CAST(:seconds AS float8))
    ORDER BY id
    LIMIT CAST(:limit AS integer)
"""

# For jobs whose messages the dead-letter queue has deleted: they cannot be redriven any more.
DELETE_STALE_REJECTIONS_SQL = """
    WITH final AS (
        UPDATE sluice.import_jobs SET resumable = false
        WHERE id IN (
            SELECT id FROM sluice.import_jobs
            WHERE status = 'failed' AND resumable
                AND finished_at < now() - make_interval(secs => CAST(:seconds AS float8))
            ORDER BY id
            LIMIT CAST(:limit AS integer)
            FOR UPDATE SKIP LOCKED
        )
        RETURNING id
    ), deleted AS (
        DELETE FROM sluice.import_rejects r USING final f WHERE r.import_id = f.id
    )
    SELECT id FROM final
"""

# A lock of the transaction, not of the session. A pooler may run the next transaction in another
# session. An unlock there has no effect, and the first session would keep the lock until it closes.
TRY_LOCK_SQL = (
    "SELECT pg_try_advisory_xact_lock(hashtextextended('sluice import', :id)) AS acquired"
)

# A failed job is `resumable` if its message may be received again, late or by a redrive. `seen_at`
# is when an attempt began, or when rows were last written.
START_SQL = """
    UPDATE sluice.import_jobs SET
        status = 'running',
        started_at = coalesce(started_at, now()),
        seen_at = now(),
        error = NULL,
        finished_at = NULL
    WHERE id = :id AND (status IN ('queued', 'running') OR status = 'failed' AND resumable)
    RETURNING
        id, resource, object_key, object_etag, bytes_total, header, next_byte, next_line,
        rows_rejected, tenant
"""

# Updates nothing if another worker has advanced from the same position. A job that was failed while
# its worker was slow runs again.
SAVE_PROGRESS_SQL = """
    UPDATE sluice.import_jobs SET
        next_byte = :next_byte,
        next_line = :next_line,
        header = :header,
        bytes_read = :bytes_read,
        rows_read = rows_read + :read,
        rows_written = rows_written + :written,
        rows_rejected = rows_rejected + :rejected,
        status = 'running',
        seen_at = now(),
        error = NULL,
        finished_at = NULL
    WHERE id = :id AND next_byte = :from_byte
        AND (status = 'running' OR status = 'failed' AND resumable)
    RETURNING rows_rejected
"""

ADD_REJECTIONS_SQL = """
    INSERT INTO sluice.import_rejects (import_id, line, column_name, code, reason)
    SELECT :id, * FROM unnest(
        CAST(:lines AS bigint[]),
        CAST(:columns AS text[]),
        CAST(:codes AS text[]),
        CAST(:reasons AS text[])
    )
    ON CONFLICT DO NOTHING
"""

REJECTIONS_AFTER_SQL = """
    SELECT line, column_name, code, reason FROM sluice.import_rejects
    WHERE import_id = :id AND line > :after
    ORDER BY line
    LIMIT 10000
"""

# The rejections are in the report, which was uploaded before.
FINISH_SQL = """
    WITH finished AS (
        UPDATE sluice.import_jobs SET
            status = :status,
            error = :error,
            finished_at = now(),
            resumable = false,
            bytes_read = CASE WHEN :status = 'completed' THEN bytes_total ELSE bytes_read END
        WHERE id = :id AND (status = 'running' OR status = 'failed' AND resumable)
        RETURNING id
    )
    DELETE FROM sluice.import_rejects r USING finished f WHERE r.import_id = f.id
"""

# The rejections are kept: the report is written again when the job ends.
FAIL_RESUMABLE_SQL = """
    UPDATE sluice.import_jobs
    SET status = 'failed', error = :error, finished_at = now(), resumable = true
    WHERE id = :id AND status IN ('queued', 'running')
    RETURNING tenant
"""


class ImportJobRepository(ReadRepository):
    """Reads and creates import jobs, and cleans up those that were abandoned."""

    list_spec = LIST_SPEC

    def __init__(self, executor: Executor, signer: CursorSigner) -> None:
        super().__init__(_OwnerExecutor(executor), signer)

    def create(
        self, job: Mapping[str, object], key: IdempotencyKey | None = None
    ) -> Representation:
        """Add a job that waits for its upload, for the request's tenant.

        `job` has `resource`, `object_key`, and the `upload_url` that the response shows.
        """
        select = f"SELECT {NEW_IMPORT_PROJECTION.representation()} FROM j"
        query = idempotent_query(INSERT, select, {**job, "tenant": _tenant()}, key)
        return Representation.of(self._executor.write(query)[0])

    def upsert_for_object(
        self, resource: str, key: str, etag: str, sequencer: str, size: int, tenant: str = ""
    ) -> int:
        """Find or create the job of an uploaded object, and return its id.

        It is the job that waits for this upload, the job that the object already has, or a new one.
        """
        params = {
            "resource": resource,
            "tenant": tenant,
            "key": key,
            "etag": etag,
            "sequencer": sequencer,
            "size": size,
        }
        # If two workers handle the same event, the other transaction may add the job. Then the
        # first statement finds nothing, and the second one sees the job.
        for _ in range(2):
            for row in self._executor.write(Query(UPSERT_FOR_OBJECT_SQL, params)):
                return int(row.id)
        raise InternalError

    def fail_not_uploaded(self, seconds: float, error: str, limit: int) -> int:
        """Fail up to `limit` jobs that wait for an upload for `seconds`. Return how many."""
        params = {"seconds": seconds, "error": error, "limit": limit}
        return len(self._executor.write(Query(FAIL_NOT_UPLOADED_SQL, params)))

    def find_stalled(self, seconds: float, limit: int) -> list[int]:
        """Return the ids of up to `limit` jobs that had no progress for `seconds`."""
        rows = self._executor.read(Query(FIND_STALLED_SQL, {"seconds": seconds, "limit": limit}))
        return [int(row.id) for row in rows]

    def delete_stale_rejections(self, seconds: float, limit: int) -> int:
        """Delete the rejections of up to `limit` jobs that failed more than `seconds` ago.

        Return the number of jobs. These jobs cannot resume any more.
        """
        params = {"seconds": seconds, "limit": limit}
        return len(self._executor.write(Query(DELETE_STALE_REJECTIONS_SQL, params)))


class _OwnerExecutor:
    """Binds the request's tenant into each statement that names it as `:owner`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def read(self, query: Query) -> Sequence[Any]:
        return self._executor.read(_with_owner(query))

    def write(self, query: Query) -> Sequence[Any]:
        return self._executor.write(_with_owner(query))


def _with_owner(query: Query) -> Query:
    if ":owner" not in query.sql:
        return query
    return query._replace(params={**query.params, "owner": _tenant()})


def _tenant() -> str:
    return request_context.current().tenant


@dataclass(frozen=True, slots=True)
class RunningImport:
    """An import, and its position in the file. `header` is empty until it has been read."""

    id: int
    resource: str
    key: str
    etag: str
    size: int
    header: Sequence[str]
    next_byte: int
    next_line: int
    rejected: int
    tenant: str = ""


class ImportRunRepository:
    """Reads and writes the progress of an import, in the transactions of its worker."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def try_lock(self, id: int) -> bool:
        """Lock an import until the transaction ends. Return False if another worker has it."""
        return bool(self._executor.write(Query(TRY_LOCK_SQL, {"id": id}))[0].acquired)

    def start(self, id: int) -> RunningImport | None:
        """Mark a job as running, and return it. Return None if it has ended."""
        for row in self._executor.write(Query(START_SQL, {"id": id})):
            return RunningImport(
                id=row.id,
                resource=row.resource,
                key=row.object_key,
                etag=row.object_etag,
                size=row.bytes_total,
                header=row.header or (),
                next_byte=row.next_byte,
                next_line=row.next_line,
                rejected=row.rows_rejected,
                tenant=row.tenant,
            )
        return None

    def add_rejections(
        self, id: int, rejections: Sequence[tuple[int, str | None, str, str]]
    ) -> None:
        """Store rejections (line, column, code, reason). The first one of a line is kept."""
        if not rejections:
            return
        lines, columns, codes, reasons = (list(values) for values in zip(*rejections, strict=True))
        params = {"id": id, "lines": lines, "columns": columns, "codes": codes, "reasons": reasons}
        self._executor.write(Query(ADD_REJECTIONS_SQL, params))

    def save_progress(self, id: int, **values: Any) -> int | None:
        """Store the position after a chunk. Return the number of rejected rows of the job.

        Return None if another worker has advanced past `from_byte`, or if the job has ended.
        """
        rows = self._executor.write(Query(SAVE_PROGRESS_SQL, {"id": id, **values}))
        return int(rows[0].rows_rejected) if rows else None

    def rejections_after(self, id: int, after: int) -> Sequence[Any]:
        """Return up to 10,000 rejections of the lines after `after`."""
        return self._executor.read(Query(REJECTIONS_AFTER_SQL, {"id": id, "after": after}))

    def finish(self, id: int, status: str, error: str | None = None) -> None:
        """End a job, and delete its rejections, which are in the report."""
        self._executor.write(Query(FINISH_SQL, {"id": id, "status": status, "error": error}))

    def fail_resumable(self, id: int, error: str) -> str | None:
        """Fail a job that resumes if its message is received again.

        Return its tenant, which may be empty. Return None if the job has ended.
        """
        rows = self._executor.write(Query(FAIL_RESUMABLE_SQL, {"id": id, "error": error}))
        return str(rows[0].tenant) if rows else None
