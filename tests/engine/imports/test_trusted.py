"""The SQL conditions of field types accept only texts that the row parser accepts."""

from decimal import Decimal
from typing import Any

import pytest

from sluice.errors import ValidationFailed
from sluice.fields import MAX_ID, MAX_INTEGER, Email, Integer, Money, Text
from sluice.imports.resource import ImportResource
from sluice.imports.row_parser import Rejection, RowParser
from tests.fixtures.client import Client

SLUG = "[a-z0-9-]+"
# A type, the texts at its limits, and the texts one past them.
CASES = [
    (Text(5), ["a", "abcde", "øøøøø"], ["abcdef", "øøøøøø"]),
    (Text(5, min_length=3), ["abc"], ["ab", "abcdef"]),
    (Text(4, min_length=0, nullable=True), ["abcd"], ["abcde"]),
    (Text(3, pattern=SLUG), ["a", "abc"], ["abcd"]),
    (Text(9, min_length=2, pattern=SLUG), ["ab"], ["a"]),
    (Text(300, pattern=SLUG), ["a" * 255], ["a" * 301]),
    (Text(300, min_length=256, pattern=SLUG), [], ["a" * 255, "a" * 301]),
    (Text(9, pattern=r"\w+"), [], ["ø"]),
    (Email(), ["a@" + "x" * 252], ["a@" + "x" * 253]),
    (Email(max_length=6), ["ab@x.y"], ["abc@x.y"]),
    (Integer(0, 500), ["0", "500", "-0", "007"], ["-1", "501"]),
    (Integer(5, 500), ["5", "500"], ["4", "501"]),
    (Integer(-5, 5), ["-5", "5"], ["-6", "6"]),
    (Integer(0, 0), ["0"], ["1"]),
    (Integer(0, MAX_INTEGER), ["0", "999999999"], ["-1", str(MAX_INTEGER + 1)]),
    (Integer(1, MAX_INTEGER), ["1", "999999999"], ["0", str(MAX_INTEGER + 1)]),
    (Integer(1, MAX_ID), ["1", "9" * 18], ["0", str(MAX_ID + 1)]),
    (Integer(0, MAX_ID), ["0", "9" * 18], ["-1", str(MAX_ID + 1)]),
    (Money(), ["0", "9999999999.99"], ["-0.01", "10000000000", "0.001"]),
    (Money(Decimal("99.99")), ["0.1", "99.99"], ["100", "99.991"]),
    (Money(Decimal("99.98")), ["99.98"], ["99.99", "100"]),
    (Money(Decimal(500)), ["500", "500.00"], ["500.01", "501"]),
    (Money(Decimal("1E+3")), ["1000"], ["1000.01"]),
    (Money(Decimal("0.5")), ["0.50"], ["0.51"]),
]
TEXTS = [
    *("", " ", " a", "a ", "a\n", "\ta", "\u00a0a", "a\u2028", "A", "a.b", "a\\b", "é", "-", "_"),
    *("0", "00", "+5", "-0", "- 5", "5 ", "5.", ".5", "5.0", "5.000", "1e2", "5\n", "٣", "0x5"),
    *("1_0", "--5", "5-", "NaN", "Infinity", "9" * 19, "9" * 400, "0" * 18 + "5", "1,5"),
    *("a@b", "a@b@c", "a @b", "é@b", "@b", "a@", "a@b\n", "a\x7f@b"),
]


def trusts(client: Client, field: Any, text: str) -> bool:
    condition = field.trusted("r.x")
    rows = client.sql(f"SELECT {condition} FROM (SELECT CAST(:text AS text) AS x) r", text=text)
    return bool(rows[0][0])


def is_valid(field: Any, text: str) -> bool:
    resource = ImportResource(fields={"x": field}, required=("x",), trusted_when="", write="")
    return not isinstance(RowParser(resource, ["x"]).parse_fields(2, [text]), Rejection)


@pytest.mark.parametrize(("field", "at", "past"), CASES)
def test_limits_of_sql_are_those_of_the_parser(
    client: Client, field: Any, at: list[str], past: list[str]
) -> None:
    assert [text for text in at if not is_valid(field, text)] == []
    assert [text for text in at if not trusts(client, field, text)] == []
    assert [text for text in past if is_valid(field, text)] == []
    assert [text for text in past if trusts(client, field, text)] == []


@pytest.mark.parametrize("field", [field for field, _, _ in CASES])
def test_trusted_texts_are_stored_as_they_are(client: Client, field: Any) -> None:
    for text in filter(lambda text: trusts(client, field, text), TEXTS):
        value = int(text) if isinstance(field, Integer) else text
        try:
            read = field.read(value, "")
        except ValidationFailed as error:
            pytest.fail(f"{text!r} is trusted, but {error.errors}")
        assert read == (Decimal(text) if isinstance(field, Money) else value)
