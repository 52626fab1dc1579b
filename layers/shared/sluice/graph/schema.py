"""Build the application's schema, with its scalars and the validation rules for documents.

PostgreSQL renders output values: money and times are already text. scalars.py reads input values.
"""

from collections.abc import Collection, Mapping
from functools import cache
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

from sluice import application
from sluice.graph.part import column_name, current_part
from sluice.graph.scalars import CUSTOM_SCALARS, REPLACED_SCALARS, LiteralParser, literal_of

# Of the input of a range, which is read like an object of a REST body.
RANGE_MEMBERS = {"lower", "upper", "lowerInclusive", "upperInclusive", "empty"}


@cache
def current_schema() -> GraphQLSchema:
    """Return the schema of the application. Raises ApplicationError if it has none."""
    text = (application.current().folder / "schema.graphql").read_text(encoding="utf-8")
    return make_schema(text, current_part().lower_case_enums, is_checked=True)


def make_schema(
    text: str, lower_case_enums: Collection[str] = (), *, is_checked: bool = False
) -> GraphQLSchema:
    """Build the schema of this text, with the scalars of scalars.py.

    With `is_checked`, the text is not checked: `make derive` has checked that of an application.
    This saves a cold start 4 of 13 ms.
    """
    schema = build_schema(
        text, assume_valid=is_checked, assume_valid_sdl=is_checked, no_location=is_checked
    )
    _set_custom_scalars(schema.type_map)
    _replace_scalars(schema.type_map)
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInputObjectType) and type_.fields.keys() == RANGE_MEMBERS:
            for member, field in type_.fields.items():
                field.out_name = column_name(member)
    for name in lower_case_enums:
        enum = schema.type_map.get(name)
        if isinstance(enum, GraphQLEnumType):
            for value_name, value in enum.values.items():
                value.value = value_name.lower()
    return schema


def _set_custom_scalars(type_map: Mapping[str, Any]) -> None:
    for name, parse_literal in CUSTOM_SCALARS.items():
        scalar = type_map.get(name)
        if isinstance(scalar, GraphQLScalarType):
            _set_parser(scalar, parse_literal)


def _set_parser(scalar: GraphQLScalarType, parse_literal: LiteralParser) -> None:
    scalar.coerce_input_value = lambda value: parse_literal(literal_of(value))
    scalar.coerce_input_literal = parse_literal


def _replace_scalars(type_map: dict[str, Any]) -> None:
    for name in REPLACED_SCALARS.keys() & type_map.keys():
        type_map[name] = REPLACED_SCALARS[name]
    for type_ in type_map.values():
        is_object = isinstance(type_, (GraphQLObjectType, GraphQLInputObjectType))
        if is_object and not type_.name.startswith("__"):
            for field in type_.fields.values():
                field.type = _with_replaced_scalars(field.type)
                for argument in getattr(field, "args", {}).values():
                    argument.type = _with_replaced_scalars(argument.type)


def _with_replaced_scalars(type_: Any) -> Any:
    """Return the type with REPLACED_SCALARS instead of graphql-core's."""
    if isinstance(type_, GraphQLNonNull):
        return GraphQLNonNull(_with_replaced_scalars(type_.of_type))
    if isinstance(type_, GraphQLList):
        return GraphQLList(_with_replaced_scalars(type_.of_type))
    return REPLACED_SCALARS.get(type_.name, type_)


# field_collection.py finds conflicting fields in linear time; graphql-core's rule is quadratic. The
# other skipped rules are about @defer, @stream and subscriptions. This schema has none of these, so
# the remaining rules reject them as unknown.
SKIPPED_RULES = (
    OverlappingFieldsCanBeMergedRule,
    SingleFieldSubscriptionsRule,
    DeferStreamDirectiveOnRootField,
    DeferStreamDirectiveOnValidOperationsRule,
    DeferStreamDirectiveLabel,
    StreamDirectiveOnListField,
)
RULES = [rule for rule in specified_rules if rule not in SKIPPED_RULES]
RULES_WITHOUT_INTROSPECTION = [*RULES, NoSchemaIntrospectionCustomRule]
