"""A literal, a variable and a variable's default accept and reject the same values.

This schema has what the shop's schema lacks: Float, a DateTime argument, lists, nested inputs and
defaults.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError, GraphQLObjectType, OperationDefinitionNode, parse, validate
from graphql.execution.values import get_argument_values, get_directive_values
from graphql.type import GraphQLIncludeDirective
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.graph.schema import RULES, make_schema
from sluice.graph.variables import read_variables
from sluice.http.request import JsonDecimal, read_json
from tests.fixtures.examples import examples

SCHEMA = make_schema("""
scalar BigInt
scalar Decimal
scalar Date
scalar DateTime
scalar Double
scalar Duration
scalar ExtendedDecimal
scalar JSON
enum Colour { RED GREEN }
type Query { f(
    Int: Int, Float: Float, String: String, Boolean: Boolean, ID: ID, Decimal: Decimal,
    BigInt: BigInt, Date: Date, DateTime: DateTime, Colour: Colour, list: In, lists: [In!],
    Double: Double, Duration: Duration, ExtendedDecimal: ExtendedDecimal, JSON: JSON): Int }
input In {
    Int: Int, Float: Float, String: String, Boolean: Boolean, ID: ID, Decimal: Decimal,
    BigInt: BigInt, Date: Date, DateTime: DateTime, Colour: Colour, list: Lists, in: In,
    Double: Double, Duration: Duration, ExtendedDecimal: ExtendedDecimal, JSON: JSON,
    more: Int = 3 }
input Lists {
    Int: [Int], Float: [Float], String: [String], Boolean: [Boolean], ID: [ID],
    BigInt: [BigInt], Decimal: [Decimal], Date: [Date], DateTime: [DateTime], Colour: [Colour],
    Double: [Double], Duration: [Duration], ExtendedDecimal: [ExtendedDecimal], JSON: [JSON] }
""")
SCALARS = (
    "Int",
    "BigInt",
    "Float",
    "String",
    "Boolean",
    "ID",
    "Decimal",
    "Date",
    "DateTime",
    "Colour",
    "Double",
    "Duration",
    "ExtendedDecimal",
    "JSON",
)
POSITIONS = (
    "{0}: {1}",
    "list: {{{0}: {1}}}",
    "lists: [{{in: {{{0}: {1}}}}}]",
    "lists: {{list: {{{0}: [{1}]}}}}",
)


class JsonNumber(str):
    """A JSON number, as it was written."""

    __slots__ = ()


NUMBERS = [
    "0", "1", "2.0", "2.5", "-2.50", "1e2", "1E2", "25e-1", "2e0", "1e400", "-1e400", "0e500",
    "0e-500", "0.0", "1e-400", "2147483647", "2147483648", "-2147483648", "-2147483649",
    "2147483647.0", "2147483648.0", "1e10", "9007199254740993", "19.99",
    "0.1234567890123456789012", "1" + "0" * 19, "1" + "0" * 20, "1" + "0" * 40, "7" * 3000,
    "2.00000000000000000000000000001", "1e999999999", "0e-999999999",
]  # fmt: skip
TEXTS = [
    "", " ", "1", "2.0", "2.5", "NaN", "Infinity", "-Infinity", "0x10", "1e2", "+1", ".5", "5.",
    "19.99", " 19.99 ", "19,99", "1_000", "١٢", "true", "RED", "red", "BLUE", "2024-02-29",
    "2024-02-30", "2024-W09-1", "2024-060", "20240229", "0000-01-01", "9999-12-31", "2024-2-9",
    "2024-02-29\n", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00.123456+05:30",
    "2024-02-29t12:00:00z", "2024-02-29T12:00:00", "2024-02-29 12:00:00Z", "2024-02-29T24:00:00Z",
    "2024-02-29T12:00Z", "2024-02-29T12:00:00.1234567Z", "0001-01-01T00:00:00+01:00",
    "2024-02-30T12:00:00Z", "2024-02-29T12:00:60Z", "2024-02-29T12:00:00+24:00", "now", "\0", "ä",
]  # fmt: skip

atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS).map(JsonNumber),
    st.sampled_from(TEXTS),
    st.text(max_size=12),
    st.integers().map(str).map(JsonNumber),
    st.decimals(allow_nan=False, allow_infinity=False).map(str).filter("-0".__ne__).map(JsonNumber),
    st.dates().map(str),
    st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat()),
)
values = st.one_of(
    atoms,
    st.lists(atoms, max_size=2),
    st.dictionaries(st.sampled_from(["Int", "a", "b"]), atoms, max_size=2),
    st.just([[]]),
)


def as_json(value: Any) -> str:
    if isinstance(value, JsonNumber):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(as_json, value))}]"
    if isinstance(value, dict):
        members = [f"{json.dumps(name)}:{as_json(item)}" for name, item in value.items()]
        return "{" + ",".join(members) + "}"
    return json.dumps(value)


def as_literal(value: Any, scalar: str) -> str:
    if isinstance(value, str) and not isinstance(value, JsonNumber) and scalar == "Colour":
        reserved = ("true", "false", "null")
        is_name = re.fullmatch(r"[A-Za-z_]\w*", value, re.ASCII) and value not in reserved
        return value if is_name else json.dumps(value)
    if isinstance(value, list):
        return f"[{','.join(as_literal(item, '') for item in value)}]"
    if isinstance(value, dict):
        fields = [f"{name}:{as_literal(item, '')}" for name, item in value.items()]
        return "{" + ",".join(fields) + "}"
    return as_json(value)


def coerce(document: str, variables: str = "{}") -> Any:
    """Return the arguments of the field f, or the message of the error that rejects the request."""
    tree = parse(document)
    validation_errors = validate(SCHEMA, tree, RULES)
    if validation_errors:
        return validation_errors[0].message
    operation = tree.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    coerced, errors = read_variables(
        SCHEMA, operation, read_json(variables, "It"), max_errors=5, hide_suggestions=False
    )
    if errors:
        return errors[0].message.partition(": ")[2]
    query = SCHEMA.query_type
    assert isinstance(query, GraphQLObjectType)
    node: Any = operation.selection_set.selections[0]
    included = get_directive_values(GraphQLIncludeDirective, node, coerced)
    return get_argument_values(query.fields["f"], node, coerced), included


def coerce_everywhere(scalar: str, value: Any, position: str) -> Any:
    """Pass a value as a literal and by variables. Return the result, which must be the same."""
    literal = as_literal(value, scalar)
    from_literal = coerce(f"{{ f({position.format(scalar, literal)}) }}")
    selection = f"{{ f({position.format(scalar, '$v')}) }}"
    variables = f'{{"v": {as_json(value)}}}'
    assert coerce(f"query ($v: {scalar}) {selection}", variables) == from_literal
    assert coerce(f"query ($v: {scalar} = {literal}) {selection}") == from_literal
    return from_literal


@settings(max_examples=examples(400), deadline=None)
@given(scalar=st.sampled_from(SCALARS), value=values, position=st.sampled_from(POSITIONS))
def test_literals_and_variables_agree(scalar: str, value: Any, position: str) -> None:
    if isinstance(value, list) and position == POSITIONS[3]:
        return  # a list in a list: the specification allows no variable of type Int for it
    coerce_everywhere(scalar, value, position)


@pytest.mark.parametrize("scalar", SCALARS)
@pytest.mark.parametrize(
    "position",
    [POSITIONS[0], *(pytest.param(each, marks=pytest.mark.slow) for each in POSITIONS[1:])],
)
def test_literals_and_variables_agree_on_edge_cases(scalar: str, position: str) -> None:
    for value in [*map(JsonNumber, NUMBERS), *TEXTS, True, False, None, {}, {"a": JsonNumber("1")}]:
        coerce_everywhere(scalar, value, position)


def parsed_value(scalar: str, text: str) -> Any:
    """Return the value of the JSON `text`, or None if it is rejected."""
    value: Any = json.loads(text, parse_int=JsonNumber, parse_float=JsonNumber)
    result = coerce_everywhere(scalar, value, POSITIONS[0])
    return None if isinstance(result, str) else result[0][scalar]


@pytest.mark.parametrize(
    ("scalar", "text", "expected"),
    [
        ("Int", "2.0", 2),
        ("Int", "1e2", 100),
        ("Int", "-2147483648", -2147483648),
        ("Int", "2147483648", None),
        ("Int", "2.5", None),
        ("Int", "2.00000000000000000000000000001", None),
        ("Int", "1e999999999", None),
        ("Int", '"2"', None),
        ("Int", "true", None),
        ("BigInt", "9223372036854775807", 2**63 - 1),
        ("BigInt", '"-9223372036854775807"', 1 - 2**63),
        ("BigInt", '"-9223372036854775808"', -(2**63)),
        ("BigInt", "9223372036854775808", None),
        ("BigInt", '"-9223372036854775809"', None),
        ("BigInt", "7" * 3000, None),
        ("BigInt", "2.0", None),
        ("BigInt", '"two"', None),
        ("BigInt", "true", None),
        ("Float", "2", 2.0),
        ("Float", "2.5", 2.5),
        ("Float", "1e400", None),
        ("Float", "true", None),
        ("ID", "4", "4"),
        ("ID", "4.0", None),
        ("ID", "true", None),
        ("String", "1", None),
        ("Boolean", "1", None),
        ("Boolean", '"true"', None),
        ("Decimal", "19.99", Decimal("19.99")),
        ("Decimal", '"19.99"', Decimal("19.99")),
        ("Decimal", "1e2", Decimal(100)),
        ("Decimal", "0e-999999999", Decimal(0)),
        ("Decimal", "1" + "0" * 40, None),
        ("Decimal", "1e400", None),
        ("Decimal", "7" * 3000, None),
        ("Decimal", '"NaN"', None),
        ("Decimal", '"Infinity"', None),
        ("Decimal", '"0x10"', None),
        ("Decimal", "false", None),
        ("Decimal", "[]", None),
        ("Decimal", "{}", None),
        ("Date", '"2024-02-29"', "2024-02-29"),
        ("Date", '"2024-02-30"', None),
        ("Date", '"2024-W09-1"', None),
        ("Date", '"2024-02-29T12:00:00Z"', None),
        ("Date", "1", None),
        ("Date", "true", None),
        ("DateTime", '"2024-02-29T12:00:00+02:00"', datetime(2024, 2, 29, 10, tzinfo=UTC)),
        ("DateTime", '"2024-02-29T12:00:00"', None),
        ("DateTime", '"2024-02-29"', None),
        ("DateTime", "1709208000", None),
        ("Double", "2", JsonDecimal("2")),
        ("Double", "25e-1", JsonDecimal("2.5")),
        ("Double", '"NaN"', "NaN"),
        ("Double", '"2.5"', None),
        ("Double", "true", None),
        ("Duration", '"P1D"', "P1D"),
        ("Duration", "1", None),
        ("ExtendedDecimal", '"NaN"', "NaN"),
        ("ExtendedDecimal", "1" + "0" * 40, JsonDecimal("1" + "0" * 40)),
        ("ExtendedDecimal", "[]", None),
        ("JSON", '{"a": [1, 2.5, "b", true, null]}', {"a": [1, Decimal("2.5"), "b", True, None]}),
        ("JSON", "7" * 3000, int("7" * 3000)),
        ("Colour", '"RED"', "RED"),
        ("Colour", '"BLUE"', None),
        ("Colour", "1", None),
    ],
)
def test_scalar_accepts_or_rejects_value(scalar: str, text: str, expected: Any) -> None:
    found = parsed_value(scalar, text)

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("text", ["2.5", "25e-1", "true", '"2"', "[2.5]", "{}"])
def test_message_shows_the_value_as_sent(text: str) -> None:
    message = coerce("query ($v: Int) { f(Int: $v) }", f'{{"v": {text}}}')

    assert message == f"Int cannot represent non-integer value: {text}"


def test_message_shortens_a_long_value() -> None:
    message = coerce("query ($v: Decimal) { f(Decimal: $v) }", f'{{"v": {"7" * 3000}}}')

    assert "7" * 100 + "…. It must be" in message


@pytest.mark.parametrize("value", ["1", "1.0", '"true"', '"false"', "[true]", "{}", "null"])
def test_directive_condition_must_be_boolean(value: str) -> None:
    message = coerce(f"{{ f(Int: 1) @include(if: {value}) }}")
    message_for_variable = coerce(
        "query ($v: Boolean!) { f(Int: 1) @include(if: $v) }", f'{{"v": {value}}}'
    )

    assert isinstance(message, str)
    assert message_for_variable == message


@pytest.mark.parametrize("depth", [60, 400])
def test_deeply_nested_variables_are_rejected(depth: int) -> None:
    message = coerce(
        "query ($v: In) { f(list: $v) }", '{"v": ' + '{"in": ' * depth + "1" + "}" * depth + "}"
    )

    assert message == "A variable has at most 50 levels of lists and objects."


def test_missing_and_null_variables_differ() -> None:
    query: Callable[[str], str] = "query ($v: Int{}) {{ f(list: {{more: $v}}) }}".format
    null_message = "Expected value of non-null type 'Int!' not to be None."

    assert coerce(query(""), "{}")[0] == {"list": {"more": 3}}
    assert coerce(query(""), '{"v": null}')[0] == {"list": {"more": None}}
    assert coerce(query("!"), "{}") == "Expected a value of non-null type 'Int!' to be provided."
    assert coerce(query("!"), '{"v": null}') == null_message
    with pytest.raises(GraphQLError):
        parse("query ($v: Int = ) { f }")
