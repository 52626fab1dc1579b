"""A file is split into the same records wherever reading stopped."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.imports.record_splitter import (
    MAX_RECORD_BYTES,
    RecordTooLong,
    find_records,
    parse_records,
)

EXAMPLES = {
    "plain": (b"a,b\nc,d\n", [(1, ["a", "b"]), (2, ["c", "d"])]),
    "carriage returns": (b"a,b\r\nc,d\r\n", [(1, ["a", "b"]), (2, ["c", "d"])]),
    "lines in quotes": (b'"a\nb",c\nd,e\n', [(1, ["a\nb", "c"]), (3, ["d", "e"])]),
    "a lone carriage return in quotes is no line": (b'"a\rb"\nc\n', [(1, ["a\rb"]), (2, ["c"])]),
    "quotes in quotes": (b'"a ""b""",c\n', [(1, ['a "b"', "c"])]),
    "empty fields": (b',"",\n', [(1, ["", "", ""])]),
    "blank lines": (b"a\n\n\nb\n", [(1, ["a"]), (4, ["b"])]),
    "a quote in a field": (b'a\nMug 5" tall,1\nb\n', [(1, ["a"]), (2, None), (3, ["b"])]),
    "something after the closing quote": (b'"a"b,c\nd\n', [(1, None), (2, ["d"])]),
    "and that over lines": (b'"a\nb"c\nd\n', [(1, None), (3, ["d"])]),
    "a quote that is never closed": (b'"a\nb\nc\n', [(1, None), (2, ["b"]), (3, ["c"])]),
    "no UTF-8": (b"a\xff,b\n", [(1, ["a\udcff", "b"])]),
    "a lone carriage return": (b"a\rb\nc\n", [(1, None), (2, ["c"])]),
}


@pytest.mark.parametrize("text", EXAMPLES)
def test_records_have_line_numbers(text: str) -> None:
    data, expected = EXAMPLES[text]
    assert find_records(data, last=True).end == len(data)
    assert [tuple(record) for record in parse_records(data, 1)] == expected
    assert find_records(data, last=True).well_formed is all(
        fields is not None for _, fields in expected
    )


def parse_in_pieces(data: bytes, sizes: list[int]) -> list[tuple[int, list[str] | None]]:
    """Parse like an import does: an incomplete record is kept for the next piece."""
    records, buffer, line, at = [], b"", 1, 0
    for size in [*sizes, len(data)]:
        buffer += data[at : at + size]
        at += size
        last = at >= len(data)
        end = find_records(buffer, last=last).end
        records += [tuple(record) for record in parse_records(buffer[:end], line)]
        line += buffer.count(b"\n", 0, end)
        buffer = buffer[end:]
        if last:
            break
    assert buffer == b""
    return records


@given(st.text(alphabet='ab",\n\r', max_size=40), st.lists(st.integers(1, 8), max_size=12))
def test_records_do_not_depend_on_where_reading_stopped(text: str, sizes: list[int]) -> None:
    data = text.encode() + b"\n"
    assert parse_in_pieces(data, sizes) == [tuple(record) for record in parse_records(data, 1)]


@given(
    st.lists(
        st.lists(st.text(alphabet='ab",\né ', max_size=5), min_size=2, max_size=3),
        min_size=1,
        max_size=5,
    )
)
def test_written_csv_is_parsed_unchanged(table: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows(table)
    data = written.getvalue().encode()
    assert find_records(data, last=True) == (len(data), True)
    assert [record.fields for record in parse_records(data, 1)] == table


def test_longest_record_is_read_and_longer_one_fails() -> None:
    with pytest.raises(RecordTooLong):
        find_records(b"a" * (MAX_RECORD_BYTES + 1), last=False)
    assert find_records(b"a" * (MAX_RECORD_BYTES - 1) + b"\nb", last=False).end == MAX_RECORD_BYTES
    unclosed = b'"' + b"a\n" * (MAX_RECORD_BYTES // 2)
    assert find_records(unclosed, last=False) == (len(unclosed), False)
    assert [record.fields for record in parse_records(unclosed, 1)][:2] == [None, ["a"]], (
        "only its first line is lost"
    )
