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
        self._rest = b""  # was read, and is still to be looked at
        resource = RESOURCES[job.resource]
        header = list(resource.fields) if self._name.endswith(LINES) else job.header
        self.reading = Reading(resource, header)

    def chunks(self) -> Iterator[Chunk]:
        """All that is left, the last of them perhaps empty; none where nothing is left."""
        data, more = self._fill(b"")
        if self._start == 0 and not data:
            raise FileError("the file is empty")
        start, line, skipped = self._start, self._line, 0
        if start == 0:
            skipped = self._read_header(data, last=not more)
        while data:
            last = not more
            whole = data if not last or data.endswith(b"\n") else data + b"\n"
            cut = self._cut(whole[skipped:], last=last, line=line)
            body = whole[skipped : skipped + cut.end]
            line += whole.count(b"\n", 0, skipped)
            lines = body.count(b"\n")
            end = start + min(skipped + cut.end, len(data))
            yield Chunk(start, end, line, lines, body, cut.well_formed, last)
            if last:
                return
            start, line = end, line + lines
            data, more = self._fill(data[skipped + cut.end :])
            skipped = 0

    def read(self, chunk: Chunk) -> Iterator[tuple[int, list[Any]] | Rejection]:
        """Each row of a chunk: its line and values, or why it is rejected."""
        for line, values in self._rows(chunk):
            yield values if isinstance(values, Rejection) else (line, values)

    def taken(self, chunk: Chunk) -> int:
        """How many bytes of the object have been read, at the end of a chunk or a little beyond."""
        return self._unpacked.taken if self._unpacked is not None else chunk.end

    def _rows(self, chunk: Chunk) -> Iterator[tuple[int, list[Any] | Rejection]]:
        if self._name.endswith(LINES):
            for n, text in enumerate(chunk.data.split(b"\n")):
                if text.strip():
                    line = chunk.line + n
                    yield line, self.reading.text(line, text.decode("utf-8", "surrogateescape"))
        else:
            for row in records.rows(chunk.data, chunk.line):
                yield row.line, self.reading.fields(row.line, row.fields)

    def _cut(self, data: bytes, *, last: bool, line: int) -> records.Cut:
        if self._name.endswith(LINES):
            cut = records.Cut(data.rfind(b"\n") + 1, well_formed=False)
            too_long = cut.end == 0 and len(data) >= AT_ONCE
        else:
            try:
                cut, too_long = records.cut(data, last=last), False
            except RecordTooLong:
                too_long = True
        if too_long:
            raise FileError(f"line {line} is longer than {records.MAX_RECORD:,} bytes")
        return cut

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

    def _fill(self, data: bytes) -> tuple[bytes, bool]:
        """AT_ONCE bytes that begin with these, or all there are; and whether there are more."""
        parts, size = [data, self._rest], len(data) + len(self._rest)
        while size <= AT_ONCE and (block := next(self._blocks, b"")):
            parts.append(block)
            size += len(block)
        whole = b"".join(parts)
        self._rest = whole[AT_ONCE:]
        return whole[:AT_ONCE], bool(self._rest)
