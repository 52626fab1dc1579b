"""Find the ends of CSV records (RFC 4180) without parsing their fields.

A field is quoted or has no quotes, a quote in a quoted field is doubled, and a quoted field may
contain line breaks. So one regular expression finds the end of a well-formed record, and COPY reads
such a record as the csv module does. A malformed record ends with its line.

Only the bytes of a record determine its end. So a file is split into the same records, wherever an
import resumes.
"""

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_RECORD_BYTES = 1024 * 1024
# The bytes to look at: a record that does not end within them is too long.
WINDOW_BYTES = MAX_RECORD_BYTES + 1
# The csv module's default limit is 131,072 characters. Each column has its own limit.
csv.field_size_limit(WINDOW_BYTES)

_FIELD = rb'(?:[^",\r\n]*+|"(?:[^"]++|"")*+")'
_RECORD = re.compile(rb"(?:%b,)*+%b\r?\n" % (_FIELD, _FIELD))
_WELL_FORMED = re.compile(rb"(?:%b)*+" % _RECORD.pattern)
_FIELDS = re.compile(rb"(?:%b,)*+" % _FIELD)
_EMPTY = re.compile(rb"(?:[ \t,]*+\r?\n)*+")
_QUOTED = re.compile(rb'"(?:[^"]++|"")*+')


class RecordTooLong(Exception):
    """The record does not end within MAX_RECORD_BYTES."""


class RecordSpan(NamedTuple):
    """Complete records at the start of some data: they end at `end`."""

    end: int
    well_formed: bool


class CsvRecord(NamedTuple):
    """A record with the number of its first line. `fields` is None if it is malformed."""

    line: int
    fields: list[str] | None


def find_records(data: bytes, *, last: bool) -> RecordSpan:
    """Return the span of all complete records in `data`.

    `data` begins with a record and has at most WINDOW_BYTES. If it is the `last` of a file, it must
    end with a newline, and all of it is complete. Raises RecordTooLong.
    """
    end, well_formed = 0, True
    while True:
        end = _end_of_well_formed(data, end)
        if end == len(data):
            break
        malformed_end = _end_of_malformed(data, end, last=last)
        if malformed_end is None:
            break
        end, well_formed = malformed_end, False
    if end == 0 and len(data) > MAX_RECORD_BYTES:
        raise RecordTooLong
    return RecordSpan(end, well_formed)


def find_first_record(data: bytes, *, last: bool) -> RecordSpan:
    """Return the span of the first record. Raises RecordTooLong."""
    end = end_of_first_record(data, 0)
    if end:
        return RecordSpan(end, well_formed=True)
    malformed_end = _end_of_malformed(data, 0, last=last)
    if malformed_end is None:
        raise RecordTooLong
    return RecordSpan(malformed_end, well_formed=False)


def count_records(data: bytes) -> int:
    """Return the number of records in well-formed data. A blank line is a record, as for COPY.

    Every second part between quotes is inside a field, because quotes come in pairs.
    """
    if b'"' not in data:
        return data.count(b"\n")
    return sum(part.count(b"\n") for part in data.split(b'"')[::2])


def end_of_lines(data: bytes, max_lines: int) -> int:
    """Return the end of the first `max_lines` lines, or the length of `data` if it has fewer."""
    if data.count(b"\n") <= max_lines:
        return len(data)
    # Bisect: `lines_before_low` lines end before `low`, and more than `max_lines` before `high`.
    low, high, lines_before_low = 0, len(data), 0
    while high - low > 1:
        middle = (low + high) // 2
        lines = lines_before_low + data.count(b"\n", low, middle)
        if lines <= max_lines:
            low, lines_before_low = middle, lines
        else:
            high = middle
    return low


def end_of_first_record(data: bytes, start: int) -> int:
    """Return the end of the record that begins at `start`, or 0 if it is malformed."""
    match = _RECORD.match(data, start)
    return match.end() if match else 0


def end_of_empty_rows(data: bytes, start: int) -> int:
    """Return the end of the rows at `start` that have only spaces, tabs and commas."""
    match = _EMPTY.match(data, start)
    return match.end() if match else start


def parse_records(data: bytes, line: int) -> Iterator[CsvRecord]:
    """Parse complete records; the first begins in `line`. Blank lines are skipped.

    Bytes that are not UTF-8 become surrogates, as with os.fsdecode.
    """
    start = 0
    while start < len(data):
        end = _end_of_well_formed(data, start)
        if end > start:
            text = data[start:end].decode("utf-8", "surrogateescape")
            reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
            lines_before = 0
            for fields in reader:
                if fields:
                    yield CsvRecord(line + lines_before, fields)
                lines_before = reader.line_num
        else:
            end = _end_of_malformed(data, start, last=True) or len(data)
            yield CsvRecord(line, None)
        line += data.count(b"\n", start, end)
        start = end


def _end_of_well_formed(data: bytes, start: int) -> int:
    match = _WELL_FORMED.match(data, start)
    return match.end() if match else start


def _end_of_malformed(data: bytes, start: int, *, last: bool) -> int | None:
    """Return the end of the malformed record at `start`, or None if more data is needed."""
    fields = _FIELDS.match(data, start)
    position = fields.end() if fields else start
    if data[position : position + 1] == b'"':
        quoted = _QUOTED.match(data, position)
        closing = quoted.end() if quoted else position
        may_continue = not last and len(data) - start <= MAX_RECORD_BYTES
        if closing >= len(data) - 1 and may_continue:
            return None
        if closing == len(data):  # the quote is never closed: only its first line is malformed
            closing = position
        position = closing
    newline = data.find(b"\n", position)
    if newline >= 0:
        return newline + 1
    return len(data) if last else None
