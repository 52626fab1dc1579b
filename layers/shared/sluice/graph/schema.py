"""The schema, as schema.graphql writes it, with its scalars' readers and the rules that a document must keep.

Values go out as PostgreSQL rendered them: money and times are text already. What comes in is read by scalars.py.
"""

from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OverlappingFieldsCanBeMergedRule,
    SingleFieldSubscriptionsRule,
    build_schema,
    specified_rules,
)
from graphql.validation import (
    DeferStreamDirectiveLabel,
    DeferStreamDirectiveOnRootField,
    DeferStreamDirectiveOnValidOperationsRule,
    StreamDirectiveOnListField,
)

from sluice.graph.scalars import BUILT_IN, CUSTOM, Reader, literal_of

TEXT = (Path(__file__).parent / "schema.graphql").read_text(encoding="utf-8")


def make(text: str = TEXT) -> GraphQLSchema:
    """Build the schema of this text, with this package's scalars."""
    schema = build_schema(text)
    for name, read in CUSTOM.items():
        custom = schema.type_map.get(name)
        if isinstance(custom, GraphQLScalarType):
            _read_with(custom, read)
    for name in BUILT_IN.keys() & schema.type_map.keys():
        schema.type_map[name] = BUILT_IN[name]
    for kind in schema.type_map.values():
        if isinstance(
            kind, (GraphQLObjectType, GraphQLInputObjectType)
        ) and not kind.name.startswith("__"):
            for field in kind.fields.values():
                field.type = _own(field.type)
                for argument in getattr(field, "args", {}).values():
                    argument.type = _own(argument.type)
    for name in (
        "OrderStatus",
        "ProductSortField",
    ):  # in code and in the database they are in lower case
        enum = schema.type_map.get(name)
        if isinstance(enum, GraphQLEnumType):
            for word, value in enum.values.items():
                value.value = word.lower()
    return schema


def _read_with(custom: GraphQLScalarType, read: Reader) -> None:
    custom.coerce_input_value = lambda value: read(literal_of(value))
    custom.coerce_input_literal = read


def _own(type_: Any) -> Any:
    """The same type, with the built-in scalars that have a reader of their own replaced."""
    if isinstance(type_, GraphQLNonNull):
        return GraphQLNonNull(_own(type_.of_type))
    if isinstance(type_, GraphQLList):
        return GraphQLList(_own(type_.of_type))
    return BUILT_IN.get(type_.name, type_)


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
