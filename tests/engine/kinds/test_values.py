"""The values that a kind rejects in a body, and why."""

import pytest

from sluice.errors import FieldError, ValidationFailed
from sluice.kinds.field import Field
from sluice.kinds.integer import BigInt
from sluice.kinds.ref import Ref
from sluice.kinds.text import Slug
from tests.engine.kinds.fields import FIELDS, ITEMS

MOMENT = "must be a time with its zone, such as 2026-01-31T12:00:00Z"
ITEM = {"book_id": 1, "copies": 1}


def errors_of(field: Field, value: object) -> list[FieldError]:
    with pytest.raises(ValidationFailed) as caught:
        field.read(value, "/at")
    return list(caught.value.errors)


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
    if field.nullable:
        assert field.read(None, "/at") is None
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
