"""Expressions as Python source, and what they evaluate to."""

import pytest

from catalog.expression import Expression, Name, Partial, evaluate, imports, source
from sluice.kinds.char import Char
from sluice.kinds.field import Field
from sluice.kinds.text import Text

CHAR = Name("sluice.kinds.char", "Char")
REF = Name("sluice.kinds.ref", "Ref")
TEXT = Name("sluice.kinds.text", "Text")
COUNTRY = Expression(CHAR, ("country",), {"max_length": 2, "filter": ["in", "prefix"]})
REFERENCE = Expression(
    REF, ("country",), {"kind": Partial(Expression(CHAR, (), {"max_length": 2}))}
)

LONG = ["word " * 40, " \n\t two  spaces \n" * 20, "x" * 300, "好" * 100, "\x01" * 100, "a-b " * 50]


def test_source_is_a_call_with_bare_names() -> None:
    assert source(COUNTRY) == 'Char("country", max_length=2, filter=["in", "prefix"])'
    assert source(REFERENCE) == 'Ref("country", kind=partial(Char, max_length=2))'
    assert source(Partial(Expression(TEXT))) == "Text"


@pytest.mark.parametrize(
    "value",
    ["", "a'b", 'a"b', "a\"b'c", '"""', "a\\b\n", "é\0\x7f", -5, 1.5, True, None, (1,), [], *LONG],
)
def test_source_of_a_value_is_that_value(value: object) -> None:
    assert eval(source(value)) == value  # noqa: S307 - our own source


def test_text_has_double_quotes_like_formatted_code() -> None:
    assert source("it's") == '"it\'s"'
    assert source('a "b"') == "'a \"b\"'"


def test_imports_are_the_names_of_the_source() -> None:
    assert imports([COUNTRY]) == {CHAR}
    assert imports(REFERENCE) == {CHAR, REF, Name("functools", "partial")}
    assert imports(Partial(Expression(TEXT))) == {TEXT}


def test_evaluated_call_is_the_field() -> None:
    field = evaluate(COUNTRY)
    assert isinstance(field, Char)
    assert (field.name, field.max_length, field.operators) == ("country", 2, ("in", "prefix"))


def test_evaluated_partial_is_a_kind() -> None:
    made = evaluate(REFERENCE.having(resource="countries", expand=False))
    assert isinstance(made, Field)
    assert made.reference is not None
    assert made.reference.key is made
    assert evaluate([TEXT, (COUNTRY.target,)]) == [Text, (Char,)]


def test_value_without_source_is_an_error() -> None:
    with pytest.raises(TypeError, match="has no source"):
        source({1})
