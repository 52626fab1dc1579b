"""Combine the schema and the application's part: one FieldInfo for each field of the schema."""

from collections.abc import Callable, Collection, Iterator, Mapping, Set
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
from sluice.graph.connection import REQUIRED_FIELDS, WRAPPER_FIELDS
from sluice.graph.field_collection import INTROSPECTION_FIELDS
from sluice.graph.part import PUBLIC, GraphqlField, GraphqlPart, Type, column_name, current_part
from sluice.graph.planned_field import FieldInfo, PlannedField, UnknownValue
from sluice.graph.schema import current_schema
from sluice.sql.key import to_id

if TYPE_CHECKING:
    from sluice.graph.execution import Objects
    from sluice.graph.resolvers import ResolverContext

DEFAULT_FIRST = 20  # if the schema has no default
TYPENAME = GraphqlField(lambda _, field, parents: [field.parent_type] * len(parents), scope=PUBLIC)
LEAF = Type(PUBLIC, replica=True)  # of values and of PageInfo, which belong to a row

Key = tuple[str, str]  # the names of a type and of its field
Serialize = Callable[[Any], Any]


@cache
def current_fields() -> Mapping[Key, FieldInfo]:
    """Return every field of the application's schema. Raises ApplicationError."""
    return field_infos(current_schema(), current_part())


def field_infos(schema: GraphQLSchema, part: GraphqlPart) -> dict[Key, FieldInfo]:
    """Return the FieldInfo of every field of the schema.

    Raises ApplicationError if the part has a type or a field that the schema has not, and if it
    does not say which scope a mutation or an object needs.
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
    infos = {
        key: _field_info(key, definition, fields.get(key, GraphqlField()), part.types, wrappers)
        for key, definition in definitions.items()
    }
    _check_scopes(part, infos, types.keys() - wrappers.keys() - {"Query", "Mutation"})
    return infos


def _check_scopes(part: GraphqlPart, infos: Mapping[Key, FieldInfo], row_types: Set[str]) -> None:
    """Raise ApplicationError unless every type of rows and every field has a scope."""
    without = sorted(
        name for name in row_types if name not in part.types or not part.types[name].scope
    )
    without += [f"{type_}.{name}" for (type_, name), info in infos.items() if not info.scope]
    if without:
        raise ApplicationError(f"the GraphQL types: no scope, nor PUBLIC, is given for {without}")
    unused = [
        key for key, field in part.fields.items() if field.scope not in ("", infos[key].scope)
    ]
    if unused:
        raise ApplicationError(f"the GraphQL types: the scope is that of the type for {unused}")


def _definitions(types: Mapping[str, GraphQLObjectType]) -> Iterator[tuple[Key, GraphQLField]]:
    for name, type_ in types.items():
        yield (name, "__typename"), GraphQLField(GraphQLNonNull(GraphQLString))
        for field_name, definition in type_.fields.items():
            yield (name, field_name), definition
    for name in INTROSPECTION_FIELDS:
        yield ("Query", name), GraphQLField(GraphQLString)


def _wrappers(types: Mapping[str, GraphQLObjectType]) -> dict[str, str]:
    """Return the types of pages and their edges, each with the name of the type of its rows.

    Relay requires their suffixes: XConnection and XEdge. PageInfo has no rows.
    """
    found = {
        name: _row_type(type_)
        for name, type_ in types.items()
        for suffix, required in REQUIRED_FIELDS.items()
        if name.endswith(suffix) and required <= type_.fields.keys()
    }
    return {name: row_type for name, row_type in found.items() if row_type in types}


def _row_type(type_: GraphQLObjectType) -> str:
    """Return the name of the type of the rows in a page or in an edge; of PageInfo its own."""
    if type_.name == "PageInfo":
        return type_.name
    fields = type_.fields
    if "edges" in fields:
        fields = getattr(get_named_type(fields["edges"].type), "fields", {})
    return get_named_type(fields["node"].type).name if "node" in fields else ""


def _introspect(context: "ResolverContext", field: PlannedField, parents: "Objects") -> list[Any]:
    from sluice.graph.introspection import introspect  # most deployments reject introspection

    return [introspect(context.operation, context.variables, field)]


INTROSPECTION = GraphqlField(_introspect, scope=PUBLIC)


def _engine_fields(
    types: Collection[str], wrappers: Collection[str]
) -> Iterator[tuple[Key, GraphqlField]]:
    for name in types:
        yield (name, "__typename"), TYPENAME
    for name in wrappers:
        suffix = next(suffix for suffix in WRAPPER_FIELDS if name.endswith(suffix))
        for field_name, field in WRAPPER_FIELDS[suffix].items():
            yield (name, field_name), field
    for name in INTROSPECTION_FIELDS:
        yield ("Query", name), INTROSPECTION


def _field_info(
    key: Key,
    definition: GraphQLField,
    declared: GraphqlField,
    types: Mapping[str, Type],
    wrappers: Mapping[str, str],
) -> FieldInfo:
    """Read a field's type: an object, a list of objects, or a leaf, which may be a list of values.

    The items of a list of objects cannot be null: tests/suites/test_graphql_schema.py checks this.
    """
    inner = get_named_type(definition.type)
    is_object = isinstance(inner, GraphQLObjectType)
    is_list = isinstance(get_nullable_type(definition.type), GraphQLList)
    returned = types.get(wrappers.get(inner.name, inner.name), LEAF)
    column = declared.column or column_name(key[1])
    is_root = key[0] == "Mutation" or (key[0] == "Query" and not is_object)
    has_scope = is_root or declared.calls
    return FieldInfo(
        definition,
        object_type=inner.name if is_object else None,
        is_list=is_object and is_list,
        non_null=isinstance(definition.type, GraphQLNonNull),
        serialize=_of_each(_serializer(inner)) if is_list else _serializer(inner),
        default_first=None if declared.calls else _default_first(definition),
        columns=(column,) if isinstance(column, str) else column,
        declared=declared,
        parent=types.get(key[0], LEAF),
        returned=returned,
        scope=declared.scope if has_scope else returned.scope,
        needs_tenant=declared.needs_tenant or returned.needs_tenant,
        is_wrapper=inner.name in wrappers,
    )


def _serializer(type_: GraphQLNamedType) -> Serialize | None:
    if type_.name == "ID":
        return to_id
    if type_.name == "BigInt":
        return str
    return _enum_serializer(type_) if isinstance(type_, GraphQLEnumType) else None


def _of_each(serialize: Serialize | None) -> Serialize | None:
    """Return a function that serializes each item of a list. A null stays null."""
    if serialize is None:
        return None
    return lambda items: [None if item is None else serialize(item) for item in items]


def _enum_serializer(enum: GraphQLEnumType) -> Serialize:
    names: dict[Any, str] = {value.value: name for name, value in enum.values.items()}

    def serialize(value: Any) -> str:
        name = names.get(value)
        if name is None:
            raise UnknownValue(f"The enum {enum.name} does not have the value of this row")
        return name

    return serialize


def _default_first(definition: GraphQLField) -> int | None:
    if "first" not in definition.args:
        return None
    # A field with `first` has no required argument, so an empty node gets all defaults.
    node = FieldNode(name=NameNode(value="first"), arguments=())
    defaults = get_argument_values(definition, node)
    default_first: int = defaults.get("first", DEFAULT_FIRST)
    return default_first
