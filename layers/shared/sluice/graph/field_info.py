"""Combine the schema and the application's part: one FieldInfo for each field of the schema."""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    NameNode,
    get_named_type,
    get_nullable_type,
)
from graphql.execution.values import get_argument_values

from sluice.application import ApplicationError
from sluice.graph.connection import WRAPPER_FIELDS
from sluice.graph.field_collection import INTROSPECTION_FIELDS
from sluice.graph.part import Field, GraphqlPart, Type, column_name, current_part
from sluice.graph.planned_field import FieldInfo, PlannedField
from sluice.graph.schema import current_schema

if TYPE_CHECKING:
    from sluice.graph.execution import Objects
    from sluice.graph.resolvers import ResolverContext

DEFAULT_FIRST = 20  # if the schema has no default
TYPENAME = Field(lambda _, field, parents: [field.parent_type] * len(parents))
UNRESTRICTED = Type(replica=True)  # a type without a Type

Key = tuple[str, str]  # the names of a type and of its field


@cache
def current_fields() -> Mapping[Key, FieldInfo]:
    """Return every field of the application's schema. Raises ApplicationError."""
    return field_infos(current_schema(), current_part())


def field_infos(schema: GraphQLSchema, part: GraphqlPart) -> dict[Key, FieldInfo]:
    """Return the FieldInfo of every field of the schema.

    Raises ApplicationError if the part has a type or a field that the schema has not.
    """
    types = {
        name: type_
        for name, type_ in schema.type_map.items()
        if isinstance(type_, GraphQLObjectType) and not name.startswith("__")
    }
    definitions = dict(_definitions(types))
    unknown = [*(part.types.keys() - types), *(part.fields.keys() - definitions)]
    if unknown:
        raise ApplicationError(f"the GraphQL schema does not have {unknown}")
    wrappers = _wrappers(types)
    fields = {**dict(_engine_fields(types, wrappers)), **part.fields}
    return {
        key: _field_info(key[1], definition, fields.get(key, Field()), part.types, wrappers)
        for key, definition in definitions.items()
    }


def _definitions(types: Mapping[str, GraphQLObjectType]) -> Iterator[tuple[Key, GraphQLField]]:
    for name, type_ in types.items():
        yield (name, "__typename"), GraphQLField(GraphQLNonNull(GraphQLString))
        for field_name, definition in type_.fields.items():
            yield (name, field_name), definition
    for name in INTROSPECTION_FIELDS:
        yield ("Query", name), GraphQLField(GraphQLString)


def _wrappers(types: Collection[str]) -> dict[str, str]:
    """Return the types of pages and their edges, each with the name of the type of its rows.

    They are named after it, as Relay requires: XConnection and XEdge. PageInfo has no rows.
    """
    return {
        name: name.removesuffix(suffix)
        for name in types
        for suffix in WRAPPER_FIELDS
        if name.endswith(suffix) and name.removesuffix(suffix) in ("", *types)
    }


def _introspect(context: "ResolverContext", field: PlannedField, parents: "Objects") -> list[Any]:
    from sluice.graph.introspection import introspect  # most deployments reject introspection

    return [introspect(context.operation, context.variables, field)]


INTROSPECTION = Field(_introspect)


def _engine_fields(
    types: Collection[str], wrappers: Mapping[str, str]
) -> Iterator[tuple[Key, Field]]:
    for name in types:
        yield (name, "__typename"), TYPENAME
    for name, row_type in wrappers.items():
        for field_name, field in WRAPPER_FIELDS[name.removeprefix(row_type)].items():
            yield (name, field_name), field
    for name in INTROSPECTION_FIELDS:
        yield ("Query", name), INTROSPECTION


def _field_info(
    name: str,
    definition: GraphQLField,
    declared: Field,
    types: Mapping[str, Type],
    wrappers: Mapping[str, str],
) -> FieldInfo:
    """Read a field's type: an object, a list of objects, or a leaf.

    A list cannot be null, nor can its items: tests/suites/test_graphql_schema.py checks this.
    """
    inner = get_named_type(definition.type)
    is_object = isinstance(inner, GraphQLObjectType)
    return FieldInfo(
        definition,
        object_type=inner.name if is_object else None,
        is_list=isinstance(get_nullable_type(definition.type), GraphQLList),
        non_null=isinstance(definition.type, GraphQLNonNull),
        serialize=_serializer(inner),
        default_first=_default_first(definition),
        column=declared.column or column_name(name),
        declared=declared,
        returned=types.get(wrappers.get(inner.name, inner.name), UNRESTRICTED),
        is_wrapper=inner.name in wrappers,
    )


def _serializer(type_: GraphQLNamedType) -> Callable[[Any], Any] | None:
    if type_.name in ("ID", "BigInt"):
        return str
    return type_.serialize if isinstance(type_, GraphQLEnumType) else None


def _default_first(definition: GraphQLField) -> int | None:
    if "first" not in definition.args:
        return None
    # A field with `first` has no required argument, so an empty node gets all defaults.
    node = FieldNode(name=NameNode(value="first"), arguments=())
    defaults = get_argument_values(definition, node)
    default_first: int = defaults.get("first", DEFAULT_FIRST)
    return default_first
