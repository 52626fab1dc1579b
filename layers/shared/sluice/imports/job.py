"""Run an import: read chunks of a file, and write each chunk in one transaction.

A transaction commits the rows, the rejections and the new offset together, and only if no other
worker has saved a later offset. So killed workers, repeated events and concurrent workers have the
same result as a single run.

If a chunk cannot be written, its transaction is rolled back and the chunk is halved, until it is
only the failing record. Only that record is rejected.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import cast

from sluice import request_context, tenants
from sluice.errors import Conflict, SluiceError, Unavailable, ValidationFailed
from sluice.imports import file_keys, record_splitter
from sluice.imports.chunk_reader import Chunk, ImportFile
from sluice.imports.job_repository import ImportRunRepository, RunningImport
from sluice.imports.record_splitter import WINDOW_BYTES
from sluice.imports.report import write_report
from sluice.imports.resource import ImportResource
from sluice.imports.row_parser import Parsed, ParsedRow, Rejection, RowRules
from sluice.imports.staged_rows import (
    ImportRowRepository,
    ImportTransaction,
    RowCountMismatch,
)
from sluice.imports.storage import FileError, ImportBucket
from sluice.settings import IMPORTS_MAX_BYTES
from sluice.sql.page_cursor import CursorSigner

MAX_REJECTIONS = 100_000
# Chunks grow up to WINDOW_BYTES, while one takes no more than CHUNK_SECONDS. For that time, a chunk
# locks the stock that it sets. A worker that is killed loses the work of one chunk. The first chunk
# is small, so even a worker with little time saves some progress.
FIRST_CHUNK_BYTES = 64 * 1024
CHUNK_GROWTH = 4
CHUNK_SECONDS = 2.0
TAKEN = "is already used"
CANNOT_BE_WRITTEN = "could not be written; the worker's log has the cause"

_log = logging.getLogger(__name__)


class ImportLocked(Exception):
    """Another worker holds this import's lock, or has saved a later offset."""


class TooManyRejections(Exception):
    """A chunk has more rejected rows than the job may still have."""


BeginTransaction = Callable[[], AbstractContextManager[ImportTransaction]]


@dataclass(frozen=True)
class Importer:
    """Run imports.

    `connect` opens a connection, and returns the function that begins its transactions. `clock`
    returns seconds.
    """

    connect: Callable[[], AbstractContextManager[BeginTransaction]]
    bucket: ImportBucket
    signer: CursorSigner
    max_bytes: int = IMPORTS_MAX_BYTES
    max_rejections: int = MAX_REJECTIONS
    clock: Callable[[], float] = field(default=time.monotonic)

    def run(self, id: int, seconds: float) -> bool:
        """Continue an import for `seconds`, and for at least one chunk.

        Return whether it is finished. Raises ImportLocked, and SluiceErrors and errors of AWS that
        can be retried.
        """
        deadline = self.clock() + seconds
        with self.connect() as begin:
            job = self._start(begin, id)
            return job is None or self._continue(begin, job, deadline)

    def fail(self, id: int, error: str) -> bool:
        """Fail an import whose message SQS does not retry. A redrive resumes it where it stopped.

        Return False if it has already ended. Raises ImportLocked.
        """
        with self.connect() as begin, begin() as transaction:
            progress = _lock_import(transaction, id)
            tenant = progress.fail_resumable(id, error)
            if tenant is not None:
                self._upload_report(progress, id, tenant)
                transaction.commit()
        return tenant is not None

    def _start(self, begin: BeginTransaction, id: int) -> RunningImport | None:
        with begin() as transaction:
            job = _lock_import(transaction, id).start(id)
            transaction.commit()
        return job

    def _continue(self, begin: BeginTransaction, job: RunningImport, deadline: float) -> bool:
        request_context.current().tenant = job.tenant
        try:
            if reason := file_keys.problem(job.resource, job.tenant):
                raise FileError(reason)
            return self._import(begin, job, deadline)
        except FileError as error:
            self._end(begin, job, "failed", str(error))
            return True

    def _import(self, begin: BeginTransaction, job: RunningImport, deadline: float) -> bool:
        file = ImportFile(self.bucket, job, self.max_bytes)
        size, rejected = FIRST_CHUNK_BYTES, job.rejected
        chunk_start, has_progress = self.clock(), False
        while (chunk := file.next(size)) is not None:
            rejected_now = self._write_or_halve(begin, job, file, chunk, rejected)
            if rejected_now is None:
                file.put_back()
                size = max(1, len(chunk.data) // 2)
                if has_progress and self.clock() >= deadline:
                    return False
                continue
            rejected, has_progress = rejected_now, True
            now = self.clock()
            seconds, chunk_start = max(now - chunk_start, 0.001), now
            if chunk.last:
                break
            next_size = _next_chunk_size(size, seconds)
            expected_seconds = seconds * next_size / size
            if now + 2 * expected_seconds > deadline:
                return False
            size = next_size
        self._end(begin, job, "completed")
        return True

    def _write_or_halve(
        self,
        begin: BeginTransaction,
        job: RunningImport,
        file: ImportFile,
        chunk: Chunk,
        rejected: int,
    ) -> int | None:
        """Write a chunk and return the job's number of rejected rows.

        Return None if the chunk cannot be written and has more than one record.
        """
        is_single = file.is_single(chunk)
        try:
            return self._write(begin, job, file, chunk, rejected)
        except (Unavailable, ImportLocked):
            raise  # can be retried
        except TooManyRejections:
            if is_single:
                raise self._too_many_rejections() from None
        except Exception as error:
            if not isinstance(error, (ValidationFailed, Conflict, RowCountMismatch)):
                self._check_without_rows(begin, job, file)
            if is_single:
                _log.warning("import %d: line %d is rejected", job.id, chunk.line, exc_info=True)
                return self._reject(begin, job, file, chunk, error, rejected)
        return None

    def _write(
        self,
        begin: BeginTransaction,
        job: RunningImport,
        file: ImportFile,
        chunk: Chunk,
        rejected: int,
    ) -> int:
        if chunk.well_formed:
            try:
                saved = self._write_unparsed(begin, job, file, chunk)
            except (ValidationFailed, Conflict, RowCountMismatch):
                saved = None  # the server rejected a row: parsing the rows shows which one
            if saved is not None:
                return saved
        return self._write_parsed(begin, job, file, chunk, rejected)

    def _write_unparsed(
        self, begin: BeginTransaction, job: RunningImport, file: ImportFile, chunk: Chunk
    ) -> int | None:
        """COPY the chunk's bytes, without parsing them. Return None if any row needs parsing."""
        with begin() as transaction:
            _lock_import(transaction, job.id)
            rows = ImportRowRepository(transaction, file.parser.resource)
            count = record_splitter.count_records(chunk.data)
            if not rows.copy_file(file.parser.header, chunk.data, count):
                return None
            rows.write(file.parser.header, file.parser.header, count)
            return _commit_chunk(transaction, job, file, chunk, count, [])

    def _write_parsed(
        self,
        begin: BeginTransaction,
        job: RunningImport,
        file: ImportFile,
        chunk: Chunk,
        rejected: int,
    ) -> int:
        """Parse the chunk's rows, and write the valid ones."""
        with begin() as transaction:
            _lock_import(transaction, job.id)
            rows = ImportRowRepository(transaction, file.parser.resource)
            valid, rejections = _partition(file.parse(chunk, self._rules(file, transaction)))
            parsed = [row for _, row in valid]
            columns, changed = file.parser.columns(parsed), file.parser.changed(parsed)
            rows.copy_rows(
                columns, ((line, [row.values.get(name) for name in columns]) for line, row in valid)
            )
            unresolved = rows.delete_unresolved(columns)
            taken = rows.delete_taken()
            rejections += [
                Rejection(line, column, "unknown", "does not exist") for line, column in unresolved
            ]
            rejections += [Rejection(line, None, "duplicate", TAKEN) for line in taken]
            if rejected + len(rejections) > self.max_rejections:
                raise TooManyRejections
            count = len(valid) - len(unresolved) - len(taken)
            rows.write(columns, changed, count)
            return _commit_chunk(transaction, job, file, chunk, count, rejections)

    def _reject(
        self,
        begin: BeginTransaction,
        job: RunningImport,
        file: ImportFile,
        chunk: Chunk,
        error: Exception,
        rejected: int,
    ) -> int:
        """Reject the only record of a chunk, with the server's error as the reason."""
        if rejected >= self.max_rejections:
            raise self._too_many_rejections()
        with begin() as transaction:
            _lock_import(transaction, job.id)
            rejection = _rejection_for(chunk.line, error, file.parser.resource)
            return _commit_chunk(transaction, job, file, chunk, 0, [rejection])

    def _too_many_rejections(self) -> FileError:
        return FileError(f"more than {self.max_rejections:,} rows are rejected")

    def _check_without_rows(
        self, begin: BeginTransaction, job: RunningImport, file: ImportFile
    ) -> None:
        """Run the statements of a chunk without rows. Raises an error that no record has caused."""
        with begin() as transaction:
            rows = ImportRowRepository(transaction, file.parser.resource)
            columns = file.parser.columns()
            rows.copy_rows(columns, [])
            rows.delete_unresolved(columns)
            rows.delete_taken()
            rows.write(columns, file.parser.changed(), 0)

    def _rules(self, file: ImportFile, transaction: ImportTransaction) -> RowRules | None:
        """Return the repository whose rules the rows must meet, over their transaction."""
        kind = file.parser.resource.rules
        if kind is None:
            return None
        executor = tenants.executor_of(kind, transaction)
        return cast("RowRules", kind(executor, self.signer))

    def _end(
        self, begin: BeginTransaction, job: RunningImport, status: str, error: str | None = None
    ) -> None:
        """Upload the report before marking the job as ended.

        If the worker is killed in between, the next one uploads the same report again.
        """
        with begin() as transaction:
            progress = _lock_import(transaction, job.id)
            self._upload_report(progress, job.id, job.tenant)
            progress.finish(job.id, status, error)
            transaction.commit()

    def _upload_report(self, progress: ImportRunRepository, id: int, tenant: str) -> None:
        report = write_report(progress, id)
        if report:
            self.bucket.put(file_keys.report(id, tenant), report, "text/csv; charset=utf-8")


def _next_chunk_size(size: int, seconds: float) -> int:
    """Return the size of the next chunk, after one of `size` bytes took so many seconds."""
    size_in_time = int(size * CHUNK_SECONDS / seconds)
    return min(WINDOW_BYTES, CHUNK_GROWTH * size, max(FIRST_CHUNK_BYTES, size_in_time))


def _commit_chunk(
    transaction: ImportTransaction,
    job: RunningImport,
    file: ImportFile,
    chunk: Chunk,
    written: int,
    rejections: Sequence[Rejection],
) -> int:
    """Commit the chunk's rows and rejections with the new offset.

    Return the job's number of rejected rows. Raises ImportLocked if another worker has advanced.
    """
    progress = ImportRunRepository(transaction)
    progress.add_rejections(job.id, rejections)
    rejected = progress.save_progress(
        job.id,
        from_byte=chunk.start,
        next_byte=chunk.end,
        next_line=chunk.line + chunk.lines,
        header=list(file.parser.header),
        bytes_read=file.bytes_consumed(chunk),
        read=written + len(rejections),
        written=written,
        rejected=len(rejections),
    )
    if rejected is None:
        raise ImportLocked
    transaction.commit()
    return rejected


def _rejection_for(line: int, error: Exception, resource: ImportResource) -> Rejection:
    if resource.taken and type(error) is Conflict:  # its statement calls sluice.raise_conflict()
        return Rejection(line, None, "duplicate", TAKEN)
    if isinstance(error, SluiceError) and error.errors:
        field_error = error.errors[0]
        column = (field_error.pointer or "").strip("/") or None
        return Rejection(line, column, field_error.code, field_error.message)
    if isinstance(error, (ValidationFailed, Conflict)):
        return Rejection(line, None, "invalid", error.detail)
    return Rejection(line, None, "internal_error", CANNOT_BE_WRITTEN)


def _partition(
    rows: Iterable[tuple[int, Parsed]],
) -> tuple[list[tuple[int, ParsedRow]], list[Rejection]]:
    """Return the valid rows with their lines, and the rejections."""
    valid: list[tuple[int, ParsedRow]] = []
    rejections: list[Rejection] = []
    for line, row in rows:
        if isinstance(row, Rejection):
            rejections.append(row)
        else:
            valid.append((line, row))
    return valid, rejections


def _lock_import(transaction: ImportTransaction, id: int) -> ImportRunRepository:
    """Lock the import until the transaction ends. Raises ImportLocked.

    Another worker can get the lock between two transactions.
    """
    progress = ImportRunRepository(transaction)
    if not progress.try_lock(id):
        raise ImportLocked
    return progress
