"""Read a file as chunks of complete records, from the offset where the import resumes."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from sluice import application
from sluice.errors import SluiceError
from sluice.imports import record_splitter
from sluice.imports.derived import import_resource
from sluice.imports.gzip_reader import GzipReader
from sluice.imports.job_repository import RunningImport
from sluice.imports.record_splitter import MAX_RECORD_BYTES, WINDOW_BYTES, RecordSpan, RecordTooLong
from sluice.imports.row_parser import Parsed, Rejection, RowParser, RowRules
from sluice.imports.storage import FileError, ImportBucket

JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")
SUFFIXES = (".csv", *JSON_LINES_SUFFIXES)
GZIP_SUFFIX = ".gz"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# The first bytes of files in unsupported formats. UTF-32 is before UTF-16, because its first byte
# order mark begins with one of UTF-16.
UNSUPPORTED_FORMATS = {
    b"\xff\xfe\0\0": "UTF-32; it must be UTF-8",
    b"\0\0\xfe\xff": "UTF-32; it must be UTF-8",
    b"\xff\xfe": "UTF-16; it must be UTF-8",
    b"\xfe\xff": "UTF-16; it must be UTF-8",
    b"\x1f\x8b": f"gzip; its name must end in {GZIP_SUFFIX}, and it must be compressed once",
    b"PK\x03\x04": "a ZIP archive, as .xlsx is; save it as CSV",
}
MAX_LINES = 50_000  # of a chunk: many short lines need more memory than a few long ones
MAX_DECOMPRESSED_RATIO = 10  # of the decompressed size to the maximum size of an upload

_log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Complete records. `data` has the bytes from `start` to `end` of the file, without a header.

    Offsets are those of the decompressed file. `line` is the line of the first record, and `lines`
    is the number of lines. `well_formed`: COPY reads the records as this package does. `too_long`:
    the chunk is one record that is too long, and has no data.
    """

    start: int
    end: int
    line: int
    lines: int
    data: bytes
    well_formed: bool
    last: bool
    too_long: bool = False


class ImportFile:
    """One file. Methods raise FileError if the file cannot be imported at all."""

    def __init__(self, bucket: ImportBucket, job: RunningImport, max_bytes: int) -> None:
        if job.size > max_bytes:
            raise FileError(
                f"the file has {job.size:,} bytes; at most {max_bytes:,} are imported. Split it"
            )
        name = job.key.lower()
        is_gzip = name.endswith(GZIP_SUFFIX)
        self._name = name.removesuffix(GZIP_SUFFIX)
        if not self._name.endswith(SUFFIXES):
            suffixes = ", ".join(SUFFIXES)
            raise FileError(
                f"the file's name must end in {suffixes}, or in one of them and {GZIP_SUFFIX}"
            )
        self._start, self._line = job.next_byte, job.next_line
        blocks = bucket.stream(job.key, job.etag, 0 if is_gzip else job.next_byte)
        self._gzip: GzipReader | None = None
        if is_gzip:
            self._gzip = GzipReader(blocks, job.next_byte, MAX_DECOMPRESSED_RATIO * max_bytes)
        self._blocks = iter(self._gzip or blocks)
        self._data = b""  # read, and not yet in a chunk
        self._before_chunk = self._data, self._start, self._line
        resource = import_resource(application.current().load("imports", job.resource))
        header = list(resource.fields) if self._is_json else job.header
        self.parser = RowParser(resource, header)

    @property
    def _is_json(self) -> bool:
        return self._name.endswith(JSON_LINES_SUFFIXES)

    def next(self, size: int = WINDOW_BYTES) -> Chunk | None:
        """Return the next chunk: complete records of at most `size` bytes, or one longer record.

        Return None at the end of the file. The last chunk may be empty.
        """
        more = self._fill()
        self._before_chunk = self._data, self._start, self._line
        data, start, line = self._data[:WINDOW_BYTES], self._start, self._line
        header_bytes = 0
        if start == 0:
            if not data:
                raise FileError("the file is empty")
            header_bytes = self._read_header(data, last=not more)
        elif not data:
            return None
        complete = data if more or data.endswith(b"\n") else data + b"\n"
        line += complete.count(b"\n", 0, header_bytes)
        try:
            span = self._find_records(complete[header_bytes:], size, last=not more)
        except RecordTooLong:
            if not header_bytes:
                return self._skip_record(start, line)
            # Return the header as a chunk. The next call then looks at more bytes of the record.
            span = RecordSpan(0, well_formed=True)
        end = header_bytes + span.end
        body = complete[header_bytes:end]
        self._start = start + min(end, len(data))
        self._line = line + body.count(b"\n")
        self._data = self._data[self._start - start :]
        return Chunk(
            start,
            self._start,
            line,
            self._line - line,
            body,
            span.well_formed,
            last=not more and not self._data,
        )

    def put_back(self) -> None:
        """Undo the last call of `next`: the next chunk begins with the same records."""
        self._data, self._start, self._line = self._before_chunk

    def is_single(self, chunk: Chunk) -> bool:
        """Return whether a chunk has at most one record."""
        if not chunk.data:
            return True
        return self._find_first_record(chunk.data, last=True).end == len(chunk.data)

    def parse(self, chunk: Chunk, rules: RowRules | None) -> Iterator[tuple[int, Parsed]]:
        """Yield each row's line with its values or its rejection. Empty rows are skipped."""
        parser = replace(self.parser, rules=rules)
        if chunk.too_long:
            reason = f"is longer than {MAX_RECORD_BYTES:,} bytes"
            yield chunk.line, Rejection(chunk.line, None, "too_long", reason)
        elif self._is_json:
            for line, data in enumerate(chunk.data.split(b"\n"), chunk.line):
                if data.strip():
                    text = data.decode("utf-8", "surrogateescape")
                    yield line, _parse_safely(parser.parse_json, line, text)
        else:
            for record in record_splitter.parse_records(chunk.data, chunk.line):
                if record.fields is None or "".join(record.fields).strip():
                    values = _parse_safely(parser.parse_fields, record.line, record.fields)
                    yield record.line, values

    def bytes_consumed(self, chunk: Chunk) -> int:
        """Return how many bytes of the S3 object were read at the end of a chunk.

        For gzip it can be a little more, because GzipReader reads ahead.
        """
        return self._gzip.bytes_consumed if self._gzip is not None else chunk.end

    def _find_records(self, data: bytes, size: int, *, last: bool) -> RecordSpan:
        """Return the span of complete records within `size` bytes and MAX_LINES lines.

        If the first record is longer, return its span.
        """
        size = min(size, record_splitter.end_of_lines(data[:size], MAX_LINES))
        if size >= len(data):
            return self._find_all_records(data, last=last)
        span = self._find_all_records(data[:size], last=False)
        return span if span.end else self._find_first_record(data, last=last)

    def _find_all_records(self, data: bytes, *, last: bool) -> RecordSpan:
        if not self._is_json:
            return record_splitter.find_records(data, last=last)
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) >= WINDOW_BYTES:
            raise RecordTooLong
        return RecordSpan(end, well_formed=False)

    def _find_first_record(self, data: bytes, *, last: bool) -> RecordSpan:
        if not self._is_json:
            return record_splitter.find_first_record(data, last=last)
        end = data.find(b"\n") + 1
        if end == 0:
            raise RecordTooLong
        return RecordSpan(end, well_formed=False)

    def _skip_record(self, start: int, line: int) -> Chunk:
        """Skip a record that does not end within WINDOW_BYTES, up to the next newline.

        Its data is dropped block by block, so this needs little memory.
        """
        lines, end = 0, self._data.find(b"\n", WINDOW_BYTES) + 1
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
        """Read the header of a CSV file.

        Return the length of the byte order mark, the empty rows before the header, and the header.
        """
        for first_bytes, description in UNSUPPORTED_FORMATS.items():
            if data.startswith(first_bytes):
                raise FileError(f"the file is {description}")
        mark_bytes = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
        if self._is_json:
            return mark_bytes
        complete = data if not last or data.endswith(b"\n") else data + b"\n"
        start = record_splitter.end_of_empty_rows(complete, mark_bytes)
        end = record_splitter.end_of_first_record(complete, start)
        records = record_splitter.parse_records(complete[start:end], 1) if end else iter(())
        first = next(records, None)
        if first is None or first.fields is None:
            reason = _why_unreadable(complete[start:])
            raise FileError(f"the header line cannot be read: {reason}")
        header = [name.strip().lower() for name in first.fields]
        header_error = self.parser.resource.check_header(header)
        if header_error is not None:
            raise FileError(header_error)
        self.parser = RowParser(self.parser.resource, header)
        return min(end, len(data))

    def _fill(self) -> bool:
        """Read until there are more than WINDOW_BYTES. Return False at the end of the file."""
        parts, size = [self._data], len(self._data)
        while size <= WINDOW_BYTES and (block := next(self._blocks, b"")):
            parts.append(block)
            size += len(block)
        self._data = b"".join(parts)
        return size > WINDOW_BYTES


def _why_unreadable(data: bytes) -> str:
    """Return why the header at the start of `data` cannot be read."""
    line, newline, _ = data.partition(b"\n")
    if not data:
        return "the file has none"
    if b"\r" in line.removesuffix(b"\r"):
        return "a line ends in CR alone; lines must end in LF or CRLF"
    if not newline or (b'"' in line and len(data) > MAX_RECORD_BYTES):
        return f"it is longer than {MAX_RECORD_BYTES:,} bytes, or has a quote that is never closed"
    return "it has a misplaced quote, or one that is never closed"


def _parse_safely(parse: Callable[[int, T], Parsed], line: int, record: T) -> Parsed:
    """Parse one record. An unexpected exception rejects this record only."""
    try:
        return parse(line, record)
    except SluiceError:
        raise  # of a rule's statement: the transaction is broken
    except Exception:
        _log.exception("line %d cannot be read", line)
        reason = "could not be read; the worker's log has the cause"
        return Rejection(line, None, "internal_error", reason)
