"""The SQL conditions of kinds accept only texts that the row parser accepts."""

from decimal import Decimal
from typing import Any

import pytest

from sluice.errors import ValidationFailed
from sluice.imports.resource import ImportResource
from sluice.imports.row_parser import Rejection, RowParser
from sluice.kinds.choice import Choice
from sluice.kinds.integer import BigInt, Integer
from sluice.kinds.numeric import Numeric
from sluice.kinds.text import Email, Slug, Text
from tests.fixtures.client import Client

SLUG = "[a-z0-9-]+"
# A field, the texts at its limits, and the texts one past them.
CASES = [
    (Text("x", min_length=1, max_length=5), ["a", "abcde", "øøøøø"], ["abcdef", "øøøøøø"]),
    (Text("x", min_length=3, max_length=5), ["abc"], ["ab", "abcdef"]),
    (Text("x", max_length=4, nullable=True), ["abcd"], ["abcde"]),
    (Text("x", min_length=1, max_length=3, pattern=SLUG), ["a", "abc"], ["abcd"]),
    (Text("x", min_length=2, max_length=9, pattern=SLUG), ["ab"], ["a"]),
    (Text("x", min_length=1, max_length=300, pattern=SLUG), ["a" * 300], ["a" * 301]),
    (Text("x", min_length=256, max_length=300, pattern=SLUG), ["a" * 256], ["a" * 255, "a" * 301]),
    (Text("x", pattern="[A-Z]{2}-[0-9]*x?"), ["GB-", "GB-12x"], ["GB", "GB-xx", "gb-1"]),
    (Text("x", max_length=9, pattern=r"\w+"), [], ["ø"]),
    (Text("x", pattern="[a-z]{1,300}"), [], ["a" * 301]),
    (Text("x", pattern="a{,3}"), [], ["aaaa"]),
    (Text("x", pattern="(?i)a"), [], ["b"]),
    (Text("x", pattern="a++"), [], ["b"]),
    (Slug("x", max_length=300), ["a" * 255], ["a" * 301]),
    (Email("x"), ["a@" + "x" * 252], ["a@" + "x" * 253]),
    (Integer("x", minimum=0, maximum=500), ["0", "500", "007"], ["-1", "501"]),
    (Integer("x", minimum=5, maximum=500), ["5", "500"], ["4", "501"]),
    (Integer("x", minimum=-5, maximum=5), ["-5", "5", "-0"], ["-6", "6"]),
    (Integer("x", minimum=-5), ["-5", "999999999"], ["-6", str(2**31)]),
    (Integer("x", minimum=0, maximum=0), ["0"], ["1"]),
    (Integer("x"), ["-999999999", "999999999"], [str(-(2**31) - 1), str(2**31)]),
    (Integer("x", minimum=0), ["0", "999999999"], ["-1", str(2**31)]),
    (Integer("x", minimum=1), ["1", "999999999"], ["0", str(2**31)]),
    (BigInt("x", minimum=1), ["1", "9" * 18], ["0", str(2**63)]),
    (BigInt("x", minimum=0), ["0", "9" * 18], ["-1", str(2**63)]),
    (
        Numeric("x", precision=12, scale=2, minimum=0),
        *(["0", "9999999999.99"], ["-0.01", "10000000000", "0.001"]),
    ),
    (Numeric("x", precision=4, scale=2, minimum=0), ["0.1", "99.99"], ["100", "99.991"]),
    (Numeric("x", precision=5, scale=2, minimum=0, maximum=500), ["500.00"], ["500.01", "501"]),
    (Numeric("x", precision=5, scale=2, minimum=1, maximum=10), ["1", "10"], ["0.99", "10.01"]),
    (Numeric("x", precision=2, scale=2, minimum=0), ["0.50", "0.99"], ["1", "0.991"]),
    (Numeric("x", precision=4, scale=0, minimum=0), ["1000", "9999"], ["1000.01", "10000"]),
    (Numeric("x", precision=3, scale=1), ["99.9"], ["-100", "100", "0.01"]),
    (Choice("x", ("new", "o'clock")), ["new", "o'clock"], ["old", "NEW"]),
    (Choice("x", ()), [], ["new", "n"]),
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
        value = field.parse_csv(text)
        try:
            read = field.read(value, "")
        except ValidationFailed as error:
            pytest.fail(f"{text!r} is trusted, but {error.errors}")
        assert read == (Decimal(text) if isinstance(field, Numeric) else value)
