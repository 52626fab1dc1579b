"""A file is cut into the same records wherever it is cut."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.imports.record_splitter import MAX_RECORD, RecordTooLong, cut, rows

TEXTS = {
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


@pytest.mark.parametrize("text", TEXTS)
def test_records_and_their_lines(text: str) -> None:
    data, expected = TEXTS[text]
    assert cut(data, last=True).end == len(data)
    assert [tuple(row) for row in rows(data, 1)] == expected
    assert cut(data, last=True).well_formed is all(fields is not None for _, fields in expected)


def in_pieces(data: bytes, sizes: list[int]) -> list[tuple[int, list[str] | None]]:
    """As an import reads: what is not cut off yet is kept, and read on from."""
    found, kept, line, at = [], b"", 1, 0
    for size in [*sizes, len(data)]:
        kept += data[at : at + size]
        at += size
        last = at >= len(data)
        end = cut(kept, last=last).end
        found += [tuple(row) for row in rows(kept[:end], line)]
        line += kept.count(b"\n", 0, end)
        kept = kept[end:]
        if last:
            break
    assert kept == b""
    return found


@given(st.text(alphabet='ab",\n\r', max_size=40), st.lists(st.integers(1, 8), max_size=12))
def test_records_do_not_depend_on_where_reading_stopped(text: str, sizes: list[int]) -> None:
    data = text.encode() + b"\n"
    assert in_pieces(data, sizes) == [tuple(row) for row in rows(data, 1)]


@given(
    st.lists(
        st.lists(st.text(alphabet='ab",\né ', max_size=5), min_size=2, max_size=3),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_by_the_rules_is_read_as_it_was(table: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows(table)
    data = written.getvalue().encode()
    assert cut(data, last=True) == (len(data), True)
    assert [row.fields for row in rows(data, 1)] == table


def test_a_record_without_end_is_an_error_and_one_of_the_most_is_none() -> None:
    with pytest.raises(RecordTooLong):
        cut(b"a" * (MAX_RECORD + 1), last=False)
    assert cut(b"a" * (MAX_RECORD - 1) + b"\nb", last=False).end == MAX_RECORD
    unclosed = b'"' + b"a\n" * (MAX_RECORD // 2)
    assert cut(unclosed, last=False) == (len(unclosed), False)
    assert [row.fields for row in rows(unclosed, 1)][:2] == [None, ["a"]], (
        "its first line is lost, and no more"
    )
