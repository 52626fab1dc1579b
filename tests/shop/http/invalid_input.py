"""Hypothesis strategies for invalid values of fields, ids, parameters and JSON."""

import string
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from sluice.kinds.choice import Choice
from sluice.kinds.field import Field
from sluice.kinds.items import Items
from sluice.kinds.text import Email, Text

# With surrogates, which st.text omits.
any_text = st.text(st.characters(exclude_categories=()), max_size=50)
finite_floats = st.floats(allow_nan=False, allow_infinity=False)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | finite_floats | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=5,
)
invalid_texts = st.sampled_from(
    ["", "  ", "a\0b", "\0", "\ud800", "x\udfffy", "x" * 10_001, "😀" * 10_001]
)
not_text = st.booleans() | st.integers() | finite_floats | st.lists(any_json) | st.just({"a": "b"})
not_number = st.one_of(
    st.none(),
    st.booleans(),
    any_text.filter(lambda text: not any(c.isdigit() for c in text)),
    st.lists(any_json, max_size=2),
    st.dictionaries(any_text, any_json, max_size=2),
    st.integers(max_value=-(2**31)),
    st.integers(min_value=2**40),
    st.floats(0.001, 0.009),
    st.sampled_from([1e300, -1e300, 0.5e-7, 10**4000, -(10**4000), 1.0000001]),
)
not_list: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | any_text
    | st.just([])
    | st.lists(any_json.filter(lambda v: v != {}), min_size=1)
)


def invalid_values(field: Field) -> st.SearchStrategy[Any]:
    """Return a strategy for values that are invalid for this field."""
    match field:
        case Email():
            invalid_emails = [
                "@",
                "a@",
                "@b",
                "a@b@c",
                "a b@c",
                "a\nb@c",
                "a\x1bb@c",
                "a\u2003b@c",
                "a@" + "b" * 253,
            ]
            without_one_at = any_text.filter(lambda text: text.count("@") != 1)
            emails = st.sampled_from(invalid_emails) | without_one_at
            return not_text | invalid_texts | st.none() | emails
        case Text():
            pattern_mismatches = ["A", "a b", "é", "a/b", "a\nb"] if field.pattern else []
            too_long = "x" * ((field.max_length or 0) + 1)
            texts = invalid_texts.filter(lambda text: field.min_length or text.strip())
            values = not_text | texts | st.sampled_from([too_long, *pattern_mismatches])
            return values if field.nullable else values | st.none()
        case Choice():
            other_words = st.sampled_from(["Paid", "new", "paid paid"])
            return not_text | invalid_texts | st.none() | other_words
        case Items():
            return not_list
        case _:
            return not_number


def truncate(raw: bytes, fraction: float) -> bytes:
    return raw[: int(len(raw) * fraction)]


INVALID_JSON_VALUES = [
    "NaN",
    "Infinity",
    "-Infinity",
    "1e",
    ".5",
    "01",
    "+1",
    "0x1",
    "'a'",
    "undefined",
    "tru",
    "1" * 5_000,
    "1e99999999999999999999",
    "-1E-99999999999999999999",
]
malformed_json = st.one_of(
    st.floats(0, 0.99).map(lambda fraction: lambda raw: truncate(raw, fraction)),
    st.integers(1, 1_000).map(lambda depth: lambda raw: b"[" * depth + raw),
    st.just(lambda raw: b"[" * 500_000),
    st.just(lambda raw: b'{"a":' * 100_000),
    st.just(lambda raw: b"\xef\xbb\xbf" + raw),
    st.just(lambda raw: raw.decode().encode("utf-16")),
    st.sampled_from([b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"]).map(
        lambda bad: lambda raw: b'{"' + bad + b'": 1, ' + raw[1:]
    ),
    st.sampled_from(INVALID_JSON_VALUES).map(
        lambda bad: lambda raw: b'{"price": ' + bad.encode() + b"}"
    ),
    st.just(lambda raw: raw[:-1] + b"," + raw[1:]),  # every field twice
    st.sampled_from([b"}", b",", b"{}", b" x", b"\0"]).map(lambda end: lambda raw: raw + end),
    st.just(lambda raw: raw.replace(b'"', b"'")),
    st.just(lambda raw: raw.replace(b":", b" ")),
    st.binary(max_size=30).map(lambda random_text: lambda raw: b"\x01" + random_text),
)


invalid_ids = st.one_of(
    st.integers(max_value=-1).map(str),
    st.floats(allow_nan=True).map(str),
    st.integers(0, 99).map(lambda n: "".join(chr(0x660 + int(d)) for d in str(n))),
    st.text(string.printable, min_size=1)
    .filter(lambda text: not text.isdigit())
    .map(lambda t: quote(t, safe="")),
    any_text.filter(lambda text: text and not text.isascii()).map(
        lambda t: "".join(c for c in t if ord(c) > 127)
    ),
    st.integers(0, 9).map(lambda n: f"%3{n}"),
    st.sampled_from(
        ["1 ", "1.0", "1,2", "null", "true", "0x1", "1e1", "+1", "1_0", "..", "1;", "'1'", "1--"]
    ),
)
unknown_ids = st.integers(2**40, 10**300).map(str) | st.sampled_from(["0", "0" * 400, "9" * 5_000])
invalid_parameters = (
    any_text.map(lambda text: "!" + text)
    | st.sampled_from(
        [
            "",
            "NaN",
            "1e400",
            "9" * 5_000,
            "٣",
            "\0",
            "True",
            "1.5.2",
            ",",
            "id;drop table x",
            "' or 1=1",
        ]
    )
    | st.floats().map(lambda number: f"{number}x")
)
