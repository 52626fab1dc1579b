"""What single kinds of numbers, times and keys do, and which declarations they refuse."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest

from sluice.errors import InvalidParameter, NotFound, ValidationFailed
from sluice.kinds.date import Date
from sluice.kinds.field import DeclarationError, Field
from sluice.kinds.floating import Float, Real
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.interval import Interval
from sluice.kinds.local_timestamp import LocalTimestamp
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Slug, Text
from sluice.kinds.time import Time
from sluice.kinds.timestamp import Timestamp
from sluice.kinds.uuid import Uuid

UUID = "0190163D-8694-739B-AEA5-966C26F8AD91"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (Uuid("x"), f" {UUID}", UUID.lower()),
        (Time("x"), "12:30:00.500", "12:30:00.5"),
        (Time("x"), "24:00:00.000", "24:00:00"),
        (Interval("x"), "P1Y-2M", "P10M0DT0H0M0.000000S"),
        (Interval("x"), "P2W1D", "P0M15DT0H0M0.000000S"),
        (Interval("x"), "PT1H-30M", "P0M0DT0H30M0.000000S"),
        (Interval("x"), "PT-0.5S", "P0M0DT-0H-0M-0.500000S"),
        (Float("x"), Decimal("-0"), 0.0),
        (Real("x"), Decimal("0.1"), 0.10000000149011612),
        (Numeric("x"), Decimal("1.50"), Decimal("1.50")),
        (Numeric("x", precision=3, scale=-2), "1200", Decimal("1.2E+3")),
        (Date("x", non_finite=True), "0044-03-15 BC", "0044-03-15 BC"),
        (Date("x", non_finite=True), "0044-03-15", date(44, 3, 15)),
    ],
)
def test_value_for_the_database(field: Field, value: object, expected: object) -> None:
    read = field.read(value, "")

    assert (str(read), type(read)) == (str(expected), type(expected))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (Numeric("x", precision=3, scale=-2), "1250", "must be a multiple of 100"),
        (Numeric("x"), Decimal("1e1000"), "must have at most 1000 digits before and after"),
        (Float("x"), Decimal("1e-400"), "must be from -1.79"),
        (LocalTimestamp("x"), "2026-01-31T12:00:00Z", "must be a time without a zone"),
        (Interval("x"), "P178000000Y1M", "must have at most 178000000 years"),
        (Timestamp("x", non_finite=True), "0000-01-01 00:00:00+00 BC", "must be a time with its"),
        (Date("x", non_finite=True), "10001-02-29", "must be a date"),
        (Date("x"), "infinity", "must be a date"),
    ],
)
def test_message_says_what_is_wrong(field: Field, value: object, message: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        field.read(value, "/x")
    assert caught.value.errors[0].message.startswith(message)


@pytest.mark.parametrize(
    ("declare", "message"),
    [
        (lambda: Numeric("x", scale=2), "a `scale` needs a `precision`"),
        (lambda: Integer("x", filter="is_null"), "only a `nullable` field has the filter"),
        (lambda: Uuid("x", filter="range"), "no such filter: range; Uuid has equal, in, is_null"),
        (lambda: Integer("x", filter="prefix"), "no such filter: prefix"),
    ],
)
def test_declaration_is_refused(declare: Callable[[], Field], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        declare()


def test_interval_cannot_be_queried_by_analysts() -> None:
    with pytest.raises(DeclarationError, match="analysts cannot query such a column"):
        Interval("x").analyst_bytes()


def test_type_of_a_column_may_be_declared() -> None:
    field = Text("x", type="extensions.citext")

    assert field.sql_type == "extensions.citext"
    assert Text("x").sql_type == "text"


@pytest.mark.parametrize(
    ("field", "texts", "values"),
    [
        (Slug("x", filter="in"), ["a,b", "c"], ["a", "b", "c"]),
        (Text("x", filter="in"), ["Bolt, Nut", "Pin"], ["Bolt, Nut", "Pin"]),
        (Integer("x", filter="in"), ["1, 2"], [1, 2]),
    ],
)
def test_comma_separates_only_values_that_have_none(
    field: Field, texts: list[str], values: list[object]
) -> None:
    declared = field.filters()["x"]

    assert (declared.many, declared.parse_many(texts)) == (True, values)


def test_negative_keys_need_a_negative_minimum() -> None:
    every, positive = BigInt("id"), BigInt("id", minimum=1)

    assert (every.parse_path("-5"), every.parse_id("-5")) == (-5, -5)
    assert every.parse_path(str(-(2**63))) == -(2**63)
    with pytest.raises(NotFound):
        every.parse_path(str(-(2**63) - 1))
    with pytest.raises(InvalidParameter):
        positive.parse_path("-5")
    with pytest.raises(ValueError, match="whole number"):
        positive.parse_id("-5")


@pytest.mark.parametrize("text", ["3.4028235000000003e38", "-3.4028235000000003e38"])
def test_real_is_not_above_the_maximum_of_its_schema(text: str) -> None:
    field = Real("weight", filter="range")

    with pytest.raises(ValueError, match="must be a number from"):
        field.parse(text)
    with pytest.raises(ValidationFailed):
        field.read(Decimal(text), "")
    assert field.parse("3.4028235e38") == field.read(field.largest, "")
