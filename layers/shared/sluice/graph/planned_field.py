"""A field of an operation, as it is resolved: with its arguments, and what is known of its type."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from graphql import FieldNode, GraphQLField

from sluice.errors import InternalError
from sluice.graph.part import GraphqlField, Type


class UnknownValue(InternalError):
    """A row has a value that the enum of the schema lacks. Only its field fails."""

    code = "unknown_value"
    title = "The row has a value that the GraphQL schema does not know"


class FieldInfo(NamedTuple):
    """A field of the schema, with the properties of its type that the executor needs.

    `object_type`: the name of the object type it returns; None for a leaf.
    `serialize`: converts a leaf's value for the response; None if it needs no conversion.
    `default_first`: the page size without `first`; None if the field is not a paginated list.
    `columns`: the columns of the parent object that are needed.
    `declared`: what the application says about the field.
    `parent`: what it says about the type that has the field.
    `returned`: what it says about the type of the rows that the field leads to.
    `scope`: the scope that a client needs, or PUBLIC.
    `needs_tenant`: the request must have a tenant.
    `is_wrapper`: the object type holds rows of a page, and is not a row itself.
    """

    definition: GraphQLField
    object_type: str | None
    is_list: bool
    non_null: bool
    serialize: Callable[[Any], Any] | None
    default_first: int | None
    columns: tuple[str, ...]
    declared: GraphqlField
    parent: Type
    returned: Type
    scope: str
    needs_tenant: bool
    is_wrapper: bool


class PlannedField(NamedTuple):
    """A field to resolve on objects of the type `parent_type`.

    `nodes` are the places in the document that select it, without those that a directive skips.
    `response_key` is its alias or name. `explicit_args` are the names of the arguments that the
    client passed.
    """

    nodes: Sequence[FieldNode]
    response_key: str
    name: str
    parent_type: str
    info: FieldInfo
    arguments: Mapping[str, Any]
    explicit_args: frozenset[str]
    fields: "tuple[PlannedField, ...]"


def cache_key(field: PlannedField) -> tuple[str, str, str]:
    """Return a key that is equal for equal fields with equal arguments.

    Arguments and filters that are null are left out. A null inside a JSON value is a value.
    """
    arguments = _without_nulls(field.arguments)
    if isinstance(filters := arguments.get("filter"), dict):
        arguments["filter"] = _without_nulls(filters)
    return field.parent_type, field.name, json.dumps(arguments, default=str, sort_keys=True)


def _without_nulls(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
