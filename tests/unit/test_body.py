"""What a body's fields take and give, and where each fault points."""

from decimal import Decimal

import pytest

from sluice.errors import ValidationFailed
from sluice.http.body import BodySchema, Email, FieldType, Integer, Items, Money, Text


def error_of(field: FieldType, value: object) -> str:
    with pytest.raises(ValidationFailed) as caught:
        field.read(value, "/at")
    (only,) = caught.value.errors
    assert only.pointer == "/at"
    return only.code


@pytest.mark.parametrize(
    ("given", "read"),
    [("a", "a"), (" a ", "a"), ("\u00a0a b\t", "a b"), ("x" * 5, "x" * 5), ("😀" * 5, "😀" * 5)],
)
def test_text_is_kept_but_for_space_around_it(given: str, read: str) -> None:
    assert Text(5).read(given, "") == read


@pytest.mark.parametrize(
    ("given", "code"),
    [("", "too_short"), (" ", "too_short"), ("x" * 6, "too_long"), ("\0", "invalid"), ("\ud800", "invalid"),
     (None, "type"), (5, "type"), (["a"], "type")],
)  # fmt: skip
def test_what_is_no_text_is_refused(given: object, code: str) -> None:
    assert error_of(Text(5), given) == code


def test_a_nullable_text_takes_null_and_a_shortest_of_0_nothing() -> None:
    assert Text(5, nullable=True).read(None, "") is None
    assert Text(5, min_length=0).read("  ", "") == ""


@pytest.mark.parametrize("given", ["ab\n", "Ab", "é", "a b", "a\nb"])
def test_a_pattern_holds_for_the_whole_of_a_text(given: str) -> None:
    field = Text(5, pattern="[a-z]+")
    if given.strip() == "ab":
        assert field.read(given, "") == "ab"
    else:
        assert error_of(field, given) == "invalid"


@pytest.mark.parametrize(
    "given",
    ["a@b", "Ada+shop@Example.com", "ä@例え.jp", "!#$%&'*/=?^_`{|}~-@x.y", "a@" + "b" * 252],
)
def test_an_email_is_kept_as_sent(given: str) -> None:
    assert Email().read(f" {given}\n", "") == given


@pytest.mark.parametrize(
    ("given", "code"),
    [("", "too_short"), ("a@" + "b" * 253, "too_long"), (None, "type"), (5, "type"), ("ada", "invalid"),
     ("@", "invalid"), ("a@", "invalid"), ("@b", "invalid"), ("a@b@c", "invalid"), ("a b@c", "invalid"),
     ("a\u00a0b@c", "invalid"), ("a\n@b", "invalid"),
     ("a\x1b@b", "invalid"), ("a\x85@b", "invalid"), ("a@b\0", "invalid")],
)  # fmt: skip
def test_what_is_no_email_is_refused(given: object, code: str) -> None:
    assert error_of(Email(), given) == code


@pytest.mark.parametrize(
    "given", [3, Decimal("3"), Decimal("3.0"), Decimal("3e0"), Decimal("0.3e1")]
)
def test_a_whole_number_may_be_written_with_a_fraction_of_zero(given: object) -> None:
    read = Integer(0, 10).read(given, "")
    assert (read, type(read)) == (3, int)


@pytest.mark.parametrize(
    ("given", "code"),
    [(-1, "out_of_range"), (11, "out_of_range"), (10**30, "out_of_range"), (Decimal("3.5"), "type"), (True, "type"),
     ("3", "type"), (None, "type"), (Decimal("1e1000000"), "type"), (Decimal("-1e-1000000"), "type"), ([], "type")],
)  # fmt: skip
def test_what_is_no_whole_number_in_range_is_refused(given: object, code: str) -> None:
    assert error_of(Integer(0, 10), given) == code


@pytest.mark.parametrize(
    ("given", "read"),
    [(0, "0.00"), (5, "5.00"), ("5", "5.00"), ("5.5", "5.50"), (Decimal("5.500"), "5.50"), (Decimal("5e1"), "50.00"),
     ("0.10", "0.10"), (" 1.00 ", "1.00"), ("-0", "0.00"), ("9999999999.99", "9999999999.99")],
)  # fmt: skip
def test_money_comes_out_with_two_decimals(given: object, read: str) -> None:
    assert abs(Money().read(given, "")) == Decimal(read)
    assert str(abs(Money().read(given, ""))) == read


@pytest.mark.parametrize(
    ("given", "code"),
    [(-1, "out_of_range"), ("-0.01", "out_of_range"), ("10000000000", "out_of_range"), (10**4000, "out_of_range"),
     (Decimal("1e1000000"), "out_of_range"), (Decimal("1e-1000000"), "invalid"), ("1.001", "invalid"), ("", "type"),
     ("1e2", "type"), ("NaN", "type"), ("٣", "type"), ("1_0", "type"), (True, "type"), (None, "type"), ({}, "type")],
)  # fmt: skip
def test_what_is_no_amount_is_refused(given: object, code: str) -> None:
    assert error_of(Money(), given) == code


SHAPE = BodySchema({"name": Text(5), "size": Integer(0, 9)}, read_only=("id",), optional=("size",))


def errors_of(document: object, method: str) -> dict[str | None, str]:
    with pytest.raises(ValidationFailed) as caught:
        SHAPE.read_body(document, method)
    return {one.pointer: one.code for one in caught.value.errors}


def test_a_shape_gives_what_is_there_without_what_the_server_sets() -> None:
    assert SHAPE.read_body({"name": " a ", "id": object()}, "POST") == {"name": "a"}
    assert SHAPE.read_body({}, "PATCH") == {}


def test_post_may_leave_out_what_is_optional_and_put_nothing() -> None:
    assert errors_of({}, "POST") == {"/name": "required"}
    assert errors_of({}, "PUT") == {"/name": "required", "/size": "required"}


def test_a_patch_must_hold_what_it_is_for() -> None:
    moved = BodySchema({"size": Integer(0, 9)}, patch_required=("size",))
    with pytest.raises(ValidationFailed):
        moved.read_body({}, "PATCH")


def test_every_fault_of_a_document_is_found() -> None:
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
def test_a_document_must_be_an_object(document: object) -> None:
    assert errors_of(document, "PATCH") == {"": "type"}


ITEMS = Items(BodySchema({"id": Integer(1, 9)}), max_items=3, unique="id")


def test_items_are_read_each_and_no_two_alike() -> None:
    assert ITEMS.read([{"id": 1}, {"id": 2}], "/l") == [{"id": 1}, {"id": 2}]
    with pytest.raises(ValidationFailed) as caught:
        ITEMS.read([{"id": 1}, {"id": 0}, {"id": 1}], "/l")
    assert {one.pointer: one.code for one in caught.value.errors} == {
        "/l/1/id": "out_of_range",
        "/l/2/id": "duplicate",
    }


@pytest.mark.parametrize(
    ("given", "code"), [([], "out_of_range"), ([{"id": 1}] * 4, "out_of_range"), ({}, "type")]
)
def test_items_are_a_list_of_one_to_the_most(given: object, code: str) -> None:
    assert error_of(ITEMS, given) == code
