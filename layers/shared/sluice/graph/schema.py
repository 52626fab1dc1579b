"""The schema, as schema.graphql writes it, and what its scalars take and give.

Values go out as PostgreSQL rendered them: money and times are text already. What comes in is judged in full where it is
used; here it only has to be of its kind.
"""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLScalarType,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OverlappingFieldsCanBeMergedRule,
    SingleFieldSubscriptionsRule,
    ValueNode,
    build_schema,
    specified_rules,
)
from graphql.language import FloatValueNode, IntValueNode, StringValueNode
from graphql.validation import (
    DeferStreamDirectiveLabel,
    DeferStreamDirectiveOnRootField,
    DeferStreamDirectiveOnValidOperationsRule,
    StreamDirectiveOnListField,
)

TEXT = (Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8")
AMOUNT = re.compile(r"-?\d{1,20}(\.\d{1,20})?", re.ASCII)


def make() -> GraphQLSchema:
    schema = build_schema(TEXT)
    for name, parse in {"Decimal": _decimal, "Date": _date, "DateTime": _no_input}.items():
        _take(schema, name, parse)
    for name in ("OrderStatus", "ProductSortField"):  # in code and in the database they are in lower case
        kind = schema.type_map[name]
        assert isinstance(kind, GraphQLEnumType)  # noqa: S101  the schema is ours
        schema.type_map[name] = kind
        for word, value in kind.values.items():
            value.value = word.lower()
    return schema


def _take(schema: GraphQLSchema, name: str, parse: Any) -> None:
    scalar = schema.type_map[name]
    assert isinstance(scalar, GraphQLScalarType)  # noqa: S101
    scalar.parse_value = parse  # type: ignore[method-assign]
    scalar.parse_literal = lambda node, variables=None: parse(_literal(node))  # type: ignore[method-assign]


def _literal(node: ValueNode) -> Any:
    """A number as it was written: through a float it would lose digits."""
    if isinstance(node, (IntValueNode, FloatValueNode)):
        return Decimal(node.value) if len(node.value) <= 50 else None
    return node.value if isinstance(node, StringValueNode) else None


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite() and -20 <= value.adjusted() <= 20:
        value = format(value, "f")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        value = str(value)
    if not isinstance(value, str) or not AMOUNT.fullmatch(value.strip()):
        raise GraphQLError('A Decimal is an amount such as "19.99".')
    return Decimal(value.strip())


def _date(value: Any) -> str:
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise GraphQLError('A Date is a day such as "2026-01-31".')


def _no_input(value: Any) -> None:
    raise GraphQLError("A DateTime is only given, never taken.")


SCHEMA = make()

# Fields that are named alike are judged where they are merged (selection.py), in a time that no document can square.
# The others are for what this schema has not: @defer, @stream and subscriptions are unknown to it, and so refused.
NEEDLESS = (
    OverlappingFieldsCanBeMergedRule,
    SingleFieldSubscriptionsRule,
    DeferStreamDirectiveOnRootField,
    DeferStreamDirectiveOnValidOperationsRule,
    DeferStreamDirectiveLabel,
    StreamDirectiveOnListField,
)
RULES = [rule for rule in specified_rules if rule not in NEEDLESS]
RULES_WITHOUT_INTROSPECTION = [*RULES, NoSchemaIntrospectionCustomRule]
