"""A file as chunks of whole records, from where an import was left: what it is, its header, and its rows."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from sluice.imports import record_splitter
from sluice.imports.gzip_reader import Unpacked
from sluice.imports.record_splitter import AT_ONCE, RecordTooLong
from sluice.imports.row_parser import RESOURCES, Reading, Rejection
from sluice.imports.storage import FileError, ImportBucket
from sluice.repositories.import_jobs import RunningImport

LINES = (".jsonl", ".ndjson")
NAMES = (".csv", *LINES)
PACKED = ".gz"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# What a file of another kind begins with. UTF-32's first mark begins with one of UTF-16's.
OTHER_KINDS = {
    b"\xff\xfe\0\0": "UTF-32; it must be UTF-8",
    b"\0\0\xfe\xff": "UTF-32; it must be UTF-8",
    b"\xff\xfe": "UTF-16; it must be UTF-8",
    b"\xfe\xff": "UTF-16; it must be UTF-8",
    b"\x1f\x8b": f"gzip; its name must end in {PACKED}, and it must be packed once",
    b"PK\x03\x04": "a ZIP archive, as .xlsx is; save it as CSV",
}
MAX_LINES = 50_000  # of a chunk, so that short lines take no more memory than long ones
MAX_UNPACKED = 10  # times the size that an upload may have

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole records: `data` is what is left of the bytes from `start` to `end` of the unpacked file without a header.

    `line` is that of the first record, `lines` how many there are. `well_formed`: COPY would read it as we do.
    `too_long`: one record that is longer than any may be, without its data.
    """

    start: int
    end: int
    line: int
    lines: int
    data: bytes
    well_formed: bool
    last: bool
    too_long: bool = False


class File:
    """One file. FileError for one that cannot be imported at all."""

    def __init__(self, bucket: ImportBucket, job: RunningImport, max_bytes: int) -> None:
        if job.size > max_bytes:
            raise FileError(
                f"the file has {job.size:,} bytes; at most {max_bytes:,} are imported. Split it"
            )
        name = job.key.lower()
        self._packed = name.endswith(PACKED)
        self._name = name.removesuffix(PACKED)
        if not self._name.endswith(NAMES):
            raise FileError(
                f"the file's name must end in {', '.join(NAMES)}, or in one of them and {PACKED}"
            )
        self._start, self._line = job.next_byte, job.next_line
        blocks = bucket.stream(job.key, job.etag, 0 if self._packed else job.next_byte)
        self._unpacked = (
            Unpacked(blocks, job.next_byte, MAX_UNPACKED * max_bytes) if self._packed else None
        )
        self._blocks = iter(self._unpacked or blocks)
        self._data = b""  # was read, and is in no chunk yet
        self._before = self._data, self._start, self._line
        resource = RESOURCES[job.resource]
        header = list(resource.fields) if self._is_json else job.header
        self.reading = Reading(resource, header)

    @property
    def _is_json(self) -> bool:
        return self._name.endswith(LINES)

    def next(self, size: int = AT_ONCE) -> Chunk | None:
        """Return the next chunk: whole records of at most `size` bytes, or one record that is longer.

        None at the end of the file. The last chunk may be empty.
        """
        more = self._fill()
        self._before = self._data, self._start, self._line
        data, start, line, skipped = self._data[:AT_ONCE], self._start, self._line, 0
        if start == 0:
            if not data:
                raise FileError("the file is empty")
            skipped = self._read_header(data, last=not more)
        elif not data:
            return None
        whole = data if more or data.endswith(b"\n") else data + b"\n"
        line += whole.count(b"\n", 0, skipped)
        try:
            cut = self._cut(whole[skipped:], size, last=not more)
        except RecordTooLong:
            if not skipped:
                return self._skip_record(start, line)
            cut = record_splitter.Cut(
                0, well_formed=True
            )  # the header alone: without it there is more to look at
        body = whole[skipped : skipped + cut.end]
        self._start = start + min(skipped + cut.end, len(data))
        self._line = line + body.count(b"\n")
        self._data = self._data[self._start - start :]
        return Chunk(
            start,
            self._start,
            line,
            self._line - line,
            body,
            cut.well_formed,
            not more and not self._data,
        )

    def put_back(self) -> None:
        """Take back the last chunk: `next` begins with its records again."""
        self._data, self._start, self._line = self._before

    def is_single(self, chunk: Chunk) -> bool:
        """Return whether a chunk is one record at most."""
        return not chunk.data or self._first(chunk.data, last=True).end == len(chunk.data)

    def read(self, chunk: Chunk) -> Iterator[tuple[int, list[Any] | Rejection]]:
        """Return each row of a chunk: its line, and its values or why it is rejected. Empty rows are skipped."""
        if chunk.too_long:
            reason = f"is longer than {record_splitter.MAX_RECORD:,} bytes"
            yield chunk.line, Rejection(chunk.line, None, "too_long", reason)
        elif self._is_json:
            for line, text in enumerate(chunk.data.split(b"\n"), chunk.line):
                if text.strip():
                    yield (
                        line,
                        _certain(self.reading.text, line, text.decode("utf-8", "surrogateescape")),
                    )
        else:
            for row in record_splitter.rows(chunk.data, chunk.line):
                if row.fields is None or "".join(row.fields).strip():
                    yield row.line, _certain(self.reading.fields, row.line, row.fields)

    def taken(self, chunk: Chunk) -> int:
        """How many bytes of the object have been read, at the end of a chunk or a little beyond."""
        return self._unpacked.taken if self._unpacked is not None else chunk.end

    def _cut(self, data: bytes, size: int, *, last: bool) -> record_splitter.Cut:
        """Cut off whole records of at most `size` bytes and MAX_LINES lines, or the first record if it has more."""
        size = min(size, record_splitter.end_of_lines(data[:size], MAX_LINES))
        if size >= len(data):
            return self._cut_whole(data, last=last)
        cut = self._cut_whole(data[:size], last=False)
        return cut if cut.end else self._first(data, last=last)

    def _cut_whole(self, data: bytes, *, last: bool) -> record_splitter.Cut:
        if not self._is_json:
            return record_splitter.cut(data, last=last)
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) >= AT_ONCE:
            raise RecordTooLong
        return record_splitter.Cut(end, well_formed=False)

    def _first(self, data: bytes, *, last: bool) -> record_splitter.Cut:
        if not self._is_json:
            return record_splitter.cut_first(data, last=last)
        end = data.find(b"\n") + 1
        if end == 0:
            raise RecordTooLong
        return record_splitter.Cut(end, well_formed=False)

    def _skip_record(self, start: int, line: int) -> Chunk:
        """Skip a record that does not end within AT_ONCE bytes, up to the next end of a line, in little memory."""
        lines, end = 0, self._data.find(b"\n", AT_ONCE) + 1
        while self._data and not end:
            lines += self._data.count(b"\n")
            self._start += len(self._data)
            self._data = b""
            self._fill()
            end = self._data.find(b"\n") + 1
        lines += max(1, self._data.count(b"\n", 0, end))
        self._start += end
        self._data = self._data[end:]
        self._line = line + lines
        last = not self._fill() and not self._data
        return Chunk(
            start, self._start, line, lines, b"", well_formed=False, last=last, too_long=True
        )

    def _read_header(self, data: bytes, *, last: bool) -> int:
        """Read it, if the file has one; return how many bytes it takes, with the mark and the empty rows before it."""
        for beginning, kind in OTHER_KINDS.items():
            if data.startswith(beginning):
                raise FileError(f"the file is {kind}")
        mark = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
        if self._is_json:
            return mark
        whole = data if not last or data.endswith(b"\n") else data + b"\n"
        begin = record_splitter.end_of_empty(whole, mark)
        end = record_splitter.end_of_first(whole, begin)
        first = next(record_splitter.rows(whole[begin:end], 1), None) if end else None
        if first is None or first.fields is None:
            raise FileError(f"the header line cannot be read: {_why_unreadable(whole[begin:])}")
        header = [name.strip().lower() for name in first.fields]
        fault = self.reading.resource.check_header(header)
        if fault is not None:
            raise FileError(fault)
        self.reading = Reading(self.reading.resource, header)
        return min(end, len(data))

    def _fill(self) -> bool:
        """Have AT_ONCE bytes, or all there are; are there more?"""
        parts, size = [self._data], len(self._data)
        while size <= AT_ONCE and (block := next(self._blocks, b"")):
            parts.append(block)
            size += len(block)
        self._data = b"".join(parts)
        return size > AT_ONCE


def _why_unreadable(data: bytes) -> str:
    """Return the fault of a header, which is what `data` begins with."""
    line, newline, _ = data.partition(b"\n")
    if not data:
        return "the file has none"
    if b"\r" in line.removesuffix(b"\r"):
        return "a line ends in CR alone; lines must end in LF or CRLF"
    if not newline or (b'"' in line and len(data) > record_splitter.MAX_RECORD):
        return f"it is longer than {record_splitter.MAX_RECORD:,} bytes, or has a quote that is never closed"
    return "it has a quote where none may stand, or one that is never closed"


def _certain(
    read: Callable[[int, T], list[Any] | Rejection], line: int, record: T
) -> list[Any] | Rejection:
    """Read one record. An unexpected error rejects this record, and no other."""
    try:
        return read(line, record)
    except Exception:
        _log.exception("line %d cannot be read", line)
        return Rejection(
            line, None, "internal_error", "could not be read; the worker's log has the cause"
        )
