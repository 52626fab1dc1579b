"""Expressions as PostgreSQL prints them: what is read, and as which bounds and defaults."""

import pytest

from catalog.checks import FieldBounds, conditions
from catalog.defaults import NoConstant, constant, generated_by, is_null
from catalog.expression import Expression, Name, source
from catalog.kinds import SIMPLE, named
from catalog.printed_sql import UnreadableExpression, parse

TEXT = SIMPLE["text"]
INTEGER = SIMPLE["int4"]
NUMERIC = Expression(Name("sluice.kinds.numeric", "Numeric"), (), {"precision": 5, "scale": 2})
CHAR = Expression(Name("sluice.kinds.char", "Char"), (), {"max_length": 2})
TAGS = Expression(Name("sluice.kinds.array", "Array"), (), {"of": named(TEXT, "tag")})


@pytest.mark.parametrize(
    ("kind", "check", "options", "is_said"),
    [
        (INTEGER, "((a >= 1) AND (a <= 5))", "minimum=1, maximum=5", True),
        (INTEGER, "(a = ANY (ARRAY[1, 2, 3]))", "minimum=1, maximum=3", True),
        (INTEGER, "(a = ANY (ARRAY[1, 5]))", "minimum=1, maximum=5", False),
        (INTEGER, "(a >= '-5'::integer)", "minimum=-5", True),
        (INTEGER, "(5 > a)", "maximum=4", True),
        (INTEGER, "((a)::numeric > 0.5)", "minimum=1", True),
        (INTEGER, "((a IS NULL) OR (a > 3))", "minimum=4", True),
        (INTEGER, "((a > 3) OR (a < 1))", "", False),
        (INTEGER, "(a <> 0)", "", False),
        (INTEGER, "((a % 2) = 0)", "", False),
        (INTEGER, "(a <= '99999999999'::bigint)", "", False),
        (INTEGER, "((a > 5) AND (a < 3))", "", True),
        (NUMERIC, "(a > (0)::numeric)", "precision=5, scale=2, minimum=0", False),
        (NUMERIC, "(a >= 0.5)", "precision=5, scale=2, minimum=0", False),
        (NUMERIC, "((a)::integer > 3)", "precision=5, scale=2", False),
        (TEXT, "(length(a) > 3)", "min_length=4", True),
        (TEXT, "(char_length((a)::text) <= 10)", "max_length=10", True),
        (TEXT, "(TRIM(BOTH FROM a) <> ''::text)", "min_length=1", True),
        (TEXT, "(a = ANY (ARRAY['a'::text, 'it''s'::text]))", 'choices=("a", "it\'s")', True),
        (TEXT, "((a)::text = ANY ((ARRAY['a'::bpchar])::text[]))", 'choices=("a",)', True),
        (TEXT, "((a = 'x'::text) OR (a = 'y'::text))", 'choices=("x", "y")', True),
        (TEXT, "(a ~ '^x'::text)", "", False),
        (TEXT, "(upper(a) = a)", "", False),
        (CHAR, "(a = ANY (ARRAY['ab'::bpchar]))", 'choices=("ab",)', True),
        (CHAR, "(a = ANY (ARRAY['a'::bpchar]))", "max_length=2", False),
        (TAGS, "(cardinality(a) <= 5)", 'of=Text("tag"), max_items=5', True),
        (TAGS, "(array_length(a, 1) >= 1)", 'of=Text("tag")', False),
    ],
)  # fmt: skip
def test_check_becomes_bounds(kind: Expression, check: str, options: str, *, is_said: bool) -> None:
    bounds = FieldBounds(kind)
    said = [bounds.add(condition) for condition in conditions(check)]
    assert source(bounds.expression()).partition("(")[2] == f"{options})"
    assert (bool(said) and all(said)) is is_said


@pytest.mark.parametrize(
    "text",
    [
        "CASE WHEN (a > 1) THEN true END",
        "(EXTRACT(year FROM d) > (2000)::numeric)",
        "(VALUE OPERATOR(public.~) '@'::public.citext)",
        "(a ~~ E'\\\\x%'::text",
        "(ts AT TIME ZONE 'utc'::text)",
        "",
    ],
)
def test_other_expressions_are_not_guessed(text: str) -> None:
    with pytest.raises(UnreadableExpression):
        parse(text)


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [
        (INTEGER, "'-5'::integer", -5),
        (NUMERIC, "1.5", "1.50"),
        (TEXT, "'it''s'::text", "it's"),
        (TEXT, "'x'::character varying", "x"),
        (SIMPLE["bool"], "true", True),
        (SIMPLE["date"], "'2020-01-31'::date", "2020-01-31"),
        (SIMPLE["jsonb"], """'{"a": [1, null]}'::jsonb""", {"a": [1, None]}),
        (TAGS, "'{}'::text[]", []),
        (TAGS, "ARRAY['a'::text, 'b'::text]", ["a", "b"]),
    ],
)
def test_constant_default_is_the_value_in_json(
    kind: Expression, default: str, value: object
) -> None:
    assert constant(default, kind) == value


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        (INTEGER, "(2 * 3)"),
        (INTEGER, "NULL::integer"),
        (NUMERIC, "'NaN'::numeric"),
        (NUMERIC, "1000"),
        (TEXT, "' x '::text"),
        (SIMPLE["float8"], "'NaN'::double precision"),
        (SIMPLE["date"], "'infinity'::date"),
        (SIMPLE["date"], "CURRENT_DATE"),
        (SIMPLE["jsonb"], "'1.50'::jsonb"),
        (SIMPLE["timestamptz"], "'2020-01-01 00:00:00+00'::timestamp with time zone"),
    ],
)
def test_default_that_no_client_could_send_is_none(kind: Expression, default: str) -> None:
    with pytest.raises(NoConstant):
        constant(default, kind)


@pytest.mark.parametrize(
    ("default", "by"),
    [
        ("nextval('crm.\"Order Lines_ID_seq\"'::regclass)", "sequence"),
        ("public.uuid_generate_v4()", "uuid"),
        ("uuidv7()", "uuid"),
        ("now()", "now"),
        ("CURRENT_TIMESTAMP(0)", "now"),
        ("(now() AT TIME ZONE 'utc'::text)", "now"),
        ("'a'::text", ""),
        ("odd.next_code()", ""),
    ],
)
def test_default_of_the_database_is_known(default: str, by: str) -> None:
    assert generated_by(default) == by


def test_default_of_null_is_none() -> None:
    assert is_null("NULL::character varying")
    assert not is_null("''::text")
