"""Field types and schemas of request bodies."""

from decimal import Decimal

import pytest

from sluice.errors import ValidationFailed
from sluice.fields import BodySchema, Email, FieldType, Integer, Items, Money, Text


def error_of(field: FieldType, value: object) -> str:
    with pytest.raises(ValidationFailed) as caught:
        field.read(value, "/at")
    (only,) = caught.value.errors
    assert only.pointer == "/at"
    return only.code


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), (" a ", "a"), ("\u00a0a b\t", "a b"), ("x" * 5, "x" * 5), ("😀" * 5, "😀" * 5)],
)
def test_text_is_stripped(value: str, expected: str) -> None:
    assert Text(5).read(value, "") == expected


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
    assert error_of(Text(5), value) == code


def test_text_may_allow_null_or_the_empty_string() -> None:
    assert Text(5, nullable=True).read(None, "") is None
    assert Text(5, min_length=0).read("  ", "") == ""


@pytest.mark.parametrize("value", ["ab\n", "Ab", "é", "a b", "a\nb"])
def test_pattern_must_match_the_whole_text(value: str) -> None:
    field = Text(5, pattern="[a-z]+")
    if value.strip() == "ab":
        assert field.read(value, "") == "ab"
    else:
        assert error_of(field, value) == "invalid"


@pytest.mark.parametrize(
    "value",
    ["a@b", "Ada+shop@Example.com", "ä@例え.jp", "!#$%&'*/=?^_`{|}~-@x.y", "a@" + "b" * 252],
)
def test_email_is_stripped(value: str) -> None:
    assert Email().read(f" {value}\n", "") == value


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
    assert error_of(Email(), value) == code


@pytest.mark.parametrize(
    "value", [3, Decimal("3"), Decimal("3.0"), Decimal("3e0"), Decimal("0.3e1")]
)
def test_integer_may_have_a_zero_fraction(value: object) -> None:
    result = Integer(0, 10).read(value, "")
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
    assert error_of(Integer(0, 10), value) == code


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
def test_money_has_two_decimals(value: object, expected: str) -> None:
    assert abs(Money().read(value, "")) == Decimal(expected)
    assert str(abs(Money().read(value, ""))) == expected


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
    assert error_of(Money(), value) == code


SCHEMA = BodySchema({"name": Text(5), "size": Integer(0, 9)}, read_only=("id",), optional=("size",))


def errors_of(document: object, method: str) -> dict[str | None, str]:
    with pytest.raises(ValidationFailed) as caught:
        SCHEMA.read_body(document, method)
    return {error.pointer: error.code for error in caught.value.errors}


def test_read_only_fields_are_ignored() -> None:
    assert SCHEMA.read_body({"name": " a ", "id": object()}, "POST") == {"name": "a"}
    assert SCHEMA.read_body({}, "PATCH") == {}


def test_put_needs_also_the_optional_fields() -> None:
    assert errors_of({}, "POST") == {"/name": "required"}
    assert errors_of({}, "PUT") == {"/name": "required", "/size": "required"}


def test_patch_needs_its_required_fields() -> None:
    schema = BodySchema({"size": Integer(0, 9)}, patch_required=("size",))
    with pytest.raises(ValidationFailed):
        schema.read_body({}, "PATCH")


def test_all_invalid_fields_are_reported() -> None:
    document = {"name": "", "size": "x", "colour": 1, "a/b": 1, "~": 1, "half\ud800": 1, "": 1}
    assert errors_of(document, "PATCH") == {
        "/name": "too_short",
        "/size": "type",
        "/colour": "unknown_field",
        "/a~1b": "unknown_field",
        "/~0": "unknown_field",
        "/half?": "unknown_field",
        "/": "unknown_field",
    }


@pytest.mark.parametrize("document", [None, [], "x", 5, True])
def test_body_must_be_an_object(document: object) -> None:
    assert errors_of(document, "PATCH") == {"": "type"}


ITEMS = Items(BodySchema({"id": Integer(1, 9)}), max_items=3, unique="id")


def test_items_are_validated_and_unique() -> None:
    assert ITEMS.read([{"id": 1}, {"id": 2}], "/l") == [{"id": 1}, {"id": 2}]
    with pytest.raises(ValidationFailed) as caught:
        ITEMS.read([{"id": 1}, {"id": 0}, {"id": 1}], "/l")
    assert {error.pointer: error.code for error in caught.value.errors} == {
        "/l/1/id": "out_of_range",
        "/l/2/id": "duplicate",
    }


@pytest.mark.parametrize(
    ("value", "code"), [([], "out_of_range"), ([{"id": 1}] * 4, "out_of_range"), ({}, "type")]
)
def test_number_of_items_is_limited(value: object, code: str) -> None:
    assert error_of(ITEMS, value) == code
