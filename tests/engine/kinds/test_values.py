"""The values that a kind accepts in a body, and why it rejects others."""

from datetime import datetime
from decimal import Decimal

import pytest

from sluice.errors import FieldError, ValidationFailed
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug, Text
from sluice.kinds.timestamp import Timestamp
from tests.engine.kinds.fields import FIELDS, ITEMS

MOMENT = "must be a time with its zone, such as 2026-01-31T12:00:00Z"
ITEM = {"book_id": 1, "copies": 1}
TEXT = Text("t", min_length=1, max_length=5)
NUMBER = Integer("n", minimum=0, maximum=10)


def errors_of(field: Field, value: object) -> list[FieldError]:
    with pytest.raises(ValidationFailed) as caught:
        field.read(value, "/at")
    return list(caught.value.errors)


def code_of(field: Field, value: object) -> str:
    (only,) = errors_of(field, value)
    assert only.pointer == "/at"
    return only.code


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), (" a ", "a"), ("\u00a0a b\t", "a b"), ("x" * 5, "x" * 5), ("😀" * 5, "😀" * 5)],
)
def test_text_is_stripped(value: str, expected: str) -> None:
    assert TEXT.read(value, "") == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "too_short"),
        (" ", "too_short"),
        ("x" * 6, "too_long"),
        ("\0", "invalid"),
        ("\ud800", "invalid"),
        (None, "type"),
        (5, "type"),
        (["a"], "type"),
    ],
)
def test_invalid_text_is_rejected(value: object, code: str) -> None:
    assert code_of(TEXT, value) == code


def test_text_may_allow_null_or_the_empty_string() -> None:
    assert Text("t", min_length=1, max_length=5, nullable=True).read(None, "") is None
    assert Text("t", max_length=5).read("  ", "") == ""


@pytest.mark.parametrize("value", ["ab\n", "Ab", "é", "a b", "a\nb"])
def test_pattern_must_match_the_whole_text(value: str) -> None:
    field = Text("t", min_length=1, max_length=5, pattern="[a-z]+")
    if value.strip() == "ab":
        assert field.read(value, "") == "ab"
    else:
        assert code_of(field, value) == "invalid"


@pytest.mark.parametrize(
    "value",
    ["a@b", "Ada+shop@Example.com", "ä@例え.jp", "!#$%&'*/=?^_`{|}~-@x.y", "a@" + "b" * 252],
)
def test_email_is_stripped(value: str) -> None:
    assert FIELDS["email"].read(f" {value}\n", "") == value


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "too_short"),
        ("a@" + "b" * 253, "too_long"),
        (None, "type"),
        (5, "type"),
        ("ada", "invalid"),
        ("@", "invalid"),
        ("a@", "invalid"),
        ("@b", "invalid"),
        ("a@b@c", "invalid"),
        ("a b@c", "invalid"),
        ("a\u00a0b@c", "invalid"),
        ("a\n@b", "invalid"),
        ("a\x1b@b", "invalid"),
        ("a\x85@b", "invalid"),
        ("a@b\0", "invalid"),
    ],
)
def test_invalid_email_is_rejected(value: object, code: str) -> None:
    assert code_of(FIELDS["email"], value) == code


@pytest.mark.parametrize(
    "value", [3, Decimal("3"), Decimal("3.0"), Decimal("3e0"), Decimal("0.3e1")]
)
def test_integer_may_have_a_zero_fraction(value: object) -> None:
    result = NUMBER.read(value, "")
    assert (result, type(result)) == (3, int)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (-1, "out_of_range"),
        (11, "out_of_range"),
        (10**30, "out_of_range"),
        (Decimal("3.5"), "type"),
        (True, "type"),
        ("3", "type"),
        (None, "type"),
        (Decimal("1e1000000"), "type"),
        (Decimal("-1e-1000000"), "type"),
        ([], "type"),
    ],
)
def test_invalid_integer_is_rejected(value: object, code: str) -> None:
    assert code_of(NUMBER, value) == code


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0.00"),
        (5, "5.00"),
        ("5", "5.00"),
        ("5.5", "5.50"),
        (Decimal("5.500"), "5.50"),
        (Decimal("5e1"), "50.00"),
        ("0.10", "0.10"),
        (" 1.00 ", "1.00"),
        ("-0", "0.00"),
        ("9999999999.99", "9999999999.99"),
    ],
)
def test_amount_has_the_decimals_of_its_scale(value: object, expected: str) -> None:
    amount = FIELDS["price"].read(value, "")
    assert isinstance(amount, Decimal)
    assert str(abs(amount)) == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (-1, "out_of_range"),
        ("-0.01", "out_of_range"),
        ("10000000000", "out_of_range"),
        (10**4000, "out_of_range"),
        (Decimal("1e1000000"), "out_of_range"),
        (Decimal("1e-1000000"), "invalid"),
        ("1.001", "invalid"),
        ("", "type"),
        ("1e2", "type"),
        ("NaN", "type"),
        ("٣", "type"),
        ("1_0", "type"),
        (True, "type"),
        (None, "type"),
        ({}, "type"),
    ],
)
def test_invalid_amount_is_rejected(value: object, code: str) -> None:
    assert code_of(FIELDS["price"], value) == code


@pytest.mark.parametrize(
    ("name", "value", "code", "message"),
    [
        ("boolean", 1, "type", "must be true or false"),
        ("choice", 1, "type", "must be a string"),
        ("choice", "used", "invalid", "must be one of new, o'clock"),
        ("date", 20260131, "type", "must be a string"),
        ("date", "2026-02-29", "invalid", "must be a date such as 2026-01-31"),
        ("timestamp", 5, "type", "must be a string"),
        *(
            ("timestamp", text, "invalid", MOMENT)
            for text in (
                "2026-01-31",
                "2026-01-31T12:00:00",
                "2026-02-29T12:00:00Z",
                "2026-01-31T12:00:00.1234567Z",
                "0001-01-01T00:00:00+01:00",
            )
        ),
        ("whole", 1_000_000, "out_of_range", "must be from -99999 to 99999"),
        ("price", "1.005", "invalid", "must have at most two decimals"),
        ("whole", "1.5", "invalid", "must have at most no decimals"),
        ("long decimal", f"0.{'1' * 11}", "invalid", "must have at most 10 decimals"),
        ("price", "1" * 21, "type", 'must be an amount such as "19.99"'),
    ],
)
def test_invalid_values_are_rejected(name: str, value: object, code: str, message: str) -> None:
    assert errors_of(FIELDS[name], value) == [FieldError(code, message, pointer="/at")]


@pytest.mark.parametrize("name", FIELDS)
def test_null_needs_a_nullable_field(name: str) -> None:
    field = FIELDS[name]
    if field.accepts_null:
        assert (field.read(None, "/at") is None) == field.nullable
    else:
        assert [error.code for error in errors_of(field, None)] == ["type"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("[]", [("type", "/at")]),
        ([], [("out_of_range", "/at")]),
        ([ITEM] * 4, [("out_of_range", "/at")]),
        ([5], [("type", "/at/0")]),
        ([{"copies": 1}], [("required", "/at/0/book_id")]),
        ([{**ITEM, "copies": 0}], [("out_of_range", "/at/0/copies")]),
        ([{**ITEM, "~/": 1}], [("unknown_field", "/at/0/~0~1")]),
        ([ITEM, {"book_id": 1, "copies": 2}], [("duplicate", "/at/1/book_id")]),
    ],
)
def test_invalid_items_are_rejected(value: object, found: list[tuple[str, str]]) -> None:
    assert [(error.code, error.pointer) for error in errors_of(ITEMS, value)] == found


def test_items_leave_out_what_the_server_sets() -> None:
    assert ITEMS.read([{"book_id": 1, "copies": 2, "n": 7}], "") == [{"book_id": 1, "copies": 2}]
    assert not ITEMS.in_table


def test_reference_is_a_field_of_the_other_key() -> None:
    field = Ref("shelf_id", resource="shelves", nullable=True, filter="in")

    assert isinstance(field, BigInt)
    assert field.minimum == 1
    assert field.nullable
    assert field.reference is not None
    assert field.reference[:2] == ("shelves", "shelf")
    assert field.reference.key is field
    assert not field.needs_column_sql


def test_reference_may_be_shown_as_another_field() -> None:
    field = Ref("shelf_id", resource="shelves", shown_as="shelf", by="slug", kind=Slug)

    assert isinstance(field, Slug)
    assert (field.name, field.column) == ("shelf", "shelf_id")
    assert field.reference is not None
    assert field.reference.by == "slug"
    assert isinstance(field.reference.key, BigInt)
    assert field.needs_column_sql


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02", "2026-01-02T00:00:00+00:00"),
        ("2026-01-02T00:00:00.000001Z", "2026-01-02T00:00:00.000001+00:00"),
        ("2026-01-02T01:00:00+01:00", "2026-01-02T00:00:00+00:00"),
        ("2026-01-02T01:00:00 01:00", "2026-01-02T00:00:00+00:00"),  # a + that was not encoded
        ("2026-01-01T00:00:00-23:59", "2026-01-01T23:59:00+00:00"),
        ("2026-01-01T00:00:00+00:00:30", "2025-12-31T23:59:30+00:00"),
    ],
)
def test_filter_reads_a_time_in_any_offset(text: str, moment: str) -> None:
    assert Timestamp("at").parse(text) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text",
    [
        *("", "now", "2026", "2026-13-01", "2026-01-01T00:00:00", "1769860800", "12:00"),
        *("2026-02-30T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"),
    ],
)
def test_filter_rejects_other_times(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        Timestamp("at").parse(text)
