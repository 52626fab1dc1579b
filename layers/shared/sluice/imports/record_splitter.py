"""Where does a record of a CSV file end? What is well formed goes on as it is; what is not ends with its line.

After RFC 4180: a field is in quotes or has none, a quote within quotes is doubled, and a record in quotes may go over
several lines. So where a record ends can be told without reading it, by one regular expression, and COPY reads it as
we do. The answer depends on the record's own bytes alone: a file is cut alike wherever reading it was taken up again.
"""

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_RECORD = 1024 * 1024  # bytes
AT_ONCE = (
    MAX_RECORD + 1
)  # bytes to look at: what has no end in them is too long, wherever they begin
# The csv module refuses fields of over 131,072 characters by default. Lengths are judged by the columns' own rules.
csv.field_size_limit(AT_ONCE)

_FIELD = rb'(?:[^",\r\n]*+|"(?:[^"]++|"")*+")'
_RECORD = re.compile(rb"(?:%b,)*+%b\r?\n" % (_FIELD, _FIELD))
_WELL_FORMED = re.compile(rb"(?:%b)*+" % _RECORD.pattern)
_FIELDS = re.compile(rb"(?:%b,)*+" % _FIELD)
_EMPTY = re.compile(rb"(?:[ \t,]*+\r?\n)*+")
_QUOTED = re.compile(rb'"(?:[^"]++|"")*+')


class RecordTooLong(Exception):
    """There is no end to it within MAX_RECORD."""


class Cut(NamedTuple):
    """The first `end` bytes are whole records; all of them well formed, or not."""

    end: int
    well_formed: bool


class Row(NamedTuple):
    """A record: the number of its first line, and its fields; None where it is not well formed."""

    line: int
    fields: list[str] | None


def cut(data: bytes, *, last: bool) -> Cut:
    """How much of `data`, AT_ONCE bytes that begin with a record, is whole records; in the `last` of a file all is.

    The last must end in a newline. RecordTooLong where a line has no end.
    """
    end, well_formed = 0, True
    while True:
        end = _end_of_well_formed(data, end)
        if end == len(data):
            break
        beyond = _end_of_malformed(data, end, last=last)
        if beyond is None:
            break
        end, well_formed = beyond, False
    if end == 0 and len(data) > MAX_RECORD:
        raise RecordTooLong
    return Cut(end, well_formed)


def cut_first(data: bytes, *, last: bool) -> Cut:
    """Cut off the first record alone. RecordTooLong where it has no end."""
    end = end_of_first(data, 0)
    if end:
        return Cut(end, well_formed=True)
    malformed = _end_of_malformed(data, 0, last=last)
    if malformed is None:
        raise RecordTooLong
    return Cut(malformed, well_formed=False)


def count(data: bytes) -> int:
    """Count the records of well-formed data; a blank line is one, as it is to COPY.

    Every second part between quotes is inside a field, because quotes come in pairs.
    """
    if b'"' not in data:
        return data.count(b"\n")
    return sum(part.count(b"\n") for part in data.split(b'"')[::2])


def end_of_lines(data: bytes, most: int) -> int:
    """Return where the first `most` lines end; all of `data` if it has fewer."""
    low, high, before = 0, len(data), 0
    if data.count(b"\n") <= most:
        return high
    while (
        high - low > 1
    ):  # `before` lines end within `low` bytes, and more than `most` within `high`
        middle = (low + high) // 2
        lines = before + data.count(b"\n", low, middle)
        if lines <= most:
            low, before = middle, lines
        else:
            high = middle
    return low


def end_of_first(data: bytes, start: int) -> int:
    """Where the record that begins there ends; 0 where it is not well formed."""
    found = _RECORD.match(data, start)
    return found.end() if found else 0


def end_of_empty(data: bytes, start: int) -> int:
    """Return where the empty rows end that begin there: lines of spaces, tabs and commas alone."""
    found = _EMPTY.match(data, start)
    return found.end() if found else start


def rows(data: bytes, line: int) -> Iterator[Row]:
    """Each record of whole ones, the first of which stands in this line. Blank lines are none.

    What is no UTF-8 comes as surrogates, as os.fsdecode gives them.
    """
    at = 0
    while at < len(data):
        end = _end_of_well_formed(data, at)
        if end > at:
            text = data[at:end].decode("utf-8", "surrogateescape")
            reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
            before = 0
            for fields in reader:
                if fields:
                    yield Row(line + before, fields)
                before = reader.line_num
        else:
            end = _end_of_malformed(data, at, last=True) or len(data)
            yield Row(line, None)
        line += data.count(b"\n", at, end)
        at = end


def _end_of_well_formed(data: bytes, start: int) -> int:
    found = _WELL_FORMED.match(data, start)
    return found.end() if found else start


def _end_of_malformed(data: bytes, start: int, *, last: bool) -> int | None:
    """Where the record that begins here ends, which is not well formed; None where more of it is still to come."""
    found = _FIELDS.match(data, start)
    at = found.end() if found else start
    if data[at : at + 1] == b'"':
        quoted = _QUOTED.match(data, at)
        closing = quoted.end() if quoted else at
        if closing >= len(data) - 1 and not last and len(data) - start <= MAX_RECORD:
            return None
        if closing == len(data):  # it is never closed: only its first line is lost
            closing = at
        at = closing
    newline = data.find(b"\n", at)
    if newline >= 0:
        return newline + 1
    return len(data) if last else None
