"""A file as chunks of whole records, from where an import was left: what it is, its header, and its rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sluice.imports import records
from sluice.imports.records import AT_ONCE, RecordTooLong
from sluice.imports.rows import RESOURCES, Reading, Rejection
from sluice.imports.storage import Bucket, FileError, Packed
from sluice.repositories.import_jobs import Job

LINES = (".jsonl", ".ndjson")
NAMES = (".csv", *LINES)
PACKED = ".gz"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
OTHER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole records: `data` is what is left of the bytes from `start` to `end` of the unpacked file without a header.

    `line` is that of the first record, `lines` how many there are. `well_formed`: COPY would read it as we do.
    """

    start: int
    end: int
    line: int
    lines: int
    data: bytes
    well_formed: bool
    last: bool


class File:
    """One file. FileError for one that cannot be imported at all."""

    def __init__(self, bucket: Bucket, job: Job) -> None:
        name = job.key.lower()
        self._packed = name.endswith(PACKED)
        self._name = name.removesuffix(PACKED)
        if not self._name.endswith(NAMES):
            raise FileError(f"the file's name must end in {', '.join(NAMES)}, or in one of them and {PACKED}")
        self._start, self._line = job.next_byte, job.next_line
        blocks = bucket.blocks(job.key, job.etag, 0 if self._packed else job.next_byte)
        self._unpacked = Packed(blocks, job.next_byte) if self._packed else None
        self._blocks = iter(self._unpacked or blocks)
        self._data = b""  # was read, and is in no chunk yet
        resource = RESOURCES[job.resource]
        header = list(resource.fields) if self._name.endswith(LINES) else job.header
        self.reading = Reading(resource, header)

    def next(self, size: int = AT_ONCE) -> Chunk | None:
        """The next chunk, of about so many bytes and a record at least; None where nothing is left.

        The last may be empty.
        """
        more = self._fill()
        data, start, line, skipped = self._data[:AT_ONCE], self._start, self._line, 0
        if start == 0:
            if not data:
                raise FileError("the file is empty")
            skipped = self._read_header(data, last=not more)
        elif not data:
            return None
        whole = data if more or data.endswith(b"\n") else data + b"\n"
        cut = self._cut(whole[skipped:], size, last=not more, line=line)
        body = whole[skipped : skipped + cut.end]
        line += whole.count(b"\n", 0, skipped)
        self._start = start + min(skipped + cut.end, len(data))
        self._line = line + body.count(b"\n")
        self._data = self._data[self._start - start :]
        return Chunk(start, self._start, line, self._line - line, body, cut.well_formed, not more and not self._data)

    def read(self, chunk: Chunk) -> Iterator[tuple[int, list[Any] | Rejection]]:
        """Each row of a chunk: its line, and its values or why it is rejected."""
        if self._name.endswith(LINES):
            for line, text in enumerate(chunk.data.split(b"\n"), chunk.line):
                if text.strip():
                    yield line, self.reading.text(line, text.decode("utf-8", "surrogateescape"))
        else:
            for row in records.rows(chunk.data, chunk.line):
                yield row.line, self.reading.fields(row.line, row.fields)

    def taken(self, chunk: Chunk) -> int:
        """How many bytes of the object have been read, at the end of a chunk or a little beyond."""
        return self._unpacked.taken if self._unpacked is not None else chunk.end

    def _cut(self, data: bytes, size: int, *, last: bool, line: int) -> records.Cut:
        """Whole records that AT_ONCE bytes begin with, or all that are left; of `size` bytes where there are any."""
        if size < len(data):
            cut = self._cut_whole(data[:size], last=False)
            if cut.end:
                return cut
        try:
            return self._cut_whole(data, last=last)
        except RecordTooLong as error:
            raise FileError(f"line {line} is longer than {records.MAX_RECORD:,} bytes") from error

    def _cut_whole(self, data: bytes, *, last: bool) -> records.Cut:
        if not self._name.endswith(LINES):
            return records.cut(data, last=last)
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) >= AT_ONCE:
            raise RecordTooLong
        return records.Cut(end, well_formed=False)

    def _read_header(self, data: bytes, *, last: bool) -> int:
        """Read it, if the file has one; how many bytes it takes, with a byte order mark."""
        for other, encoding in OTHER_MARKS.items():
            if data.startswith(other):
                raise FileError(f"the file is {encoding}; it must be UTF-8")
        mark = len(BYTE_ORDER_MARK) if data.startswith(BYTE_ORDER_MARK) else 0
        if self._name.endswith(LINES):
            return mark
        whole = data if not last or data.endswith(b"\n") else data + b"\n"
        end = records.end_of_first(whole, mark)
        first = next(records.rows(whole[mark:end], 1), None) if end else None
        if first is None or first.fields is None:
            raise FileError("the header line cannot be read")
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
