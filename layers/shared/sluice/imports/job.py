"""One import, from where it was left to its end or to the end of the time: a chunk, a transaction.

Rows, rejections and how far reading has come are committed together, and only where nobody else has come further. So a
worker that is killed, an event that comes twice, and two workers at one file leave what one would have: whatever was
done is either kept with the note that it was, or undone.

A chunk that cannot be written is undone and divided, until it is the one record that cannot be written: that record is
rejected, and no other.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sluice.errors import Conflict, SluiceError, Unavailable, ValidationFailed
from sluice.imports import record_splitter
from sluice.imports.chunk_reader import Chunk, File
from sluice.imports.record_splitter import AT_ONCE
from sluice.imports.report import report
from sluice.imports.row_parser import Rejection
from sluice.imports.storage import FileError, ImportBucket
from sluice.repositories.import_jobs import ImportRunRepository, RunningImport
from sluice.repositories.import_rows import ImportRowRepository, RowCountMismatch
from sluice.repositories.projection import Executor

MAX_REJECTIONS = 100_000
MAX_BYTES = 1024**3  # of a file, unless the settings say otherwise
# A chunk grows to what records.py looks at, as long as it takes no more than CHUNK_SECONDS: so long it locks the stock
# it sets, and so much is lost with a worker. The first is small, so that a little time is enough to come further.
FIRST_BYTES = 64 * 1024
GROWTH = 4
CHUNK_SECONDS = 2.0
CANNOT_BE_WRITTEN = "could not be written; the worker's log has the cause"

_log = logging.getLogger(__name__)


class ImportLocked(Exception):
    """Somebody else is at this import, or has come further; or was, and is not known yet to be gone."""


class TooManyRejections(Exception):
    """A chunk has more rejected rows than are left to the job."""


class Work(Executor, Protocol):
    def copy(self, sql: str, data: bytes) -> None: ...
    def commit(self) -> None: ...


Begin = Callable[[], AbstractContextManager[Work]]


@dataclass(frozen=True)
class Importer:
    """`connect` gives one connection's transactions; `clock` counts seconds; `max_bytes` is a file's size."""

    connect: Callable[[], AbstractContextManager[Begin]]
    bucket: ImportBucket
    max_bytes: int = MAX_BYTES
    max_rejections: int = MAX_REJECTIONS
    clock: Callable[[], float] = field(default=time.monotonic)

    def run(self, id: int, seconds: float) -> bool:
        """Go on with an import for so many seconds, a chunk at least. Is it at its end?

        Raises Busy; SluiceErrors and errors of AWS where it may be tried again.
        """
        ends = self.clock() + seconds
        with self.connect() as begin:
            job = self._start(begin, id)
            return job is None or self._go_on(begin, job, ends)

    def fail(self, id: int, error: str) -> bool:
        """Fail an import whose message is not tried again. A redrive goes on where it stopped.

        Return False if it has ended already. Raises Busy if a worker is at it.
        """
        with self.connect() as begin, begin() as work:
            progress = _alone(work, id)
            given_up = progress.fail_resumable(id, error)
            if given_up:
                self._report(progress, id)
                work.commit()
        return given_up

    def _start(self, begin: Begin, id: int) -> RunningImport | None:
        with begin() as work:
            job = _alone(work, id).start(id)
            work.commit()
        return job

    def _go_on(self, begin: Begin, job: RunningImport, ends: float) -> bool:
        try:
            return self._import(begin, job, ends)
        except FileError as error:
            self._end(begin, job, "failed", str(error))
            return True

    def _import(self, begin: Begin, job: RunningImport, ends: float) -> bool:
        file, size, rejected = File(self.bucket, job, self.max_bytes), FIRST_BYTES, job.rejected
        began, came_further = self.clock(), False
        while (chunk := file.next(size)) is not None:
            written = self._write_or_divide(begin, job, file, chunk, rejected)
            if written is None:
                file.put_back()
                size = max(1, len(chunk.data) // 2)
                if came_further and self.clock() >= ends:
                    return False
                continue
            rejected, came_further = written, True
            now = self.clock()
            took, began = max(now - began, 0.001), now
            if chunk.last:
                break
            bytes_next = min(
                AT_ONCE, GROWTH * size, max(FIRST_BYTES, int(size * CHUNK_SECONDS / took))
            )
            if now + 2 * took * bytes_next / size > ends:
                return False
            size = bytes_next
        self._end(begin, job, "completed")
        return True

    def _write_or_divide(
        self, begin: Begin, job: RunningImport, file: File, chunk: Chunk, rejected: int
    ) -> int | None:
        """Write a chunk; return how many rows are rejected by now. None if it cannot be written and can be divided."""
        single = file.is_single(chunk)
        try:
            return self._write(begin, job, file, chunk, rejected)
        except (Unavailable, ImportLocked):
            raise  # it may be tried again
        except TooManyRejections:
            if single:
                raise FileError(f"more than {self.max_rejections:,} rows are rejected") from None
        except Exception as error:
            if not isinstance(error, (ValidationFailed, Conflict, RowCountMismatch)):
                self._check_without_rows(begin, job, file)
            if single:
                _log.warning("import %d: line %d is rejected", job.id, chunk.line, exc_info=True)
                return self._reject(begin, job, file, chunk, error, rejected)
        return None

    def _write(
        self, begin: Begin, job: RunningImport, file: File, chunk: Chunk, rejected: int
    ) -> int:
        if chunk.well_formed:
            try:
                with begin() as work:
                    _alone(work, job.id)
                    staging, count = (
                        ImportRowRepository(work, job.resource),
                        record_splitter.count(chunk.data),
                    )
                    if staging.copy_file(file.reading.header, chunk.data, count):
                        staging.write(file.reading.header, count)
                        return _keep(work, job, file, chunk, count, [])
            except (ValidationFailed, Conflict, RowCountMismatch):
                pass  # the server found a fault in it; which row's it is, is found below
        with begin() as work:
            _alone(work, job.id)
            staging, columns = ImportRowRepository(work, job.resource), file.reading.columns()
            good, rejections = _sorted(file.read(chunk))
            staging.copy_rows(columns, good)
            unknown = staging.delete_unresolved(columns)
            rejections += [
                Rejection(line, column, "unknown", "does not exist") for line, column in unknown
            ]
            if rejected + len(rejections) > self.max_rejections:
                raise TooManyRejections
            count = len(good) - len(unknown)
            staging.write(columns, count)
            return _keep(work, job, file, chunk, count, rejections)

    def _reject(
        self,
        begin: Begin,
        job: RunningImport,
        file: File,
        chunk: Chunk,
        error: Exception,
        rejected: int,
    ) -> int:
        """Reject the one record of a chunk, for what the server has against it."""
        if rejected >= self.max_rejections:
            raise FileError(f"more than {self.max_rejections:,} rows are rejected")
        with begin() as work:
            _alone(work, job.id)
            return _keep(work, job, file, chunk, 0, [_rejection_of(chunk.line, error)])

    def _check_without_rows(self, begin: Begin, job: RunningImport, file: File) -> None:
        """Raise what the server has against writing no rows at all: then it is no record's fault."""
        with begin() as work:
            staging, columns = ImportRowRepository(work, job.resource), file.reading.columns()
            staging.copy_rows(columns, [])
            staging.delete_unresolved(columns)
            staging.write(columns, 0)

    def _end(self, begin: Begin, job: RunningImport, status: str, error: str | None = None) -> None:
        """Upload the report before the job ends: a worker that is killed in between uploads the same report again."""
        with begin() as work:
            progress = _alone(work, job.id)
            self._report(progress, job.id)
            progress.finish(job.id, status, error)
            work.commit()

    def _report(self, progress: ImportRunRepository, id: int) -> None:
        rejected = report(progress, id)
        if rejected:
            self.bucket.put(f"rejects/{id}.csv", rejected, "text/csv; charset=utf-8")


def _keep(
    work: Work,
    job: RunningImport,
    file: File,
    chunk: Chunk,
    written: int,
    rejections: Sequence[Rejection],
) -> int:
    """Commit what was written of a chunk, and that it was. Return how many rows are rejected by now."""
    progress = ImportRunRepository(work)
    progress.add_rejections(job.id, rejections)
    rejected = progress.save_progress(
        job.id,
        from_byte=chunk.start, next_byte=chunk.end, next_line=chunk.line + chunk.lines,
        header=list(file.reading.header), bytes_read=file.taken(chunk),
        read=written + len(rejections), written=written, rejected=len(rejections),
    )  # fmt: skip
    if rejected is None:
        raise ImportLocked
    work.commit()
    return rejected


def _rejection_of(line: int, error: Exception) -> Rejection:
    if isinstance(error, SluiceError) and error.errors:
        fault = error.errors[0]
        return Rejection(line, (fault.pointer or "").strip("/") or None, fault.code, fault.message)
    if isinstance(error, (ValidationFailed, Conflict)):
        return Rejection(line, None, "invalid", error.detail)
    return Rejection(line, None, "internal_error", CANNOT_BE_WRITTEN)


def _sorted(
    read: Iterable[tuple[int, list[Any] | Rejection]],
) -> tuple[list[tuple[int, list[Any]]], list[Rejection]]:
    good: list[tuple[int, list[Any]]] = []
    rejections: list[Rejection] = []
    for line, values in read:
        if isinstance(values, Rejection):
            rejections.append(values)
        else:
            good.append((line, values))
    return good, rejections


def _alone(work: Work, id: int) -> ImportRunRepository:
    """Nobody else is at this import, until this transaction ends; else Busy. Between two, another may take it over."""
    progress = ImportRunRepository(work)
    if not progress.try_lock(id):
        raise ImportLocked
    return progress
