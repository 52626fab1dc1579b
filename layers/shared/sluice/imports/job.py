"""One import, from where it was left to its end or to the end of the time: a chunk, a transaction.

Rows, rejections and how far reading has come are committed together, and only where nobody else has come further. So a
worker that is killed, an event that comes twice, and two workers at one file leave what one would have: whatever was
done is either kept with the note that it was, or undone.
"""

import csv
import io
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sluice.errors import ValidationFailed
from sluice.imports.file import Chunk, File
from sluice.imports.records import AT_ONCE
from sluice.imports.rows import Rejection
from sluice.imports.storage import Bucket, FileError
from sluice.repositories.import_jobs import ImportProgress, Job
from sluice.repositories.import_rows import ImportRowRepository
from sluice.repositories.view import Statements

MAX_REJECTIONS = 100_000
# A chunk grows to what records.py looks at, as long as it takes no more than CHUNK_SECONDS: so long it locks the stock
# it sets, and so much is lost with a worker. The first is small, so that a little time is enough to come further.
FIRST_BYTES, GROWTH, CHUNK_SECONDS = 64 * 1024, 4, 2.0


class Busy(Exception):
    """Somebody else is at this import, or has come further; or was, and is not known yet to be gone."""


class Work(Statements, Protocol):
    def copy(self, sql: str, data: bytes) -> None: ...
    def commit(self) -> None: ...


Begin = Callable[[], AbstractContextManager[Work]]


@dataclass(frozen=True)
class Importer:
    """`connect` gives one connection's transactions; `clock` counts seconds."""

    connect: Callable[[], AbstractContextManager[Begin]]
    bucket: Bucket
    clock: Callable[[], float] = field(default=time.monotonic)

    def run(self, id: int, seconds: float) -> bool:
        """Go on with an import for so many seconds, a chunk at least. Is it at its end?

        Raises Busy; SluiceErrors and errors of AWS where it may be tried again.
        """
        ends = self.clock() + seconds
        with self.connect() as begin:
            job = self._start(begin, id)
            return job is None or self._go_on(begin, job, ends)

    def _start(self, begin: Begin, id: int) -> Job | None:
        with begin() as work:
            job = _alone(work, id).start(id)
            work.commit()
        return job

    def _go_on(self, begin: Begin, job: Job, ends: float) -> bool:
        try:
            return self._import(begin, job, ends)
        except FileError as error:
            self._end(begin, job, "failed", str(error))
            return True

    def _import(self, begin: Begin, job: Job, ends: float) -> bool:
        file, size = File(self.bucket, job), FIRST_BYTES
        began = self.clock()
        while (chunk := file.next(size)) is not None:
            rejected = self._write(begin, job, file, chunk)
            if rejected > MAX_REJECTIONS:
                raise FileError(f"more than {MAX_REJECTIONS:,} rows are rejected")
            now = self.clock()
            took, began = max(now - began, 0.001), now
            if chunk.last:
                break
            bytes_next = max(FIRST_BYTES, min(AT_ONCE, GROWTH * size, int(size * CHUNK_SECONDS / took)))
            if now + 2 * took * bytes_next / size > ends:
                return False
            size = bytes_next
        self._end(begin, job, "completed")
        return True

    def _write(self, begin: Begin, job: Job, file: File, chunk: Chunk) -> int:
        """Write one chunk's rows; how many rows are rejected by now, in all."""
        if chunk.well_formed:
            try:
                with begin() as work:
                    _alone(work, job.id)
                    staging = ImportRowRepository(work, job.resource)
                    if staging.stage_file(file.reading.header, chunk.data):
                        return self._keep(work, job, file, chunk, staging, file.reading.header, [])
            except ValidationFailed:
                pass  # COPY found a fault in it; which row's it is, is found below
        with begin() as work:
            _alone(work, job.id)
            staging, columns = ImportRowRepository(work, job.resource), file.reading.columns()
            good, rejections = _sorted(file.read(chunk))
            staging.stage(columns, good)
            unknown = staging.drop_unknown(columns)
            rejections += [Rejection(line, column, "unknown", "does not exist") for line, column in unknown]
            return self._keep(work, job, file, chunk, staging, columns, rejections)

    def _keep(
        self,
        work: Work,
        job: Job,
        file: File,
        chunk: Chunk,
        staging: ImportRowRepository,
        columns: Sequence[str],
        rejections: Sequence[Rejection],
    ) -> int:
        staged = staging.write(columns)
        progress = ImportProgress(work)
        progress.reject(job.id, rejections)
        rejected = progress.advance(
            job.id,
            from_byte=chunk.start, next_byte=chunk.end, next_line=chunk.line + chunk.lines,
            header=list(file.reading.header), bytes_read=file.taken(chunk),
            read=staged.rows + len(rejections), written=staged.written, rejected=len(rejections),
        )  # fmt: skip
        if rejected is None:
            raise Busy
        work.commit()
        return rejected

    def _end(self, begin: Begin, job: Job, status: str, error: str | None = None) -> None:
        """First the report, then the word that it is there: who dies between them writes the same once more."""
        with begin() as work:
            progress = _alone(work, job.id)
            report = _report(progress, job.id)
            if report:
                self.bucket.put(f"rejects/{job.id}.csv", report, "text/csv; charset=utf-8")
            progress.end(job.id, status, error)
            work.commit()


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


def _alone(work: Work, id: int) -> ImportProgress:
    """Nobody else is at this import, until this transaction ends; else Busy. Between two, another may take it over."""
    progress = ImportProgress(work)
    if not progress.lock(id):
        raise Busy
    return progress


def _report(progress: ImportProgress, id: int) -> bytes:
    """The rejections as CSV; empty where there are none."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    after = 0
    while page := progress.rejects(id, after):
        if not after:
            writer.writerow(["line", "column", "code", "reason"])
        writer.writerows(page)
        after = page[-1].line
    return written.getvalue().encode()
